"""Write what a training did, epoch by epoch."""

import csv
import io
import shutil
from collections.abc import Sequence
from pathlib import Path

from faceoff.storage import files

COLUMNS = ("epoch", "step", "lr", "loss", "accuracy", "uar", "log_loss", "best")
Epoch = dict[str, float]


def write_csv(path: Path, history: Sequence[Epoch]) -> None:
    """Write a row per epoch: mean training loss, and the scores on the validation pictures.

    Times are not among them, so that the same training writes the same file.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: f"{epoch[name]:.10g}" for name in COLUMNS} for epoch in history)
    files.write_text(path, text.getvalue())


def write_events(folder: Path, history: Sequence[Epoch]) -> None:
    """Write the same numbers as TensorBoard's event file, in place of an earlier training's."""
    from tensorboardX import SummaryWriter

    shutil.rmtree(folder, ignore_errors=True)
    with SummaryWriter(str(folder)) as writer:
        for epoch in history:
            for name in COLUMNS[2:-1]:
                writer.add_scalar(name, epoch[name], int(epoch["epoch"]))
