"""Test whether variants of a corruption, such as interpolations, differ (protocol §52)."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from faceoff.scoring.robustness_records import Level, Mode, ToldApart
from faceoff.scoring.task import Task
from faceoff.statistics.arrays import Bools
from faceoff.statistics.omnibus import cochran_q
from faceoff.statistics.paired_tests import holm

_LEVEL = 0.05

# (n,) whether each sample is right, and whether its picture could be made worse
Right = tuple[Bools, Bools]


def told_apart(
    task: Task,
    levels: Sequence[Level],
    variants: Mapping[str, Mapping[tuple[str, Mode], Sequence[Right]]],
    seed: int,
) -> list[ToldApart]:
    """Return a test of all variants at once for every cell, mode and severity, by Holm over all.

    Parameters
    ----------
    task
        The n scored samples.
    levels
        The severities.
    variants
        Variant -> cell and mode -> what is right at each severity.
    seed
        Of permutations.
    """
    if len(variants) < 2:
        return []
    found = [*_tests(task, levels, variants, seed)]
    for row, adjusted in zip(found, holm([row["p"] for row in found]), strict=True):
        row["p_adjusted"] = None if np.isnan(adjusted) else float(adjusted)
        row["shown"] = bool(adjusted < _LEVEL)
    return found


def _tests(
    task: Task,
    levels: Sequence[Level],
    variants: Mapping[str, Mapping[tuple[str, Mode], Sequence[Right]]],
    seed: int,
) -> Iterator[ToldApart]:
    names = list(variants)
    both = set.intersection(*(set(cells) for cells in variants.values()))
    for cell, mode in sorted(both):
        for place, level in enumerate(levels):
            read = [variants[name][cell, mode][place] for name in names]
            kept = np.logical_and.reduce([applied for _, applied in read])
            if not kept.any():
                continue
            correct = np.stack([right[kept] for right, _ in read])
            clusters = None if task.clusters is None else task.clusters[kept]
            test = cochran_q(correct, clusters, seed=seed)
            shares = correct.mean(axis=1)
            best, worst = int(shares.argmax()), int(shares.argmin())
            yield {
                "cell": cell,
                "mode": mode,
                "severity": level["severity"],
                "value": level["value"],
                "n": int(kept.sum()),
                "best": names[best],
                "worst": names[worst],
                "spread": float(shares[best] - shares[worst]),
                "p": None if np.isnan(test.p) else test.p,
                "p_adjusted": None,
                "test": test.test,
                "shown": False,
            }
