"""Accuracy of every detector × model pair."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from faceoff.figures.canvas import (
    DOUBLE_MM,
    LETTER_MM,
    MUTED,
    RED,
    SEQUENTIAL,
    SINGLE_MM,
    SMALL,
    Drawn,
    canvas,
    ink_on,
    is_number,
    styled,
    titles,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results import dataset_results
from faceoff.results.dataset_results import DatasetResults

_PATCH = {"boxstyle": "round,pad=0.15", "facecolor": "#f4f4f4", "edgecolor": "none"}
_COLUMN = 13.0  # mm of a column in a figure of one journal column
# mm of a column from which on there is room for an accuracy with its interval, for it alone, for
# slanted names, for names at all.
_INTERVAL, _NUMBER, _SLANTED, _NAME = 9.0, 6.5, 5.5, 3.2


@styled
def draw(
    detectors: Sequence[str],
    models: Sequence[str],
    cells: Mapping[tuple[str, str], Mapping[str, Any]],
    scale: tuple[float, float],
) -> Figure:
    """Draw the accuracy of every detector (row) with every model (column).

    cells[detector, model]: state (ok, skipped, error), value, low and high (0–1 or None); scale:
    the values at the ends of the colours. Skipped cells are hatched with a dash, failed ones carry
    a cross; the small print is the interval's half-width in points. Where columns are narrow, first
    the interval is left out, then the number; more models than have room for their names go on
    below.
    """
    detectors, models = list(detectors) or ["–"], list(models) or ["–"]
    rows, columns = titles(detectors, 24), titles(models, 24)
    beside = 26 + LETTER_MM * max(map(len, rows))
    width = SINGLE_MM if beside + _COLUMN * len(models) <= SINGLE_MM else DOUBLE_MM
    bands = math.ceil(len(models) * _NAME / (width - beside))
    across = math.ceil(len(models) / bands)
    pitch = (width - beside) / across
    each = (10.5 if pitch >= _INTERVAL else 6.0) * len(rows) + (
        1.1 if pitch >= _SLANTED else LETTER_MM
    ) * max(map(len, columns))
    figure = canvas(width, 24 + bands * each + 4 * (bands - 1))
    panels = figure.subplots(bands, 1, squeeze=False)[:, 0]
    for band, axes in enumerate(panels):
        start = band * across
        for row, detector in enumerate(detectors):
            for column, model in enumerate(models[start : start + across]):
                _heat_cell(
                    axes,
                    column,
                    row,
                    cells.get((detector, model)) or {"state": "skipped"},
                    scale,
                    pitch,
                )
        axes.set(xlim=(-0.5, across - 0.5), ylim=(len(rows) - 0.5, -0.5))
        shown = columns[start : start + across]
        slanted = (
            {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
            if pitch >= _SLANTED
            else {"rotation": 90}
        )
        axes.set_xticks(range(len(shown)), shown, **slanted)
        axes.set_yticks(range(len(rows)), rows)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    mappable = matplotlib.cm.ScalarMappable(
        matplotlib.colors.Normalize(100 * scale[0], 100 * scale[1]), SEQUENTIAL
    )
    bar = figure.colorbar(mappable, ax=panels, fraction=0.05, pad=0.02, aspect=14)
    bar.outline.set_visible(False)
    bar.set_label("accuracy, %")
    return figure


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw the accuracy of every pair."""
    cells = {}
    rows = []
    for score in dataset.cells:
        low, high = dataset_results.interval(score, "accuracy")
        state = (
            "ok"
            if dataset_results.scored(score)
            else "error"
            if score["state"] == "error"
            else "skipped"
        )
        value = dataset_results.metric(score, "accuracy") if state == "ok" else None
        cells[score["detector"], score["model"]] = {
            "state": state,
            "value": value,
            "low": low,
            "high": high,
        }
        rows.append(
            {
                "detector": score["detector"],
                "model": score["model"],
                "state": score["state"],
                "accuracy": value,
                "low": low,
                "high": high,
                "reason": score["reason"],
            }
        )
    return draw(
        dataset.detectors, dataset.models, cells, dataset_results.colour_scale(dataset.cells)
    ), rows


def _heat_cell(
    axes: Any, x: int, y: int, cell: Mapping[str, Any], scale: tuple[float, float], pitch: float
) -> None:
    """Draw one cell of a column that is `pitch` mm wide."""
    if cell["state"] == "ok" and is_number(cell.get("value")):
        share = (cell["value"] - scale[0]) / (scale[1] - scale[0])
        axes.add_patch(
            Rectangle(
                (x - 0.5, y - 0.5),
                1,
                1,
                facecolor=SEQUENTIAL(share),
                edgecolor="white",
                linewidth=1.2 if pitch >= _NUMBER else 0.6,
            )
        )
        interval = pitch >= _INTERVAL and is_number(cell.get("low")) and is_number(cell.get("high"))
        if pitch >= _NUMBER:
            size = None if pitch >= _INTERVAL else SMALL
            shift = 0.12 if pitch >= _INTERVAL else 0
            axes.text(
                x,
                y - shift,
                f"{100 * cell['value']:.1f}",
                ha="center",
                va="center",
                color=ink_on(share),
                fontsize=size,
            )
        if interval:
            half = 50 * (cell["high"] - cell["low"])
            axes.text(
                x,
                y + 0.25,
                f"± {half:.1f}",
                ha="center",
                va="center",
                fontsize=SMALL,
                color=ink_on(share),
            )
        return
    failed = cell["state"] == "error"
    axes.add_patch(
        Rectangle(
            (x - 0.5, y - 0.5),
            1,
            1,
            facecolor="#fbeee6" if failed else "#f4f4f4",
            edgecolor="#cccccc",
            hatch=None if failed else "/////",
            linewidth=0,
        )
    )
    axes.text(
        x,
        y,
        "✗" if failed else "–",
        ha="center",
        va="center",
        color=RED if failed else MUTED,
        bbox=None if failed else _PATCH,
    )


FIGURE = PaperFigure(
    title="Accuracy of every detector × model pair",
    place=10,
    of_dataset=of_dataset,
)
