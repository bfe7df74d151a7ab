"""Whether lips and sound run in step: their correlation at each lag of the sound."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from faceoff.figures.canvas import (
    BLUE,
    INK,
    MUTED,
    ORANGE,
    RULE,
    SINGLE_MM,
    SMALL,
    Drawn,
    Row,
    canvas,
    nothing,
    styled,
    titles,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results.dataset_results import DatasetResults
from faceoff.scoring.synchrony import OFF_S, named
from faceoff.storage import files

_MOST_OFF = 4  # groups that are drawn beside all clips
_HEIGHT_MM = 62.0


@styled
def draw(panels: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw a panel for each detector and signal.

    panels: {title, lags_s, parts}; the first part is all clips, with its band. Of the others those
    are drawn that peak off 0.
    """
    if not panels:
        figure = canvas(SINGLE_MM, 40)
        return nothing(figure, figure.add_subplot(), "no clip has lips and sound to compare")
    figure = canvas(SINGLE_MM, _HEIGHT_MM * len(panels))
    for place, panel in enumerate(panels):
        axes = figure.add_subplot(len(panels), 1, place + 1)
        lags, (whole, *groups) = panel["lags_s"], panel["parts"]
        axes.axvspan(-OFF_S, OFF_S, color=RULE, alpha=0.6, linewidth=0, zorder=0)
        axes.axhline(0, color=MUTED, linewidth=0.6)
        if all(value is not None for value in (*whole["low"], *whole["high"])):
            axes.fill_between(lags, whole["low"], whole["high"], color=BLUE, alpha=0.2, linewidth=0)
        axes.plot(lags, whole["curve"], color=BLUE, label=_label(whole))
        axes.plot(whole["peak_s"], whole["height"], marker="v", color=BLUE, markersize=4)
        shown = [part for part in groups if part["off"]][:_MOST_OFF]
        for number, part in enumerate(shown):
            style = ("--", ":", "-.", (0, (5, 1)))[number]
            axes.plot(lags, part["curve"], color=ORANGE, linestyle=style, label=_label(part))
            axes.plot(part["peak_s"], part["height"], marker="v", color=ORANGE, markersize=4)
        axes.set_title(titles([panel["title"]], 60)[0])
        axes.set(xlim=(lags[0], lags[-1]), ylabel="correlation")
        axes.grid(axis="y")
        axes.legend(loc="upper right", frameon=False, fontsize=SMALL, labelcolor=INK)
    axes.set_xlabel("sound later than the lips, s")
    return figure


def _label(part: Mapping[str, Any]) -> str:
    return titles([f"{named(part)} ({part['measured']})"], 28)[0]


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw the dataset's lag curves; the CSV has every part of each."""
    panels = []
    rows: list[Row] = []
    for found in map(files.read_json, dataset.synchrony):
        if not found["parts"]:
            continue
        pair = {"detector": found["detector"], "signal": found["signal"]}
        panels.append({"title": " × ".join(pair.values()), **found})
        rows += [
            {
                "dataset": dataset.name,
                **pair,
                "group": part["group"] or "all",
                "level": part["level"] or "all",
                "lag_s": lag,
                "correlation": value,
                "low": low,
                "high": high,
            }
            for part in found["parts"]
            for lag, value, low, high in zip(
                found["lags_s"], part["curve"], part["low"], part["high"], strict=True
            )
        ]
    return draw(panels), rows


FIGURE = PaperFigure(
    title="Lips and sound in step",
    place=125,
    needs=("synchrony",),
    of_dataset=of_dataset,
)
