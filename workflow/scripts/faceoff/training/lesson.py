"""Define a lesson: what the loop of training asks of data, whether pictures or clips."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from faceoff.statistics.arrays import Floats, Ints
from faceoff.training import losses
from faceoff.training.recipe import Recipe
from faceoff.training.scores import HeldOut
from faceoff.training.targets import accepted


class Lesson(Protocol):
    """Items to learn from, and others to be judged on.

    unit: what the items are, in the plural.
    labels: (n,) the class of each item, by which they can be drawn; None where items have none.
    classes: how many there are.
    """

    unit: str

    @property
    def labels(self) -> Ints | None: ...

    @property
    def classes(self) -> int: ...

    def __len__(self) -> int:
        """Return the number of items to learn from."""

    def loss(
        self, network: nn.Module, rows: Tensor, generator: torch.Generator, frozen: bool
    ) -> Tensor:
        """Return the loss on these items.

        generator: of every random choice but dropout; frozen: only the head learns.
        """

    def score(self, network: nn.Module) -> HeldOut | None:
        """Judge a network on the other items; None if its answers are no numbers."""


class LabelLoss:
    """The loss of a recipe against rows of class weights.

    Parameters
    ----------
    weights
        (n, k) of the classes; they sum to one.
    labels
        (n,) index of the label; −1 for a row without one, which never counts.
    """

    def __init__(self, recipe: Recipe, weights: Floats, labels: Ints, device: torch.device):
        self._recipe, self._device = recipe, device
        labelled = labels >= 0
        if recipe.target == "majority":
            weights = np.where(labelled[:, None], np.eye(weights.shape[1])[labels], 0.0)
        prior = weights[labelled].mean(axis=0)
        self._prior = torch.as_tensor(prior, dtype=torch.float32).to(device)
        rule = accepted if recipe.target == "multi_target" else lambda rows: rows
        self._targets = torch.as_tensor(rule(weights), dtype=torch.float32)

    def targets(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Return the targets (rows, k) of a step: drawn and smoothed as the recipe says."""
        recipe, targets = self._recipe, self._targets[rows]
        if recipe.target == "drawn":
            targets = losses.draw_labels(targets, generator)
        targets = targets.to(self._device)
        if recipe.smoothing and recipe.target != "multi_target":
            targets = targets * (1 - recipe.smoothing) + recipe.smoothing / targets.shape[1]
        return targets

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of logits (rows, k)."""
        recipe = self._recipe
        if recipe.logit_adjustment:
            logits = losses.adjust_logits(logits, self._prior, recipe.logit_adjustment)
        if recipe.target == "multi_target":
            return losses.multi_target(logits, targets)
        if recipe.focal:
            return losses.focal(logits, targets, recipe.focal)
        return losses.cross_entropy(logits, targets)


def autocast(recipe: Recipe, device: torch.device) -> AbstractContextManager[None]:
    """Let layers compute in the recipe's number type."""
    if recipe.precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)
