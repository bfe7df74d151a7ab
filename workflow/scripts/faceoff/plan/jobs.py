"""Describe the jobs of the stages that work on one dataset, detector, model or fusion.

The plan writes a job's record, its stage reads it. A record holds what its stage reads and nothing
else. Fields that several records share:

code: the hash of the code that makes the output, so that changed code runs again;
dataset, detector, model, fusion: names in the run;
seed: of every random choice.
"""

from dataclasses import asdict, dataclass
from typing import Any

from faceoff.plugins.jobs import CropJob, Job, PluginJob
from faceoff.training.recipe import Labels, Recipe, Stored, Take


@dataclass(frozen=True, kw_only=True)
class CodeJob(Job):
    """A job that needs no settings."""


@dataclass(frozen=True, kw_only=True)
class DatasetJob(Job):
    """List, decode or judge the samples of a dataset.

    type: the plug-in's name; source, class_name: where it is; options: the dataset's section of the
    configuration; headline: whether its numbers may head a report; fingerprint: a value that
    changes when its files change; group_files: size and modification time of each table of groups,
    for the stage that joins them.
    """

    dataset: str
    type: str
    source: str
    class_name: str
    options: dict[str, Any]
    headline: bool
    seed: int
    fingerprint: Any = None
    group_files: tuple[list[int] | None, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ShardJob(Job):
    """Cut a dataset's samples: take shard `number` of `shards`."""

    number: int
    shards: int


@dataclass(frozen=True, kw_only=True)
class DetectJob(Job):
    """Find the faces of a dataset's frames.

    plugin: the detector; upscale: factor that enlarges frames first; pad: black border, as a share
    of the frame's sides.
    """

    dataset: str
    detector: str
    plugin: PluginJob
    upscale: int = 1
    pad: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TracksJob(Job):
    """Follow the faces of a dataset's clips.

    gap_s: longest time that a face may be out of sight; embedding: the files of the networks that
    join tracks to identities, None for none; cut: distance from which two tracks stay apart;
    calibration: the map from the detector's box to the canonical one.
    """

    dataset: str
    detector: str
    gap_s: float
    cut: float
    embedding: dict[str, dict[str, Any]] | None = None
    calibration: dict[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class PredictJob(Job):
    """Read the emotion of every frame's face, or train the model that will.

    plugin: the model; crop: the way from the detector's faces to its input.
    """

    dataset: str
    detector: str
    model: str
    plugin: PluginJob
    crop: CropJob
    seed: int


@dataclass(frozen=True, kw_only=True)
class TrainingJob(Job):
    """What trainings of all kinds of networks are told.

    training: its name; dataset, validation: what it learns from, and what chooses the epoch; net,
    options: the network; classes: what it learns, None for the classes of the dataset; labels:
    whose label the frames of a clip have; twins: keep pictures or clips that are pixel-identical to
    one of another dataset; threads: of a CPU.
    """

    training: str
    dataset: str
    validation: str
    detector: str
    net: str
    options: dict[str, Any]
    classes: tuple[str, ...] | None
    recipe: Recipe
    labels: Labels
    twins: bool
    seed: int
    threads: int
    device: str


@dataclass(frozen=True, kw_only=True)
class FitJob(TrainingJob):
    """Train a network on the faces of a dataset.

    input: size, channels and scaling of its input, as in a model card; crop: the way from the
    detector's faces to its input; start: the weights that it begins from, None for random ones;
    processes: of torchrun.
    """

    input: dict[str, Any]
    crop: CropJob
    processes: int
    start: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class FramesNet:
    """A network for pictures that learns with a network over time; fields as of `FitJob`."""

    net: str
    options: dict[str, Any]
    input: dict[str, Any]
    crop: CropJob
    start: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class FitClipsJob(TrainingJob):
    """Train a network over time on the clips of a dataset.

    features, take: the model of the run that reads the frames, and what is taken of it; frames: or
    a network that learns to read them; window: most frames of a stretch; affect: weight of the loss
    of valence and arousal.
    """

    features: str | None
    take: Take
    frames: FramesNet | None
    window: int
    affect: float


@dataclass(frozen=True, kw_only=True)
class CardJob(Job):
    """What the cards of all kinds of networks say.

    stored: number type of the weights of the network for pictures; training_data, selected_on:
    plug-in -> splits; tried: how many trainings were compared on the validation dataset.
    """

    stored: Stored
    lineage: str
    training_data: dict[str, list[str]]
    selected_on: dict[str, list[str]]
    tried: int

    def origin(self) -> dict[str, Any]:
        """Return the keys of the card that say where a network comes from."""
        return {
            "lineage": self.lineage,
            "training_data": self.training_data,
            "selected_on": self.selected_on,
            "source": "trained with Faceoff",
        }


@dataclass(frozen=True, kw_only=True)
class ExportJob(CardJob):
    """Write a trained network as ONNX with its card. fit: how it was trained."""

    fit: FitJob


@dataclass(frozen=True, kw_only=True)
class ExportClipsJob(CardJob):
    """Write a trained network over time as ONNX with its card.

    fit: how it was trained; reader: what the card says of the model that reads the frames, None
    where a network does that learnt with it.
    """

    fit: FitClipsJob
    reader: dict[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class PredictClipsJob(Job):
    """Read the frames of every clip by a network over time. plugin: the network."""

    dataset: str
    detector: str
    model: str
    plugin: PluginJob


@dataclass(frozen=True, kw_only=True)
class DetectorLatencyJob(Job):
    """Time a detector on `queries` pictures that the seed draws."""

    detect: DetectJob
    queries: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class ModelLatencyJob(Job):
    """Time a model behind a detector on `queries` pictures that the seed draws."""

    predict: PredictJob
    queries: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Member:
    """A member of a fusion.

    lineage: members of one lineage share weights and are one opinion; whole_frame: the detector
    gives no box, so the member looks at the whole picture; calibration: the map from its box to
    the canonical one.
    """

    detector: str
    model: str
    lineage: str
    whole_frame: bool = False
    calibration: dict[str, float] | None = None

    @property
    def name(self) -> str:
        """Return 'detector/model'."""
        return f"{self.detector}/{self.model}"


@dataclass(frozen=True, kw_only=True)
class FuseJob(Job):
    """Join the posteriors of several cells into one.

    rule: the name of the fusion rule; members: the cells, in order; policy: the choice of the face
    of a picture that is the sample's face; top: only so many of the most accurate members vote,
    None: all; allow_clones: members of one lineage vote more than once; check_order: refuse a
    member whose classes would fit much better in another order.
    """

    dataset: str
    fusion: str
    rule: str
    members: tuple[Member, ...]
    policy: str
    seed: int
    top: int | None = None
    allow_clones: bool = False
    check_order: bool = True


@dataclass(frozen=True, kw_only=True)
class CellIdentity:
    """The scored detector x model pair. lineage: as of `Member`."""

    detector: str
    model: str
    lineage: str


@dataclass(frozen=True, kw_only=True)
class FusionIdentity:
    """The scored fusion.

    members: its cells as 'detector/model'; top: as of `FuseJob`; hard: the rule gives votes or
    ranks, not probabilities.
    """

    fusion: str
    rule: str
    members: tuple[str, ...]
    top: int | None = None
    hard: bool = False


@dataclass(frozen=True, kw_only=True)
class SteadyJob(Job):
    """Read a pipeline's posteriors over time by a rule.

    temporal: the name of the new pipeline; of: that of the one it reads, 'detector/model' or
    'fusion/name'; constants: those that are given; validation: the dataset whose labelled frames
    choose the others, None where there is none.
    """

    dataset: str
    temporal: str
    rule: str
    of: str
    constants: dict[str, float]
    validation: str | None


@dataclass(frozen=True, kw_only=True)
class OverTimeJob(Job):
    """Score the pipelines of a dataset over time.

    bare: cells and fusions, in the order of their files; temporal: rules over time, likewise, each
    with the pipeline that it reads.
    """

    dataset: str
    bare: tuple[str, ...]
    temporal: dict[str, str]
    seed: int


@dataclass(frozen=True, kw_only=True)
class TemporalIdentity:
    """The scored pipeline over time.

    of: the pipeline that the rule reads; members: the cells in it as 'detector/model'; hard: the
    rule gives shares of votes, not probabilities.
    """

    temporal: str
    rule: str
    of: str
    members: tuple[str, ...]
    hard: bool = False


@dataclass(frozen=True, kw_only=True)
class ScoreJob(Job):
    """Score a pipeline on a dataset; exactly one of `cell`, `fusion` and `temporal` is given.

    skip: why the cell cannot run here; train_status: how the training data relate to this dataset
    (protocol §15); circular: the model reads emotions by the recipe that drew the dataset (§16);
    same_generator: it learnt from drawings and is scored on drawings (§41).
    """

    dataset: str
    train_status: str
    circular: bool
    seed: int
    cell: CellIdentity | None = None
    fusion: FusionIdentity | None = None
    temporal: TemporalIdentity | None = None
    skip: str | None = None
    same_generator: bool = False

    @property
    def hard(self) -> bool:
        """Return whether the posteriors are votes or ranks, not probabilities."""
        return any(made is not None and made.hard for made in (self.fusion, self.temporal))

    def about(self) -> dict[str, Any]:
        """Return the part of a score file that identifies the pipeline."""
        shared = {
            "dataset": self.dataset,
            "train_status": self.train_status,
            "circular": self.circular,
            "same_generator": self.same_generator,
        }
        for kind, made in (("fusion", self.fusion), ("temporal", self.temporal)):
            if made is not None:
                own = {key: value for key, value in asdict(made).items() if key != "hard"}
                return {"kind": kind, **own, **shared}
        if self.cell is None:
            raise ValueError("a score job names neither a cell, a fusion nor a rule over time")
        return {"kind": "cell", **asdict(self.cell), **shared}


@dataclass(frozen=True, kw_only=True)
class CompareJob(Job):
    """Compare the cells and fusions of a dataset.

    factors: what each cell is made of; variants: cell of reduced precision -> the cell that it
    stands for; voters: every cell that runs, in order; policy: as of `FuseJob`; headline_fusion:
    the one whose gaps between groups are tested beside the best single cell's.
    """

    dataset: str
    factors: dict[str, dict[str, str]]
    variants: dict[str, str]
    voters: tuple[Member, ...]
    policy: str
    seed: int
    headline_fusion: str | None = None


@dataclass(frozen=True, kw_only=True)
class ExamplesJob(Job):
    """Crop example faces.

    examples: number of right and of wrong faces per cell; gallery: number of faces of every
    confusion; megabytes: most that the pictures may take of the page; crops: 'detector/model' ->
    how its faces are cropped.
    """

    dataset: str
    examples: int
    gallery: int
    megabytes: float
    crops: dict[str, CropJob]
    seed: int


@dataclass(frozen=True, kw_only=True)
class OverlapsJob(Job):
    """Compare the boxes of the detectors.

    policy: as of `FuseJob`; calibrations: detector -> the map from its box to the canonical one,
    without detectors that box nothing.
    """

    dataset: str
    policy: str
    calibrations: dict[str, dict[str, float] | None]


@dataclass(frozen=True, kw_only=True)
class AnswersJob(Job):
    """Count the answers, and follow a few clips over time.

    clips: the number of clips; faces: whether to show their pictures.
    """

    dataset: str
    clips: int
    faces: bool
    seed: int
