"""Define what a plug-in is: the records that it exchanges with the workflow, and its methods.

Images are RGB uint8 arrays of shape (height, width, 3) everywhere. Boxes are (x, y, w, h) in pixels
of the frame that they belong to.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from faceoff.assets.asset import Asset
from faceoff.plugins.jobs import Align
from faceoff.plugins.label_rules import Universe

Floats = npt.NDArray[np.floating[Any]]
RGB = npt.NDArray[Any]  # (height, width, 3) uint8; OpenCV's stubs do not tell the dtype
Crops = npt.NDArray[Any]  # (n, height, width, channels) uint8
Interpolation = Literal["linear", "cubic", "area", "nearest", "lanczos"]
Library = Literal["opencv", "pillow", "torch"]
Aspect = Literal["stretch", "pad", "crop"]
Resample = Callable[[RGB, tuple[int, int]], RGB]
Box = tuple[float, float, float, float]
Points = tuple[tuple[float, float], ...]  # five landmarks (x, y), in the order of `Face.landmarks`


@dataclass(frozen=True)
class Sample:
    """One labelled picture or clip.

    label: None if the task has no emotion for it; such a sample counts for coverage but is not
    scored.
    """

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
    """The annotation of one moment of a clip; None where the dataset has none.

    The annotation of a still picture is that of its sample. identities, emotions, talking: of each
    of the boxes, who it is (a name that means one person in the whole dataset), what is shown, and
    whether the mouth moves as in speech.
    """

    label: str | None = None
    valence: float | None = None
    arousal: float | None = None
    boxes: tuple[Box, ...] | None = None
    landmarks: tuple[Points, ...] | None = None
    identities: tuple[str, ...] | None = None
    emotions: tuple[str, ...] | None = None
    talking: tuple[bool, ...] | None = None


@dataclass(frozen=True)
class Utterance:
    """One stretch of speech by one person, whole though it has short pauses inside.

    start_s, end_s: seconds on the clock of the clip's frames, at which the sound of the speech lies
    in the file: where the sound lags behind the picture, the lag is in both. speaker: a name that
    means one person in the whole dataset, that of `Annotation.identities` where the face is known.
    emotion: that of the voice, text: the words; None where the dataset does not know.
    """

    start_s: float
    end_s: float
    speaker: str
    emotion: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class KnownFace:
    """The truth of one face.

    box: pixels; units: action unit -> 0–5; pose: yaw, pitch, roll of the head in degrees as in
    `statistics.rotations`; gaze: yaw and pitch in degrees in the frame of the head.
    """

    box: Box
    units: Mapping[str, float] = field(default_factory=dict)
    pose: tuple[float, float, float] | None = None
    gaze: tuple[float, float] | None = None


@dataclass(frozen=True)
class Face:
    """One detected face, with its box and five landmarks in pixels.

    The landmarks are the viewer's left eye, right eye, nose tip, left and right mouth corner.
    """

    box: Box
    score: float
    landmarks: Floats | None = None  # (5, 2)


@dataclass(frozen=True)
class CropSpec:
    """The face crop that a model takes as input.

    size: (height, width) in pixels.

    channels: 1 (luma) or 3 (RGB).

    margin: a share of the canonical face box.

    align: none; eyes (turn the crop about the box's centre until the eyes are level); five_point (a
    similarity transform that lays the landmarks on a template).

    interpolation, library, antialias: the filter that resamples the crop, whose it is, and whether
    it averages where it shrinks; None: area to shrink, linear to enlarge, by OpenCV. Aligned crops
    are resampled by OpenCV, in any case.

    aspect: what becomes of a picture of another shape than the size.

    resample: the filter itself, (picture, size) -> picture, where the library is PyTorch, which
    only the plug-in's environment has.
    """

    size: tuple[int, int]
    channels: Literal[1, 3] = 3
    margin: float = 0.0
    align: Align = "none"
    interpolation: Interpolation | None = None
    library: Library = "opencv"
    antialias: bool = False
    aspect: Aspect = "stretch"
    resample: Resample | None = None


@dataclass(frozen=True)
class Prediction:
    """The predictions for a batch. Raises ValueError unless every array has n rows.

    posterior: (n, k), in the order of the model's classes; each row sums to one.
    """

    posterior: Floats
    valence: Floats | None = None
    arousal: Floats | None = None
    aus: Mapping[str, Floats] = field(default_factory=dict)  # name -> (n,) intensity 0–5
    # (n,); False where the model could not read the crop
    evaluable: npt.NDArray[np.bool_] | None = None

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
                f"a prediction of {len(self.posterior)} rows has arrays of other lengths: "
                f"{', '.join(f'{name} {n}' for name, n in wrong.items())}"
            )


@dataclass(frozen=True)
class SignalReading:
    """What a signal plug-in reads off a batch. Raises ValueError unless every array has n rows.

    columns: by the names of `FaceSignal.columns`: (n,) numbers, NaN where unknown, but (n, 2k) for
    `landmarks`, x1, y1, … in pixels of the crop, and (n, d) for `embedding`.
    """

    columns: Mapping[str, Floats]
    evaluable: npt.NDArray[np.bool_]  # (n,) False where the crop could not be read

    def __post_init__(self) -> None:
        rows = len(self.evaluable)
        if wrong := {n: len(v) for n, v in self.columns.items() if len(v) != rows}:
            raise ValueError(
                f"a reading of {rows} rows has columns of other lengths: "
                f"{', '.join(f'{name} {n}' for name, n in wrong.items())}"
            )


class Dataset(Protocol):
    """A labelled task, constructed with its validated options.

    `version` identifies it in every result. `left_out`, if a dataset has it, counts by reason the
    files or rows that are not in the task.
    """

    version: str
    space: tuple[str, ...]

    def samples(self) -> Iterable[Sample]:
        """Yield the samples in the task's order."""

    def read(self, sample: Sample) -> bytes:
        """Return the encoded image of a sample as stored.

        Raises OSError if it cannot be read; the reason goes into its row.
        """

    def fingerprint(self) -> Any:
        """Return a cheap JSON-able value that changes when the data on disk change.

        It is part of the rule's params, never of a result.
        """


@runtime_checkable
class ClipDataset(Dataset, Protocol):
    """A dataset with samples of kind video or audio."""

    def file(self, sample: Sample) -> Path:
        """Return where a sample's file lies. Raises OSError."""


class SequenceDataset(Dataset, Protocol):
    """A dataset with samples of kind sequence."""

    def pictures(self, sample: Sample) -> Iterable[tuple[float, Path]]:
        """Yield (seconds, picture file) in order of time."""


@runtime_checkable
class AnnotatedDataset(Protocol):
    """A dataset with annotations of each moment of a clip."""

    def annotation(self, sample: Sample, timestamp_s: float) -> Annotation:
        """Return the annotation of a clip at this moment."""


@runtime_checkable
class SpokenDataset(Protocol):
    """A dataset that knows who speaks when in its clips."""

    def utterances(self, sample: Sample) -> Sequence[Utterance]:
        """Return what is said in a clip, in order of start; nothing where nobody is heard.

        Utterances of two people may overlap.
        """


class MeasuredDataset(Protocol):
    """A dataset that knows action units, head pose or gaze of its faces.

    units: the action units that it codes; one that a face does not list is absent.
    """

    units: tuple[str, ...]

    def true_faces(self, sample: Sample, timestamp_s: float) -> Sequence[KnownFace]:
        """Return the faces that a picture or a moment of a clip shows, the largest first."""


@runtime_checkable
class MultiverseDataset(Protocol):
    """A dataset whose votes can become labels by several rules."""

    def samples(self) -> Iterable[Sample]:
        """Yield the samples in the task's order, labelled by the rule of the options."""

    def universes(self) -> Iterable[Universe]:
        """Yield the label rules."""


@runtime_checkable
class DownloadableDataset(Protocol):
    """A dataset that everyone may download."""

    @classmethod
    def archives(cls, options: Any) -> Iterable[Asset]:
        """Return the archives that these options need, if `download` is set.

        They are fetched and unpacked below `options.path`.
        """


@runtime_checkable
class CheckedDataset(Protocol):
    """A dataset of the user's own making, which can be wrong anywhere."""

    def check(self) -> None:
        """Raise ValueError for what would stop `samples`, without opening pictures and clips."""


@runtime_checkable
class CountedDataset(Protocol):
    """A dataset whose published contents are known."""

    def missing(self) -> list[str]:
        """Return the official names, sorted, of the published files that this copy lacks."""


class FaceDetector(Protocol):
    """A face detector, constructed with the options of its card."""

    def detect(self, images: Sequence[RGB]) -> list[list[Face]]:
        """Return the faces of each image, best first, boxes in pixels of that image."""


@runtime_checkable
class KnownFaces(Protocol):
    """A detector that does not look at pictures (`given`)."""

    def known(self, frames: Sequence[Mapping[str, Any]]) -> list[list[Face]]:
        """Return the faces of each frame row, in its pixels."""


class EmotionModel(Protocol):
    """An emotion model, constructed with the options of its card."""

    emotions: tuple[str, ...]
    crop: CropSpec

    def predict(self, crops: Crops) -> Prediction:
        """Return the prediction for (n, height, width, channels) uint8 crops; n may be 0."""


class Cropped(Protocol):
    """A plug-in that reads crops of faces."""

    crop: CropSpec


class FaceSignal(Protocol):
    """A plug-in that measures faces, constructed with the options of its card.

    crop: square, upright and stretched, so that angles and landmarks are the frame's.

    columns: the names of what it measures: `au_NN` (0–5), `pose_yaw`, `pose_pitch` and `pose_roll`
    (degrees, as in `statistics.rotations`), `gaze_yaw` and `gaze_pitch` (degrees, in the frame that
    the card's `gaze_frame` names), `eye_openness` (gap between the lids per width of the eye),
    `blink` (0 or 1), `mouth_openness` (gap between the inner lips per width of the mouth), `age`
    (years), `sex_male` and `sex_female` (0–1), `ita` (degrees, of the cheeks' colour), `lightness`
    (L*, 0–100, of the face), `landmarks`, `embedding`.
    """

    crop: CropSpec
    columns: tuple[str, ...]

    def read(self, crops: Crops) -> SignalReading:
        """Return the columns for (n, height, width, channels) uint8 crops; n may be 0."""


class EmbeddingModel(EmotionModel, Protocol):
    """A model that also tells what its last layer reads."""

    def embed(self, crops: Crops) -> Floats:
        """Return (n, d) features for (n, height, width, channels) uint8 crops."""


@dataclass(frozen=True)
class Differentiable:
    """A model's network as PyTorch knows it, so that gradients can be taken.

    network: torch.nn.Module, whose output, or its first one, is (n, k) in the order of the model's
    emotions; convolutions: its parts that are convolutions of pictures, by name, in order; inputs:
    (n, height, width, channels) uint8 crops -> what the network takes, float32.
    """

    network: Any
    convolutions: Mapping[str, Any]
    inputs: Callable[[Crops], Floats]


@runtime_checkable
class DifferentiableModel(Protocol):
    """A model that may run in PyTorch."""

    def differentiable(self) -> Differentiable:
        """Return the network. Raises ValueError where it does not run in PyTorch."""


class ClipModel(Protocol):
    """A model that reads the frames of a clip together.

    inputs: the names of the numbers that it reads of each frame, as `faces.frame_inputs` has them.
    """

    emotions: tuple[str, ...]
    inputs: tuple[str, ...]

    def predict(self, frames: Floats, times: Floats) -> Prediction:
        """Return the prediction for the frames of one clip, in order of time.

        frames: (n, d), NaN for a frame without a face, which is not evaluable; times: (n,) seconds.
        """


@runtime_checkable
class ActionUnitModel(Protocol):
    """A model that also measures action units."""

    aus: tuple[str, ...]


@runtime_checkable
class RecordedModel(Protocol):
    """A model that does not look at pictures (`recorded`).

    notes: what a reader of its scores has to know of its file, a line each.
    """

    emotions: tuple[str, ...]
    notes: list[str]

    def known(self, frames: Sequence[Mapping[str, Any]]) -> Prediction:
        """Return the prediction for frame rows (sample_id, timestamp_s)."""

    def fault(self, frame: Mapping[str, Any]) -> str:
        """Return what is wrong with a frame's values where they are no probabilities."""


class TrainableModel(EmotionModel, Protocol):
    """A model that learns from the faces of a dataset."""

    def fit(self, batches: Iterable[tuple[Crops, list[str]]]) -> Mapping[str, npt.NDArray[Any]]:
        """Return the fitted parameters as plain arrays. batches: (crops, labels)."""


# Group names with a meaning. OUTLIER: the sample has no label of the task, and a pipeline should
# not be sure of one; the value names its kind ("unknown", "NF" …).
OUTLIER = "outlier"
# KIND: what happens in a clip ("crossing", "leaving" …); scores of tracks are told by it.
KIND = "kind"
# "votes_<answer>": how many taggers gave an answer that is no emotion, beside the sample's `votes`.
VOTES = "votes_"
