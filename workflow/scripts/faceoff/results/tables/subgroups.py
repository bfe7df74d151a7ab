"""Scores by what a dataset says of its samples (sex, age, lighting …), and the largest gap."""

from collections.abc import Sequence

from faceoff.results.dataset_results import name_of
from faceoff.results.tables.table import Column, Row, Sources, Table, about, in_percent, plain
from faceoff.results.words import p_in_table
from faceoff.scoring.records import BEST_SINGLE, Comparison, SubgroupTest


def rows(sources: Sources) -> list[Row]:
    """Return a row per pipeline, group and level. The gap of a group stands in each of its rows."""
    adjusted: dict[tuple[str, str, str], SubgroupTest] = {
        (found["dataset"], _cell(found, row["pipeline"]), row["group"]): row
        for found in sources.comparisons
        for row in found["subgroups"]["tests"]
    }
    return [
        {
            **about(cell),
            "group": group["name"],
            **level,
            "standardised_over": " ".join(group["standardised_over"]),
            **{name: group[name] for name in ("best", "worst", "gap")},
            "gap_low": group["low"],
            "gap_high": group["high"],
            **{name: group[name] for name in ("p", "test", "equal")},
            "p_adjusted": tested["p_adjusted"] if tested else None,
            "verdict": tested["verdict"] if tested else None,
        }
        for cell in sources.scored
        for group in cell["groups"]
        for tested in [adjusted.get((cell["dataset"], name_of(cell), group["name"]))]
        for level in group["levels"]
    ]


def _cell(found: Comparison, pipeline: str) -> str:
    """Return the cell that the best single one is, where every fold chose the same."""
    best = found["best_single"]
    chosen = {choice["cell"] for choice in best["choices"]} if best else set()
    return best["name"] if best and pipeline == BEST_SINGLE and len(chosen) < 2 else pipeline


def _gaps(rows: Sequence[Row]) -> list[Row]:
    """Return one line per pipeline and group."""
    return list({(row["dataset"], row["cell"], row["group"]): row for row in rows}.values())


TABLE = Table(
    rows=rows,
    lines=_gaps,
    columns=[
        *plain("dataset", "detector", "model", "group", "best", "worst"),
        Column(header="gap, points", text=in_percent("gap")),
        Column(header="p", text=lambda row: p_in_table(row["p"])),
        Column(header="test", text=lambda row: row["test"], wide=True),
    ],
)
