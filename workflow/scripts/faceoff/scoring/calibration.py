"""How far probabilities can be believed: temperature scaling, reliability bins, the parts of the Brier score. Pure functions.

Conventions are those of metrics.py: truth (n,) class index, posterior (n, k) with rows of NaN where a sample is not covered. Everything here is over
covered samples. Temperatures are above 1 where a pipeline is more confident than right, below 1 where it is less.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from faceoff.scoring import metrics
from faceoff.statistics.arrays import Bools, Floats, Ints, Labels, Numbers
from faceoff.statistics.folds import check_folds
from faceoff.statistics.intervals import Interval
from faceoff.statistics.temperature import fit_temperature, temper

IntervalOf = Callable[
    [Bools, Labels | None], Interval
]  # (correct, clusters) -> interval of their share


@dataclass(frozen=True)
class Calibrated:
    """Tempered posterior (n, k) and the temperatures behind it: one, or one per fold in the order of the folds."""

    posterior: Floats
    temperatures: tuple[float, ...]

    @property
    def temperature(self) -> float:
        """Geometric mean of the temperatures: they are ratios."""
        return float(np.exp(np.mean(np.log(self.temperatures))))


def cross_fit(truth: Ints, posterior: Floats, folds: Ints) -> Calibrated:
    """Temperature scaling (Guo 2017) where each fold (n,) is tempered by what the other folds teach (protocol §20)."""
    folds, posterior = check_folds(folds, len(truth)), _own_classes(posterior)
    tempered, temperatures = np.full(posterior.shape, np.nan), []
    for fold in np.unique(folds):
        here = folds == fold
        temperatures.append(fit_temperature(posterior[~here], truth[~here]))
        tempered[here] = temper(posterior[here], temperatures[-1])
    return Calibrated(_every_class(tempered), tuple(temperatures))


def fit_elsewhere(posterior: Floats, held_out_truth: Ints, held_out: Floats) -> Calibrated:
    """Temperature scaling by what other samples teach: held_out (m, k), held_out_truth (m,)."""
    temperature = fit_temperature(_own_classes(held_out), held_out_truth)
    return Calibrated(_every_class(temper(_own_classes(posterior), temperature)), (temperature,))


def bins(
    truth: Ints,
    posterior: Floats,
    interval: IntervalOf,
    clusters: Labels | None = None,
    *,
    count: int = metrics.ECE_BINS,
    mode: Literal["width", "mass"] = "width",
) -> dict[str, list[float]]:
    """The bins (low, high] of the top label's confidence behind the ECE, as columns; empty ones are left out.

    low, high, n, confidence (mean), accuracy, accuracy_low and accuracy_high (`interval` of the bin's correctness and clusters). Lists are of one length.
    """
    covered = metrics.is_covered(posterior)
    truth, posterior, clusters = (
        truth[covered],
        posterior[covered],
        None if clusters is None else clusters[covered],
    )
    columns: dict[str, list[float]] = {
        name: []
        for name in ("low", "high", "n", "confidence", "accuracy", "accuracy_low", "accuracy_high")
    }
    if not len(truth):
        return columns
    confidence, correct = posterior.max(axis=1), posterior.argmax(axis=1) == truth
    edges = metrics.bin_edges(confidence, count, mode)
    bin_of = np.searchsorted(edges, confidence, side="left")
    limits = [0.0, *map(float, edges), 1.0]
    for index in np.unique(bin_of):
        here = bin_of == index
        found = interval(correct[here], None if clusters is None else clusters[here])
        row = (
            limits[index],
            limits[index + 1],
            int(here.sum()),
            float(confidence[here].mean()),
            float(correct[here].mean()),
            found.low,
            found.high,
        )
        for column, value in zip(columns.values(), row, strict=True):
            column.append(value)
    return columns


def brier_parts(
    truth: Ints, posterior: Floats, *, count: int = metrics.ECE_BINS
) -> dict[str, float]:
    """What the Brier score is made of (Murphy 1973, with the within-bin terms of Stephenson, Coelho & Jolliffe 2008).

    Each class's probability is binned by itself into `count` bins (lo, hi] of equal width; with p̄ and ō the mean probability and the share of the class
    in a bin and o its share in all, the sums over classes and bins of n_bin/n times
        reliability (p̄ − ō)²    resolution (ō − o)²    within_bin_variance mean (p − p̄)²    within_bin_covariance 2 mean (p − p̄)(y − ō)
    and uncertainty Σ o(1 − o) make brier = reliability − resolution + uncertainty + within_bin_variance − within_bin_covariance, exactly.
    Low reliability and high resolution are good. NaN where nothing is covered.
    """
    covered = metrics.is_covered(posterior)
    truth, posterior = truth[covered], posterior[covered]
    n, k = posterior.shape
    if n == 0:
        return dict.fromkeys(
            (
                "reliability",
                "resolution",
                "uncertainty",
                "within_bin_variance",
                "within_bin_covariance",
            ),
            float("nan"),
        )
    happened = (np.arange(k) == truth[:, None]).astype(float)
    edges = metrics.bin_edges(posterior.ravel(), count, "width")
    cell = np.searchsorted(edges, posterior, side="left") + count * np.arange(k)

    def sums(values: Numbers) -> Floats:
        total = np.bincount(cell.ravel(), weights=values.ravel(), minlength=count * k)
        return total.astype(np.float64)

    size = sums(np.ones_like(posterior))
    some = np.maximum(size, 1)
    forecast, observed = sums(posterior) / some, sums(happened) / some
    share = happened.mean(axis=0)
    off = posterior - forecast[cell]
    return {
        "reliability": float((size * (forecast - observed) ** 2).sum() / n),
        "resolution": float((size * (observed - np.repeat(share, count)) ** 2).sum() / n),
        "uncertainty": float((share * (1 - share)).sum()),
        "within_bin_variance": float((off**2).sum() / n),
        "within_bin_covariance": float(2 * (off * (happened - observed[cell])).sum() / n),
    }


def describe(
    truth: Ints,
    posterior: Floats,
    interval: IntervalOf,
    clusters: Labels | None = None,
) -> dict[str, Any]:
    """log_loss, brier, ece, ece_mass, brier_parts, and the bins by equal width and by equal mass."""
    return {
        "log_loss": metrics.log_loss(truth, posterior),
        "brier": metrics.brier(truth, posterior),
        "ece": metrics.expected_calibration_error(truth, posterior),
        "ece_mass": metrics.expected_calibration_error(truth, posterior, mode="mass"),
        "brier_parts": brier_parts(truth, posterior),
        "bins": {
            mode: bins(truth, posterior, interval, clusters, mode=mode)
            for mode in ("width", "mass")
        },
    }


# ---------------------------------------------------------------- inside


def _own_classes(posterior: Floats) -> Floats:
    """The posterior with NaN for the classes that it never gives anything: a temperature must not lift those from zero."""
    posterior = np.array(posterior, dtype=np.float64)
    covered = metrics.is_covered(posterior)
    posterior[:, ~(posterior[covered] > 0).any(axis=0)] = np.nan
    return posterior


def _every_class(tempered: Floats) -> Floats:
    """Zero again for the classes that are not the pipeline's; rows without any stay NaN."""
    covered = ~np.isnan(tempered).all(axis=1)
    return np.where(covered[:, None], np.nan_to_num(tempered), np.nan)
