"""Describe the jobs of saliency; fields that several records share are as in `plan.jobs`."""

from dataclasses import dataclass

from faceoff.plan.jobs import PredictJob
from faceoff.plugins.jobs import Job


@dataclass(frozen=True, kw_only=True)
class SaliencyJob(Job):
    """Explain faces of a cell.

    predict: the cell; method: of `saliency.method_list`; samples: number of faces; sanity: whether
    maps of shuffled weights are made, too; layer: of the network, None: the last convolution;
    shown: number of right and of wrong faces whose pictures are kept; faces: whether any may be.
    """

    predict: PredictJob
    method: str
    samples: int
    sanity: bool
    layer: str | None
    shown: int
    faces: bool


@dataclass(frozen=True, kw_only=True)
class ScoreSaliencyJob(Job):
    """Score the maps of a cell. samples: number of faces that were asked for."""

    dataset: str
    detector: str
    model: str
    method: str
    samples: int
