"""Posteriors of clips over time."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from faceoff.figures.canvas import BLUE, DOUBLE_MM, GREEN, ORANGE, RED, RULE, canvas, nothing, styled

_EMOTION_COLOURS = {
    "neutral": "#999999", "happiness": ORANGE, "sadness": BLUE, "surprise": "#56B4E9",
    "fear": "#CC79A7", "disgust": GREEN, "anger": RED, "contempt": "#000000",
}  # fmt: skip


@styled
def draw(panels: Sequence[Mapping[str, Any]]) -> Figure:
    """Posteriors over time, a clip per panel. panels: {title, emotions (k), seconds (t,), posterior (t, k) with NaN rows, truth (t labels or empty)}.

    Where there is no face the line breaks and the ground is hatched; a strip below shows the labels of the moments where the dataset has them.
    """
    figure = canvas(DOUBLE_MM, 18 + 34 * max(1, len(panels)))
    grid = figure.add_gridspec(max(1, len(panels)), 1)
    if not panels:
        return nothing(figure, figure.add_subplot(grid[0]), "no clip of several frames")
    emotions = [emotion for emotion in _EMOTION_COLOURS if any(emotion in panel["emotions"] for panel in panels)]
    emotions += sorted({emotion for panel in panels for emotion in panel["emotions"]} - set(emotions))
    spare = iter(matplotlib.colormaps["tab20b"](np.linspace(0, 1, max(1, len(emotions)))))
    colours = {emotion: _EMOTION_COLOURS.get(emotion) or next(spare) for emotion in emotions}
    for index, panel in enumerate(panels):
        _timeline_panel(figure.add_subplot(grid[index]), panel, colours, last=index == len(panels) - 1)
    handles = [Rectangle((0, 0), 1, 1, facecolor=colours[emotion]) for emotion in emotions]
    figure.legend(handles, emotions, loc="outside upper left", ncols=min(8, len(emotions)))
    return figure


def _timeline_panel(axes: Any, panel: Mapping[str, Any], colours: Mapping[str, Any], *, last: bool) -> None:
    seconds, posterior = np.asarray(panel["seconds"], float), 100 * np.asarray(panel["posterior"], float)
    # A moment stands until the next one; the last as long as the one before.
    edges = np.append(seconds, seconds[-1] + (seconds[-1] - seconds[-2] if len(seconds) > 1 else 1.0))
    missing = np.isnan(posterior).all(axis=1)
    for start, end in zip(edges[:-1][missing], edges[1:][missing], strict=True):
        axes.add_patch(Rectangle((start, 0), end - start, 100, facecolor="#f4f4f4", edgecolor="#cccccc", hatch="////", linewidth=0))
    for column, emotion in enumerate(panel["emotions"]):
        axes.plot(edges, np.append(posterior[:, column], posterior[-1, column]), drawstyle="steps-post", color=colours[emotion], linewidth=1.1)
    for start, end, label in zip(edges[:-1], edges[1:], panel["truth"]):
        if label:
            axes.add_patch(Rectangle((start, -13), end - start, 8, facecolor=colours.get(label, RULE), linewidth=0))
    axes.set_title(panel["title"])
    axes.set(xlim=(edges[0], edges[-1]), ylim=(-15 if panel["truth"] else 0, 102), ylabel="probability, %")
    axes.set_yticks([0, 50, 100])
    if last:
        axes.set_xlabel("time, s" + ("; the strip shows the label of each moment" if panel["truth"] else ""))
