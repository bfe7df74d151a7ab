"""What a plug-in is: the records it exchanges with the workflow and the methods it must have.

Images are RGB uint8 arrays of shape (height, width, 3) everywhere; boxes are (x, y, w, h) in pixels of the frame they belong to.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

RGB = np.ndarray  # (height, width, 3) uint8
Box = tuple[float, float, float, float]
Points = tuple[tuple[float, float], ...]  # five landmarks (x, y), in the order of `Face.landmarks`


@dataclass(frozen=True)
class Sample:
    """One labelled picture or clip. `label` is None where the task has no emotion for it (it is then covered, never scored)."""

    sample_id: str
    path: str
    label: str | None = None
    kind: Literal["image", "video", "sequence", "audio"] = "image"
    votes: tuple[float, ...] | None = None  # eight numbers in canonical order
    valence: float | None = None
    arousal: float | None = None
    subject: str | None = None
    split: str = "test"
    groups: Mapping[str, str] = field(default_factory=dict)
    boxes: tuple[Box, ...] | None = None  # face boxes, largest first, where the dataset knows them
    landmarks: tuple[Points, ...] | None = None  # of each of these boxes


@dataclass(frozen=True)
class Annotation:
    """What a dataset says of one moment of a clip; None where it says nothing. A still's annotation is its sample's."""

    label: str | None = None
    valence: float | None = None
    arousal: float | None = None
    boxes: tuple[Box, ...] | None = None
    landmarks: tuple[Points, ...] | None = None


@dataclass(frozen=True)
class Face:
    """One detected face: box and five landmarks (viewer's left eye, right eye, nose tip, left and right mouth corner) in pixels."""

    box: Box
    score: float
    landmarks: np.ndarray | None = None  # (5, 2) float


@dataclass(frozen=True)
class CropSpec:
    """How a model wants its face: `size` (height, width) px, `channels` 1 (luma) or 3 (RGB), `margin` as a share of the canonical face box.

    `align`: none; eyes (turned about the box's centre until the eyes are level); five_point (a similarity that lays the landmarks on a template).
    """

    size: tuple[int, int]
    channels: Literal[1, 3] = 3
    margin: float = 0.0
    align: Literal["none", "eyes", "five_point"] = "none"


@dataclass(frozen=True)
class Prediction:
    """A batch of predictions; every array has n rows, else ValueError. `posterior` (n, k) sums to one per row, in the order of the model's classes."""

    posterior: np.ndarray
    valence: np.ndarray | None = None
    arousal: np.ndarray | None = None
    aus: Mapping[str, np.ndarray] = field(default_factory=dict)  # name -> (n,) intensity 0–5
    evaluable: np.ndarray | None = None  # (n,) bool; False where the model could not read the crop

    def __post_init__(self) -> None:
        more = {
            "valence": self.valence,
            "arousal": self.arousal,
            "evaluable": self.evaluable,
            **self.aus,
        }
        wrong = {
            name: len(values)
            for name, values in more.items()
            if values is not None and len(values) != len(self.posterior)
        }
        if wrong:
            raise ValueError(
                f"a prediction of {len(self.posterior)} rows with other lengths: {', '.join(f'{name} {n}' for name, n in wrong.items())}"
            )


class Dataset(Protocol):
    """A labelled task. `name` and `version` identify it in every result; constructed with its validated options.

    `samples`, `fingerprint` and what its kinds of samples need are a must; the rest is for datasets that know more of themselves, among it
    `left_out`, which counts by reason the files or rows that are not in the task.
    """

    version: str
    space: tuple[str, ...]

    def samples(self) -> Iterable[Sample]:
        """Yield the samples in the task's order."""

    def read(self, sample: Sample) -> bytes:
        """The encoded image of one sample as stored; raises OSError when it cannot be had (the reason goes into its row)."""

    def file(self, sample: Sample) -> Path:
        """Where a sample of kind video or audio lies; needed only of datasets that have such samples."""

    def pictures(self, sample: Sample) -> Iterable[tuple[float, Path]]:
        """(seconds, picture file) of a sample of kind sequence, in order of time; needed only of datasets that have such samples."""

    def annotation(self, sample: Sample, timestamp_s: float) -> Annotation:
        """What is known of a clip at this moment; only datasets that are annotated over time have this method."""

    @classmethod
    def archives(cls, options: Any) -> Iterable[Any]:
        """The archives (assets) that these options need, fetched and unpacked below `options.path` where `options.download` is set; only
        datasets that everyone may download have this method."""

    def missing(self) -> list[str]:
        """What the published dataset has of this task and this copy has not, by its official names, sorted."""

    def fingerprint(self) -> Any:
        """A cheap JSON-able value that changes when the data on disk change; part of the rule's params, never of a result."""


class FaceDetector(Protocol):
    """A face detector, constructed with the options of its card."""

    def detect(self, images: Sequence[RGB]) -> list[list[Face]]:
        """Faces of each image, best first, boxes in pixels of that image."""

    def known(self, frames: Sequence[Mapping[str, Any]]) -> list[list[Face]]:
        """Faces of each frame row, in its pixels; only a detector that does not look at pictures (`given`) has this method."""


class EmotionModel(Protocol):
    """An emotion model, constructed with the options of its card."""

    emotions: tuple[str, ...]
    crop: CropSpec

    def predict(self, crops: np.ndarray) -> Prediction:
        """Posterior for (n, height, width, channels) uint8 crops; n may be 0."""

    def known(self, frames: Sequence[Mapping[str, Any]]) -> Prediction:
        """Posterior for frame rows (sample_id, timestamp_s); only a model that does not look at pictures (`recorded`) has this method."""


# The sample has no label of the task, and a pipeline had better not be sure of one; the value says of what kind it is ("unknown", "NF" …).
OUTLIER = "outlier"
# "votes_<answer>": how many taggers gave an answer that is no emotion, beside the sample's `votes`.
VOTES = "votes_"
