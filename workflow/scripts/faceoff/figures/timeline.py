"""Posteriors of clips over time."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from faceoff.figures.canvas import (
    BLUE,
    DOUBLE_MM,
    GREEN,
    LETTER_MM,
    MARKERS,
    ORANGE,
    RED,
    RULE,
    STYLES,
    canvas,
    nothing,
    single,
    styled,
    titles,
)
from faceoff.temporal.episodes import borders

Look = Mapping[str, Any]  # of a line: color, linestyle, marker

_EMOTION_COLOURS = {
    "neutral": "#999999", "happiness": ORANGE, "sadness": BLUE, "surprise": "#56B4E9",
    "fear": "#CC79A7", "disgust": GREEN, "anger": RED, "contempt": "#000000",
}  # fmt: skip


@styled
def draw(panels: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw posteriors over time, a clip per panel.

    panels: {title, emotions (k), seconds (t,), posterior (t, k) with NaN rows, truth (t labels or
    empty)}. Where there is no face the line breaks and the ground is hatched; a strip below shows
    the labels of the moments where the dataset has them.
    """
    if not panels:
        return nothing(*single(DOUBLE_MM, 52), "no clip of several frames")
    emotions = [
        emotion
        for emotion in _EMOTION_COLOURS
        if any(emotion in panel["emotions"] for panel in panels)
    ]
    emotions += sorted(
        {emotion for panel in panels for emotion in panel["emotions"]} - set(emotions)
    )
    looks = _looks(emotions)
    shown = titles(emotions, 24)
    columns = max(1, min(8, int((DOUBLE_MM - 4) / (LETTER_MM * max(map(len, shown)) + 10))))
    figure = canvas(DOUBLE_MM, 14 + 4 * -(-len(emotions) // columns) + 34 * len(panels))
    grid = figure.add_gridspec(len(panels), 1)
    for index, panel in enumerate(panels):
        _timeline_panel(
            figure.add_subplot(grid[index]), panel, looks, last=index == len(panels) - 1
        )
    handles = [Line2D([], [], **looks[emotion]) for emotion in emotions]
    figure.legend(handles, shown, loc="outside upper left", ncols=columns, handlelength=2.4)
    return figure


def _looks(emotions: Sequence[str]) -> dict[str, Look]:
    """Return how each emotion's line looks.

    The canonical emotions have colours of their own and solid lines; all others are broken lines,
    in another way each time that the colours repeat.
    """
    colours = list(_EMOTION_COLOURS.values())
    looks: dict[str, Look] = {}
    spare = [emotion for emotion in emotions if emotion not in _EMOTION_COLOURS]
    for emotion in emotions:
        turn, place = (
            (0, list(_EMOTION_COLOURS).index(emotion))
            if emotion in _EMOTION_COLOURS
            else divmod(spare.index(emotion) + len(colours), len(colours))
        )
        looks[emotion] = {
            "color": colours[place],
            "linestyle": STYLES[turn % len(STYLES)],
            "marker": MARKERS[place % len(MARKERS)],
            "markersize": 2.6,
        }
    return looks


def _timeline_panel(
    axes: Any, panel: Mapping[str, Any], looks: Mapping[str, Look], *, last: bool
) -> None:
    seconds, posterior = (
        np.asarray(panel["seconds"], float),
        100 * np.asarray(panel["posterior"], float),
    )
    edges = borders(seconds)
    missing = np.isnan(posterior).all(axis=1)
    for start, end in zip(edges[:-1][missing], edges[1:][missing], strict=True):
        axes.add_patch(
            Rectangle(
                (start, 0),
                end - start,
                100,
                facecolor="#f4f4f4",
                edgecolor="#cccccc",
                hatch="////",
                linewidth=0,
            )
        )
    apart = max(
        1, len(seconds) // 6
    )  # moments between two marks of a line; lines bear them at different moments
    for column, emotion in enumerate(panel["emotions"]):
        marked = (column * apart // len(panel["emotions"]), apart)
        axes.plot(
            edges,
            np.append(posterior[:, column], posterior[-1, column]),
            drawstyle="steps-post",
            linewidth=1.1,
            markevery=marked,
            **looks[emotion],
        )
    for start, end, label in zip(edges[:-1], edges[1:], panel["truth"]):
        if label:
            axes.add_patch(
                Rectangle(
                    (start, -13),
                    end - start,
                    8,
                    facecolor=looks[label]["color"] if label in looks else RULE,
                    linewidth=0,
                )
            )
    axes.set_title(titles([panel["title"]], 80)[0])
    axes.set(
        xlim=(edges[0], edges[-1]),
        ylim=(-15 if panel["truth"] else 0, 102),
        ylabel="probability, %",
    )
    axes.set_yticks([0, 50, 100])
    if last:
        axes.set_xlabel(
            "time, s" + ("; the strip shows the label of each moment" if panel["truth"] else "")
        )
