"""List what accuracy costs in time.

It stands apart from the ensemble's figure, as times differ from run to run.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from faceoff.results.tables.table import (
    Column,
    Row,
    Sources,
    Table,
    in_percent,
    percent_with_interval,
    plain,
    rounded,
)
from faceoff.results.throughput import Job, per_picture


def rows(sources: Sources) -> list[Row]:
    """Return the curve of greedy selection and each member's worth, with ms per picture."""
    paid = per_picture(sources.timings)
    return [row for found in sources.comparisons for row in _of_dataset(found, paid)]


def _of_dataset(comparison: Mapping[str, Any], paid: Mapping[Job, float]) -> list[Row]:
    dataset, ensemble = comparison["dataset"], comparison.get("ensemble")
    if not ensemble:
        return []

    def cost(cells: Sequence[str]) -> float | None:
        """Return the time of these cells together; they share their detector's time."""
        jobs: set[Job] = {(dataset, *cell.split("/")) for cell in cells}
        found = [paid.get(job) for job in sorted(jobs | {job[:2] for job in jobs})]
        known = [seconds for seconds in found if seconds is not None]
        return 1000 * sum(known) if len(known) == len(found) else None

    made: list[Row] = []
    for step in ensemble["curve"]:
        # Each fold has an ensemble of its own: their mean cost.
        costs = [cost(order[: step["size"]]) for order in ensemble["order"]]
        paid_for = [ms for ms in costs if ms is not None]
        low, high = step["interval"]
        made.append(
            {
                "dataset": dataset,
                "part": "curve",
                "size": step["size"],
                "name": step["added"],
                "accuracy": step["accuracy"],
                "accuracy_low": low,
                "accuracy_high": high,
                "ms": sum(paid_for) / len(costs) if len(paid_for) == len(costs) else None,
                "worth": None,
                "worth_per_ms": None,
            }
        )
    for member in ensemble["members"]:
        worth = member["leave_one_out"] if member["shapley"] is None else member["shapley"]
        ms = cost([member["name"]])
        made.append(
            {
                "dataset": dataset,
                "part": "member",
                "size": None,
                "name": member["name"],
                "accuracy": None,
                "accuracy_low": None,
                "accuracy_high": None,
                "ms": ms,
                "worth": worth,
                "worth_per_ms": None if worth is None or not ms else worth / ms,
            }
        )
    return made


TABLE = Table(
    rows=rows,
    columns=[
        *plain("dataset", "part"),
        Column(header="members", text=lambda row: str(row["size"] or "")),
        *plain("name"),
        Column(header="accuracy % [95 % CI]", text=percent_with_interval("accuracy")),
        Column(header="ms per picture", text=rounded("ms", 2)),
        Column(header="worth, points", text=in_percent("worth")),
        Column(header="points per ms", text=in_percent("worth_per_ms")),
    ],
)
