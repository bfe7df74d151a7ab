"""Split a difference of two accuracies into recognition and coverage (protocol §33)."""

import numpy as np

from faceoff.scoring.records import CoverageParts
from faceoff.statistics.arrays import Bools, Ints, Labels
from faceoff.statistics.intervals import Interval, cluster_interval, tango_interval


def coverage_parts(
    correct_a: Bools,
    correct_b: Bools,
    covered_a: Bools,
    covered_b: Bools,
    clusters: Labels | None = None,
) -> CoverageParts:
    """Return what A − B owes to the samples that both cover, and what to the others.

    Δ = (n_both / n) · Δ_common + (right_A − right_B outside the common subset) / n.

    Parameters
    ----------
    correct_a, correct_b
        (n,) end-to-end correctness.
    covered_a, covered_b
        (n,) whether each gives an answer.
    clusters
        (n,) labels; None where samples are independent.

    Returns
    -------
    `recognition` and `coverage` sum to A − B; `common` is the difference on the common subset
    alone. Each with its 95 % interval; NaN where there is none.
    """
    difference = correct_a.astype(np.int64) - correct_b
    both = covered_a & covered_b
    common = _interval(difference[both], None if clusters is None else clusters[both])
    recognition = _interval(np.where(both, difference, 0), clusters)
    coverage = _interval(np.where(both, 0, difference), clusters)
    return {
        "n_common": int(both.sum()),
        "common": common.estimate,
        "common_low": common.low,
        "common_high": common.high,
        "recognition": recognition.estimate,
        "recognition_low": recognition.low,
        "recognition_high": recognition.high,
        "coverage": coverage.estimate,
        "coverage_low": coverage.low,
        "coverage_high": coverage.high,
    }


def _interval(difference: Ints, clusters: Labels | None) -> Interval:
    """Return the mean of differences −1, 0, 1 with its interval."""
    if clusters is None or not len(difference):
        return tango_interval(
            int((difference > 0).sum()), int((difference < 0).sum()), len(difference)
        )
    return cluster_interval(difference, clusters, bounds=(-1.0, 1.0))
