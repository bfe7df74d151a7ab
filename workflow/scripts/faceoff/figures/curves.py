"""Curves of a training: loss, validation scores, learning rate, and the confusion matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from faceoff.figures.canvas import (
    BLUE,
    DOUBLE_MM,
    GREEN,
    MUTED,
    ORANGE,
    PURPLE,
    RED,
    SINGLE_MM,
    SMALL,
    canvas,
    styled,
    titles,
)
from faceoff.figures.confusion import draw_panel


@dataclass(frozen=True)
class _Line:
    """Say how a number of each epoch is drawn; factor: of its unit."""

    label: str
    colour: str
    style: str
    factor: float = 1.0


_LOSSES = {
    "loss": _Line("training loss", BLUE, "-"),
    "log_loss": _Line("validation log loss", ORANGE, "--"),
}
_SCORES = {
    "accuracy": _Line("accuracy", GREEN, "-", 100),
    "uar": _Line("UAR", RED, "--", 100),
    "ccc": _Line("CCC × 100", PURPLE, "-.", 100),
}
_OF_AFFECT = {"ccc": _Line("CCC", PURPLE, "-")}


@styled
def draw(record: Mapping[str, Any]) -> Figure:
    """Draw what a training's record (fit.json) holds.

    The chosen epoch is marked. The matrix is that of the chosen epoch on the validation data, by
    shares of its rows; a network without classes has none.
    """
    history, classes, best = record["history"], record["classes"], record["best"]
    epochs = [epoch["epoch"] for epoch in history]
    figure = canvas(DOUBLE_MM if classes else SINGLE_MM, 76)
    figure.set_layout_engine("compressed")
    ratios = (1.15, 1) if classes else (1,)
    grid = figure.add_gridspec(2, len(ratios), width_ratios=ratios)
    loss, score = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    # The adjusted or mixed loss of training and the log loss have one axis: both are in nats, but
    # for what valence and arousal add.
    _lines(loss, history, _LOSSES)
    loss.set_ylabel("loss" if record.get("affect") else "nats")
    rate = loss.twinx()
    rate.plot(epochs, [epoch["lr"] for epoch in history], color=MUTED, linestyle=":", linewidth=0.8)
    rate.set_ylabel("learning rate", color=MUTED)
    rate.set_ylim(0, None)
    rate.spines["right"].set_visible(True)
    loss.legend(loc="upper center", frameon=False, fontsize=SMALL)
    loss.tick_params(labelbottom=False)
    _lines(score, history, _SCORES if classes else _OF_AFFECT)
    score.set_ylabel("validation, %" if classes else "validation")
    score.set_xlabel("epoch")
    score.legend(loc="lower right", frameon=False, fontsize=SMALL)
    for axes in (loss, score):
        axes.axvline(record["best_epoch"], color=MUTED, linewidth=0.6)
        axes.set_xlim(0.5, max(1, len(history)) + 0.5)
    if classes:
        titled = {
            "title": f"epoch {record['best_epoch']}: accuracy {100 * best['accuracy']:.1f} %, "
            f"UAR {100 * best['uar']:.1f} %",
            "matrix": [[*row, 0] for row in best["confusion"]],
            "accuracy": best["accuracy"],
        }
        matrix = figure.add_subplot(grid[:, 1])
        draw_panel(matrix, titled, classes, 62.0, left=True, bottom=True, percent=True)
    name = titles([f"{record['training']}: {record['net']}"], 60)[0]
    figure.suptitle(name, fontsize="medium")
    return figure


def _lines(axes: Axes, history: Sequence[Mapping[str, float]], lines: Mapping[str, _Line]) -> None:
    """Draw the numbers that a training has, epoch by epoch."""
    epochs = [epoch["epoch"] for epoch in history]
    for key, line in lines.items():
        if key in history[0]:
            values = [line.factor * epoch[key] for epoch in history]
            axes.plot(epochs, values, color=line.colour, linestyle=line.style, label=line.label)
