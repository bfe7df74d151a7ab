"""Draw how many pairs a vote needs, and what each is worth to it."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from faceoff.figures.canvas import (
    BLUE,
    DOUBLE_MM,
    MUTED,
    RED,
    RULE,
    Drawn,
    canvas,
    is_number,
    label_rows,
    nothing,
    styled,
    titles,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results.dataset_results import DatasetResults, label

_WORTH = 16  # pairs whose worth to a vote is drawn


@styled
def draw(
    curve: Sequence[Mapping[str, Any]], worth: Sequence[Mapping[str, Any]], measure: str
) -> Figure:
    """Draw accuracy against the number of members, and what each member is worth to the vote.

    curve: {size, accuracy, low, high} by rising size; worth: {title, value (share of 1)}, drawn in
    points; measure: shapley or leave_one_out.
    """
    figure = canvas(DOUBLE_MM, max(62, 22 + 4.6 * len(worth)))
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.15])
    if not curve:
        left.set_axis_off()
        return nothing(figure, right, "fewer than two scored pairs")
    sizes = [step["size"] for step in curve]
    if all(is_number(step["low"]) and is_number(step["high"]) for step in curve):
        left.fill_between(
            sizes,
            [100 * step["low"] for step in curve],
            [100 * step["high"] for step in curve],
            color=BLUE,
            alpha=0.15,
            linewidth=0,
        )
    left.plot(
        sizes, [100 * step["accuracy"] for step in curve], color=BLUE, marker="o", markersize=3.5
    )
    left.axhline(100 * curve[0]["accuracy"], color=RULE, linewidth=0.8, zorder=0)
    left.set_title("Accuracy of a soft mean of the best, %")
    left.set_xlabel("members, chosen on the other folds")
    left.xaxis.get_major_locator().set_params(integer=True)
    left.grid(axis="y")
    values = [100 * member["value"] for member in worth]
    right.barh(
        range(len(worth)),
        values,
        height=0.66,
        color=[BLUE if value >= 0 else RED for value in values],
    )
    right.axvline(0, color=MUTED, linewidth=0.8)
    right.set_title(
        "Shapley value in a vote of all, points"
        if measure == "shapley"
        else "Lost when left out of a vote of all, points"
    )
    label_rows(right, titles([member["title"] for member in worth], 44))
    return figure


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw the curve of greedy selection, and the pairs that are worth most to a vote of all."""
    nothing_grown: Mapping[str, Any] = {"curve": [], "members": []}
    found: Mapping[str, Any] = dataset.compared.get("ensemble") or nothing_grown
    curve = [
        {**step, "low": step["interval"][0], "high": step["interval"][1]} for step in found["curve"]
    ]
    key = (
        "shapley"
        if any(member["shapley"] is not None for member in found["members"])
        else "leave_one_out"
    )
    worth = sorted(
        (member for member in found["members"] if member[key] is not None),
        key=lambda member: (-member[key], member["name"]),
    )
    rows = [
        {
            "part": "curve",
            "name": step["added"],
            **{name: step[name] for name in ("size", "accuracy", "low", "high")},
        }
        for step in curve
    ]
    rows += [
        {
            "part": "member",
            "name": member["name"],
            "leave_one_out": member["leave_one_out"],
            "shapley": member["shapley"],
        }
        for member in worth
    ]
    shown = [{"title": label(member["name"]), "value": member[key]} for member in worth[:_WORTH]]
    return draw(curve, shown, key), rows


FIGURE = PaperFigure(
    title="How many pairs a vote needs, and what each is worth",
    place=40,
    needs=("several_pairs",),
    of_dataset=of_dataset,
)
