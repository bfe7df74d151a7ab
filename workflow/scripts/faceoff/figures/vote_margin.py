"""Show a vote's margin over the best single cell as pictures get worse."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from faceoff.figures.canvas import (
    BLUE,
    DOUBLE_MM,
    MUTED,
    ORANGE,
    SMALL,
    Drawn,
    Row,
    is_number,
    name_steps,
    nothing,
    panels,
    single,
    styled,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results.dataset_results import DatasetResults
from faceoff.results.robustness import IN_WORDS, MODES, shown
from faceoff.storage import files

_PANEL_MM, _LEGEND_MM = 40.0, 8.0
_LOOKS: dict[str, tuple[str, Any, str, float]] = {
    "clean_crop": (ORANGE, "--", "s", -0.08),
    "detect_again": (BLUE, "-", "o", 0.08),
}


@styled
def draw(points: Sequence[Row]) -> Figure:
    """Draw the difference vote − best single with its interval against severity.

    points: {corruption, mode, severity, value, difference, low, high}, severity 0 clean.
    """
    names = list(dict.fromkeys(point["corruption"] for point in points))
    if not points:
        figure, axes = single(DOUBLE_MM, _PANEL_MM)
        return nothing(figure, axes, "there is no vote of two or more cells")
    figure, grid = panels(names, _PANEL_MM, _LEGEND_MM, "vote − best, points")
    for name, axes in grid:
        _draw_panel(axes, [point for point in points if point["corruption"] == name])
    modes = [mode for mode in MODES if any(point["mode"] == mode for point in points)]
    handles = [
        Line2D([], [], color=colour, linestyle=style, marker=marker, markersize=3.4)
        for colour, style, marker, _ in (_LOOKS[mode] for mode in modes)
    ]
    figure.legend(
        handles,
        [IN_WORDS[mode] for mode in modes],
        loc="outside upper left",
        ncols=2,
        fontsize=SMALL,
    )
    return figure


def _draw_panel(axes: Any, points: Sequence[Row]) -> None:
    for mode, (colour, style, marker, shift) in _LOOKS.items():
        line = [p for p in points if p["mode"] == mode and is_number(p["difference"])]
        x = [p["severity"] + shift for p in line]
        axes.plot(
            x,
            [100 * p["difference"] for p in line],
            color=colour,
            linestyle=style,
            marker=marker,
            markersize=3.4,
            markeredgecolor="white",
            markeredgewidth=0.4,
        )
        for place, point in zip(x, line, strict=True):
            if is_number(point["low"]) and is_number(point["high"]):
                axes.plot(
                    [place, place],
                    [100 * point["low"], 100 * point["high"]],
                    color=colour,
                    linewidth=0.8,
                )
    axes.axhline(0, color=MUTED, linewidth=0.8, zorder=0)
    name_steps(axes, {point["severity"]: point["value"] for point in points})
    axes.grid(axis="y")


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw the margins under every corruption in both modes; the CSV has them with their tests."""
    found = [files.read_json(path) for path in dataset.robustness]
    points = [
        {
            "dataset": dataset.name,
            "corruption": each.title,
            "mode": vote["mode"],
            "value": "clean"
            if margin["severity"] == 0
            else each.of["levels"][margin["severity"] - 1]["value"],
            "members": len(vote["members"]),
            **margin,
        }
        for each in shown(found)
        for vote in each.variant["votes"]
        for margin in vote["margins"]
    ]
    return draw(points), points


FIGURE = PaperFigure(
    title="Whether a vote is worth more as pictures get worse",
    place=140,
    needs=("robustness", "several_pairs"),
    of_dataset=of_dataset,
)
