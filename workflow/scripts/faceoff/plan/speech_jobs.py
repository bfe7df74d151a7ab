"""Describe the jobs of the stages that listen. Fields are as in `jobs.py`."""

from dataclasses import dataclass

from faceoff.plugins.jobs import Job, PluginJob


@dataclass(frozen=True, kw_only=True)
class SegmentJob(Job):
    """Find the speech of a dataset's clips. plugin: the segmenter."""

    dataset: str
    segmenter: str
    plugin: PluginJob


@dataclass(frozen=True, kw_only=True)
class HearJob(Job):
    """Read the emotion of every segment, or train the model that will. plugin: the model."""

    dataset: str
    segmenter: str
    model: str
    plugin: PluginJob


@dataclass(frozen=True, kw_only=True)
class SynchronyJob(Job):
    """Compare lips with sound. signal: what measures the lips; policy: whose they are."""

    dataset: str
    detector: str
    signal: str
    policy: str
    seed: int
