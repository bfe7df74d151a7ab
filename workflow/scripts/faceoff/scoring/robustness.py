"""Score cells on pictures made worse: each severity against the clean pictures (protocol §52, §53).

Accuracy is end to end over the samples whose pictures could be made worse; a face that is no longer
found is wrong. The clean accuracy that it is compared with is that of the same samples.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from faceoff.scoring import metrics
from faceoff.scoring.corruption_error import half_point
from faceoff.scoring.families import correct_family
from faceoff.scoring.records import FamilyTest
from faceoff.scoring.robustness_readings import Corrupted, Reading, paired
from faceoff.scoring.robustness_records import (
    Answered,
    Curve,
    Level,
    LevelScores,
    Mode,
    Robustness,
    Share,
    Variant,
)
from faceoff.scoring.robustness_variants import Right, told_apart
from faceoff.scoring.robustness_vote import Chosen, votes
from faceoff.scoring.task import Task, share_interval
from faceoff.statistics.arrays import Bools

POINT = 0.01
_USUAL = 0.5  # share of the samples
_WORSE = "worse"


@dataclass(frozen=True)
class VariantReadings:
    """Hold the cells under a corruption with one choice of its options."""

    name: str
    options: Mapping[str, Any]
    cells: Sequence[Corrupted]


@dataclass(frozen=True)
class About:
    """Hold what a robustness file says of its corruption; fields as of `Robustness`."""

    dataset: str
    corruption: str
    made_by: str
    title: str
    unit: str
    pixels: bool
    levels: Sequence[Level]


def nothing_scored(about: About, reason: str) -> Robustness:
    """Return the document of a dataset without labels."""
    return _document(about, None, reason)


def robustness(
    about: About,
    task: Task,
    variants: Sequence[VariantReadings],
    voters: Sequence[str],
    chosen: Chosen,
    seed: int,
) -> Robustness:
    """Return the document of a dataset and a corruption.

    Holm's corrections are over all differences from clean, over all differences between the modes,
    over all margins of votes, and over all tests between variants.

    Parameters
    ----------
    about
        The corruption.
    task
        The n scored samples.
    variants
        What is said of them under each variant.
    voters
        The cells that vote: one of each detector and lineage.
    chosen
        The best single cell of each sample, chosen on clean pictures.
    seed
        Of tests.
    """
    found = _document(about, task, None)
    for variant in variants:
        found["variants"].append(_variant(about, task, variant, voters, chosen, seed))
    found["told_apart"] = told_apart(
        task,
        about.levels,
        {variant.name: _right(task, variant) for variant in variants},
        seed,
    )
    for family in (_from_clean, _detection, _margins, _growths):
        correct_family([*family(found)])
    for variant_found in found["variants"]:
        for curve in variant_found["curves"]:
            curve["shown"] = next(
                (
                    level["severity"]
                    for level in curve["levels"]
                    if level["against_clean"] and level["against_clean"]["verdict"] == _WORSE
                ),
                None,
            )
    return found


def _document(about: About, task: Task | None, reason: str | None) -> Robustness:
    return {
        "kind": "corruption",
        "state": "ok" if task else "skipped",
        "reason": reason,
        "failed_files": [],
        "dataset": about.dataset,
        "corruption": about.corruption,
        "made_by": about.made_by,
        "title": about.title,
        "unit": about.unit,
        "pixels": about.pixels,
        "task": task.describe() if task else None,
        "levels": list(about.levels),
        "variants": [],
        "told_apart": [],
    }


def _right(task: Task, variant: VariantReadings) -> dict[tuple[str, Mode], list[Right]]:
    """Return cell and mode -> of each severity (n,) whether it is right, and whether applied."""
    return {
        (cell.cell, cell.mode): [
            (reading.predicted == task.truth, reading.applied) for reading in cell.worse
        ]
        for cell in variant.cells
        if cell.sound
    }


def _from_clean(found: Robustness) -> Iterator[FamilyTest]:
    for variant in found["variants"]:
        for curve in variant["curves"]:
            yield from (test for level in curve["levels"] if (test := level["against_clean"]))


def _detection(found: Robustness) -> Iterator[FamilyTest]:
    for variant in found["variants"]:
        yield from variant["detection"]


def _margins(found: Robustness) -> Iterator[FamilyTest]:
    for variant in found["variants"]:
        for vote in variant["votes"]:
            yield from vote["margins"]


def _growths(found: Robustness) -> Iterator[FamilyTest]:
    for variant in found["variants"]:
        yield from (test for vote in variant["votes"] if (test := vote["growth"]))


def _variant(
    about: About,
    task: Task,
    variant: VariantReadings,
    voters: Sequence[str],
    chosen: Chosen,
    seed: int,
) -> Variant:
    return {
        "name": variant.name,
        "options": dict(variant.options),
        "curves": [_curve(about, task, cell, seed) for cell in variant.cells],
        "detection": [*_shares(task, variant.cells, seed)],
        "votes": votes(task, variant.cells, voters, chosen, seed),
    }


def _curve(about: About, task: Task, cell: Corrupted, seed: int) -> Curve:
    found: Curve = {
        "cell": cell.cell,
        "mode": cell.mode,
        "state": "ok" if cell.sound else "error",
        "reason": cell.reason,
        "clean": None,
        "levels": [],
        "half_point": None,
        "half_point_reason": "",
        "point_lost": None,
        "shown": None,
    }
    if cell.clean is None or not cell.sound:
        return found
    everyone = np.ones(len(task.truth), bool)
    clean = answered(task, cell.clean, cell.clean, everyone, 0)
    found["clean"] = clean
    found["levels"] = [
        _level(task, cell.clean, worse, level["severity"], seed)
        for level, worse in zip(about.levels, cell.worse, strict=True)
    ]
    lost = (
        level["severity"]
        for level in found["levels"]
        if level["against_clean"] and level["against_clean"]["difference"] <= -POINT
    )
    found["point_lost"] = next(lost, None)
    if about.pixels:
        found["half_point"], found["half_point_reason"] = _half_point(about, task, cell)
    return found


def _half_point(about: About, task: Task, cell: Corrupted) -> tuple[float | None, str]:
    """Return the half-point side over the samples to which all usual sizes could be applied.

    A size is usual that could be applied to half of the samples.
    """
    usual = [
        (level["number"], worse)
        for level, worse in zip(about.levels, cell.worse, strict=True)
        if level["number"] is not None and worse.applied.mean() >= _USUAL
    ]
    usual.sort(key=lambda known: -known[0])
    if not usual or cell.clean is None:
        return None, "no size could be applied to half of the samples"
    kept = np.logical_and.reduce([worse.applied for _, worse in usual])
    if not kept.any():
        return None, "no sample has every size"
    sides = [side for side, _ in usual]
    accuracies, clean = (
        [float((reading.predicted == task.truth)[kept].mean()) for reading in readings]
        for readings in ([worse for _, worse in usual], [cell.clean])
    )
    return half_point(sides, accuracies, clean[0], 1 / len(task.space))


def _level(task: Task, clean: Reading, worse: Reading, severity: int, seed: int) -> LevelScores:
    kept = worse.applied
    against = None
    if kept.any():
        against = paired(
            task, worse.predicted == task.truth, clean.predicted == task.truth, kept, seed
        )
    return {
        **answered(task, worse, clean, kept, severity),
        "not_applied": int((~kept).sum()),
        "reason": worse.reason,
        "against_clean": against,
    }


def answered(task: Task, reading: Reading, clean: Reading, kept: Bools, severity: int) -> Answered:
    """Return the scores of a reading over the samples (n,) that are kept.

    clean: the reading from which answers flip.
    """
    truth, posterior = task.truth[kept], reading.posterior[kept]
    predicted, correct = reading.predicted[kept], (reading.predicted == task.truth)[kept]
    n, covered = len(truth), metrics.is_covered(posterior)
    interval = share_interval(correct, None if task.clusters is None else task.clusters[kept])
    some = bool(covered.any())
    return {
        "severity": severity,
        "n": n,
        "accuracy": float(correct.mean()) if n else None,
        "interval": [interval.low, interval.high],
        "coverage": float(covered.mean()) if n else None,
        "covered_accuracy": float(correct[covered].mean()) if some else None,
        "confidence": float(posterior[covered].max(axis=1).mean()) if some else None,
        "ece": metrics.expected_calibration_error(truth, posterior) if some else None,
        "flips": float((predicted != clean.predicted[kept]).mean()) if n else None,
    }


def _shares(task: Task, cells: Sequence[Corrupted], seed: int) -> Iterator[Share]:
    """Yield what detection adds to the loss of each cell that has both modes."""
    by_name = {(cell.cell, cell.mode): cell for cell in cells if cell.sound}
    for (name, mode), again in by_name.items():
        crop = by_name.get((name, "clean_crop"))
        if mode != "detect_again" or crop is None:
            continue
        for severity, (cut, found) in enumerate(zip(crop.worse, again.worse, strict=True), 1):
            kept = cut.applied & found.applied
            if kept.any():
                right, end_to_end = (r.predicted == task.truth for r in (cut, found))
                test = paired(task, right, end_to_end, kept, seed)
                yield {"cell": name, "severity": severity, "n": int(kept.sum()), **test}
