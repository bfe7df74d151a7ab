"""Mean ranks over datasets, and which of them are too close to tell apart (Demšar 2006)."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from faceoff.figures.canvas import (
    BLUE,
    DOUBLE_MM,
    INK,
    MUTED,
    SMALL,
    Drawn,
    nothing,
    single,
    styled,
    titles,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results.across_datasets import rank_across
from faceoff.results.dataset_results import DatasetResults, label

_SHOWN = 20  # as many names as can be read; the CSV has all


@styled
def draw(names: Sequence[str], ranks: Sequence[float], difference: float, datasets: int) -> Figure:
    """Draw a line per mean rank (1 is best, best first).

    A bar joins the ranks that lie within the critical `difference` of each other.
    """
    count, best, worst = len(names), min(ranks), max(ranks)
    bars = _bars(ranks, difference)
    figure, axes = single(DOUBLE_MM, 26 + 3.2 * len(bars) + 2.6 * count)
    half = (count + 1) // 2
    pad = 0.06 * max(worst - best, difference)
    for index, (title, rank) in enumerate(zip(titles(names, 40), ranks, strict=True)):
        left = index < half
        level = -(len(bars) * 0.6 + 1.2 + (index if left else count - 1 - index))
        end = best - pad if left else worst + pad
        axes.plot([rank, rank, end], [0, level, level], color=MUTED, linewidth=0.7)
        axes.text(
            end,
            level,
            f"{title}  {rank:.2f} " if left else f" {rank:.2f}  {title}",
            ha="right" if left else "left",
            va="center",
            fontsize=SMALL,
            color=INK,
        )
    for number, (low, high) in enumerate(bars):
        axes.plot(
            [low - pad / 5, high + pad / 5],
            [-(0.6 + 0.6 * number)] * 2,
            color=BLUE,
            linewidth=2.6,
            solid_capstyle="butt",
        )
    axes.plot(
        [best, best + difference], [1.1, 1.1], color=INK, linewidth=1.2, marker="|", markersize=5
    )
    axes.text(
        best + difference / 2,
        1.5,
        f"critical difference {difference:.2f} ({datasets} datasets)",
        ha="center",
        va="bottom",
        fontsize=SMALL,
    )
    axes.set(
        xlim=(
            best - 0.6 * max(worst - best, difference),
            worst + 0.6 * max(worst - best, difference),
        ),
        ylim=(-(len(bars) * 0.6 + half + 1.4), 3.0),
    )
    axes.plot([best, worst], [0, 0], color=INK, linewidth=0.8)
    axes.set_axis_off()
    return figure


def _bars(ranks: Sequence[float], difference: float) -> list[tuple[float, float]]:
    """Return the longest runs of sorted ranks that span at most `difference`.

    Each has two ranks or more, and none lies inside another.
    """
    ordered = sorted(ranks)
    bars: list[tuple[float, float]] = []
    for start, low in enumerate(ordered):
        high = max(rank for rank in ordered[start:] if rank - low <= difference)
        if high > low and (not bars or high > bars[-1][1]):
            bars.append((low, high))
    return bars


def of_run(found: Sequence[DatasetResults]) -> Drawn:
    """Draw the mean ranks of the leading pipelines, or say why there are none."""
    standing = rank_across([score for dataset in found for score in dataset.scores])
    if standing is None:
        return nothing(
            *single(DOUBLE_MM, 40), "no two pipelines that two independent datasets have in common"
        ), []
    ranks = standing.ranks
    order = sorted(
        range(len(standing.names)),
        key=lambda index: (ranks.mean_rank[index], standing.names[index]),
    )
    rows = [
        {
            "cell": standing.names[index],
            "mean_rank": float(ranks.mean_rank[index]),
            "datasets": ranks.datasets,
            "critical_difference": None if ranks.reason else ranks.critical_difference,
            "reason": ranks.reason,
        }
        for index in order
    ]
    if ranks.reason:
        return nothing(*single(DOUBLE_MM, 40), ranks.reason), rows
    shown = order[:_SHOWN]
    names = [label(standing.names[index]) for index in shown]
    return draw(
        names,
        [float(ranks.mean_rank[index]) for index in shown],
        ranks.critical_difference,
        ranks.datasets,
    ), rows


FIGURE = PaperFigure(
    title="Mean ranks over datasets",
    place=20,
    needs=("enough_datasets",),
    of_run=of_run,
)
