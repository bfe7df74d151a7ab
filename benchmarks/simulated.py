"""Hold what the studies of simulations.py share: a rate with its promise, and draws of subjects."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rate:
    """Hold how often something happened in `draws` simulations.

    The rate must lie in the band (low, high); None: the rate is reported, not promised.
    """

    study: str
    setting: str
    rate: float
    draws: int
    band: tuple[float, float] | None

    @property
    def error(self) -> float:
        """Return the Monte-Carlo standard error, at the band's nearest rate."""
        low, high = self.band or (0.0, 1.0)
        expected = min(max(self.rate, low, 0.01), high, 0.99)
        return float(np.sqrt(expected * (1 - expected) / self.draws))

    @property
    def kept(self) -> bool:
        """Return whether the rate lies in its band.

        Two Monte-Carlo standard errors beyond the band are allowed.
        """
        low, high = self.band or (0.0, 1.0)
        return low - 2 * self.error <= self.rate <= high + 2 * self.error


def people_of(
    random: np.random.Generator,
    groups: int,
    each: int,
    pipelines: int = 1,
    accuracy: float = 0.7,
    spread: float = 6.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return (correct (pipelines, n), clusters (n,)).

    Every subject has an accuracy of its own for every pipeline, Beta-distributed about `accuracy`.
    """
    own = random.beta(accuracy * spread, (1 - accuracy) * spread, (pipelines, groups))
    clusters = np.repeat(np.arange(groups), each)
    return random.random((pipelines, groups * each)) < own[:, clusters], clusters


def share_of(happened: Callable[[np.random.Generator, int], bool], draws: int, seed: int) -> float:
    random = np.random.default_rng(seed)
    return float(np.mean([happened(random, index) for index in range(draws)]))


def study_of(
    study: str,
    setting: str,
    happened: Callable[[np.random.Generator, int], bool],
    draws: int,
    seed: int,
    band: tuple[float, float] | None,
) -> Rate:
    return Rate(study, setting, share_of(happened, draws, seed), draws, band)
