"""Draw what each detector covered."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from faceoff.figures.canvas import (
    BLUE,
    DOUBLE_MM,
    INK,
    MUTED,
    ORANGE,
    RED,
    Drawn,
    canvas,
    styled,
    titles,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results.dataset_results import DatasetResults


@styled
def draw(panels: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the share of samples in each state, by detector.

    panels: {title, rows: [{detector, ok, no_face, unreadable, error, reason}]}, counts as integers.
    """
    panels = panels or [{"title": "", "rows": []}]
    sizes = [max(1, len(panel["rows"])) for panel in panels]
    figure = canvas(DOUBLE_MM, 24 + sum(5.4 * size + 12 for size in sizes))
    grid = figure.add_gridspec(len(panels), 1, height_ratios=[size + 0.6 for size in sizes])
    states = (
        ("ok", "face found", BLUE, None),
        ("no_face", "no face", ORANGE, "...."),
        ("unreadable", "unreadable", "#999999", "////"),
        ("error", "error", RED, "xxxx"),
    )
    for index, panel in enumerate(panels):
        axes = figure.add_subplot(grid[index])
        axes.set_title(titles([panel["title"]], 60)[0])
        for place, row in enumerate(panel["rows"]):
            total, left = sum(row[state] for state, *_ in states), 0.0
            for state, _, colour, hatch in states if total else ():
                share = 100 * row[state] / total
                axes.barh(
                    place,
                    share,
                    left=left,
                    height=0.66,
                    color=colour,
                    hatch=hatch,
                    edgecolor="white",
                    linewidth=0.4,
                )
                left += share
            note = (
                f"{100 * row['ok'] / total:.1f} % of {total:,}"
                if total
                else row["reason"] or "not run"
            )
            axes.text(
                101 if total else 1,
                place,
                titles([note], 90)[0],
                va="center",
                ha="left",
                color=INK if total else MUTED,
            )
        axes.set(xlim=(0, 100), ylim=(len(panel["rows"]) - 0.4, -0.6))
        axes.set_yticks(
            range(len(panel["rows"])), titles([row["detector"] for row in panel["rows"]], 24)
        )
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        if index == len(panels) - 1:
            axes.set_xlabel("share of samples, %")
    handles = [
        Rectangle((0, 0), 1, 1, facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0.4)
        for _, _, colour, hatch in states
    ]
    figure.legend(handles, [words for _, words, *_ in states], loc="outside upper left", ncols=4)
    return figure


def of_run(found: Sequence[DatasetResults]) -> Drawn:
    """Draw the coverage of every dataset."""
    panels = [{"title": dataset.name, "rows": dataset.coverage} for dataset in found]
    return draw(panels), [
        {"dataset": dataset.name, **row} for dataset in found for row in dataset.coverage
    ]


FIGURE = PaperFigure(
    title="What each detector covered",
    place=10,
    of_run=of_run,
)
