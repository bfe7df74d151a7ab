"""Teach a network what single pictures show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from faceoff.statistics.arrays import Floats, Ints
from faceoff.training import augment
from faceoff.training.lesson import LabelLoss, autocast
from faceoff.training.pictures import Pictures, Pixels, batches
from faceoff.training.recipe import Recipe
from faceoff.training.scores import HeldOut, held_out

_SCORED = 256  # pictures of a batch while scoring


@dataclass(frozen=True)
class Input:
    """Turn pixels into a network's input: (x / divisor − mean) / std."""

    divisor: float = 255.0
    mean: float | list[float] = 0.0
    std: float | list[float] = 1.0

    @classmethod
    def of_card(cls, spec: Mapping[str, Any]) -> "Input":
        """Return what a card's `input` says."""
        return cls(**{key: spec[key] for key in ("divisor", "mean", "std") if key in spec})

    def normalised(self, shares: Tensor) -> Tensor:
        """Return the input for pictures (n, c, h, w) of 0 to 1."""
        mean, std = (shares.new_tensor(value).view(1, -1, 1, 1) for value in (self.mean, self.std))
        return (shares * (255.0 / self.divisor) - mean) / std


class PictureLesson:
    """Pictures to learn from and others to be judged on; see `lesson.Lesson`.

    head: name of the submodule that is the classifier.
    """

    unit = "pictures"

    def __init__(
        self,
        recipe: Recipe,
        head: str,
        normalise: Input,
        pictures: Pictures,
        validation: Pictures,
        device: str = "cpu",
    ):
        self._recipe, self._head, self._input = recipe, head, normalise
        self._pictures, self._validation = pictures, validation
        self._device = torch.device(device)
        self._label_loss = LabelLoss(recipe, pictures.targets, pictures.labels, self._device)

    @property
    def labels(self) -> Ints:
        """Return (n,) the label of each picture."""
        return self._pictures.labels

    @property
    def classes(self) -> int:
        """Return the number of classes."""
        return self._pictures.targets.shape[1]

    def __len__(self) -> int:
        return len(self._pictures)

    def loss(
        self, network: nn.Module, rows: Tensor, generator: torch.Generator, frozen: bool
    ) -> Tensor:
        """Return the loss on these pictures, changed at random."""
        inputs, targets = self._batch_of(rows, generator)
        with autocast(self._recipe, self._device):
            logits, extra = self._answer(network, inputs, frozen)
        return self._label_loss(logits.float(), targets) + extra

    def _batch_of(self, rows: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the changed pictures and the targets of a step."""
        recipe, index = self._recipe, rows.numpy()
        shares = shares_of(np.asarray(self._pictures.pixels[index]), self._device)
        shares = augment.augmented(shares, recipe.augment, generator)
        targets = self._label_loss.targets(rows, generator)
        if recipe.mixup:
            seed = int(torch.randint(2**31, (1,), generator=generator))
            share = float(np.random.default_rng(seed).beta(recipe.mixup, recipe.mixup))
            other = torch.randperm(len(rows), generator=generator)
            shares = share * shares + (1 - share) * shares[other]
            targets = share * targets + (1 - share) * targets[other]
        inputs = self._input.normalised(shares)
        return inputs.contiguous(memory_format=torch.channels_last), targets

    def _answer(self, network: nn.Module, inputs: Tensor, frozen: bool) -> tuple[Tensor, Tensor]:
        """Return the logits, and the loss that the network adds of its own."""
        none = inputs.new_zeros(())
        if frozen:
            with torch.no_grad():
                features = network.embed(inputs)  # type: ignore[operator]
            return network.get_submodule(self._head)(features), none
        answer = network(inputs)
        return answer if isinstance(answer, tuple) else (answer, none)

    def score(self, network: nn.Module) -> HeldOut | None:
        """Judge a network on the validation pictures; None if its answers are no numbers."""
        answers = posteriors(network, self._input, self._validation, self._device)
        return held_out(answers, self._validation.labels) if np.isfinite(answers).all() else None


def shares_of(pixels: Pixels, device: torch.device) -> Tensor:
    """Return pictures (n, h, w, c) uint8 as (n, c, h, w) of 0 to 1 on the device."""
    return torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 255


def posteriors(
    network: nn.Module, normalise: Input, pictures: Pictures, device: torch.device
) -> Floats:
    """Return a network's posteriors (n, k) in evaluation mode."""
    network.eval()
    with torch.inference_mode():
        logits = [
            network(normalise.normalised(shares_of(pixels, device)).float()).float()
            for pixels in batches(pictures, _SCORED)
        ]
        values: Floats = torch.cat(logits).double().softmax(dim=1).cpu().numpy()
    return values
