"""Recall and F1 by emotion."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from faceoff.figures.canvas import DOUBLE_MM, Drawn, canvas, is_number, nothing, styled
from faceoff.report.results import DatasetResults, label, name_of, shorten

_BARS = 6  # pipelines per emotion


@styled
def draw(space: Sequence[str], series: Sequence[Mapping[str, Any]]) -> Figure:
    """Recall (above) and F1 (below) of each emotion, one bar per pipeline. series: {title, fusion (bool), recall (k,), f1 (k,), n (k,)}."""
    figure = canvas(DOUBLE_MM, 96 + 4.2 * math.ceil(len(series) / 3))
    grid = figure.add_gridspec(2, 1)
    upper = figure.add_subplot(grid[0])
    if not series or not len(space):
        return nothing(figure, upper, "no scored pair")
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
    lower.set_xticks(range(len(space)), [f"{emotion}\nn = {count}" for emotion, count in zip(space, series[0]["n"], strict=True)])
    figure.legend(loc="outside upper left", ncols=min(3, len(series)))
    return figure


def of_dataset(dataset: DatasetResults) -> Drawn:
    chosen = dataset.shown(singles=3)[:_BARS]
    series = [
        {
            "title": shorten(label(name_of(score)), 36),
            "fusion": score["kind"] == "fusion",
            **{key: [row[key] for row in score["per_class"]] for key in ("recall", "f1", "n")},
        }
        for score in chosen
    ]
    rows = [
        {"pipeline": name_of(score), **{key: row[key] for key in ("emotion", "n", "precision", "recall", "f1")}}
        for score in chosen
        for row in score["per_class"]
    ]
    return draw(dataset.space, series), rows


def _colours(fused: Sequence[bool]) -> list[Any]:
    """Blues for single pairs, warm colours for fusions, from dark to light, so that the two families can be told apart at a glance."""
    singles, fusions = fused.count(False), fused.count(True)
    cool = iter(matplotlib.colormaps["Blues"](np.linspace(0.85, 0.4, max(1, singles))))
    warm = iter(matplotlib.colormaps["Oranges"](np.linspace(0.75, 0.3, max(1, fusions))))
    return [next(warm if is_fusion else cool) for is_fusion in fused]
