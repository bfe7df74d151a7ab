"""Score accuracy in the groups that a dataset names, and how far best and worst are apart."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from faceoff.plugins.protocols import OUTLIER, VOTES
from faceoff.scoring.records import Group, Level
from faceoff.scoring.task import share_interval
from faceoff.statistics.arrays import Bools, Floats, Ints, Labels

LEAST, MOST_LEVELS = (
    10,
    12,
)  # samples in a level, levels of a group: below and beyond, a gap says little
SHUFFLES = 2_000
# What else lies in `groups`: sets of labels, measured action units, votes.
_NO_GROUP = ("label_set", "units", OUTLIER)
_ACTION_UNIT = re.compile(r"au_?\d", re.IGNORECASE)


def by_group(
    groups: Sequence[Mapping[str, str]],
    correct: Bools,
    clusters: Labels | None,
    *,
    seed: int,
) -> list[Group]:
    """Return accuracy by every group that divides the samples into 2 to 12 levels of at least 10.

    Smaller levels are left out. A group of which every level is one subject names the people and is
    left out too. Whole subjects are shuffled where all of a subject's samples share a level, else
    samples within each subject; without subjects all samples. The gap is the largest of all
    differences: an interval around it would be too narrow, so it has a p alone.

    Parameters
    ----------
    groups
        Of each of the n samples, name -> level.
    correct
        (n,).
    clusters
        (n,) subjects; None where samples are independent.
    seed
        Of the shuffles.

    Returns
    -------
    Groups by name. gap: difference of accuracy of the best and the worst level, 0–1; p: the share
    of random divisions into levels of these sizes with a gap at least as large, (1 + b) / (1 + B).
    """
    said = {name for group in groups for name in group}
    names = sorted(
        name
        for name in said
        if name not in _NO_GROUP
        and not _ACTION_UNIT.match(name)
        and not name.lower().startswith(VOTES)
    )
    random = np.random.default_rng([seed, len(correct), 7])
    found: list[Group] = []
    for name in names:
        level_of = np.array([group.get(name, "") for group in groups], dtype=object)
        levels = sorted(
            level for level in set(level_of) if level and (level_of == level).sum() >= LEAST
        )
        distinct = len({level for level in level_of if level})
        if not len(levels) >= 2 or distinct > MOST_LEVELS:
            continue
        inside = np.isin(level_of, levels)
        code = np.searchsorted(levels, level_of[inside].astype(str))
        right, subjects = (
            np.asarray(correct, bool)[inside],
            None if clusters is None else np.unique(clusters[inside], return_inverse=True)[1],
        )
        if subjects is not None and _one_subject_each(code, subjects):
            continue
        rows = [
            _level(
                level, right[code == index], None if subjects is None else subjects[code == index]
            )
            for index, level in enumerate(levels)
        ]
        best, worst = (
            max(rows, key=lambda row: row["accuracy"]),
            min(rows, key=lambda row: row["accuracy"]),
        )
        p = shuffled_gap(code, right, subjects, len(levels), random)
        found.append(
            {
                "name": name,
                "levels": rows,
                "best": best["level"],
                "worst": worst["level"],
                "gap": best["accuracy"] - worst["accuracy"],
                "p": p,
            }
        )
    return found


def _one_subject_each(code: Ints, subjects: Floats) -> bool:
    """Return whether every level is one subject's own.

    Such a group names the people, and shuffling them leaves every gap as it is.
    """
    pairs = np.unique(np.column_stack([code, subjects]), axis=0)
    return len(pairs) == len(np.unique(code)) == len(np.unique(subjects))


def _level(level: str, correct: Bools, subjects: Floats | None) -> Level:
    """Return the accuracy of one level."""
    interval = share_interval(correct, subjects)
    return {
        "level": level,
        "n": len(correct),
        "n_correct": int(correct.sum()),
        "accuracy": float(correct.mean()),
        "low": interval.low,
        "high": interval.high,
    }


def shuffled_gap(
    code: Ints,
    correct: Bools,
    subjects: Floats | None,
    levels: int,
    random: np.random.Generator,
    shuffles: int = SHUFFLES,
) -> float:
    """Return p of the gap under shuffles of the levels: (1 + b) / (1 + shuffles).

    b is the number of shuffles with a gap at least as large. Only how many samples of each level
    are right matters, so that shuffling within a subject (or all samples) is a draw without
    replacement.

    Parameters
    ----------
    code
        (n,) level of each sample, from 0.
    correct
        (n,).
    subjects
        (n,) from 0, or None.
    levels
        Their number.
    random
        Where shuffles are drawn from.
    shuffles
        How many.
    """
    sizes = np.bincount(code, minlength=levels)
    units = np.zeros(len(code), int) if subjects is None else subjects
    of_unit = code[np.unique(units, return_index=True)[1]]
    if subjects is not None and (of_unit[units] == code).all():
        n, right = np.bincount(units), np.bincount(units, correct)
        mixed = [random.permutation(of_unit) for _ in range(shuffles)]
        shares = np.stack(
            [np.bincount(order, right, levels) / np.bincount(order, n, levels) for order in mixed]
        )
    else:
        drawn = np.zeros((shuffles, levels))
        for unit in range(units.max() + 1):
            here = units == unit
            drawn += random.multivariate_hypergeometric(
                np.bincount(code[here], minlength=levels),
                int(correct[here].sum()),
                shuffles,
                method="marginals",
            )
        shares = drawn / sizes
    observed = np.ptp(np.bincount(code, correct, levels) / sizes)
    return float((1 + (np.ptp(shares, axis=1) >= observed - 1e-12).sum()) / (1 + shuffles))
