"""Hold what cells say of clean pictures and of pictures made worse, and compare two of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from faceoff.scoring import metrics
from faceoff.scoring.robustness_records import Mode, Paired
from faceoff.scoring.task import SamplePosteriors, Task
from faceoff.statistics.arrays import Bools, Floats, Ints
from faceoff.statistics.paired_tests import paired_verdict
from faceoff.storage.columns import NOT_APPLIED


@dataclass(frozen=True)
class Reading:
    """Hold what a cell says of the n samples of a task, on one version of their pictures.

    posterior: (n, k), NaN where there is no answer; lacks: (k,) classes that the model does not
    have; predicted: (n,); applied: (n,) whether the picture could be made worse; reason: why it
    could not, of the first such sample.
    """

    posterior: Floats
    lacks: Bools
    predicted: Ints
    applied: Bools
    reason: str | None

    @classmethod
    def of(cls, task: Task, cell: SamplePosteriors) -> "Reading":
        """Bring a cell's posteriors into the space of the task."""
        posterior, _ = cell.in_space(task.space)
        applied = np.array([state != NOT_APPLIED for state in cell.states])
        why = (reason for reason, did in zip(cell.reasons, applied, strict=True) if not did)
        lacks = np.array([emotion not in cell.classes for emotion in task.space])
        return cls(posterior, lacks, metrics.argmax(posterior), applied, next(why, None))

    @property
    def as_member(self) -> Floats:
        """Return the posterior as a member of a fusion says it: NaN for classes that it lacks."""
        said: Floats = np.where(self.lacks, np.nan, self.posterior)
        return said

    def beside(self, clean: "Reading") -> "Reading":
        """Return this reading of worse pictures; of no sample where none could be made worse.

        A picture that cannot be read, or shows no face, refuses nothing. Where all others refuse,
        as stills do a codec of clips, these alone would stand for an accuracy of 0.
        """
        answered = ~np.isnan(clean.posterior).any(axis=1)
        if self.applied.all() or (self.applied & answered).any():
            return self
        return replace(self, applied=np.zeros_like(self.applied))


@dataclass(frozen=True)
class Corrupted:
    """Hold a cell under one corruption. worse: of each severity; reason: why it has no readings."""

    cell: str
    mode: Mode
    clean: Reading | None
    worse: Sequence[Reading]
    reason: str | None = None

    @property
    def sound(self) -> bool:
        """Return whether there are readings."""
        return self.reason is None


def paired(task: Task, a: Bools, b: Bools, kept: Bools, seed: int) -> Paired:
    """Return accuracy a − b over the samples (n,) that are kept, of at least one, and its test.

    a, b: (n,) correctness. The family writes the adjusted p and the verdict.
    """
    clusters = None if task.clusters is None else task.clusters[kept]
    tested = paired_verdict(a[kept], b[kept], clusters, seed=seed)
    return {
        "difference": tested.difference,
        "low": tested.low,
        "high": tested.high,
        "p": tested.p,
        "p_adjusted": None,
        "test": tested.test,
        "verdict": tested.verdict,
    }
