"""Confusion matrices of the leading pipelines."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from faceoff.figures.canvas import DOUBLE_MM, SEQUENTIAL, SINGLE_MM, SMALL, Drawn, canvas, ink_on, nothing, styled
from faceoff.report.results import DatasetResults, label, name_of, shorten

_PANELS = 6  # confusion matrices in one figure: more would be too small to read


@styled
def draw(panels: Sequence[Mapping[str, Any]], space: Sequence[str]) -> Figure:
    """Row-normalised confusion matrices with their counts.

    panels: {title, matrix (k, k+1) of counts, rows truth, columns predicted in `space` order then no_face}. The no-face column stands apart.
    """
    k = len(space)
    across = 1 if len(panels) == 1 else 2 if len(panels) <= 4 else 3
    down = max(1, math.ceil(len(panels) / across))
    width = SINGLE_MM if across == 1 else DOUBLE_MM
    figure = canvas(width, down * ((width - 26) / across * k / (k + 1.5) + 11) + 20)
    grid = figure.add_gridspec(down, across)
    for index in range(max(1, len(panels))):
        axes = figure.add_subplot(grid[index // across, index % across])
        if not panels or not k:
            return nothing(figure, axes, "no scored pair")
        # Tick labels only at the outer edge keep the panels large.
        last_row = index + across >= len(panels)
        draw_panel(axes, panels[index], space, left=index % across == 0, bottom=last_row)
    figure.supxlabel("predicted", fontsize="medium")
    figure.supylabel("true", fontsize="medium")
    return figure


def of_dataset(dataset: DatasetResults) -> Drawn:
    """The chosen best single and as many fusions as fit; the page and tables/confusion.csv have every pair."""
    chosen = dataset.shown(singles=1)[:_PANELS]
    panels, rows = [], []
    for score in chosen:
        accuracy = 100 * score["metrics"]["accuracy"]
        panels.append({"title": f"{shorten(label(name_of(score)), 30)}\n{accuracy:.1f} %", "matrix": score["confusion"]})
        for truth, counts in zip(dataset.space, score["confusion"], strict=True):
            rows += [
                {"pipeline": name_of(score), "truth": truth, "predicted": name, "count": n} for name, n in zip([*dataset.space, "no_face"], counts, strict=True)
            ]
    return draw(panels, dataset.space), rows


def draw_panel(axes: Any, panel: Mapping[str, Any], space: Sequence[str], *, left: bool, bottom: bool, percent: bool = False, last: str = "no face") -> None:
    """One matrix, coloured by share of the row, with counts or shares in percent; `last` names the column that is no class."""
    counts = np.asarray(panel["matrix"], dtype=float).reshape(len(space), len(space) + 1)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    # The last column is set apart by half a cell: no face is an outcome, not a class.
    places = [*range(len(space)), len(space) + 0.5]
    for row in range(len(space)):
        for column, x in enumerate(places):
            share, count = shares[row, column], counts[row, column]
            axes.add_patch(Rectangle((x - 0.5, row - 0.5), 1, 1, facecolor=SEQUENTIAL(share), edgecolor="white", linewidth=0.6))
            written = f"{100 * share:.0f}" if percent else f"{count:.0f}"
            if written != "0":
                axes.text(x, row, written, ha="center", va="center", fontsize=SMALL, color=ink_on(share))
    axes.set(xlim=(-0.5, len(space) + 1), ylim=(len(space) - 0.5, -0.5), aspect="equal")
    axes.set_title(panel["title"])
    axes.set_xticks(places, [*space, last] if bottom else [""] * len(places), rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(space)), space if left else [""] * len(space))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
