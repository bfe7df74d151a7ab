"""Write what a training did, epoch by epoch."""

import csv
import io
import shutil
from collections.abc import Sequence
from pathlib import Path

from faceoff.storage import files

COLUMNS = ("epoch", "step", "lr", "loss", "accuracy", "uar", "log_loss", "ccc", "best")
Epoch = dict[str, float]


def write_csv(path: Path, history: Sequence[Epoch]) -> None:
    """Write a row per epoch: mean training loss, and the scores on the validation data.

    Scores that the data do not have are no columns. Times are not among them, so that the same
    training writes the same file.
    """
    text = io.StringIO()
    columns = _columns(history)
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: f"{epoch[name]:.10g}" for name in columns} for epoch in history)
    files.write_text(path, text.getvalue())


def write_events(folder: Path, history: Sequence[Epoch]) -> None:
    """Write the same numbers as TensorBoard's event file, in place of an earlier training's."""
    from tensorboardX import SummaryWriter

    shutil.rmtree(folder, ignore_errors=True)
    with SummaryWriter(str(folder)) as writer:
        for epoch in history:
            for name in _columns(history)[2:-1]:
                writer.add_scalar(name, epoch[name], int(epoch["epoch"]))


def _columns(history: Sequence[Epoch]) -> list[str]:
    """Return the columns that a training has numbers for."""
    return [name for name in COLUMNS if all(name in epoch for epoch in history)]
