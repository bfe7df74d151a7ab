"""Gaps between the best and the worst served group, ranked: for whom and when does it fail?"""

from faceoff.results.gaps import ranked
from faceoff.results.tables.table import (
    Column,
    Row,
    Sources,
    Table,
    in_percent,
    percent_with_interval,
    plain,
)
from faceoff.results.words import p_in_table
from faceoff.scoring.records import Comparison


def rows(sources: Sources) -> list[Row]:
    """Return a row per group and pipeline: those of the best single pair and the largest fusion.

    The one whose gap is largest at least (lower bound of its interval) comes first.
    """
    of = {id(test): found for found in sources.comparisons for test in found["subgroups"]["tests"]}
    return [
        {
            "dataset": found["dataset"],
            "rank": place,
            "pipeline": test["pipeline"],
            "group": test["group"],
            "source": test["source"],
            "worst": test["worst"],
            "worst_n": test["worst_n"],
            "worst_subjects": test["worst_subjects"],
            "worst_score": test["worst_score"],
            "best": test["best"],
            "best_n": test["best_n"],
            "best_subjects": test["best_subjects"],
            "best_score": test["best_score"],
            "gap": test["gap"],
            "gap_low": test["low"],
            "gap_high": test["high"],
            "p": test["p"],
            "p_adjusted": test["p_adjusted"],
            "verdict": test["verdict"],
            "stated_error": _error(found, test["group"]),
        }
        for place, test in enumerate(
            ranked(test for found in sources.comparisons for test in found["subgroups"]["tests"]), 1
        )
        for found in [of[id(test)]]
    ]


def _error(found: Comparison, group: str) -> str | None:
    """Return the stated error of what predicted a group, None where nobody predicted it."""
    stated = {each["name"]: each["error"] for each in found["subgroups"]["measured"]}
    return stated.get(group)


TABLE = Table(
    rows=rows,
    columns=[
        *plain("dataset", "pipeline", "group", "worst"),
        Column(header="n", text=lambda row: f"{row['worst_n']:,}"),
        Column(header="score, %", text=in_percent("worst_score")),
        *plain("best"),
        Column(header="n", text=lambda row: f"{row['best_n']:,}"),
        Column(header="score, %", text=in_percent("best_score")),
        Column(header="gap, points", text=percent_with_interval("gap")),
        Column(header="Holm p", text=lambda row: p_in_table(row["p_adjusted"])),
        Column(header="verdict", text=lambda row: row["verdict"], wide=True),
        Column(header="source", text=lambda row: row["source"], wide=True),
    ],
)
