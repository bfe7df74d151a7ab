"""Confusion matrices of the leading pipelines."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from faceoff.figures.canvas import (
    DOUBLE_MM,
    LETTER_MM,
    SEQUENTIAL,
    SINGLE_MM,
    SMALL,
    SMALL_LETTER_MM,
    Drawn,
    canvas,
    ink_on,
    nothing,
    single,
    styled,
    titles,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results.dataset_results import DatasetResults, label, name_of

_PANELS = 6  # confusion matrices in one figure: more would be too small to read
_CELL = 4.0  # mm, the smallest that three matrices beside each other may have
_LABEL = 18  # characters of an emotion
_TITLE = 60.0  # mm of a matrix up to which its title is set small
_SLANTED = 11  # characters up to which all names below a matrix are slanted


@styled
def draw(panels: Sequence[Mapping[str, Any]], space: Sequence[str]) -> Figure:
    """Draw row-normalised confusion matrices with their counts.

    panels: {title, accuracy (0–1), matrix (k, k+1) of counts, rows truth, columns predicted in the
    order of `space`, then no_face}. The column of no_face stands apart.
    """
    if not panels or not len(space):
        return nothing(*single(SINGLE_MM, 40), "no scored pair")
    longest = max(map(len, titles(space, _LABEL)))
    beside = 16 + LETTER_MM * longest
    across = (
        1
        if len(panels) == 1
        else 2
        if len(panels) <= 4 or (DOUBLE_MM - beside) / 3 < _CELL * (len(space) + 1.5)
        else 3
    )
    down = math.ceil(len(panels) / across)
    width = SINGLE_MM if across == 1 else DOUBLE_MM
    side = (width - beside) / across
    figure = canvas(
        width,
        down * (side * len(space) / (len(space) + 1.5) + 11)
        + 13
        + LETTER_MM * longest * (1 if longest > _SLANTED else 0.7),
    )
    figure.set_layout_engine(
        "compressed"
    )  # the plain one lets titles of square axes run off the page
    grid = figure.add_gridspec(down, across)
    names = titles(
        [panel["title"] for panel in panels],
        int(side / (1.25 * (LETTER_MM if side > _TITLE else SMALL_LETTER_MM))),
    )
    for index, (panel, name) in enumerate(zip(panels, names, strict=True)):
        axes = figure.add_subplot(grid[index // across, index % across])
        titled = {**panel, "title": f"{name}\n{100 * panel['accuracy']:.1f} %"}
        # Tick labels only at the outer edge keep the panels large.
        draw_panel(
            axes,
            titled,
            space,
            side,
            left=index % across == 0,
            bottom=index + across >= len(panels),
        )
    figure.supxlabel("predicted", fontsize="medium")
    figure.supylabel("true", fontsize="medium")
    return figure


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw the chosen best single and as many fusions as fit.

    The page and tables/confusion.csv have every pair.
    """
    chosen = dataset.shown(singles=1)[:_PANELS]
    panels, rows = [], []
    for score in chosen:
        panels.append(
            {
                "title": label(name_of(score)),
                "accuracy": score["metrics"]["accuracy"],
                "matrix": score["confusion"],
            }
        )
        for truth, counts in zip(dataset.space, score["confusion"], strict=True):
            rows += [
                {"pipeline": name_of(score), "truth": truth, "predicted": name, "count": n}
                for name, n in zip([*dataset.space, "no_face"], counts, strict=True)
            ]
    return draw(panels, dataset.space), rows


def draw_panel(
    axes: Any,
    panel: Mapping[str, Any],
    space: Sequence[str],
    side: float,
    *,
    left: bool,
    bottom: bool,
    percent: bool = False,
    last: str = "no face",
) -> None:
    """Draw one matrix, about `side` mm wide, coloured by share of the row.

    Counts, or shares in percent, stand in it where all of them have room. last: the name of the
    column that is no class.
    """
    counts = np.asarray(panel["matrix"], dtype=float).reshape(len(space), len(space) + 1)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    # The last column is set apart by half a cell: no face is an outcome, not a class.
    places = [*range(len(space)), len(space) + 0.5]
    digits = 3 if percent else len(f"{counts.max():.0f}")
    room = digits * SMALL_LETTER_MM <= side / (len(space) + 1.5)
    names = titles(space, _LABEL)
    for row in range(len(space)):
        for column, x in enumerate(places):
            share, count = shares[row, column], counts[row, column]
            axes.add_patch(
                Rectangle(
                    (x - 0.5, row - 0.5),
                    1,
                    1,
                    facecolor=SEQUENTIAL(share),
                    edgecolor="white",
                    linewidth=0.6,
                )
            )
            written = f"{100 * share:.0f}" if percent else f"{count:.0f}"
            if room and written != "0":
                axes.text(
                    x, row, written, ha="center", va="center", fontsize=SMALL, color=ink_on(share)
                )
    axes.set(xlim=(-0.5, len(space) + 1), ylim=(len(space) - 0.5, -0.5), aspect="equal")
    axes.set_title(panel["title"], fontsize=None if side > _TITLE else SMALL)
    # Long names stand upright: slanted they would push the matrices apart.
    slanted = (
        {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        if max(map(len, names), default=0) <= _SLANTED
        else {"rotation": 90}
    )
    axes.set_xticks(places, [*names, last] if bottom else [""] * len(places), **slanted)
    axes.set_yticks(range(len(space)), names if left else [""] * len(space))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


FIGURE = PaperFigure(
    title="Confusion matrices",
    place=20,
    of_dataset=of_dataset,
)
