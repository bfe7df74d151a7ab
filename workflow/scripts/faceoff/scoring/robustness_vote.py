"""Ask whether a vote of several cells is worth more as pictures get worse (protocol §53).

The vote is the soft mean of the cells' posteriors of each sample, one cell of each detector and
lineage. It is compared with the best single cell, which clean pictures chose (protocol §19).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from faceoff.fusion import members
from faceoff.fusion.means import soft_mean
from faceoff.scoring import metrics
from faceoff.scoring.robustness_readings import Corrupted, Reading, paired
from faceoff.scoring.robustness_records import Margin, Mode, Paired, Vote
from faceoff.scoring.task import Task, folds_for
from faceoff.statistics.arrays import Bools, Floats
from faceoff.statistics.intervals import cluster_interval
from faceoff.statistics.paired_tests import judge, sign_flip

_MODES: tuple[Mode, ...] = ("clean_crop", "detect_again")


@dataclass(frozen=True)
class Chosen:
    """Name the best single cell of each of n samples, as clean pictures chose it; how, in words."""

    cells: Sequence[str]
    how: str


@dataclass(frozen=True)
class Race:
    """Say whether the vote and the best single cell are right on one version of the pictures.

    vote, best: (n,); kept: (n,) samples whose pictures could be made worse.
    """

    vote: Bools
    best: Bools
    kept: Bools


def votes(
    task: Task, cells: Sequence[Corrupted], voters: Sequence[str], chosen: Chosen, seed: int
) -> list[Vote]:
    """Return the margin of the vote at every severity, for each mode that cells were read in.

    Detected again, a cell whose detector takes the whole picture, or knows the faces, has the
    answers that it has with the clean crop. Fewer than two voters have no vote.

    Parameters
    ----------
    task
        The n scored samples.
    cells
        What is said under one variant of a corruption.
    voters
        Names of the cells that vote.
    chosen
        The best single cell of each sample.
    seed
        Of folds and tests.
    """
    found = []
    for mode in _MODES:
        if not any(cell.mode == mode for cell in cells):
            continue
        read = {cell.cell: cell for cell in cells if cell.sound and cell.mode == "clean_crop"}
        read |= {cell.cell: cell for cell in cells if cell.sound and cell.mode == mode}
        voting = [name for name in voters if name in read]
        if len(voting) > 1:
            found.append(_vote(task, mode, read, voting, _among(task, read, chosen, seed), seed))
    return found


def _among(task: Task, read: Mapping[str, Corrupted], chosen: Chosen, seed: int) -> Chosen:
    """Return the choice, made again where it fell on a cell that has no readings here."""
    if set(chosen.cells) <= set(read):
        return chosen
    names = sorted(read)
    clean = [cell.clean for name in names if (cell := read[name]).clean is not None]
    correct = np.stack([reading.predicted == task.truth for reading in clean if reading])
    losses = np.stack(
        [metrics.sample_log_loss(task.truth, reading.posterior) for reading in clean if reading]
    )
    folds = folds_for(task.truth, task.clusters, seed)
    if folds is None:
        name = names[members.best_single_on(correct, losses, names)]
        return Chosen([name] * len(task.truth), "in hindsight, among the cells made worse")
    member = members.best_single(correct, losses, names, folds).member
    return Chosen(
        [names[place] for place in member], "on the other folds, among the cells made worse"
    )


def _vote(
    task: Task,
    mode: Mode,
    read: Mapping[str, Corrupted],
    voting: Sequence[str],
    chosen: Chosen,
    seed: int,
) -> Vote:
    severities = len(read[voting[0]].worse)
    races = [_race(task, read, voting, chosen, severity) for severity in range(severities + 1)]
    margins: list[Margin] = []
    for severity, race in enumerate(races):
        if race.kept.any():
            margins.append(
                {
                    "severity": severity,
                    "n": int(race.kept.sum()),
                    "vote": float(race.vote[race.kept].mean()),
                    "best": float(race.best[race.kept].mean()),
                    **paired(task, race.vote, race.best, race.kept, seed),
                }
            )
    return {
        "mode": mode,
        "members": list(voting),
        "best": chosen.how,
        "margins": margins,
        "growth": _growth(task, races[0], races[-1], seed) if races[-1].kept.any() else None,
    }


def _race(
    task: Task, read: Mapping[str, Corrupted], voting: Sequence[str], chosen: Chosen, severity: int
) -> Race:
    """Return who is right at a severity, 0: on the clean pictures."""
    used = {name: _reading(read[name], severity) for name in {*voting, *chosen.cells}}
    said = soft_mean(np.stack([used[name].as_member for name in voting]))
    single = np.array(
        [used[name].predicted[place] for place, name in enumerate(chosen.cells)], np.int64
    )
    kept = np.logical_and.reduce([reading.applied for reading in used.values()])
    return Race(metrics.argmax(said) == task.truth, single == task.truth, kept)


def _reading(cell: Corrupted, severity: int) -> Reading:
    reading = cell.worse[severity - 1] if severity else cell.clean
    if reading is None:
        raise ValueError(f"{cell.cell} has no reading of the clean pictures")
    return reading


def _growth(task: Task, clean: Race, worst: Race, seed: int) -> Paired:
    """Return the change of the margin from the clean pictures to the strongest severity."""
    kept = worst.kept
    change: Floats = (
        worst.vote.astype(float) - worst.best - (clean.vote.astype(float) - clean.best)
    )[kept]
    whose = np.arange(len(change)) if task.clusters is None else task.clusters[kept]
    interval = cluster_interval(change, whose, bounds=(-2.0, 2.0))
    test = sign_flip(change, whose, seed)
    return {
        "difference": float(change.mean()),
        "low": interval.low,
        "high": interval.high,
        "p": test.p,
        "p_adjusted": None,
        "test": "sign-flip",
        "verdict": judge(test.p, float(change.mean()), interval.low, interval.high),
    }
