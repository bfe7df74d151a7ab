"""Describe the jobs that score what was followed. Fields as in plan/jobs.py."""

from dataclasses import dataclass

from faceoff.plugins.jobs import Job


@dataclass(frozen=True, kw_only=True)
class TrackScoresJob(Job):
    """Score a detector's tracks on a dataset whose people are known.

    policy: the choice of the face of a frame that is the sample's face; calibration: the map from
    the detector's box to the canonical one; clips: how many are shown over time.
    """

    dataset: str
    detector: str
    policy: str
    clips: int
    seed: int
    calibration: dict[str, float] | None = None
