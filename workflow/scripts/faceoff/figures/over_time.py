"""What rules over time buy and what they cost: fewer switches, later answers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from faceoff.figures.canvas import (
    DOUBLE_MM,
    INK,
    MARKERS,
    MUTED,
    RULE,
    SMALL,
    STYLES,
    Drawn,
    Row,
    canvas,
    is_number,
    nothing,
    styled,
    titles,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results.dataset_results import DatasetResults, label
from faceoff.results.over_time import families, rule_name
from faceoff.scoring.time_records import OverTimePipeline
from faceoff.storage import files

_PIPELINES = 5
_LATEST_S = 1.5


@styled
def draw(points: Sequence[Row]) -> Figure:
    """Draw UAR against flicker, UAR against lag, and how soon changes are followed.

    points: {pipeline, of, rule ('' for the bare one), uar, flicker, lag_s, hits_s, changes}; the
    pipelines of one `of` have one colour, the rules their markers. The first `of` is followed.
    """
    figure = canvas(DOUBLE_MM, 88)
    if not points:
        return nothing(figure, figure.add_subplot(), "no frame has a label of its own")
    switching, lateness, following = figure.subplots(1, 3, width_ratios=[1, 1, 1.1])
    rules = list(dict.fromkeys(point["rule"] for point in points))
    bare = list(dict.fromkeys(point["of"] for point in points))
    for axes, key, words in (
        (switching, "flicker", "switches per minute above the truth's"),
        (lateness, "lag_s", "median lag, s"),
    ):
        for point in (point for point in points if is_number(point[key])):
            axes.plot(
                point[key],
                100 * point["uar"],
                marker=MARKERS[rules.index(point["rule"]) % len(MARKERS)],
                color=f"C{bare.index(point['of'])}",
                markersize=4.6,
                markeredgecolor="white",
                markeredgewidth=0.5,
            )
        axes.axvline(0, color=RULE, linewidth=0.8, zorder=0)
        axes.set_xlabel(words)
        axes.set_title("UAR of frames, %")
        axes.grid()
    _draw_following(following, [point for point in points if point["of"] == bare[0]], rules)
    colours = [Line2D([], [], color=f"C{place}", linewidth=3) for place in range(len(bare))]
    named = titles([label(of) for of in bare], 34)
    shapes = [_shape(place) for place in range(len(rules))]
    figure.legend(
        [*colours, *shapes],
        [*named, *(rule or "single frames" for rule in titles(rules, 20))],
        loc="outside upper left",
        ncols=4,
        fontsize=SMALL,
    )
    return figure


def _shape(place: int) -> Line2D:
    look: dict[str, Any] = {
        "marker": MARKERS[place % len(MARKERS)],
        "linestyle": STYLES[place % len(STYLES)],
    }
    return Line2D([], [], color=INK, linewidth=0.8, markersize=4, **look)


def _draw_following(axes: Any, points: Sequence[Row], rules: Sequence[str]) -> None:
    """Draw the share of changes that were followed by a time after them."""
    grid = np.linspace(-0.2, _LATEST_S, 200)
    for point in (point for point in points if point["changes"]):
        hits = np.sort(point["hits_s"])
        share = 100 * np.searchsorted(hits, grid, side="right") / point["changes"]
        style = STYLES[rules.index(point["rule"]) % len(STYLES)]
        axes.step(grid, share, where="post", linestyle=style, color="C0")
    axes.axvline(0, color=MUTED, linewidth=0.8, linestyle="--", zorder=0)
    axes.set_xlabel("seconds after the change")
    axes.set_title("Changes followed, %")
    axes.set(xlim=(-0.2, _LATEST_S), ylim=(0, 101))
    axes.grid()


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw the pipelines with the greatest UAR, each with its rules.

    The CSV has every pipeline of over_time/<dataset>.json.
    """
    if dataset.over_time is None:
        raise ValueError(f"{dataset.name} was not scored over time")
    found = files.read_json(dataset.over_time)
    every = [
        _point(pipe, family.bare["name"])
        for family in families(found)
        for pipe in (family.bare, *family.rules)
    ]
    shown = list(dict.fromkeys(point["of"] for point in every))[:_PIPELINES]
    drawn = draw([point for point in every if point["of"] in shown])
    return drawn, [
        {**point, "hits_s": " ".join(f"{hit:g}" for hit in point["hits_s"])} for point in every
    ]


def _point(pipe: OverTimePipeline, of: str) -> Row:
    scores = pipe["scores"]
    if scores is None:
        raise ValueError(f"{pipe['name']} has no scores over time")
    return {
        "pipeline": pipe["name"],
        "of": of,
        "rule": rule_name(pipe),
        "uar": scores["uar"],
        "flicker": scores["flicker"],
        "lag_s": scores["lag"]["median_s"],
        "hits_s": scores["lag"]["hits_s"],
        "changes": scores["lag"]["changes"],
    }


FIGURE = PaperFigure(
    title="What rules over time buy, and what they cost",
    place=105,
    needs=("temporal",),
    of_dataset=of_dataset,
)
