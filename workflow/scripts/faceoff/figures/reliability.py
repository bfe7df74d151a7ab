"""Reliability diagrams: is a pipeline right as often as it is sure?"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from faceoff.figures.canvas import (
    BLUE,
    DOUBLE_MM,
    ORANGE,
    RULE,
    SINGLE_MM,
    SMALL,
    Drawn,
    canvas,
    is_number,
    nothing,
    styled,
    titles,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results.dataset_results import DatasetResults, label, name_of
from faceoff.scoring.records import Score

_PANELS = 6
_ACROSS = 3
_COLUMNS = ("low", "high", "n", "confidence", "accuracy", "accuracy_low", "accuracy_high")


@styled
def draw(panels: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw accuracy against mean confidence per bin, before and after temperature scaling.

    The area of a dot is the share of samples; intervals are of 95 %. panels: {title, temperature,
    before, after (or None)}, the latter two {ece, bins: columns confidence, accuracy, accuracy_low,
    accuracy_high, n}.
    """
    across = min(_ACROSS, max(1, len(panels)))
    down = max(1, math.ceil(len(panels) / across))
    width = SINGLE_MM if across == 1 else DOUBLE_MM
    figure = canvas(width, 62 * down if across > 1 else 84)
    if not panels:
        return nothing(figure, figure.add_subplot(), "no pair with probabilities")
    names = titles([panel["title"] for panel in panels], 32)
    for place, panel in enumerate(panels):
        axes = figure.add_subplot(down, across, place + 1)
        axes.plot([0, 100], [0, 100], color=RULE, linewidth=0.8, zorder=0)
        temperature = f", T {panel['temperature']:.2f}" if is_number(panel["temperature"]) else ""
        for key, colour, marker, words in (
            ("before", ORANGE, "o", "before"),
            ("after", BLUE, "D", f"after{temperature}"),
        ):
            if panel[key]:
                _series(axes, panel[key], colour, marker, words)
        axes.set_title(names[place], fontsize=SMALL)
        axes.set(xlim=(0, 102), ylim=(0, 102), aspect="equal")
        axes.set_xlabel("mean confidence, %")
        axes.grid()
        axes.legend(loc="lower right", fontsize=SMALL)
    figure.supylabel("accuracy, %", fontsize=8)
    return figure


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw the chosen best single and the leading fusions that have probabilities.

    Bins of equal width are drawn; the CSV has those of equal mass too.
    """
    chosen: list[tuple[Score, Mapping[str, Any]]] = [
        (score, calibration)
        for score in dataset.shown(singles=1)
        if (calibration := score.get("calibration"))
    ]
    panels, rows = [], []
    for score, found in chosen[:_PANELS]:
        parts = {
            key: found[key] and {"ece": found[key]["ece"], "bins": found[key]["bins"]["width"]}
            for key in ("before", "after")
        }
        panels.append(
            {"title": label(name_of(score)), "temperature": found["temperature"], **parts}
        )
        for key in ("before", "after"):
            for mode, columns in (found[key] or {"bins": {}})["bins"].items():
                for values in zip(*(columns[name] for name in _COLUMNS), strict=True):
                    rows.append(
                        {
                            "pipeline": name_of(score),
                            "scaling": key,
                            "bins": mode,
                            **dict(zip(_COLUMNS, values, strict=True)),
                        }
                    )
    return draw(panels), rows


def _series(axes: Any, part: Mapping[str, Any], colour: str, marker: str, title: str) -> None:
    bins = part["bins"]
    total = sum(bins["n"]) or 1
    for x, low, high in zip(
        bins["confidence"], bins["accuracy_low"], bins["accuracy_high"], strict=True
    ):
        if is_number(low) and is_number(high):
            axes.plot([100 * x, 100 * x], [100 * low, 100 * high], color=colour, linewidth=0.8)
    ece = f", ECE {part['ece']:.3f}" if is_number(part["ece"]) else ""
    points = [100 * x for x in bins["confidence"]], [100 * y for y in bins["accuracy"]]
    axes.plot(*points, color=colour, linewidth=0.8, label=f"{title}{ece}")
    sizes = [6 + 80 * n / total for n in bins["n"]]
    axes.scatter(
        *points, s=sizes, marker=marker, color=colour, edgecolor="white", linewidth=0.5, zorder=3
    )


FIGURE = PaperFigure(
    title="Is it right as often as it is sure?",
    place=70,
    of_dataset=of_dataset,
)
