"""Score the groups that a dataset names, and how far best and worst are apart (protocol §42).

A level's score is class-standardised: Σ_c w_c · recall of class c in the level, with the weights w
of all samples together. So levels with other shares of classes are compared on the same classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy.special import stdtrit

from faceoff.plugins.group_files import MOST_LEVELS, is_group
from faceoff.scoring.records import Group, Level, Limits
from faceoff.scoring.task import share_interval
from faceoff.statistics.arrays import Bools, Floats, Ints, Labels
from faceoff.statistics.bins import level_order
from faceoff.statistics.intervals import LEVEL
from faceoff.statistics.level_tests import compare_levels

LEAST_SUBJECTS = 6  # of a level; where there are no subjects, LEAST_SAMPLES
LEAST_SAMPLES = 30
LEAST_OF_CLASS = 10  # samples of a class in every level, for the class to count


@dataclass(frozen=True)
class Attribute:
    """An attribute that divides samples into levels.

    inside: (n,) the samples of its levels; code: (m,) level of each of those; unit: (m,) whose it
    is, a subject or the sample itself; classes: (k,) weights of the classes, sum 1, 0 for a class
    that is too rare; None where all are.
    """

    name: str
    levels: tuple[str, ...]
    inside: Bools
    code: Ints
    unit: Ints
    by_subject: bool
    classes: Floats | None


def attributes(
    groups: Sequence[Mapping[str, str]], truth: Ints, clusters: Labels | None
) -> list[Attribute]:
    """Return the attributes with 2 to 12 levels that have enough subjects, by name.

    A level needs six subjects (30 samples where there are none); smaller ones are left out.

    Parameters
    ----------
    groups
        Of each of the n samples, name -> level.
    truth
        (n,) class index.
    clusters
        (n,) subjects; None where samples are independent.
    """
    units = np.arange(len(truth)) if clusters is None else np.asarray(clusters)
    least = LEAST_SAMPLES if clusters is None else LEAST_SUBJECTS
    found = []
    for name in sorted({name for group in groups for name in group}):
        if not is_group(name):
            continue
        level_of = np.array([group.get(name, "") for group in groups], dtype=object)
        distinct = sorted({level for level in level_of if level}, key=level_order)
        levels = [level for level in distinct if len(np.unique(units[level_of == level])) >= least]
        if len(levels) < 2 or len(distinct) > MOST_LEVELS:
            continue
        inside = np.isin(level_of, levels)
        place = {level: index for index, level in enumerate(levels)}
        code = np.array([place[level] for level in level_of[inside]])
        found.append(
            Attribute(
                name,
                tuple(levels),
                inside,
                code,
                np.unique(units[inside], return_inverse=True)[1],
                clusters is not None,
                _class_weights(truth[inside], code, len(levels)),
            )
        )
    return found


def _class_weights(truth: Ints, code: Ints, levels: int) -> Floats | None:
    """Return (k,) each class's share of the samples of classes that are common in every level."""
    counts = np.zeros((levels, int(truth.max()) + 1))
    np.add.at(counts, (code, truth), 1)
    common = (counts >= LEAST_OF_CLASS).all(axis=0)
    total = np.where(common, counts.sum(axis=0), 0.0)
    return total / total.sum() if total.any() else None


def contributions(attribute: Attribute, values: Floats, truth: Ints) -> Floats:
    """Return (units, levels) what each unit contributes to each level's score.

    They are pseudo-values: a column's mean is the level's score, and its spread is that of the
    score by the linearised ratio of recalls. NaN where a unit has no sample that counts.

    Parameters
    ----------
    values
        (n,) numbers that are averaged: whether a sample is right, or a difference of two such.
    truth
        (n,) class index.
    """
    own, label = values[attribute.inside].astype(float), truth[attribute.inside]
    code, levels = attribute.code, len(attribute.levels)
    if attribute.classes is None:
        weights, label = np.ones(1), np.zeros_like(label)
    else:
        weights = np.append(
            attribute.classes, np.zeros(max(0, label.max() + 1 - len(attribute.classes)))
        )
    shape = (levels, len(weights))
    n, total = np.zeros(shape), np.zeros(shape)
    np.add.at(n, (code, label), 1)
    np.add.at(total, (code, label), own)
    recall = total / np.maximum(n, 1)
    score = recall @ weights
    residual = weights[label] / np.maximum(n, 1)[code, label] * (own - recall[code, label])
    counted = weights[label] > 0
    table = np.zeros((attribute.unit.max() + 1, levels))
    np.add.at(table, (attribute.unit[counted], code[counted]), residual[counted])
    there = np.zeros(table.shape, bool)
    there[attribute.unit[counted], code[counted]] = True
    found: Floats = np.where(there, score + there.sum(axis=0) * table, np.nan)
    return found


def by_group(
    groups: Sequence[Mapping[str, str]],
    correct: Bools,
    truth: Ints,
    clusters: Labels | None,
    *,
    space: Sequence[str],
    seed: int,
) -> list[Group]:
    """Return the scores of every level of every attribute, and its largest gap.

    Parameters
    ----------
    groups
        Of each of the n samples, name -> level.
    correct
        (n,).
    truth
        (n,) class index into `space`.
    clusters
        (n,) subjects; None where samples are independent.
    space
        The classes of the task.
    seed
        Of the permutations.

    Returns
    -------
    Groups by name. gap: between the levels of best and worst standardised score, 0–1.
    """
    correct, truth = np.asarray(correct, bool), np.asarray(truth)
    return [
        _group(attribute, correct, truth, space, seed)
        for attribute in attributes(groups, truth, clusters)
    ]


def _group(
    attribute: Attribute, correct: Bools, truth: Ints, space: Sequence[str], seed: int
) -> Group:
    table = contributions(attribute, correct.astype(float), truth)
    tested = compare_levels(table, seed)
    weights = attribute.classes
    return {
        "name": attribute.name,
        "standardised_over": []
        if weights is None
        else [space[place] for place in np.flatnonzero(weights)],
        "levels": [
            _level(attribute, index, correct[attribute.inside], table[:, index])
            for index in range(len(attribute.levels))
        ],
        "best": attribute.levels[tested.best],
        "worst": attribute.levels[tested.worst],
        "gap": tested.gap,
        "low": tested.low,
        "high": tested.high,
        "p": tested.p,
        "test": tested.test.replace("units", "subjects" if attribute.by_subject else "samples"),
        "equal": tested.equal,
    }


def _level(attribute: Attribute, index: int, correct: Bools, values: Floats) -> Level:
    """Return the scores of one level. values: (units,) its column of `contributions`."""
    here = attribute.code == index
    right, units = correct[here], attribute.unit[here]
    interval = share_interval(right, units if attribute.by_subject else None)
    low, high = cast(Limits, _standardised_interval(values[~np.isnan(values)]))
    return {
        "level": attribute.levels[index],
        "n": len(right),
        "subjects": len(np.unique(units)) if attribute.by_subject else None,
        "n_correct": int(right.sum()),
        "accuracy": float(right.mean()),
        "low": interval.low,
        "high": interval.high,
        "standardised": float(np.nanmean(values)),
        "standardised_low": low,
        "standardised_high": high,
    }


def _standardised_interval(values: Floats) -> list[float]:
    """Return mean ± t · standard error of the units' contributions, inside 0–1."""
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    half = float(stdtrit(len(values) - 1, (1 + LEVEL) / 2)) * error
    return [max(0.0, float(values.mean() - half)), min(1.0, float(values.mean() + half))]
