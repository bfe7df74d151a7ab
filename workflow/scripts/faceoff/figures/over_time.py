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
    Drawn,
    Row,
    canvas,
    is_number,
    label_rows,
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


@styled
def draw(points: Sequence[Row]) -> Figure:
    """Draw UAR against flicker, UAR against lag, and how soon changes are followed.

    points: {pipeline, of, rule ('' for the bare one), uar, flicker, lag_s, hits_s, changes}; the
    pipelines of one `of` have one colour, the rules their markers. The first `of` is followed.
    """
    rules = list(dict.fromkeys(point["rule"] for point in points))
    figure = canvas(DOUBLE_MM, 76 + 4 * -(-len(rules) // 2))
    if not points:
        return nothing(figure, figure.add_subplot(), "no frame has a label of its own")
    switching, lateness, following = figure.subplots(1, 3, width_ratios=[1, 1, 1.1])
    bare = list(dict.fromkeys(point["of"] for point in points))
    for axes, key, words in (
        (switching, "flicker", "switches per minute above the truth's"),
        (lateness, "lag_s", "median lag, s"),
    ):
        for point in (point for point in points if is_number(point[key])):
            look = _look(rules.index(point["rule"]), f"C{bare.index(point['of'])}")
            axes.plot(point[key], 100 * point["uar"], **look)
        axes.axvline(0, color=RULE, linewidth=0.8, zorder=0)
        axes.set_xlabel(words)
        axes.set_title("UAR of frames, %")
        axes.grid()
    _draw_following(following, [point for point in points if point["of"] == bare[0]], rules)
    colours = [Line2D([], [], color=f"C{place}", linewidth=3) for place in range(len(bare))]
    shapes = [Line2D([], [], linestyle="none", **_look(place, INK)) for place in range(len(rules))]
    named = titles([label(of) for of in bare], 34)
    words_of = [rule or "single frames" for rule in titles(rules, 20)]
    figure.legend(
        [*colours, *shapes], [*named, *words_of], loc="outside upper left", ncols=4, fontsize=SMALL
    )
    return figure


def _look(place: int, colour: str) -> dict[str, Any]:
    """Return the marker of a rule: hollow where there are more rules than markers."""
    hollow = place // len(MARKERS) % 2 == 1
    return {
        "marker": MARKERS[place % len(MARKERS)],
        "color": colour,
        "markersize": 4.8,
        "markerfacecolor": "white" if hollow else colour,
        "markeredgecolor": colour if hollow else "white",
        "markeredgewidth": 0.9 if hollow else 0.5,
    }


def _draw_following(axes: Any, points: Sequence[Row], rules: Sequence[str]) -> None:
    """Draw the middle half of the lags of each rule, their median, and the share followed."""
    for row, point in enumerate(points):
        share = len(point["hits_s"]) / point["changes"] if point["changes"] else float("nan")
        if point["hits_s"]:
            low, middle, high = np.quantile(point["hits_s"], (0.25, 0.5, 0.75))
            axes.plot([low, high], [row, row], color="C0", linewidth=1.4, solid_capstyle="round")
            axes.plot(middle, row, **_look(rules.index(point["rule"]), "C0"))
        words = f"{100 * share:.0f} %" if is_number(share) else "–"
        axes.text(
            1.02, row, words, va="center", fontsize=SMALL, transform=axes.get_yaxis_transform()
        )
    label_rows(axes, [rule or "single frames" for rule in titles(rules, 16)])
    axes.tick_params(axis="y", labelsize=SMALL)
    axes.axvline(0, color=MUTED, linewidth=0.8, linestyle="--", zorder=0)
    axes.set_xlabel("lag, s: middle half and median")
    axes.set_title("Changes followed")


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw the pipelines with the greatest UAR that rules read, each with its rules.

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
    read = dict.fromkeys(point["of"] for point in every if point["rule"])
    shown = list(read)[:_PIPELINES]
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
