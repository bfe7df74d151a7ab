"""Recall and F1 by emotion."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from faceoff.figures.canvas import (
    DOUBLE_MM,
    LETTER_MM,
    Drawn,
    canvas,
    is_number,
    nothing,
    single,
    styled,
    titles,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results.dataset_results import DatasetResults, label, name_of

_BARS = 6  # pipelines per emotion


@styled
def draw(space: Sequence[str], series: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw recall (above) and F1 (below) of each emotion, one bar per pipeline.

    series: {title, fusion (bool), recall (k,), f1 (k,), n (k,)}.
    """
    if not series or not len(space):
        return nothing(*single(DOUBLE_MM, 96), "no scored pair")
    names = titles(space, 20)
    # mm of an emotion, within the axes: names that do not fit beside each other stand slanted.
    slanted = max(map(len, names)) * LETTER_MM > (DOUBLE_MM - 14) / len(names)
    across = min(
        3,
        len(series),
        max(1, int((DOUBLE_MM - 4) / (LETTER_MM * max(len(line["title"]) for line in series) + 9))),
    )
    figure = canvas(
        DOUBLE_MM,
        96
        + 4.2 * math.ceil(len(series) / across)
        + (0.57 * LETTER_MM * max(map(len, names)) if slanted else 0),
    )
    grid = figure.add_gridspec(2, 1)
    upper = figure.add_subplot(grid[0])
    lower = figure.add_subplot(grid[1], sharex=upper)
    colours = _colours([bool(line["fusion"]) for line in series])
    breadth = 0.82 / len(series)
    for axes, measure, title in ((upper, "recall", "recall, %"), (lower, "f1", "F1, %")):
        for index, line in enumerate(series):
            x = np.arange(len(space)) - 0.41 + breadth * (index + 0.5)
            heights = [100 * value if is_number(value) else 0.0 for value in line[measure]]
            axes.bar(
                x,
                heights,
                width=breadth * 0.92,
                color=colours[index],
                hatch="////" if line["fusion"] else None,
                edgecolor="white",
                linewidth=0.3,
                label=line["title"] if axes is upper else None,
            )
        axes.set(ylim=(0, 100), ylabel=title)
        axes.grid(axis="y")
        axes.tick_params(axis="x", length=0)
    upper.tick_params(labelbottom=False)
    counted = [
        f"{name}, n = {count}" if slanted else f"{name}\nn = {count}"
        for name, count in zip(names, series[0]["n"], strict=True)
    ]
    slant: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    lower.set_xticks(range(len(space)), counted, **(slant if slanted else {}))
    figure.legend(loc="outside upper left", ncols=across)
    return figure


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw the leading pairs and fusions."""
    chosen = dataset.shown(singles=3)[:_BARS]
    series = [
        {
            "title": title,
            "fusion": score["kind"] == "fusion",
            **{key: [row[key] for row in score["per_class"]] for key in ("recall", "f1", "n")},
        }
        for score, title in zip(
            chosen, titles([label(name_of(score)) for score in chosen], 36), strict=True
        )
    ]
    rows = [
        {
            "pipeline": name_of(score),
            **{key: row[key] for key in ("emotion", "n", "precision", "recall", "f1")},
        }
        for score in chosen
        for row in score["per_class"]
    ]
    return draw(dataset.space, series), rows


def _colours(fused: Sequence[bool]) -> list[Any]:
    """Return blues for single pairs and warm colours for fusions, from dark to light.

    So the two families can be told apart at a glance.
    """
    singles, fusions = fused.count(False), fused.count(True)
    cool = iter(matplotlib.colormaps["Blues"](np.linspace(0.85, 0.4, max(1, singles))))
    warm = iter(matplotlib.colormaps["Oranges"](np.linspace(0.75, 0.3, max(1, fusions))))
    return [next(warm if is_fusion else cool) for is_fusion in fused]


FIGURE = PaperFigure(
    title="Recall and F1 by emotion",
    place=60,
    of_dataset=of_dataset,
)
