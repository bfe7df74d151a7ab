"""Describe the jobs of signals; fields that several records share are as in `plan.jobs`."""

from dataclasses import dataclass

from faceoff.plugins.jobs import CropJob, Job, PluginJob


@dataclass(frozen=True, kw_only=True)
class SignalsJob(Job):
    """Measure every face that a detector found.

    signal: its name in the run; plugin: what measures; crop: the way from the faces to its input.
    """

    dataset: str
    detector: str
    signal: str
    plugin: PluginJob
    crop: CropJob


@dataclass(frozen=True, kw_only=True)
class ScoreSignalsJob(Job):
    """Score a signal behind a detector.

    skip: why it cannot run here; policy: the face of a frame that is compared with the largest true
    one; au_threshold: intensity from which the signal says that a unit is there; gaze_frame: camera
    or head, None without gaze.
    """

    dataset: str
    detector: str
    signal: str
    policy: str
    seed: int
    au_threshold: float
    gaze_frame: str | None = None
    skip: str | None = None
