"""Draw how far the best and the worst served level of each group are apart, ranked."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from faceoff.figures.canvas import (
    BLUE,
    DOUBLE_MM,
    MUTED,
    ORANGE,
    RULE,
    SMALL,
    Drawn,
    canvas,
    draw_interval,
    is_number,
    label_rows,
    nothing,
    single,
    styled,
    titles,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results.dataset_results import DatasetResults, label
from faceoff.results.gaps import ranked
from faceoff.scoring.records import SubgroupTest

_GROUPS = 16  # that are drawn, those whose gap is largest at least
_LOOKS = ((BLUE, "o"), (ORANGE, "s"))  # of the best single pair, and of the fusion


@styled
def draw(
    groups: Sequence[Mapping[str, Any]], pipelines: Sequence[str], left_out: int = 0
) -> Figure:
    """Draw each group's gap with its interval (left), and the scores of its two levels (right).

    groups: {group, tests: of each of the pipelines {worst, worst_n, worst_score, best, best_n,
    best_score, gap, low, high}, None where it was not tested}, scores and gaps 0–1; left_out:
    groups that are not drawn.
    """
    if not groups:
        return nothing(*single(DOUBLE_MM, 30), "no group has two levels with enough samples")
    figure = canvas(DOUBLE_MM, 24 + 10 * len(groups))
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.35], sharey=True)
    for place, group in enumerate(groups):
        for index, test in enumerate(group["tests"]):
            if test is None:
                continue
            colour, marker = _LOOKS[index]
            y = place + (index - (len(pipelines) - 1) / 2) * 0.28
            draw_interval(left, y, test["gap"], test["low"], test["high"], marker, colour)
            _levels(right, y, test, colour, marker)
        _names(right, place, next(test for test in group["tests"] if test))
    label_rows(left, titles([group["group"] for group in groups], 30))
    left.axvline(0, color=RULE, zorder=0)
    more = f"; {left_out} more in the table" if left_out else ""
    left.set_xlabel(f"gap, points{more}")
    right.set_xlabel("standardised score, %: worst level (open), best level (filled)")
    right.spines["left"].set_visible(False)
    right.tick_params(axis="y", left=False, labelleft=False)
    right.grid(axis="x")
    right.margins(x=0.12)
    handles = [
        Line2D([], [], color=colour, marker=marker, markersize=4.2, label=title)
        for title, (colour, marker) in zip(titles(pipelines, 60), _LOOKS, strict=False)
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
    return figure


def _levels(axes: Any, y: float, test: Mapping[str, Any], colour: str, marker: str) -> None:
    """Draw the scores of the worst and the best level, joined."""
    scores = [100 * test[f"{level}_score"] for level in ("worst", "best")]
    axes.plot(scores, [y, y], color=colour, linewidth=1.0, zorder=1)
    for score, inside in zip(scores, ("white", colour), strict=True):
        axes.plot(
            score,
            y,
            marker=marker,
            markersize=4.2,
            markerfacecolor=inside,
            markeredgecolor=colour,
            markeredgewidth=0.9,
        )


def _names(axes: Any, place: int, test: Mapping[str, Any]) -> None:
    """Write which levels the first pipeline's scores are of, below them."""
    worst, best = titles([test["worst"], test["best"]], 26)
    middle = 50 * (test["worst_score"] + test["best_score"])
    axes.annotate(
        f"{worst} (n = {test['worst_n']:,}) < {best} (n = {test['best_n']:,})",
        (middle, place + 0.39),
        ha="center",
        va="center",
        fontsize=SMALL,
        color=MUTED,
        annotation_clip=False,
    )


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw the gaps of the best single pair and of the largest fusion."""
    tests = [
        test
        for test in ranked(dataset.compared["subgroups"]["tests"])
        if is_number(test["gap"]) and is_number(test["best_score"])
    ]
    pipelines = list(dict.fromkeys(t["pipeline"] for t in dataset.compared["subgroups"]["tests"]))
    found: dict[str, dict[str, SubgroupTest]] = {}
    for test in tests:
        found.setdefault(test["group"], {})[test["pipeline"]] = test
    groups = [
        {"group": group, "tests": [own.get(name) for name in pipelines]}
        for group, own in found.items()
    ]
    shown = groups[:_GROUPS]
    figure = draw(shown, [label(name) for name in pipelines], len(groups) - len(shown))
    return figure, [dict(test) for test in tests]


FIGURE = PaperFigure(
    title="For whom and when it fails: gaps between groups",
    place=95,
    of_dataset=of_dataset,
)
