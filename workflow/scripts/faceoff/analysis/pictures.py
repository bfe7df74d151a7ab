"""Read the pictures of one's own files, arrays and iterators, each with its place and time."""

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeGuard
from urllib.parse import unquote, urlsplit

import numpy as np

from faceoff.inference.hardware import threads
from faceoff.media.frame_rate import Sampling, sampled
from faceoff.media.images import AnimationError, DecodeError, decode_image
from faceoff.media.kinds import left_out, read_bytes, sample_kind
from faceoff.media.videos import decode_animation, decode_video, stated_frames
from faceoff.plugins.protocols import RGB
from faceoff.storage import columns

Row = dict[str, Any]
Source = Path | str | RGB | Iterable[tuple[float, RGB]]
Content = bytes | bytearray | BinaryIO  # of a file


@dataclass
class Pictures:
    """The pictures of a source as rows of the frames table, whose `pixels` are decoded.

    title: of a source that is no file; name: what rows and messages call the source; expected: the
    number of pictures as far as it is known; lost: why some or all of the pictures could not be
    read; mended: what of its clock was; outside: that it has pictures, but none between start and
    end. These are known once the pictures were read.
    """

    source: Source
    sampling: Sampling
    start_s: float = 0.0
    end_s: float | None = None
    title: str = "pictures"
    lost: str = ""
    mended: list[str] = field(default_factory=list)
    outside: str = ""

    @property
    def path(self) -> Path | None:
        """Return the file, None where the source is none."""
        return local(self.source) if isinstance(self.source, (str, Path)) else None

    @property
    def name(self) -> str:
        """Return the file's name, or the title of a source that is none."""
        return self.path.name if self.path else self.title

    def expected(self) -> int | None:
        """Return the number of pictures that the file states, as far as it does."""
        if self.path is None or self.sampling.fps or self.start_s or self.end_s is not None:
            return None
        try:
            if sample_kind(self.path) == "image":
                return 1
            stated = stated_frames(self.path)
        except (DecodeError, OSError):
            return None
        return None if stated is None else -(-stated // self.sampling.every)

    def rows(self) -> Iterator[Row]:
        """Yield a row per sampled picture between start and end, in order of time."""
        any_inside = any_outside = False
        try:
            for number, time_s, image in self._timed():
                if self.end_s is not None and time_s > self.end_s:
                    any_outside = True
                    break
                if time_s < self.start_s:
                    any_outside = True
                    continue
                any_inside = True
                height, width = image.shape[:2]
                yield {
                    "sample_id": self.name,
                    "frame": number,
                    "timestamp_s": time_s,
                    "width": width,
                    "height": height,
                    "state": columns.OK,
                    "pixels": image,
                }
        except DecodeError as error:
            self.lost = str(error)
        except OSError as error:
            self.lost = f"cannot read: {error.strerror or error}"
        if any_outside and not any_inside:
            to = "the end" if self.end_s is None else f"{self.end_s:g} s"
            self.outside = f"no frame lies in the part from {self.start_s:g} s to {to}"

    def _timed(self) -> Iterator[tuple[int, float, RGB]]:
        if isinstance(self.source, (str, Path)):
            yield from self._of_file(local(self.source))
        elif isinstance(self.source, np.ndarray):
            yield 0, 0.0, _checked(self.source)
        else:
            pairs = ((float(time_s), _checked(image)) for time_s, image in self.source)
            yield from sampled(pairs, self.sampling)

    def _of_file(self, path: Path) -> Iterator[tuple[int, float, RGB]]:
        if sample_kind(path) == "image":
            data = read_bytes(path)
            try:
                yield 0, 0.0, decode_image(data)
                return
            except AnimationError:
                frames = decode_animation(data, self.sampling)
        else:
            frames = decode_video(path, self.sampling, threads())
        for frame in frames:
            if frame.note:
                self.mended.append(frame.note)
            yield frame.number, frame.timestamp_s, frame.image


def is_content(source: Source | Content) -> TypeGuard[Content]:
    """Return whether a source is bytes, or an open file."""
    return isinstance(source, bytes | bytearray) or hasattr(source, "read")


@contextmanager
def temporary_copy(content: Content) -> Iterator[Path]:
    """Give a file of these bytes, or of what is left of an open file, for as long as it is needed.

    So a video of any length is not held in memory. The file has the open file's own name, since the
    suffix tells formats that bytes do not. Raises ValueError for a file that gives text.
    """
    stated = getattr(content, "name", None)
    name = Path(stated).name if isinstance(stated, str) and Path(stated).name else "bytes"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        with open(path, "wb") as file:
            if isinstance(content, bytes | bytearray):
                file.write(content)
            else:
                for part in iter(lambda: content.read(_PART), b""):
                    if not isinstance(part, bytes):
                        raise ValueError("the open file gives text: open it in mode 'rb'")
                    file.write(part)
        yield path


_PART = 2**20  # bytes that are copied at a time


def _checked(image: RGB) -> RGB:
    """Return a picture that a caller gave. Raises ValueError unless it is RGB uint8."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(
            f"a picture is {image.dtype} of shape {image.shape}; give RGB uint8 of shape "
            "(height, width, 3), as cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) makes it"
        )
    return image


def local(path: Path | str) -> Path:
    """Return the path of a file that may be given as a file: URL.

    Raises ValueError for an address of another kind or of another machine.
    """
    # A Path has lost all but one of the slashes behind the scheme.
    address = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):/", str(path))
    if address is None or Path(path).exists():
        return Path(path)
    parts = urlsplit(str(path))
    if parts.scheme.lower() != "file" or parts.netloc not in ("", "localhost"):
        raise ValueError(f"{path}: only files of this machine are read; download it first")
    return Path(unquote(parts.path))


def files_of(
    paths: Iterable[Path],
    leave: Callable[[Path], bool] = lambda folder: False,
    sound: bool = False,
) -> list[Path]:
    """Return the files among these paths, and the pictures and videos of the folders among them.

    leave: tells of a folder within such a folder whether its files are left out; sound: files of
    sound count, too. Raises FileNotFoundError for a path that does not exist, ValueError for a
    folder without any.
    """
    found: list[Path] = []
    for path in map(local, paths):
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or folder")
        if not path.is_dir():
            found.append(path)
            continue
        inside: list[Path] = []
        for folder, below, names in os.walk(path):
            below[:] = [name for name in below if not leave(Path(folder, name))]
            files = [Path(folder, name) for name in names]
            inside += [file for file in files if file.is_file() and left_out(file, sound) is None]
        if not inside:
            raise ValueError(
                f"{path}: the folder holds no picture and no video; results of `faceoff analyze` "
                "do not count"
            )
        found += sorted(inside)
    return list(dict.fromkeys(found))
