"""Mean rank of every cell and fusion over the test datasets."""

import math

from faceoff.results.across_datasets import rank_across
from faceoff.results.tables.table import Column, Row, Sources, Table, plain, rounded
from faceoff.results.words import p_in_table


def rows(sources: Sources) -> list[Row]:
    """Return a row per cell and fusion that all test datasets have scored.

    `tied_with_best`: within the critical difference.
    """
    tested = {found["dataset"] for found in sources.comparisons}
    standing = rank_across([cell for cell in sources.cells if cell["dataset"] in tested])
    if standing is None:
        return []
    ranks = standing.ranks
    best = ranks.mean_rank.min()
    left_out = [f"{dataset}: {why}" for dataset, why in sorted(standing.left_out.items())]
    return [
        {
            "cell": name,
            "mean_rank": rank,
            "datasets": ranks.datasets,
            "critical_difference": _finite(ranks.critical_difference),
            "tied_with_best": None if ranks.reason else rank - best <= ranks.critical_difference,
            "chi2": _finite(ranks.chi2),
            "p": _finite(ranks.p),
            "f": _finite(ranks.f),
            "p_f": _finite(ranks.p_f),
            "on": "; ".join(standing.datasets),
            "left_out": "; ".join(left_out),
            "flagged": "; ".join(standing.flagged),
            "reason": ranks.reason,
        }
        for name, rank in sorted(
            zip(standing.names, ranks.mean_rank.tolist(), strict=True),
            key=lambda pair: (pair[1], pair[0]),
        )
    ]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


TABLE = Table(
    rows=rows,
    columns=[
        *plain("cell"),
        Column(
            header="mean rank",
            text=rounded("mean_rank", 2),
            marks_ties=True,
            best="mean_rank",
            lowest=True,
        ),
        *plain("datasets"),
        Column(header="critical difference", text=rounded("critical_difference", 2)),
        Column(header="Iman–Davenport p", text=lambda row: p_in_table(row["p_f"])),
        Column(
            header="notes",
            text=lambda row: "; ".join(filter(None, [row["reason"], row["left_out"]])),
        ),
    ],
)
