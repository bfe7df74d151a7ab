"""Write arrays of one shape behind one another in a file, and read them as one memory map."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from faceoff.storage import files

Array = npt.NDArray[Any]


class Rows:
    """The rows of a file that is being written; their number need not be known before."""

    def __init__(self, path: Path, file: IO[bytes]):
        self._path, self._file = path, file
        self._count = 0
        self._shape: tuple[int, ...] = (0,)
        self._type: np.dtype[Any] = np.dtype(np.float32)

    def append(self, row: Array) -> None:
        """Write one row."""
        self._file.write(np.ascontiguousarray(row).tobytes())
        self._count, self._shape, self._type = self._count + 1, row.shape, row.dtype

    def read(self) -> Array:
        """Return all rows (n, …) as a memory map, once the file is written; none: (0, 0)."""
        shape = (self._count, *self._shape)
        if not self._count:
            return np.zeros(shape, self._type)
        return np.memmap(self._path, self._type, "r", shape=shape)


@contextmanager
def writing(path: Path) -> Iterator[Rows]:
    """Open a file for rows; it takes its place when all are written."""
    with files.atomic(path) as scratch, open(scratch, "wb") as file:
        yield Rows(path, file)
