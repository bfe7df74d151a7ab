"""Say how far probabilities can be believed: temperature scaling, reliability bins, Brier's parts.

Conventions are those of metrics.py: truth (n,) class index, posterior (n, k) with rows of NaN where
a sample is not covered. Everything here is over covered samples. Temperatures are above 1 where a
pipeline is more confident than right, below 1 where it is less.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from faceoff.scoring import metrics
from faceoff.scoring.records import Bins, BrierParts, Reliability
from faceoff.statistics.arrays import Bools, Floats, Ints, Labels, Numbers
from faceoff.statistics.bootstrap import chunks
from faceoff.statistics.folds import check_folds
from faceoff.statistics.intervals import Interval
from faceoff.statistics.temperature import fit_temperature, temper

NOISE_DRAWS = 500
IntervalOf = Callable[
    [Bools, Labels | None], Interval
]  # (correct, clusters) -> interval of their share


@dataclass(frozen=True)
class Calibrated:
    """Tempered posterior (n, k) and the temperatures behind it: one, or one per fold in their
    order.
    """

    posterior: Floats
    temperatures: tuple[float, ...]

    @property
    def temperature(self) -> float:
        """Return the geometric mean of the temperatures: they are ratios."""
        return float(np.exp(np.mean(np.log(self.temperatures))))


def cross_fit(truth: Ints, posterior: Floats, folds: Ints) -> Calibrated:
    """Temper each fold by what the other folds teach (protocol §20).

    Parameters
    ----------
    truth
        (n,) class index.
    posterior
        (n, k).
    folds
        (n,) fold of each sample.

    Raises
    ------
    ValueError
        If there are fewer than two folds.

    References
    ----------
    Guo, Pleiss, Sun & Weinberger (2017), On calibration of modern neural networks, ICML.
    """
    folds, posterior = check_folds(folds, len(truth)), _own_classes(posterior)
    tempered, temperatures = np.full(posterior.shape, np.nan), []
    for fold in np.unique(folds):
        here = folds == fold
        temperatures.append(fit_temperature(posterior[~here], truth[~here]))
        tempered[here] = temper(posterior[here], temperatures[-1])
    return Calibrated(_every_class(tempered), tuple(temperatures))


def fit_elsewhere(posterior: Floats, held_out_truth: Ints, held_out: Floats) -> Calibrated:
    """Temper the posterior (n, k) by what other samples teach.

    Parameters
    ----------
    posterior
        (n, k), what is tempered.
    held_out_truth, held_out
        (m,) class index and (m, k) posterior of the samples that teach.
    """
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
) -> Bins:
    """Return the bins (low, high] of the top label's confidence behind the ECE; no empty ones.

    Parameters
    ----------
    truth
        (n,) class index.
    posterior
        (n, k).
    interval
        Of a bin's correctness and clusters.
    clusters
        (n,) labels; None where samples are independent.
    count, mode
        Number of bins; of equal width or equal mass.
    """
    covered = metrics.is_covered(posterior)
    truth, posterior = truth[covered], posterior[covered]
    clusters = None if clusters is None else clusters[covered]
    columns = Bins(
        low=[], high=[], n=[], confidence=[], accuracy=[], accuracy_low=[], accuracy_high=[]
    )
    if not len(truth):
        return columns
    confidence, correct = posterior.max(axis=1), posterior.argmax(axis=1) == truth
    edges = metrics.bin_edges(confidence, count, mode)
    bin_of = np.searchsorted(edges, confidence, side="left")
    limits = [0.0, *map(float, edges), 1.0]
    for index in np.unique(bin_of):
        here = bin_of == index
        found = interval(correct[here], None if clusters is None else clusters[here])
        columns["low"].append(limits[index])
        columns["high"].append(limits[index + 1])
        columns["n"].append(int(here.sum()))
        columns["confidence"].append(float(confidence[here].mean()))
        columns["accuracy"].append(float(correct[here].mean()))
        columns["accuracy_low"].append(found.low)
        columns["accuracy_high"].append(found.high)
    return columns


def brier_parts(truth: Ints, posterior: Floats, *, count: int = metrics.ECE_BINS) -> BrierParts:
    """Return what the Brier score is made of.

    Each class's probability is binned by itself into `count` bins (lo, hi] of equal width; with p̄
    and ō the mean probability and the share of the class in a bin and o its share in all, the sums
    over classes and bins of n_bin/n times

        reliability             (p̄ − ō)²
        resolution              (ō − o)²
        within_bin_variance     mean (p − p̄)²
        within_bin_covariance   2 mean (p − p̄)(y − ō)

    and uncertainty Σ o(1 − o) make brier = reliability − resolution + uncertainty +
    within_bin_variance − within_bin_covariance, exactly. Low reliability and high resolution are
    good.

    Parameters
    ----------
    truth
        (n,) class index.
    posterior
        (n, k).
    count
        Number of bins.

    Returns
    -------
    The parts; NaN where nothing is covered.

    References
    ----------
    Murphy (1973), A new vector partition of the probability score, Journal of Applied Meteorology
    12. Stephenson, Coelho & Jolliffe (2008), Two extra components in the Brier score decomposition,
    Weather and Forecasting 23.
    """
    covered = metrics.is_covered(posterior)
    truth, posterior = truth[covered], posterior[covered]
    n, k = posterior.shape
    if n == 0:
        nan = float("nan")
        return BrierParts(
            reliability=nan,
            resolution=nan,
            uncertainty=nan,
            within_bin_variance=nan,
            within_bin_covariance=nan,
        )
    happened = (np.arange(k) == truth[:, None]).astype(float)
    edges = metrics.bin_edges(posterior.ravel(), count, "width")
    cell = np.searchsorted(edges, posterior, side="left") + count * np.arange(k)

    def sums(values: Numbers) -> Floats:
        """Return the sum (count · k,) of values (n, k) in each bin of each class."""
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


def ece_noise(posterior: Floats, seed: int, draws: int = NOISE_DRAWS) -> tuple[float, float]:
    """Return the ECE that probabilities have by chance alone, if they are true (protocol §34).

    The decision of each covered sample is right with the probability of its own confidence; what
    remains is the noise of so many samples in 15 bins of equal width.

    Parameters
    ----------
    posterior
        (n, k).
    seed, draws
        Of the simulated samples.

    Returns
    -------
    Mean and 95th percentile over the draws, 0–1; NaN where nothing is covered.
    """
    confidence = posterior[metrics.is_covered(posterior)].max(axis=1)
    n = len(confidence)
    if n == 0:
        return float("nan"), float("nan")
    edges = metrics.bin_edges(confidence, metrics.ECE_BINS, "width")
    bin_of = np.searchsorted(edges, confidence, side="left")
    order = np.argsort(bin_of, kind="stable")
    confidence, starts = confidence[order], np.unique(bin_of[order], return_index=True)[1]
    random, found = np.random.default_rng(seed), []
    for rows in chunks(draws, n):
        gaps = (random.random((rows, n)) < confidence) - confidence
        found.append(np.abs(np.add.reduceat(gaps, starts, axis=1)).sum(axis=1) / n)
    errors = np.concatenate(found)
    return float(errors.mean()), float(np.quantile(errors, 0.95))


def describe(
    truth: Ints,
    posterior: Floats,
    interval: IntervalOf,
    clusters: Labels | None = None,
    *,
    seed: int,
) -> Reliability:
    """Return all of a posterior's reliability: scores, the Brier score's parts, bins of both kinds.

    Parameters
    ----------
    truth
        (n,) class index.
    posterior
        (n, k).
    interval, clusters
        As for `bins`.
    seed
        Of `ece_noise`.
    """
    noise, noise_95 = ece_noise(posterior, seed)
    return {
        "log_loss": metrics.log_loss(truth, posterior),
        "brier": metrics.brier(truth, posterior),
        "ece": metrics.expected_calibration_error(truth, posterior),
        "ece_mass": metrics.expected_calibration_error(truth, posterior, mode="mass"),
        "ece_noise": noise,
        "ece_noise_95": noise_95,
        "brier_parts": brier_parts(truth, posterior),
        "bins": {
            "width": bins(truth, posterior, interval, clusters, mode="width"),
            "mass": bins(truth, posterior, interval, clusters, mode="mass"),
        },
    }


# ---------------------------------------------------------------- inside


def _own_classes(posterior: Floats) -> Floats:
    """Return the posterior with NaN for the classes that it never gives anything.

    A temperature must not lift those from zero.
    """
    posterior = np.array(posterior, dtype=np.float64)
    covered = metrics.is_covered(posterior)
    posterior[:, ~(posterior[covered] > 0).any(axis=0)] = np.nan
    return posterior


def _every_class(tempered: Floats) -> Floats:
    """Return zero again for the classes that are not the pipeline's; rows without any stay NaN."""
    covered = ~np.isnan(tempered).all(axis=1)
    return np.where(covered[:, None], np.nan_to_num(tempered), np.nan)
