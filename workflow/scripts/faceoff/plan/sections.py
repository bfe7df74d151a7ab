"""Define the sections of the configuration: a pydantic model each; unknown keys are forbidden."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, SerializeAsAny, model_validator

from faceoff.fusion import rule_list
from faceoff.inference.hardware import DEVICE
from faceoff.plan.corruption_sections import CorruptionConfig
from faceoff.plan.saliency_section import SaliencyConfig
from faceoff.plan.training_sections import TrainingConfig
from faceoff.plugins.options import DataPath, DatasetConfig, Name, Section, rising
from faceoff.scoring.measured_groups import MEASURES
from faceoff.temporal import rule_list as temporal_rules

if TYPE_CHECKING:
    RuleName = str
    TemporalRuleName = str
    MeasureName = str
else:
    RuleName = Literal[rule_list.names()]
    TemporalRuleName = Literal[temporal_rules.names()]
    MeasureName = Literal[tuple(MEASURES)]


_SPANS = ("tau_s", "window_s")  # constants of rules over time that cannot be 0
_LARGEST_SEED = 2**32 - 1  # that NumPy and scikit-learn take


def _once(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


class DetectorConfig(Section):
    detector: str | None = Field(None, description="the detector plug-in; default: the key itself")
    upscale: int = Field(
        1,
        ge=1,
        le=8,
        description="enlarge frames by this factor before detection (48x48 pictures are too small "
        "for most detectors)",
    )
    pad: float = Field(
        0.0,
        ge=0,
        le=2,
        description="add a black border before detection, as a share of the frame's sides "
        "(full-range detectors miss faces that fill the frame)",
    )
    threshold: float | None = Field(
        None, ge=0, le=1, description="score threshold; default: the detector's card"
    )
    min_size: float | None = Field(
        None,
        ge=0,
        description="smallest face side in pixels of the frame; default: the detector's card",
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="options of the plug-in's class"
    )


class ModelConfig(Section):
    model: str | None = Field(
        None,
        description="the model plug-in, the name of a model card, or the path of a card (.yaml); "
        "default: the key itself",
    )
    train: Name | None = Field(
        None, description="the dataset of this run (role: train) that a trainable model learns from"
    )
    detectors: list[str] = Field(
        default_factory=lambda: ["*"],
        min_length=1,
        description="run the model behind these detectors of the run only (globs); default: all",
    )
    margin: float | None = Field(
        None,
        ge=-0.5,
        le=2,
        description="margin around the canonical face box; default: the model's crop specification",
    )
    align: Literal["none", "eyes", "five_point"] | None = Field(
        None,
        description="eyes: turn the face until its eyes are level; five_point: lay five landmarks "
        "on a template; default: the model's crop specification",
    )
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        "float32",
        description="number type that a PyTorch network computes in; a reduced one must first "
        "prove equal to the original (protocol §26)",
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="options of the plug-in's class"
    )


class SignalConfig(Section):
    signal: str | None = Field(
        None, description="the signal plug-in (`faceoff signals`); default: the key itself"
    )
    detectors: list[str] = Field(
        default_factory=lambda: ["*"],
        min_length=1,
        description="measure the faces of these detectors of the run only (globs); default: all",
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="options of the plug-in's class"
    )


class SegmenterConfig(Section):
    segmenter: str | None = Field(
        None, description="the segmenter plug-in (`faceoff segmenters`); default: the key itself"
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="options of the plug-in's class"
    )


class SpeechModelConfig(Section):
    model: str | None = Field(
        None,
        description="the speech model's plug-in (`faceoff speech-models`); default: the key itself",
    )
    train: Name | None = Field(
        None, description="the dataset of this run (role: train) that a trainable model learns from"
    )
    segmenters: list[str] = Field(
        default_factory=lambda: ["*"],
        min_length=1,
        description="run the model behind these segmenters of the run only (globs); default: all",
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="options of the plug-in's class"
    )


class GroupConfig(Section):
    detector: Name | None = Field(
        None,
        description="the detector of the run whose faces count; default: the first of the run, of "
        "a signal the first whose faces it measures",
    )
    signal: Name | None = Field(
        None,
        description="the signal of the run that measures it; default: the first that is known to "
        "(face_size and intensity need none)",
    )
    bins: Annotated[list[float], AfterValidator(rising)] = Field(
        default_factory=list,
        description="rising edges in the place of the measure's own",
    )


class FusionConfig(Section):
    rule: RuleName = Field(
        "soft_mean",
        description="rule that joins the posteriors; rules that learn do so on the validation "
        "dataset or the other folds",
    )
    members: list[str] = Field(
        default_factory=lambda: ["*/*"],
        min_length=1,
        description="cells to join, as detector/model globs",
    )
    top: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="let only this many of the most accurate members vote, chosen where a rule "
        "learns; default: all",
    )
    per_detector: bool = Field(
        False,
        description="make one fusion per detector (named fusion.detector) instead of one over all "
        "matching cells",
    )
    allow_clones: bool = Field(
        False,
        description="let members of one lineage (the same weights under two names) vote more than "
        "once",
    )
    seed: int | None = Field(
        None,
        ge=0,
        le=_LARGEST_SEED,
        description="seed of the folds on which a rule learns; default: the run's seed",
    )
    check_order: bool = Field(
        True,
        description="refuse a member whose classes would fit much better in another order (a wrong "
        "label map)",
    )


class FacesConfig(Section):
    policy: Literal["largest", "most_confident", "centre", "main_track", "all"] = Field(
        "largest",
        description="the face of a picture that counts as the sample's face; main_track: of a clip "
        "the person who is seen largest and longest, who may be out of sight; all: every face is "
        "read, and a frame's answer is the mean over its faces",
    )
    box: Literal["calibrated", "raw"] = Field(
        "calibrated",
        description="calibrated: crop by the canonical face box (closed division); raw: by the "
        "detector's own box",
    )


class TrackingConfig(Section):
    gap_s: float = Field(
        1.0, gt=0, le=60, description="longest time in seconds that a face may be out of sight"
    )
    identities: bool = Field(
        True,
        description="join the tracks of one person by face-api's embeddings; false: every track is "
        "an identity",
    )
    cut: float = Field(
        0.5, gt=0, le=2, description="distance of two tracks' embeddings from which they stay apart"
    )


class TemporalConfig(Section):
    rule: TemporalRuleName = Field(
        "ema", description="rule that makes a state per frame of a clip's posteriors"
    )
    of: list[str] = Field(
        default_factory=lambda: ["*/*"],
        min_length=1,
        description="pipelines that the rule reads, as detector/model or fusion/name globs",
    )
    datasets: list[str] = Field(
        default_factory=lambda: ["*"],
        min_length=1,
        description="test datasets on which it reads them (globs); of stills every frame is a clip",
    )
    constants: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(
        default_factory=dict,
        description="constants of the rule that are given; the others are chosen on the labelled "
        "frames of the validation dataset (docs/over_time.md)",
    )

    @model_validator(mode="after")
    def _rule_has_the_constants(self) -> Self:
        known = temporal_rules.stated(self.rule)["default"]
        for name, value in self.constants.items():
            if name not in known:
                has = ", ".join(known) or "none"
                raise ValueError(f"rule {self.rule} has no constant {name!r}; it has: {has}")
            if name in _SPANS and not value > 0:
                raise ValueError(f"constant {name} is a time in seconds above 0")
        return self


class FiguresConfig(Section):
    formats: Annotated[list[Literal["svg", "pdf", "png"]], AfterValidator(_once)] = Field(
        default=["svg", "pdf", "png"], min_length=1, description="file formats"
    )
    examples: int = Field(
        8, ge=0, le=64, description="number of right and of wrong example faces per cell"
    )


class ReportConfig(Section):
    title: str = Field("Faceoff", description="title of report.html")
    faces: bool = Field(
        True, description="show face crops; false leaves out every picture of a face (privacy)"
    )
    gallery: int = Field(
        4, ge=0, le=64, description="number of faces per cell of a confusion matrix in the gallery"
    )
    clips: int = Field(
        4, ge=0, le=40, description="number of clips shown over time per dataset of videos"
    )
    megabytes: float = Field(
        8.0,
        gt=0,
        description="most that the gallery's pictures may add to report.html; the later ones of "
        "every confusion go first",
    )


class SpeedConfig(Section):
    queries: int = Field(
        0,
        ge=0,
        le=100_000,
        description="number of pictures on which each detector and model is timed, one at a time, "
        "alone on the machine; 0: no timing",
    )


class RunConfig(Section):
    """A run: what to do, never how (threads, partitions and devices are in profiles/)."""

    run: Name = Field("demo", description="name of the run; outputs go to results/<run>/")
    seed: int = Field(0, ge=0, le=_LARGEST_SEED, description="seed of every random choice")
    weights: Literal["fetch", "present"] = Field(
        "fetch",
        description="fetch: download missing weights before the run, or stop; present: skip the "
        "pairs whose weights are missing",
    )
    device: Annotated[str, Field(pattern=DEVICE)] = Field(
        "auto",
        description="device of the networks: auto (a GPU if there is one), cpu, cuda or cuda:N; "
        "FACEOFF_DEVICE overrides it on one machine",
    )
    job_hours: float = Field(
        24.0,
        gt=0,
        le=8760,
        description="longest time of one job of a detector or model, in hours; a job that takes "
        "longer fails its cells",
    )
    plugins: list[DataPath] = Field(
        default_factory=list, description="folders with more plug-ins (.py) and model cards (.yaml)"
    )
    datasets: dict[Name, SerializeAsAny[DatasetConfig]] = Field(
        min_length=1, description="labelled pictures and clips, by their names in this run"
    )
    detectors: dict[Name, DetectorConfig] = Field(
        default_factory=dict,
        description="face detectors; each of them runs with every model; may be empty where only "
        "voices are read",
    )
    models: dict[Name, ModelConfig] = Field(
        default_factory=dict,
        description="emotion models; may be empty where the run trains its own",
    )
    training: dict[Name, TrainingConfig] = Field(
        default_factory=dict,
        description="networks to train; each becomes a model of the run by its name "
        "(docs/training.md)",
    )
    segmenters: dict[Name, SegmenterConfig] = Field(
        default_factory=dict,
        description="what finds speech in the sound of clips; each of them runs with every speech "
        "model (docs/speech.md)",
    )
    speech_models: dict[Name, SpeechModelConfig] = Field(
        default_factory=dict, description="models of emotion in speech (docs/speech.md)"
    )
    fusions: dict[Name, FusionConfig] = Field(
        default_factory=dict, description="joint votes of several cells"
    )
    signals: dict[Name, SignalConfig] = Field(
        default_factory=dict,
        description="what else is measured of faces: action units, head pose, gaze … "
        "(docs/signals.md)",
    )
    groups: dict[MeasureName, GroupConfig] = Field(
        default_factory=dict,
        description="divide samples by what the run measures of their faces (age, sex, yaw, "
        "skin_tone, light, face_size) or by the dataset's own intensity (docs/subgroups.md)",
    )
    faces: FacesConfig = Field(
        default_factory=FacesConfig, description="choice of the face and of its box"
    )
    tracking: TrackingConfig | None = Field(
        None, description="follow faces over the frames of clips; default: no (docs/tracking.md)"
    )
    temporal: dict[Name, TemporalConfig] = Field(
        default_factory=dict,
        description="rules over time: each makes a pipeline of its own of every cell and fusion "
        "that it names (docs/over_time.md)",
    )
    corruptions: dict[Name, CorruptionConfig] = Field(
        default_factory=dict,
        description="how pictures of test datasets are made worse, to see where cells break "
        "(docs/corruptions.md)",
    )
    saliency: SaliencyConfig | None = Field(
        None,
        description="show where models look, and score these maps; default: no (docs/saliency.md)",
    )
    figures: FiguresConfig = Field(default_factory=FiguresConfig, description="paper figures")
    report: ReportConfig = Field(
        default_factory=ReportConfig, description="results/<run>/report.html"
    )
    speed: SpeedConfig = Field(
        default_factory=SpeedConfig,
        description="latency of single pictures and throughput of full batches "
        "(docs/performance.md)",
    )

    @model_validator(mode="after")
    def _something_is_read(self) -> Self:
        if not (self.detectors or self.segmenters):
            raise ValueError(
                "nothing reads the datasets: name detectors and models for faces, or segmenters "
                "and speech_models for voices"
            )
        return self

    @model_validator(mode="after")
    def _main_track_is_followed(self) -> Self:
        if self.faces.policy == "main_track" and self.tracking is None:
            raise ValueError("faces.policy: main_track needs tracks: add the section tracking: {}")
        return self

    def pairs(self) -> list[tuple[str, str]]:
        """Return every detector x model and every segmenter x speech model, sorted."""
        faces = product(self.detectors, self.models)
        return sorted([*faces, *product(self.segmenters, self.speech_models)])

    def behind(self, model: str) -> list[str]:
        """Return the globs of the detectors or segmenters that a model runs behind."""
        if model in self.models:
            return self.models[model].detectors
        return self.speech_models[model].segmenters

    def asks_for(self, front: str, model: str) -> bool:
        """Return whether the model runs behind the detector or segmenter."""
        return any(fnmatchcase(front, pattern) for pattern in self.behind(model))

    def members(self, *patterns: str) -> Iterator[tuple[str, str]]:
        """Yield the cells, of faces and of voices, that one of these globs names, sorted."""
        for front, model in self.pairs():
            if self.asks_for(front, model) and any(
                fnmatchcase(f"{front}/{model}", pattern) for pattern in patterns
            ):
                yield front, model
