"""Draw samples of a cell by the seed, spread over right and wrong answers and over the classes."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faceoff.scoring import metrics
from faceoff.scoring.task import UnlabelledError, read_task, sample_posteriors
from faceoff.statistics.arrays import Floats, Ints
from faceoff.storage import parquet


def drawing_key(seed: int, sample: str) -> bytes:
    """Return by what samples are ordered: by chance, the same in all cells."""
    return hashlib.sha256(f"{seed}|{sample}".encode()).digest()


def answers_of(
    samples: Path, predictions: Path
) -> tuple[tuple[str, ...], tuple[str, ...], Ints | None, Floats]:
    """Return (sample ids, label space, truth (n,), posterior (n, k)) of a cell.

    truth is None without labels; a sample without an answer has a NaN row.
    """
    ids: tuple[str, ...]
    truth: Ints | None
    try:
        task = read_task(samples)
        ids, space, truth = task.ids, task.space, task.truth
    except UnlabelledError:
        ids = tuple(row["sample_id"] for row in parquet.rows(samples, ["sample_id"]))
        space, truth = tuple(parquet.task_of(samples)["space"]), None
    return ids, space, truth, sample_posteriors(predictions, ids).in_space(space)[0]


@dataclass(frozen=True)
class Drawn:
    """A sample with its label and the cell's answer; truth and correct: None without a label."""

    sample_id: str
    truth: str | None
    predicted: str
    correct: bool | None


def drawn(
    ids: Sequence[str],
    space: Sequence[str],
    truth: Ints | None,
    posterior: Floats,
    count: int,
    seed: int,
) -> list[Drawn]:
    """Return at most `count` samples that the cell answered.

    Every kind of outcome, right or wrong of each class, gives one sample in turn as long as it has
    any. So rare outcomes are there as often as frequent ones. Without labels the answers are the
    classes.

    Parameters
    ----------
    ids, space, truth, posterior
        As of `answers_of`.
    count, seed
        How many, and what orders the samples within an outcome.
    """
    predicted = metrics.argmax(posterior)
    turns: Counter[tuple[bool, int]] = Counter()
    rows = []
    for place in sorted(range(len(ids)), key=lambda place: drawing_key(seed, ids[place])):
        answer = int(predicted[place])
        if answer < 0:
            continue
        label = answer if truth is None else int(truth[place])
        outcome = (label != answer, label)
        rows.append((turns[outcome], *outcome, place))
        turns[outcome] += 1
    return [
        Drawn(
            ids[place],
            None if truth is None else space[label],
            space[int(predicted[place])],
            None if truth is None else not wrong,
        )
        for _, wrong, label, place in sorted(rows)[:count]
    ]
