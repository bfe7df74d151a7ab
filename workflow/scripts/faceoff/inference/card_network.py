"""Apply a model card's description of input and output around any runtime."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.inference.runtimes import Runtime, softmax
from faceoff.plugins.protocols import CropSpec, Differentiable, Prediction

# (files by role, card, columns of its output) -> network
Opener = Callable[[Mapping[str, Path], Mapping[str, Any], int], Runtime]

CROP_KEYS = ("channels", "margin", "interpolation", "library", "antialias", "aspect")

_OFF_BY = 0.05  # how far the sum of an 8-bit network's probabilities may be from one


def crop_keys(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a card's `input` says of the crop, beside its size."""
    return {key: spec[key] for key in CROP_KEYS if key in spec}


def crop_of(spec: Mapping[str, Any]) -> CropSpec:
    """Return the crop that a card's `input` describes."""
    return CropSpec(size=tuple(spec["size"]), **crop_keys(spec))


def _fits(sides: Sequence[int], wanted: Sequence[int | None]) -> bool:
    return len(sides) == len(wanted) and all(
        there is None or side == there for side, there in zip(sides, wanted, strict=True)
    )


class CardNetwork:
    """A network and its card: crop -> (x / divisor − mean) / std -> network -> activation.

    Subclasses name the runtimes that they open.
    """

    openers: Mapping[str, Opener] = {}

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        spec = card["input"]
        self._card, self._files = card, assets
        self.emotions = tuple(card["emotions"])
        self.crop = crop_of(spec)
        self._divisor = np.float32(spec.get("divisor", 255))
        self._mean = np.asarray(spec.get("mean", 0.0), np.float32)
        self._std = np.asarray(spec.get("std", 1.0), np.float32)
        self._bgr = spec.get("colours", "rgb") == "bgr"
        self._channels_first = (
            spec.get("layout", "nhwc" if card["runtime"] in ("tflite", "tfjs", "keras") else "nchw")
            == "nchw"
        )
        self.activation = card.get("activation", "softmax")
        # valence, arousal: columns after the emotions
        self._affect = tuple(card.get("outputs", ("emotions",)))[1:]
        self._network = self.openers[card["runtime"]](
            assets, card, len(self.emotions) + len(self._affect)
        )
        self._check_input(getattr(self._network, "input_shape", None))

    def _check_input(self, wanted: Sequence[int | None] | None) -> None:
        """Raise ValueError where the network takes another input than the card describes.

        wanted: its input without the batch, None for a side of any length.
        """
        height, width = self.crop.size
        first = (self.crop.channels, height, width)
        last = (height, width, self.crop.channels)
        own, other = (first, last) if self._channels_first else (last, first)
        if wanted is None or _fits(own, wanted):
            return
        shape = " x ".join("any" if side is None else str(side) for side in wanted)
        if len(wanted) != 3:
            cure = "it takes no pictures"
        elif _fits(other, wanted):
            cure = f"write input.layout: {'nhwc' if self._channels_first else 'nchw'}"
        else:
            sides = wanted[1:] if self._channels_first else wanted[:2]
            channels = wanted[0 if self._channels_first else 2]
            right = _fits((self.crop.channels,), (channels,))
            cure = f"write input.size: {list(sides)}" if right else "see input.channels and layout"
        raise ValueError(
            f"the network takes {shape}, the card describes {' x '.join(map(str, own))}: {cure}"
        )

    def predict(self, crops: np.ndarray) -> Prediction:
        """Return the prediction for (n, height, width, channels) uint8 crops.

        Valence and arousal are clipped to [-1, 1].
        """
        columns = self._columns(crops)
        affect = {
            name: np.clip(columns[:, len(self.emotions) + index].astype(np.float64), -1, 1)
            for index, name in enumerate(self._affect)
        }
        return Prediction(
            posterior=self._posterior(columns[:, : len(self.emotions)]),
            valence=affect.get("valence"),
            arousal=affect.get("arousal"),
        )

    def scores(self, crops: np.ndarray) -> np.ndarray:
        """Return (n, emotions): the network's outputs before the activation."""
        return self._columns(crops)[:, : len(self.emotions)]

    def differentiable(self) -> Differentiable:
        """Return the network for gradients. Raises ValueError where it runs outside of PyTorch."""
        network = getattr(self._network, "module", None)
        if network is None:
            raise ValueError(f"runtime {self._card['runtime']} gives no gradients, PyTorch does")
        return Differentiable(network, getattr(self._network, "convolutions", {}), self._inputs)

    def _inputs(self, crops: np.ndarray) -> np.ndarray:
        """Return the network's input for crops."""
        pixels = crops[..., ::-1] if self._bgr else crops
        inputs = (pixels.astype(np.float32) / self._divisor - self._mean) / self._std
        if self._channels_first:
            inputs = np.ascontiguousarray(inputs.transpose(0, 3, 1, 2))
        return inputs

    def _columns(self, crops: np.ndarray) -> np.ndarray:
        """Return (n, emotions and affect): the network's outputs."""
        outputs = [
            output.reshape(len(output), prod(output.shape[1:]))
            for output in self._network.run(self._inputs(crops))
        ]
        columns = np.hstack(outputs) if self._affect else outputs[0]
        expected = len(self.emotions) + len(self._affect)
        if columns.shape[1] != expected:
            also = f" and {', '.join(self._affect)}" if self._affect else ""
            raise ValueError(
                f"the network has {columns.shape[1]} outputs, the card names {len(self.emotions)} "
                f"emotions{also}"
            )
        return columns

    def _posterior(self, scores: np.ndarray) -> np.ndarray:
        """Return rows that sum to one.

        Raises ValueError if the card says `activation: none` and the network gives no
        probabilities.
        """
        if self.activation == "softmax":
            return softmax(scores)
        scores = scores.astype(np.float64)
        total = scores.sum(axis=1, keepdims=True)
        off = (np.abs(total[:, 0] - 1) > _OFF_BY) | (scores < -_OFF_BY).any(axis=1)
        if off.any():  # NaN is not off: the stage that writes the rows reports it as what it is
            row = scores[off.argmax()]
            raise ValueError(
                "the card says activation: none, but the outputs are no probabilities (sum "
                f"{row.sum():.3g}, min {row.min():.3g}); softmax?"
            )
        scores = np.where(scores < 0, 0.0, scores)
        return scores / scores.sum(axis=1, keepdims=True)
