"""Simulate variance components whose truth is known, and estimate them."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from faceoff.statistics import variance_components


@dataclass(frozen=True)
class Recovery:
    """Hold the estimates of a variance whose truth is known.

    mean, spread: over `draws` simulations; covered: how often the interval holds the truth (NaN:
    there is no interval).
    """

    component: str
    truth: float
    mean: float
    spread: float
    covered: float
    draws: int


def simulate(
    levels: Mapping[str, int],
    variances: Mapping[str, float],
    samples: int,
    mean: float,
    random: np.random.Generator,
) -> tuple[np.ndarray, dict[str, list[str]]]:
    """Return (correct (m, samples), factors) drawn from the model of `decomposition`.

    The `levels` of each factor are fully crossed; variances not named are 0.
    """
    cells = list(product(*(range(count) for count in levels.values())))
    factors = {name: [f"{name}{cell[axis]}" for cell in cells] for axis, name in enumerate(levels)}
    logits = mean + random.normal(0, np.sqrt(variances.get("interaction", 0.0)), len(cells))
    logits = logits[:, None] + random.normal(0, np.sqrt(variances.get("sample", 0.0)), samples)
    for axis, (name, count) in enumerate(levels.items()):
        own = [cell[axis] for cell in cells]
        logits += random.normal(0, np.sqrt(variances.get(name, 0.0)), count)[own][:, None]
        logits += random.normal(
            0, np.sqrt(variances.get(f"{name} × sample", 0.0)), (count, samples)
        )[own]
    return random.random(logits.shape) < 1 / (1 + np.exp(-logits)), factors


def recoveries(scale: float, seed: int) -> list[Recovery]:
    """Return estimates of known variance components.

    There are 5 detectors × 5 models on 500 samples.
    """
    truth = {
        "detector": 0.1,
        "model": 0.5,
        "interaction": 0.05,
        "sample": 2.0,
        "detector × sample": 0.3,
        "model × sample": 1.0,
    }
    draws = max(8, int(60 * scale))
    random = np.random.default_rng([seed, 9])
    found: dict[str, list[variance_components.Component]] = {name: [] for name in truth}
    for index in range(draws):
        correct, factors = simulate({"detector": 5, "model": 5}, truth, 500, 1.0, random)
        parts = variance_components.decompose(correct, factors, seed=800_000 + index)
        for component in parts.components:
            if component.name in found:
                found[component.name].append(component)
    rows = []
    for name, components in found.items():
        values = np.array([component.variance for component in components])
        held = [component.low <= truth[name] <= component.high for component in components]
        mean, spread = float(values.mean()), float(values.std(ddof=1))
        rows.append(Recovery(name, truth[name], mean, spread, float(np.mean(held)), draws))
    return rows
