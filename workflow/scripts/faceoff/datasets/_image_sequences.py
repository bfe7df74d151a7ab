"""Read sequences stored as folders of numbered pictures (CK+, CASME II, SMIC)."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})

_NUMBER = re.compile(r"(\d+)\D*$")


def numbered(folder: Path) -> dict[int, Path]:
    """Return frame number -> picture, by rising number.

    The number is the last one in the file's name, with or without leading zeros. Hidden files,
    other files and pictures without a number are left out. Raises ValueError if two pictures have
    one number.
    """
    pictures: dict[int, Path] = {}
    with os.scandir(folder) as entries:
        names = sorted(
            entry.name
            for entry in entries
            if not entry.name.startswith(".") and Path(entry.name).suffix.lower() in SUFFIXES
        )
    for name in names:
        number = _NUMBER.search(Path(name).stem)
        if number is None:
            continue
        path = folder / name
        if pictures.setdefault(int(number.group(1)), path) is not path:
            raise ValueError(
                f"{path}: the same frame number as {pictures[int(number.group(1))].name}; keep one "
                "of them"
            )
    return dict(sorted(pictures.items()))


def timed(frames: dict[int, Path], fps: float) -> Iterator[tuple[float, Path]]:
    """Yield (seconds since the first frame, picture); a missing number is a gap in time."""
    first = min(frames, default=0)
    for number, path in frames.items():
        yield (number - first) / fps, path


def only_folder(root: Path, name: str) -> Path | None:
    """Return the folder of this name in `root` or one folder deeper, None without one.

    Of a folder inside its namesake (Cropped/Cropped), the inner one is returned. Raises ValueError
    if there are several, as two releases may lie side by side.
    """
    folders = [path for path in (root / name, *sorted(root.glob(f"*/{name}"))) if path.is_dir()]
    inner = [path for path in folders if path / name not in folders]
    if len(inner) > 1:
        places = ", ".join(path.relative_to(root).as_posix() for path in inner)
        raise ValueError(
            f"{root}: several folders {name} ({places}); name the folder above one of them by the "
            "dataset key 'path'"
        )
    return inner[0] if inner else None
