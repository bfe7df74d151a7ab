"""Make the optimiser of a recipe, and say the learning rate at each step."""

import math

import torch
from torch import nn

from faceoff.training.recipe import Recipe

_MOMENTUM = 0.9
_STEPS = (0.5, 0.75)  # shares of a training after which the schedule `step` divides the rate by ten


def optimiser(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimiser; biases and normalisations have no weight decay."""
    parameters = list(network.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, recipe.lr, _MOMENTUM, nesterov=True)
    kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[recipe.optimizer]
    return kind(groups, recipe.lr)


def rate(recipe: Recipe, step: int, steps: int, per_epoch: int) -> float:
    """Return the learning rate of a step, 0 to steps - 1.

    It rises linearly over the warm-up, then follows the schedule.
    """
    done = step / steps
    share = {
        "cosine": 0.5 * (1 + math.cos(math.pi * done)),
        "step": 0.1 ** sum(done >= point for point in _STEPS),
        "constant": 1.0,
    }[recipe.schedule]
    risen = min(1.0, (step + 1) / max(1.0, recipe.warmup * per_epoch))
    return recipe.lr * risen * share
