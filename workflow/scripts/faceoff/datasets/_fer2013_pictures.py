"""Read the pictures of FER2013 (Goodfellow et al. 2013), 48 × 48 grey, wherever they lie.

Its own labels (fer2013) and FER+ share them. The FERPlus generator names the picture of
fer2013.csv's n-th row as fer2013new.csv's n-th row says (fer0032220.png; some rows have no name).
That number is not the row: unnamed rows have none, and four names occur twice, of which the later
picture is kept.
"""

import csv
import gzip
import hashlib
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.media.images import DecodeError, decode_image, encode_png
from faceoff.media.kinds import read_bytes

# split -> (folder or archive of the generator, Usage in the CSV files)
PARTS = {
    "train": ("FER2013Train", "Training"),
    "valid": ("FER2013Valid", "PublicTest"),
    "test": ("FER2013Test", "PrivateTest"),
}
# rows of fer2013.csv, which holds the splits one after the other
ROWS = {
    "train": 28_709,
    "valid": 3_589,
    "test": 3_589,
}
# numbers that the generator's names have in each split, one split after the other
NAMES = {
    "train": 28_638,
    "valid": 3_582,
    "test": 3_582,
}
SIDE = 48
COLUMNS = ("emotion", "pixels", "Usage")
_ENDS = ("", ".tar.gz", ".zip")


def row_name(row: int) -> str:
    """Return our own name for a row of fer2013.csv, counted from 0; FER+ names only some rows."""
    return f"row{row:05d}.png"


def split_of(name: str) -> str | None:
    """Return the split that a name such as fer0032220.png belongs to.

    Returns None for other names, and for numbers that the generator does not give.
    """
    digits = name.removeprefix("fer").removesuffix(".png")
    number = int(digits) if digits.isdecimal() and name == f"fer{int(digits):07d}.png" else -1
    for split, numbers in NAMES.items():
        if 0 <= number < numbers:
            return split
        number -= numbers
    return None


def csv_lines(path: Path) -> Iterator[tuple[int, int, list[bytes]]]:
    """Yield (row, byte offset, [emotion, pixels, Usage]) of fer2013.csv.

    Blank lines do not count as rows. Raises ValueError if the columns are others.
    """
    with open(path, "rb") as file:
        header = [
            cell.strip().decode("utf-8-sig", "replace") for cell in file.readline().split(b",")
        ]
        if header != list(COLUMNS):
            raise ValueError(
                f"{path}: columns {', '.join(header)} instead of {', '.join(COLUMNS)}: take the "
                "fer2013.csv of fer2013.tar.gz"
            )
        row, offset = 0, file.tell()
        for line in file:
            if line.strip():
                cells = [cell.strip().strip(b'"') for cell in line.split(b",")]
                if len(cells) != len(COLUMNS):
                    raise ValueError(
                        f"{path}, row {row}: {len(cells)} cells instead of {', '.join(COLUMNS)}"
                    )
                yield row, offset, cells
                row += 1
            offset += len(line)


def _grey(cell: bytes, where: str) -> np.ndarray:
    """Return (48, 48) uint8 of a cell of pixels. Raises DecodeError naming the row."""
    try:
        values = [int(number) for number in cell.split()]
    except ValueError as error:
        raise DecodeError(f"{where}: pixels: {error}") from None
    if len(values) != SIDE * SIDE:
        raise DecodeError(f"{where}: {len(values)} pixels instead of {SIDE * SIDE}")
    if not 0 <= min(values) <= max(values) <= 255:
        raise DecodeError(f"{where}: pixels from {min(values)} to {max(values)}, not from 0 to 255")
    return np.array(values, np.uint8).reshape(SIDE, SIDE)


class Part:
    """The pictures of one split.

    They come from a folder, a .tar.gz, a .zip or rows of fer2013.csv, whichever is found first.
    `from_csv` takes fer2013.csv alone and names every row after itself; otherwise its rows have the
    names of fer2013new.csv.
    """

    def __init__(self, root: Path, split: str, from_csv: bool = False):
        self._names = None if from_csv else root / "fer2013new.csv"
        self.name, self.usage = PARTS[split]
        self._csv = root / "fer2013.csv"
        places = (
            [self._csv] if from_csv else [*(root / f"{self.name}{end}" for end in _ENDS), self._csv]
        )
        present = [path for path in places if path.exists()]
        if not present:
            wanted = (
                "fer2013.csv is not"
                if from_csv
                else f"neither {self.name}/ nor {self.name}.tar.gz, {self.name}.zip or "
                "fer2013.csv is"
            )
            raise FileNotFoundError(f"{root}: {wanted} there (dataset key 'path')")
        self.source = present[0]

    @cached_property
    def _unpacked(self) -> dict[str, bytes]:
        """Return all files of a .tar.gz, read once from start to end (60 MB for the largest part).

        A .tar.gz can only be read from its start. Raises ValueError for a damaged or cut archive.
        """
        try:
            with tarfile.open(self.source, "r|gz") as archive:
                return {
                    Path(member.name).name: content.read()
                    for member in archive
                    if member.isfile() and (content := archive.extractfile(member))
                }
        except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise ValueError(f"{self.source}: damaged or cut: {error}") from None

    @cached_property
    def _zip(self) -> tuple[zipfile.ZipFile, dict[str, str]]:
        archive = zipfile.ZipFile(self.source)
        return archive, {Path(name).name: name for name in archive.namelist()}

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        """Return number and byte offset of each picture's row in fer2013.csv.

        Raises ValueError if the rows of the two tables do not belong together.
        """
        if self._names is None:
            return {row_name(row): (row, offset) for row, offset, _ in csv_lines(self._csv)}
        with open(self._names, newline="", encoding="utf-8") as file:
            named = [(row["Usage"], row["Image name"].strip()) for row in csv.DictReader(file)]
        places = {}
        for row, offset, (_, _, usage) in csv_lines(self._csv):
            if row >= len(named) or named[row][0].encode() != usage:
                raise ValueError(
                    f"{self._csv}, row {row}: {self._names.name} has no such "
                    f"{usage.decode('utf-8', 'replace')} row: one of them is cut or sorted"
                )
            places[named[row][1]] = (row, offset)
        return places

    def read(self, name: str) -> bytes:
        """Return the encoded bytes of a picture or file of this part.

        Raises OSError if it is absent, DecodeError for a row of fer2013.csv that holds no picture.
        """
        if self.source.is_dir():
            return read_bytes(self.source / name)
        if self.source.suffix == ".zip":
            archive, members = self._zip
            if name in members:
                return archive.read(members[name])
        elif self.source.suffix == ".gz":
            if name in self._unpacked:
                return self._unpacked[name]
        elif name in self._places:
            row, offset = self._places[name]
            with open(self._csv, "rb") as file:
                file.seek(offset)
                cell = file.readline().split(b",")[1].replace(b'"', b"")
            return encode_png(
                np.repeat(_grey(cell, f"{self._csv}, row {row}")[..., None], 3, axis=2)
            )
        raise FileNotFoundError(f"{name} is not in {self.source.name}")

    def pictures(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield (name, hash of the pixels) of every readable picture among these."""
        for name in names:
            try:
                yield name, hashlib.sha256(decode_image(self.read(name)).tobytes()).hexdigest()
            except (OSError, DecodeError):
                continue


def others(root: Path, split: str, clean: str | None, from_csv: bool = False) -> dict[str, Part]:
    """Return the parts that a `clean` key ("train", "train_valid") compares a split with."""
    return {
        name: Part(root, name, from_csv)
        for name in (clean or "").split("_")
        if name and name != split
    }


def twins(
    part: Part, names: Iterable[str], elsewhere: Iterable[tuple[Part, Iterable[str]]]
) -> set[str]:
    """Return the names of this part whose pixels equal those of a picture of another part."""
    seen = {digest for other, theirs in elsewhere for _, digest in other.pictures(theirs)}
    return {name for name, digest in part.pictures(names) if digest in seen} if seen else set()


def fingerprint(root: Path, *tables: str) -> Any:
    """Return size and time of every file that may hold the pictures, and of these tables."""
    files = [
        *(root / table for table in tables),
        root / "fer2013.csv",
        *(root / f"{name}{end}" for name, _ in PARTS.values() for end in _ENDS),
    ]
    return [
        (path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.exists()
    ]
