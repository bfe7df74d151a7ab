"""Stage: draw the curves of a training."""

from collections.abc import Sequence
from pathlib import Path

from faceoff.figures.canvas import save
from faceoff.figures.curves import draw
from faceoff.storage import files


def write_curves(fit: Path, outputs: Sequence[Path]) -> None:
    """Draw the record of a training in the format of each output.

    Raises RuntimeError if the training failed.
    """
    if failure := files.failure_of(fit):
        raise RuntimeError(failure["failure"])
    formats = [path.suffix.removeprefix(".") for path in outputs]
    save(draw(files.read_json(fit)), outputs[0].with_suffix(""), formats)
