"""Describe the jobs of pictures made worse; fields that several records share as in `plan.jobs`."""

from dataclasses import dataclass
from typing import Any

from faceoff.plan.jobs import DetectJob, Member, PredictJob
from faceoff.plugins.jobs import CropJob, Job
from faceoff.scoring.robustness_records import Mode

Value = float | str | tuple[float, ...]  # of a severity


@dataclass(frozen=True, kw_only=True)
class Worsening:
    """How pictures are made worse.

    name: of the variant; kind: the plug-in; levels: its parameter at severity 1 … n; options: of
    the plug-in; seed: of every draw, with the sample, the kind and the severity.
    """

    name: str
    kind: str
    levels: tuple[Value, ...]
    options: dict[str, Any]
    seed: int


@dataclass(frozen=True, kw_only=True)
class CorruptDetectJob(Job):
    """Find faces on worse pictures. box: the way from a detector's box to the canonical one."""

    worsening: Worsening
    detect: DetectJob
    box: CropJob


@dataclass(frozen=True, kw_only=True)
class CorruptPredictJob(Job):
    """Read the emotion of faces on worse pictures. box: as of `CorruptDetectJob`."""

    worsening: Worsening
    predict: PredictJob
    box: CropJob


@dataclass(frozen=True, kw_only=True)
class WorseTable:
    """A table that is scored. cell: 'detector/model'; mode: how its faces were cropped."""

    variant: str
    cell: str
    mode: Mode


@dataclass(frozen=True, kw_only=True)
class ScoreCorruptionJob(Job):
    """Score the cells under the variants of a corruption.

    corruption: its key in the run; variants: in order; clean, worse: what the files of predictions
    are about, in their order; voters: every cell that runs.
    """

    dataset: str
    corruption: str
    variants: tuple[Worsening, ...]
    clean: tuple[str, ...]
    worse: tuple[WorseTable, ...]
    voters: tuple[Member, ...]
    seed: int


@dataclass(frozen=True, kw_only=True)
class CorruptionStripJob(Job):
    """Show one face under every corruption. box: as of `CorruptDetectJob`."""

    dataset: str
    variants: tuple[Worsening, ...]
    box: CropJob
    seed: int
