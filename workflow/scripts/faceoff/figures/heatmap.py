"""Accuracy of every detector × model pair."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from faceoff.figures.canvas import DOUBLE_MM, MUTED, RED, SEQUENTIAL, SINGLE_MM, SMALL, Drawn, ink_on, is_number, single, styled
from faceoff.report import results
from faceoff.report.results import DatasetResults, shorten

_PATCH = {"boxstyle": "round,pad=0.15", "facecolor": "#f4f4f4", "edgecolor": "none"}


@styled
def draw(detectors: Sequence[str], models: Sequence[str], cells: Mapping[tuple[str, str], Mapping[str, Any]], scale: tuple[float, float]) -> Figure:
    """Accuracy of every detector (row) × model (column).

    cells[detector, model]: state (ok, skipped, error), value, low and high (0–1 or None); scale: the values at the ends of the colours. Skipped cells are
    hatched with a dash, failed ones carry a cross; the small print is the interval's half-width in points.
    """
    detectors, models = list(detectors) or ["–"], list(models) or ["–"]
    low, high = scale
    side, longest = 13.0, max(len(name) for name in detectors)
    width = SINGLE_MM if 26 + 1.6 * longest + side * len(models) <= SINGLE_MM else DOUBLE_MM
    figure, axes = single(width, 24 + 10.5 * len(detectors) + 1.1 * max(len(name) for name in models))
    for row, detector in enumerate(detectors):
        for column, model in enumerate(models):
            _heat_cell(axes, column, row, cells.get((detector, model)) or {"state": "skipped"}, low, high)
    axes.set(xlim=(-0.5, len(models) - 0.5), ylim=(len(detectors) - 0.5, -0.5))
    axes.set_xticks(range(len(models)), models, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(detectors)), detectors)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    mappable = matplotlib.cm.ScalarMappable(matplotlib.colors.Normalize(100 * low, 100 * high), SEQUENTIAL)
    bar = figure.colorbar(mappable, ax=axes, fraction=0.05, pad=0.02, aspect=14)
    bar.outline.set_visible(False)
    bar.set_label("accuracy, %")
    return figure


def of_dataset(dataset: DatasetResults) -> Drawn:
    cells = {}
    rows = []
    for score in dataset.cells:
        low, high = results.interval(score, "accuracy")
        state = "ok" if results.scored(score) else "error" if score["state"] == "error" else "skipped"
        value = results.metric(score, "accuracy") if state == "ok" else None
        cells[shorten(score["detector"], 24), shorten(score["model"], 24)] = {"state": state, "value": value, "low": low, "high": high}
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
    detectors, models = ([shorten(name, 24) for name in group] for group in (dataset.detectors, dataset.models))
    return draw(detectors, models, cells, results.colour_scale(dataset.cells)), rows


def _heat_cell(axes: Any, x: int, y: int, cell: Mapping[str, Any], low: float, high: float) -> None:
    if cell["state"] == "ok" and is_number(cell.get("value")):
        share = (cell["value"] - low) / (high - low)
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=SEQUENTIAL(share), edgecolor="white", linewidth=1.2))
        axes.text(x, y - 0.12, f"{100 * cell['value']:.1f}", ha="center", va="center", color=ink_on(share))
        if is_number(cell.get("low")) and is_number(cell.get("high")):
            half = 50 * (cell["high"] - cell["low"])
            axes.text(x, y + 0.25, f"± {half:.1f}", ha="center", va="center", fontsize=SMALL, color=ink_on(share))
        return
    failed = cell["state"] == "error"
    axes.add_patch(
        Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="#fbeee6" if failed else "#f4f4f4", edgecolor="#cccccc", hatch=None if failed else "/////", linewidth=0)
    )
    axes.text(x, y, "✗" if failed else "–", ha="center", va="center", color=RED if failed else MUTED, bbox=None if failed else _PATCH)
