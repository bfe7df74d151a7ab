"""Define the section `training` of the configuration."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from faceoff.plugins.options import Name, Section
from faceoff.training import sequence_list
from faceoff.training.recipe import Labels, Measure, Optimizer, Schedule, Stored, Take, Target

_OVER_TIME = ("features", "take", "frames", "window", "affect")  # keys


class AugmentConfig(Section):
    rotate: float = Field(20.0, ge=0, le=180, description="largest turn in degrees")
    scale: float = Field(0.15, ge=0, lt=1, description="largest change of the size, as a share")
    stretch: float = Field(
        0.07, ge=0, lt=1, description="largest change of width to height, as a share"
    )
    shift: float = Field(0.06, ge=0, lt=1, description="largest move, as a share of the side")
    flip: float = Field(0.5, ge=0, le=1, description="probability of mirroring")
    erase: float = Field(
        0.4, ge=0, le=1, description="probability of covering a rectangle by grey or noise"
    )
    brightness: float = Field(
        0.1, ge=0, le=1, description="largest change, as a share of the grey scale"
    )
    contrast: float = Field(0.3, ge=0, lt=1, description="largest change, as a share")
    grey: float = Field(
        0.0, ge=0, le=1, description="probability of taking the colours away, of RGB input"
    )
    jpeg: float = Field(
        0.0, ge=0, le=1, description="probability of saving as JPEG of quality 30 to 95"
    )
    blur: float = Field(
        0.0, ge=0, le=1, description="probability of a Gaussian blur of 0.4 to 1.2 pixels"
    )


class RecipeConfig(Section):
    target: Target = Field(
        "distribution",
        description="what the network shall answer: majority (the label), distribution (the share "
        "of votes of each class), drawn (a label drawn from the votes in each epoch), multi_target "
        "(any class with 30 % of the votes); without votes all are the label",
    )
    epochs: int = Field(40, ge=1, le=10_000, description="passes over the pictures or clips")
    batch: int | None = Field(
        None,
        ge=2,
        le=65_536,
        description="pictures or clips per step; default: 128 pictures, 16 clips",
    )
    optimizer: Optimizer = Field("adamw", description="adamw, adam, or sgd with Nesterov momentum")
    lr: float = Field(0.003, gt=0, le=100, description="highest learning rate")
    weight_decay: float = Field(
        0.05, ge=0, le=10, description="pull of the weights towards 0; biases have none"
    )
    schedule: Schedule = Field(
        "cosine",
        description="learning rate over time: cosine to 0; step: a tenth at 50 and 75 %; constant",
    )
    warmup: float = Field(2.0, ge=0, le=1000, description="epochs of rising learning rate")
    ema: float = Field(
        0.998,
        ge=0,
        lt=1,
        description="decay per step of the moving average of the weights, which is what is kept; "
        "0: no average",
    )
    clip_norm: float = Field(
        2.0, ge=0, description="longest gradient; longer ones are shortened; 0: any"
    )
    smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of each target that is spread over all classes"
    )
    mixup: float = Field(
        0.0,
        ge=0,
        le=10,
        description="blend pairs of pictures by a share from Beta(a, a); 0: never",
    )
    balance: float = Field(
        0.0,
        ge=0,
        le=1,
        description="draw pictures by (frequency of their class) to minus this power; 0: each once "
        "per epoch, 1: classes equally often",
    )
    logit_adjustment: float = Field(
        0.0,
        ge=0,
        le=5,
        description="add this times the log frequency of each class to the logits in training, so "
        "that rare classes are learnt; 0: never",
    )
    focal: float = Field(
        0.0, ge=0, le=10, description="exponent of the focal loss; 0: cross-entropy"
    )
    freeze: int = Field(
        0, ge=0, description="first epochs, in which only the head learns (for fine-tuning)"
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="end after this many epochs without a better score; default: never",
    )
    select: Measure | None = Field(
        None,
        description="score on the validation dataset that chooses the epoch; ccc: the mean of "
        "valence and arousal, of networks over time; default: accuracy, without labels ccc",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="number type of the layers while training; bfloat16 is up to twice as fast on "
        "processors and GPUs that have it",
    )
    tensorboard: bool = Field(False, description="also write the log as TensorBoard's event file")
    augment: AugmentConfig = Field(
        default_factory=AugmentConfig, description="random changes of the training pictures"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.target == "multi_target" and (self.mixup or self.focal or self.smoothing):
            raise ValueError(
                "target multi_target has a loss of its own: without mixup, focal and smoothing"
            )
        if self.freeze > self.epochs:
            raise ValueError(f"freeze {self.freeze} is more than the {self.epochs} epochs")
        return self


class FramesConfig(Section):
    net: str = Field("resnet_small", description="a network for pictures")
    options: dict[str, Any] = Field(default_factory=dict, description="its options")


class TrainingConfig(Section):
    net: str = Field(
        "resnet_small",
        description="the network: a name of `faceoff nets`, timm:NAME or torchvision:NAME; lstm, "
        "tcn and transformer read clips over time (docs/training_clips.md)",
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="options of the network; every network for pictures has size ([height, width] "
        "of its input in pixels) and channels (1: grey, 3: RGB)",
    )
    features: Name | None = Field(
        None,
        description="of a network over time: the model of this run that reads each frame for it, "
        "as it is",
    )
    take: Take = Field(
        "embedding",
        description="what it takes of `features`: embedding (what the last layer of an ONNX "
        "network reads), or answers (log probabilities, valence, arousal, action units; any model)",
    )
    frames: FramesConfig | None = Field(
        None,
        description="of a network over time, in place of `features`: a network for pictures that "
        "learns with it; `start` gives its first weights, recipe.freeze the epochs in which it "
        "stays",
    )
    labels: Labels = Field(
        "clip",
        description="what a frame of a clip shows: the clip's label, or its own (frame), where the "
        "dataset annotates moments",
    )
    window: int = Field(
        512,
        ge=2,
        le=100_000,
        description="most frames that a network over time reads as one stretch; longer ones are "
        "cut, and the state begins anew",
    )
    affect: float = Field(
        1.0,
        ge=0,
        le=100,
        description="of a network over time: weight of the loss of valence and arousal (1 - CCC), "
        "where the dataset has them; 0: not learnt",
    )
    margin: float = Field(
        0.0, ge=-0.5, le=2, description="margin around the canonical face box, here and later"
    )
    classes: list[str] | None = Field(
        None, description="the classes that it learns; default: those of the training dataset"
    )
    data: Name = Field(description="the dataset of this run (role: train) that it learns from")
    validation: Name = Field(
        description="the dataset of this run (role: validation) that chooses the epoch"
    )
    detector: Name | None = Field(
        None, description="whose faces it learns from; default: whole, or the only detector"
    )
    twins: bool = Field(
        False,
        description="also learn from pictures that are pixel-identical to one of a test or "
        "validation dataset of this run (their scores then say less)",
    )
    start: str | None = Field(
        None,
        description="begin from the weights of a network that Faceoff trained: its card's name, or "
        "the path of its .onnx",
    )
    stored: Stored = Field(
        "float32",
        description="number type of the weights in the exported file; it computes in float32",
    )
    seeds: list[Annotated[int, Field(ge=0, le=2**32 - 1)]] | None = Field(
        None,
        min_length=1,
        description="train once for each seed, as NAME-SEED; default: once, with the run's seed",
    )
    tried: int | None = Field(
        None,
        ge=1,
        description="how many trainings were compared on the validation dataset, for the card; "
        "default: those of this run",
    )
    threads: int = Field(
        2, ge=1, le=256, description="threads of a CPU; the last bits of the weights depend on it"
    )
    processes: int = Field(
        1, ge=1, le=1024, description="processes that share each step, by torchrun, a GPU each"
    )
    recipe: RecipeConfig = Field(default_factory=RecipeConfig, description="how it is trained")

    @property
    def over_time(self) -> bool:
        """Return whether the network reads clips, not single pictures."""
        return self.net in sequence_list.names()

    @model_validator(mode="after")
    def _one_process_for_a_frozen_backbone(self) -> Self:
        if self.processes > 1 and self.recipe.freeze:
            raise ValueError("recipe.freeze works in one process: remove processes")
        return self

    @model_validator(mode="after")
    def _fits_its_network(self) -> Self:
        wrong = self._wrong_over_time() if self.over_time else self._wrong_on_pictures()
        if wrong:
            raise ValueError(wrong)
        return self

    def _wrong_on_pictures(self) -> str | None:
        """Return what a network for pictures cannot have."""
        given = [key for key in _OVER_TIME if key in self.model_fields_set]
        if given:
            names = ", ".join(sequence_list.names())
            return f"{given[0]} is for networks over time ({names}), and net is {self.net}"
        if self.recipe.select == "ccc":
            return f"recipe.select: ccc is for networks over time, and net is {self.net}"
        return None

    def _wrong_over_time(self) -> str | None:
        """Return what a network over time cannot have, or lacks."""
        recipe = self.recipe
        if (self.features is None) == (self.frames is None):
            return (
                f"net {self.net} reads clips: name either features (a model of this run that reads "
                "each frame) or frames (a network for pictures that learns with it)"
            )
        if self.processes > 1:
            return f"net {self.net} learns in one process: remove processes"
        if recipe.mixup:
            return "recipe.mixup blends pictures, not clips: remove it"
        if recipe.balance and self.labels == "frame":
            return "recipe.balance draws clips by their label: set labels: clip, or remove it"
        if recipe.select == "ccc" and not self.affect:
            return "recipe.select: ccc needs valence or arousal, and affect is 0"
        of_frames = {
            "take": self.frames and "take" in self.model_fields_set,
            "recipe.augment": self.features and "augment" in recipe.model_fields_set,
            "recipe.freeze": self.features and recipe.freeze,
            "start": self.features and self.start,
            "stored": self.features and self.stored != "float32",
            "margin": self.features and "margin" in self.model_fields_set,
        }
        wrong = next((key for key, is_wrong in of_frames.items() if is_wrong), None)
        if wrong:
            return f"{wrong} belongs to {'features' if self.frames else 'frames'}: remove it"
        return None
