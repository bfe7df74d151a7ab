"""Show where cells break: accuracy against severity, a panel per corruption."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from faceoff.figures.canvas import (
    DOUBLE_MM,
    INK,
    MARKERS,
    MUTED,
    SMALL,
    Drawn,
    Row,
    is_number,
    name_steps,
    nothing,
    panels,
    single,
    styled,
    titles,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results.dataset_results import DatasetResults, label
from faceoff.results.robustness import drawn_and_best, lines, shown
from faceoff.storage import files

_CELLS = 5
_PANEL_MM, _LEGEND_MM = 44.0, 12.0


@styled
def draw(points: Sequence[Row], chance: float | None = None) -> Figure:
    """Draw accuracy with its interval against severity, a panel per corruption.

    points: {corruption, value, severity, cell, mode, accuracy, low, high}, severity 0 clean; cells
    in the order of their colours. Whole lines: faces found again on the worse picture; broken ones:
    the clean crop. chance: 1 / classes, drawn as a line.
    """
    names = list(dict.fromkeys(point["corruption"] for point in points))
    cells = list(dict.fromkeys(point["cell"] for point in points))
    if not points:
        figure, axes = single(DOUBLE_MM, _PANEL_MM)
        return nothing(figure, axes, "no picture could be made worse")
    legend_mm = _LEGEND_MM + 4 * -(-len(cells) // 3)
    figure, grid = panels(names, _PANEL_MM, legend_mm, "accuracy, %")
    for name, axes in grid:
        _draw_panel(axes, [point for point in points if point["corruption"] == name], cells)
        if is_number(chance):
            axes.axhline(100 * chance, color=MUTED, linewidth=0.8, linestyle=":", zorder=0)
    figure.legend(
        *_legend(cells, {point["mode"] for point in points}),
        loc="outside upper left",
        ncols=3,
        fontsize=SMALL,
    )
    return figure


def _draw_panel(axes: Any, points: Sequence[Row], cells: Sequence[str]) -> None:
    values = {point["severity"]: point["value"] for point in points}
    for cell in cells:
        for mode, style in (("clean_crop", "--"), ("detect_again", "-")):
            line = [p for p in points if p["cell"] == cell and p["mode"] == mode]
            line = [p for p in line if is_number(p["accuracy"])]
            if not line:
                continue
            alone = not any(p["cell"] == cell and p["mode"] == "detect_again" for p in points)
            place = cells.index(cell)
            colour, x = f"C{place}", [p["severity"] for p in line]
            axes.plot(
                x,
                [100 * p["accuracy"] for p in line],
                linestyle="-" if alone else style,
                linewidth=1.2 if alone or style == "-" else 0.9,
                color=colour,
                marker=MARKERS[place % len(MARKERS)] if alone or style == "-" else None,
                markersize=3.4,
                markeredgecolor="white",
                markeredgewidth=0.4,
            )
            if alone or style == "-":
                axes.fill_between(
                    x,
                    [100 * p["low"] if is_number(p["low"]) else float("nan") for p in line],
                    [100 * p["high"] if is_number(p["high"]) else float("nan") for p in line],
                    color=colour,
                    alpha=0.12,
                    linewidth=0,
                )
    name_steps(axes, values)
    axes.set_ylim(0, 100)
    axes.grid(axis="y")


def _legend(cells: Sequence[str], modes: set[str]) -> tuple[list[Line2D], list[str]]:
    handles = [
        Line2D([], [], color=f"C{place}", marker=MARKERS[place % len(MARKERS)], markersize=3.4)
        for place in range(len(cells))
    ]
    words = titles([label(cell) for cell in cells], 34)
    if len(modes) > 1:
        handles += [Line2D([], [], color=INK, linestyle="--", linewidth=0.9)]
        words += ["broken: the clean crop"]
    return handles, words


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw the most accurate cells under every corruption; the CSV has all of them."""
    found = [files.read_json(path) for path in dataset.robustness]
    drawn, best = drawn_and_best(shown(found), _CELLS)
    every = [
        {"dataset": dataset.name, "corruption": each.title, "cell": cell, "mode": mode, **step}
        for each in drawn
        for cell, mode, curve in lines(each)
        for step in _steps(each.of, curve)
    ]
    ordered = sorted(
        (point for point in every if point["cell"] in best),
        key=lambda point: best.index(point["cell"]),
    )
    chance = 1 / len(dataset.space) if dataset.space else None
    return draw(ordered, chance), every


def _steps(found: Any, curve: Any) -> list[Row]:
    """Return the clean pictures and every severity of a curve."""
    named = [("clean", curve["clean"])]
    named += [(level["value"], scores) for level, scores in zip(found["levels"], curve["levels"],
                                                                strict=True)]  # fmt: skip
    return [
        {
            "severity": scores["severity"],
            "value": value,
            "n": scores["n"],
            "accuracy": scores["accuracy"],
            "low": scores["interval"][0],
            "high": scores["interval"][1],
        }
        for value, scores in named
    ]


FIGURE = PaperFigure(
    title="Where it breaks: accuracy on worse pictures",
    place=130,
    needs=("robustness",),
    of_dataset=of_dataset,
)
