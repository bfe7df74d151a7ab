"""Curves of a training: loss, validation scores, learning rate, and the confusion matrix."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from faceoff.figures.canvas import (
    BLUE,
    DOUBLE_MM,
    GREEN,
    MUTED,
    ORANGE,
    RED,
    SMALL,
    canvas,
    styled,
    titles,
)
from faceoff.figures.confusion import draw_panel


@styled
def draw(record: Mapping[str, Any]) -> Figure:
    """Draw what a training's record (fit.json) holds.

    The chosen epoch is marked. The matrix is that of the chosen epoch on the validation pictures,
    by shares of its rows.
    """
    history, classes = record["history"], record["classes"]
    epochs = [epoch["epoch"] for epoch in history]
    figure = canvas(DOUBLE_MM, 76)
    figure.set_layout_engine("compressed")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.15, 1))
    loss, score = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    loss.plot(epochs, [epoch["loss"] for epoch in history], color=BLUE, label="training loss")
    loss.plot(
        epochs,
        [epoch["log_loss"] for epoch in history],
        color=ORANGE,
        linestyle="--",
        label="validation log loss",
    )
    # The adjusted or mixed loss of training and the log loss have one axis: both are in nats.
    loss.set_ylabel("nats")
    rate = loss.twinx()
    rate.plot(epochs, [epoch["lr"] for epoch in history], color=MUTED, linestyle=":", linewidth=0.8)
    rate.set_ylabel("learning rate", color=MUTED)
    rate.set_ylim(0, None)
    rate.spines["right"].set_visible(True)
    loss.legend(loc="upper center", frameon=False, fontsize=SMALL)
    loss.tick_params(labelbottom=False)
    for name, colour, style in (("accuracy", GREEN, "-"), ("uar", RED, "--")):
        score.plot(
            epochs,
            [100 * epoch[name] for epoch in history],
            color=colour,
            linestyle=style,
            label="UAR" if name == "uar" else name,
        )
    score.set_ylabel("validation, %")
    score.set_xlabel("epoch")
    score.legend(loc="lower right", frameon=False, fontsize=SMALL)
    for axes in (loss, score):
        axes.axvline(record["best_epoch"], color=MUTED, linewidth=0.6)
        axes.set_xlim(0.5, max(1, len(history)) + 0.5)
    matrix = figure.add_subplot(grid[:, 1])
    best = record["best"]
    titled = {
        "title": f"epoch {record['best_epoch']}: accuracy {100 * best['accuracy']:.1f} %, "
        f"UAR {100 * best['uar']:.1f} %",
        "matrix": [[*row, 0] for row in best["confusion"]],
        "accuracy": best["accuracy"],
    }
    draw_panel(matrix, titled, classes, 62.0, left=True, bottom=True, percent=True)
    name = titles([f"{record['training']}: {record['net']}"], 60)[0]
    figure.suptitle(name, fontsize="medium")
    return figure
