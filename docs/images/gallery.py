"""Copy a run's figures into the documentation's gallery: as SVG where that is small, else as PNG of
64 colours.

python docs/images/gallery.py results/demo
"""

import shutil
import sys
from pathlib import Path

from PIL import Image

MOST_BYTES = 180_000
GALLERY = Path(__file__).parent / "gallery"


def copy(figure: Path) -> Path:
    """Copy one figure, given as SVG with its PNG beside it, and return the copy."""
    if figure.stat().st_size <= MOST_BYTES:
        return Path(shutil.copyfile(figure, GALLERY / figure.name))
    target = GALLERY / f"{figure.stem}.png"
    picture = Image.open(figure.with_suffix(".png")).convert("RGB")
    picture.thumbnail((1400, 1400))
    picture.quantize(64, dither=Image.Dither.NONE).save(target, optimize=True)
    return target


if __name__ == "__main__":
    GALLERY.mkdir(exist_ok=True)
    for path in sorted((Path(sys.argv[1]) / "figures").glob("*.svg")):
        print(copied := copy(path), copied.stat().st_size)
