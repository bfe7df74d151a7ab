"""Show how pipelines rank over several independent data sets."""

from collections.abc import Sequence

import numpy as np

from faceoff.report.part import NAME, REASON, View
from faceoff.results import words
from faceoff.results.across_datasets import rank_across
from faceoff.results.dataset_results import DatasetResults, shorten

ANCHOR, TITLE = "standing", "Over all data sets"


def view(found: Sequence[DatasetResults]) -> View | None:
    """Return mean ranks, the smallest first.

    None with fewer than two independent data sets.
    """
    standing = rank_across([score for dataset in found for score in dataset.scores])
    if standing is None:
        return None
    ranks = standing.ranks
    order = np.argsort(ranks.mean_rank, kind="stable")
    return {
        "datasets": [shorten(name, NAME) for name in standing.datasets],
        "rows": [
            {
                "title": words.label_short(standing.names[place]),
                "rank": float(ranks.mean_rank[place]),
            }
            for place in order
        ],
        "p": float(ranks.p_f),
        "difference": float(ranks.critical_difference),
        "reason": shorten(ranks.reason, REASON),
        "flagged": [words.label_short(name) for name in standing.flagged],
        "left_out": [
            (shorten(name, NAME), shorten(why, REASON))
            for name, why in sorted(standing.left_out.items())
        ],
    }
