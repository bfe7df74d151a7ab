"""Describe how a network is trained: plain records, which the plan writes and the loop reads."""

from dataclasses import dataclass
from typing import Literal

Target = Literal["majority", "distribution", "drawn", "multi_target"]
Optimizer = Literal["adamw", "adam", "sgd"]
Schedule = Literal["cosine", "step", "constant"]
Stored = Literal["float32", "float16", "int8"]  # number types of the weights in a file
Labels = Literal["clip", "frame"]  # whose labels the frames of a clip have
Take = Literal["embedding", "answers"]  # of a model that reads frames
Measure = Literal["accuracy", "uar", "log_loss", "ccc"]


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Random changes of a training picture; 0 switches each of them off.

    rotate: largest angle in degrees; scale, stretch: largest change of the size, and of the ratio
    of width to height, as a share; shift: largest move as a share of the side; flip, erase, grey,
    jpeg, blur: probability; brightness, contrast: largest change as a share of the grey scale, and
    of the contrast.
    """

    rotate: float
    scale: float
    stretch: float
    shift: float
    flip: float
    erase: float
    brightness: float
    contrast: float
    grey: float
    jpeg: float
    blur: float


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The settings of a training.

    target: what the network shall answer; epochs: passes over the pictures or clips; batch: of
    them per step; warmup: epochs of rising learning rate; ema: decay of the moving average of the
    weights, 0 for none; clip_norm: largest norm of the gradient, 0 for any; smoothing: share of a
    target that is spread over all classes; mixup: parameter of the Beta distribution that blends
    pairs of pictures, 0 for none; balance: exponent of the inverse class frequency in sampling;
    logit_adjustment: factor of the log prior that is added to the logits in training; focal:
    exponent of the focal loss; freeze: epochs in which only the head learns; patience: epochs
    without a better validation score after which training ends, None for never; select: the
    validation score that chooses the epoch, None for the accuracy, without labels ccc; tensorboard:
    also write TensorBoard's event file.
    """

    target: Target
    epochs: int
    batch: int
    optimizer: Optimizer
    lr: float
    weight_decay: float
    schedule: Schedule
    warmup: float
    ema: float
    clip_norm: float
    smoothing: float
    mixup: float
    balance: float
    logit_adjustment: float
    focal: float
    freeze: int
    patience: int | None
    select: Measure | None
    precision: Literal["float32", "bfloat16"]
    tensorboard: bool
    augment: Augment
