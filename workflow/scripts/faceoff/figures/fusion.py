"""Fusions against the best single pair: levels and differences."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from faceoff.figures.canvas import (
    BLUE,
    DOUBLE_MM,
    GREEN,
    INK,
    MUTED,
    RED,
    RULE,
    Drawn,
    canvas,
    draw_interval,
    is_number,
    label_rows,
    styled,
    titles,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results.dataset_results import DatasetResults
from faceoff.results.words import of_level, p_relation

_KINDS = {
    "best_single": ("o", INK),
    "hindsight": ("o", MUTED),
    "fusion": ("D", BLUE),
    "oracle": ("s", GREEN),
}


@styled
def draw(levels: Sequence[Mapping[str, Any]], differences: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw accuracies above, and differences from the best single below, with intervals.

    levels: {title, kind (best_single, hindsight, fusion, oracle), value, low, high}; differences:
    {title, difference, low, high, p_adjusted (Holm), verdict}.
    """
    shown = max(1, len(levels)), max(1, len(differences))
    figure = canvas(DOUBLE_MM, 30 + 5.2 * sum(shown))
    grid = figure.add_gridspec(2, 1, height_ratios=[shown[0] + 0.6, shown[1] + 0.6])
    top, bottom = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    _forest_levels(top, levels)
    _forest_differences(bottom, differences)
    return figure


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw the best single, the fusions and the oracle.

    Below stands how far each fusion is from the best single.
    """
    names = titles([_name(level) for level in dataset.levels], 60)
    levels = [{**level, "title": title} for level, title in zip(dataset.levels, names, strict=True)]
    names = titles([row["a"].removeprefix("fusion/") for row in dataset.fusion_tests], 60)
    tests = [
        {**row, "title": title} for row, title in zip(dataset.fusion_tests, names, strict=True)
    ]
    rows = [
        {
            "part": "level",
            "name": f"chosen per fold, most often {level['name']}"
            if level["mixed"]
            else level["name"] or level["title"],
            **{key: level[key] for key in ("kind", "value", "low", "high")},
        }
        for level in dataset.levels
    ]
    rows += [
        {
            "part": "difference",
            "name": test["a"],
            "kind": f"minus {test['b']}",
            "value": test["difference"],
            "low": test["low"],
            "high": test["high"],
            "p": test["p"],
            "p_adjusted": test["p_adjusted"],
            "verdict": test["verdict"],
        }
        for test in dataset.fusion_tests
    ]
    return draw(levels, tests), rows


def _name(level: Mapping[str, Any]) -> str:
    match level["kind"]:
        case "fusion":
            return f"{level['title']} (fusion)"
        case "oracle":
            return level["title"]
        case _:
            return f"{level['title']}: {of_level(level)}"


def _forest_levels(axes: Any, levels: Sequence[Mapping[str, Any]]) -> None:
    axes.set_title("Accuracy, % (95 % interval)")
    for place, level in enumerate(levels):
        marker, colour = _KINDS[level["kind"]]
        draw_interval(axes, place, level["value"], level["low"], level["high"], marker, colour)
        words = f"{100 * level['value']:.1f}" if is_number(level["value"]) else "–"
        if is_number(level["low"]) and is_number(level["high"]):
            words += f"  [{100 * level['low']:.1f}, {100 * level['high']:.1f}]"
        axes.text(1.01, place, words, va="center", ha="left", transform=axes.get_yaxis_transform())
    if levels and levels[0]["kind"] == "best_single" and is_number(levels[0]["value"]):
        axes.axvline(100 * levels[0]["value"], color=RULE, linewidth=0.6, zorder=0)
    label_rows(axes, [level["title"] for level in levels])


def _forest_differences(axes: Any, differences: Sequence[Mapping[str, Any]]) -> None:
    axes.set_title("Fusion − best single, percentage points (95 % interval)")
    if not differences:
        axes.text(
            0.0,
            0.0,
            "no fusion was compared",
            va="center",
            color=MUTED,
            transform=axes.get_yaxis_transform(),
        )
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
    else:
        axes.axvline(0, color=MUTED, linewidth=0.8, zorder=0)
    for place, row in enumerate(differences):
        colour = {"better": BLUE, "worse": RED}.get(row["verdict"], MUTED)
        draw_interval(axes, place, row["difference"], row["low"], row["high"], "D", colour)
        p = f"Holm p {p_relation(row['p_adjusted'])}" if is_number(row["p_adjusted"]) else "no test"
        difference = (
            f"{100 * row['difference']:+.1f}".replace("-", "−")
            if is_number(row["difference"])
            else "–"
        )
        axes.text(
            1.01,
            place,
            f"{difference}   {p}   {row['verdict']}",
            va="center",
            ha="left",
            transform=axes.get_yaxis_transform(),
        )
    label_rows(axes, [row["title"] for row in differences])


FIGURE = PaperFigure(
    title="Fusion against the best single pair",
    place=30,
    needs=("fusions",),
    of_dataset=of_dataset,
)
