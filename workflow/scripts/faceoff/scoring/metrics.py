"""Score one cell: posteriors and truth in, numbers out, as protocol §10–14 fixes them.

Conventions
-----------
truth
    (n,) class index into the label space, 0 … k-1; samples with another truth are removed before
    scoring.
posterior
    (n, k) float64, rows sum to one, columns in the order of the label space; a row of NaN is a
    sample that was *not covered* (no face, unreadable, error).
predicted
    (n,) class index; NO_FACE (-1) where not covered; OUTSIDE (-2) where a strict prediction fell
    outside the space.
ties
    Go to the earlier class of the space (np.argmax).
denominator
    All n samples unless a docstring says "covered"; not covered counts as wrong.
undefined
    Scores (no samples, no covered samples) are NaN, never 0.

Scores lie in 0–1 (higher is better) except `log_loss` (0–∞), `brier` (0–2), the two calibration
errors (0–1) and `rmse`, where lower is better. Functions raise ValueError for arrays of other
shapes, types or ranges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from faceoff import emotions
from faceoff.scoring.records import Summary
from faceoff.statistics.arrays import Bools, Floats, Ints, Numbers

EPSILON = 1e-9
CLIP = 1e-7  # of probabilities in the log loss
ECE_BINS = 15
NO_FACE = -1
OUTSIDE = -2
COLLAPSE_EXCESS = 0.20
COLLAPSE_SHARE = 0.60


@dataclass(frozen=True)
class ClassScores:
    """Per-class scores, each (k,). recall and f1 are NaN without truth; precision 0/0 is 0."""

    precision: Floats
    recall: Floats
    f1: Floats
    n: Floats


# ---------------------------------------------------------------- label spaces


def restrict(
    posterior: Floats, model_classes: Sequence[str], space: Sequence[str]
) -> tuple[Floats, Floats]:
    """Bring a model's posterior into a label space: mask other classes, renormalise (protocol §12).

    A class the model lacks gets p = 0. A covered row with no more than EPSILON inside the space
    becomes uniform: what is left is rounding noise, all classes of the space tie, so the prediction
    is its first class, and the row stays covered and costs log k instead of a made-up certainty.

    Parameters
    ----------
    posterior
        (n, m) in the model's classes.
    model_classes, space
        Distinct names; m and k of them.

    Returns
    -------
    posterior (n, k) in the order of `space`, and mass_outside (n,), the share of each row's mass
    that was masked, NaN where not covered.
    """
    posterior = _posterior(posterior, len(model_classes))
    _distinct("model_classes", model_classes)
    _distinct("space", space)
    restricted = np.zeros((len(posterior), len(space)))
    for column, name in enumerate(space):
        if name in model_classes:
            restricted[:, column] = posterior[:, list(model_classes).index(name)]
    covered = is_covered(posterior)
    inside, total = restricted.sum(axis=1), posterior.sum(axis=1)
    mass_outside = np.where(covered, 1 - inside / np.where(total > 0, total, 1.0), np.nan)
    undecided = covered & (inside <= EPSILON)
    restricted = np.where(
        undecided[:, None],
        1 / len(space),
        restricted / np.where(inside > EPSILON, inside, 1.0)[:, None],
    )
    restricted[~covered] = np.nan
    return restricted, np.clip(mass_outside, 0.0, 1.0)


def strict_predictions(
    posterior: Floats, model_classes: Sequence[str], space: Sequence[str]
) -> Ints:
    """Return predictions without masking (protocol §12 `strict`).

    The argmax over the model's own classes, ties to the earlier in canonical order.

    Parameters
    ----------
    posterior
        (n, m) in the model's classes.
    model_classes, space
        Distinct names.

    Returns
    -------
    (n,) index into `space`, OUTSIDE (a wrong answer) where the winner is no class of the space,
    NO_FACE where not covered.
    """
    posterior = _posterior(posterior, len(model_classes))
    _distinct("model_classes", model_classes)
    _distinct("space", space)
    canonical = emotions.order(model_classes)
    columns = [list(model_classes).index(name) for name in canonical]
    code = np.array([list(space).index(name) if name in space else OUTSIDE for name in canonical])
    winner = argmax(posterior[:, columns])
    return np.where(winner == NO_FACE, NO_FACE, code[winner])


def is_covered(posterior: Floats) -> Bools:
    """Return (n,): the rows that hold a prediction."""
    covered: Bools = ~np.isnan(posterior).any(axis=1)
    return covered


def argmax(posterior: Floats) -> Ints:
    """Return (n,) the most probable class, ties to the earlier one, NO_FACE for rows of NaN."""
    posterior = _posterior(posterior)
    covered = is_covered(posterior)
    return np.where(covered, np.where(covered[:, None], posterior, 0.0).argmax(axis=1), NO_FACE)


# ---------------------------------------------------------------- counts and shares


def coverage(predicted: Ints) -> float:
    """Return the share of samples (n,) that hold a prediction, 0–1."""
    return _mean(np.asarray(predicted) != NO_FACE)


def accuracy(truth: Ints, predicted: Ints) -> float:
    """Return end-to-end accuracy over all samples, 0–1: the headline (protocol §10)."""
    truth, predicted = _pair(truth, predicted)
    return _mean(truth == predicted)


def covered_accuracy(truth: Ints, predicted: Ints) -> float:
    """Return accuracy over covered samples, 0–1; NaN if there are none."""
    truth, predicted = _pair(truth, predicted)
    return _mean((truth == predicted)[predicted != NO_FACE])


def confusion(truth: Ints, predicted: Ints, k: int, *, outside: bool = False) -> Ints:
    """Return the counts of truth by prediction.

    Parameters
    ----------
    truth, predicted
        (n,).
    k
        Number of classes.
    outside
        For strict predictions: append one more column for OUTSIDE.

    Returns
    -------
    (k, k+1): rows truth, columns predicted, the last one no_face (never a class); (k, k+2) with
    `outside`.

    Raises
    ------
    ValueError
        If there is OUTSIDE without `outside`.
    """
    truth, predicted = _pair(truth, predicted, k)
    if not outside and (predicted == OUTSIDE).any():
        raise ValueError("predicted: holds OUTSIDE (-2); pass outside=True for strict predictions")
    width = k + 1 + outside
    column = np.select([predicted == NO_FACE, predicted == OUTSIDE], [k, k + 1], predicted)
    return np.bincount(truth * width + column, minlength=k * width).reshape(k, width)


def per_class(truth: Ints, predicted: Ints, k: int) -> ClassScores:
    """Return the scores of every class. Not covered lowers recall, not precision."""
    counts = confusion(truth, predicted, k, outside=True)
    precision, recall, f1 = _class_scores(counts)
    return ClassScores(precision, recall, f1, counts.sum(axis=1))


def balanced_accuracy(truth: Ints, predicted: Ints, k: int) -> float:
    """Return mean recall over the classes with truth (= UAR), 0–1."""
    return float(balanced_accuracy_of(confusion(truth, predicted, k, outside=True)))


def macro_f1(truth: Ints, predicted: Ints, k: int) -> float:
    """Return mean F1 over the classes with truth, 0–1."""
    return float(macro_f1_of(confusion(truth, predicted, k, outside=True)))


def weighted_f1(truth: Ints, predicted: Ints, k: int) -> float:
    """Return mean F1 weighted by the number of samples of each class, 0–1."""
    return float(weighted_f1_of(confusion(truth, predicted, k, outside=True)))


def balanced_accuracy_of(confusions: Numbers) -> Floats:
    """Return the balanced accuracy (...) of confusion matrices (..., k, ≥ k); for the bootstrap."""
    return _mean_over_present(_class_scores(confusions)[1])


def macro_f1_of(confusions: Numbers) -> Floats:
    """Return the macro-F1 (...) of confusion matrices (..., k, ≥ k)."""
    return _mean_over_present(_class_scores(confusions)[2])


def weighted_f1_of(confusions: Numbers) -> Floats:
    """Return the weighted F1 (...) of confusion matrices (..., k, ≥ k)."""
    n = confusions.sum(axis=-1)
    return _divide(
        (np.nan_to_num(_class_scores(confusions)[2]) * n).sum(axis=-1), n.sum(axis=-1), np.nan
    )


def collapsed(truth: Ints, predicted: Ints, k: int) -> bool:
    """Return whether the predictions collapsed onto one class (protocol §14).

    Its share is > 60 % and > its truth share + 20 points, both over covered samples, so that a
    detector that finds few faces does not hide or cause the flag. False if nothing is covered.
    """
    truth, predicted = _pair(truth, predicted, k)
    covered = predicted != NO_FACE
    if not covered.any():
        return False
    inside = predicted[predicted >= 0]
    predicted_share = np.bincount(inside, minlength=k) / covered.sum()
    truth_share = np.bincount(truth[covered], minlength=k) / covered.sum()
    return bool(
        (
            (predicted_share > truth_share + COLLAPSE_EXCESS) & (predicted_share > COLLAPSE_SHARE)
        ).any()
    )


# ---------------------------------------------------------------- probabilities (covered samples)


def sample_log_loss(truth: Ints, posterior: Floats) -> Floats:
    """Return (n,) -log p of the true class; NaN where not covered.

    Probabilities are clipped to 1e-7 … 1 and renormalised.
    """
    truth, posterior = _scored(truth, posterior)
    clipped = np.clip(posterior, CLIP, 1.0)
    losses: Floats = -np.log(clipped[np.arange(len(truth)), truth] / clipped.sum(axis=1))
    return losses


def log_loss(truth: Ints, posterior: Floats) -> float:
    """Return the mean of `sample_log_loss` over covered samples, in nats, 0–∞."""
    losses = sample_log_loss(truth, posterior)
    return _mean(losses[~np.isnan(losses)])


def brier(truth: Ints, posterior: Floats) -> float:
    """Return the Brier score over covered samples, summed over classes, 0–2.

    References
    ----------
    Brier (1950), Verification of forecasts expressed in terms of probability, Monthly Weather
    Review.
    """
    truth, posterior = _covered_part(*_scored(truth, posterior))
    one_hot = np.arange(posterior.shape[1]) == truth[:, None]
    return _mean(((posterior - one_hot) ** 2).sum(axis=1))


def expected_calibration_error(
    truth: Ints,
    posterior: Floats,
    *,
    bins: int = ECE_BINS,
    mode: Literal["width", "mass"] = "width",
) -> float:
    """Return the top-label ECE over covered samples: Σ share · |accuracy − mean confidence| over
    bins.

    Parameters
    ----------
    truth
        (n,).
    posterior
        (n, k).
    bins
        Their number; a bin is (lo, hi].
    mode
        "width": bins of equal width; "mass": cuts at the order statistics, equal confidences
        staying in one bin, so that the order of samples does not matter.

    Returns
    -------
    0–1; NaN where nothing is covered.

    References
    ----------
    Naeini, Cooper & Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian
    binning. Guo, Pleiss, Sun & Weinberger (2017), On calibration of modern neural networks, ICML.
    """
    truth, posterior = _covered_part(*_scored(truth, posterior))
    if len(truth) == 0:
        return float("nan")
    confidence = posterior.max(axis=1)
    gap = (posterior.argmax(axis=1) == truth) - confidence
    bin_of = np.searchsorted(bin_edges(confidence, bins, mode), confidence, side="left")
    return float(np.abs(np.bincount(bin_of, weights=gap, minlength=bins)).sum() / len(truth))


def bin_edges(confidence: Floats, bins: int, mode: str) -> Floats:
    """Return the bins − 1 inner edges of bins (lo, hi].

    Mode "width" cuts 0–1 evenly, "mass" at the order statistics of confidence (n,). Raises
    ValueError for another mode.
    """
    if mode == "width":
        return np.arange(1, bins) / bins
    if mode == "mass":
        n = len(confidence)
        edges: Floats = np.sort(confidence)[-(-n * np.arange(1, bins) // bins) - 1]
        return edges
    raise ValueError(f"mode: {mode!r} given, expected 'width' or 'mass'")


def top_k_accuracy(truth: Ints, posterior: Floats, k: int = 2) -> float:
    """Return the share of covered samples whose true class is among the k most probable, 0–1.

    Ties go to the earlier class.
    """
    truth, posterior = _covered_part(*_scored(truth, posterior))
    best = np.argsort(-posterior, axis=1, kind="stable")[:, :k]
    return _mean((best == truth[:, None]).any(axis=1))


def summary(truth: Ints, posterior: Floats, *, hard: bool = False) -> Summary:
    """Return all headline numbers of a cell, always with the same keys.

    Parameters
    ----------
    truth
        (n,).
    posterior
        (n, k).
    hard
        The posterior holds votes or ranks, not probabilities: log_loss, brier, ece, ece_mass and
        top2 are NaN (below the winner, votes mostly tie).
    """
    truth, posterior = _scored(truth, posterior)
    k = posterior.shape[1]
    predicted = argmax(posterior)
    nan = float("nan")
    return {
        "accuracy": accuracy(truth, predicted),
        "covered_accuracy": covered_accuracy(truth, predicted),
        "coverage": coverage(predicted),
        "balanced_accuracy": balanced_accuracy(truth, predicted, k),
        "macro_f1": macro_f1(truth, predicted, k),
        "weighted_f1": weighted_f1(truth, predicted, k),
        "log_loss": nan if hard else log_loss(truth, posterior),
        "brier": nan if hard else brier(truth, posterior),
        "ece": nan if hard else expected_calibration_error(truth, posterior),
        "ece_mass": nan if hard else expected_calibration_error(truth, posterior, mode="mass"),
        "top2": nan if hard else top_k_accuracy(truth, posterior, 2),
        "n": len(truth),
        "n_covered": int((predicted != NO_FACE).sum()),
        "n_correct": int((predicted == truth).sum()),
    }


# ---------------------------------------------------------------- valence and arousal


def ccc(truth: Floats, predicted: Floats) -> float:
    """Return the concordance correlation coefficient, −1 … 1.

    2 cov / (var + var + (mean − mean)²) with 1/N moments, over pairs where both values are finite;
    a constant prediction scores 0, no pairs NaN.

    References
    ----------
    Lin (1989), A concordance correlation coefficient to evaluate reproducibility, Biometrics 45.
    """
    truth, predicted = _finite(truth, predicted)
    if len(truth) == 0:
        return float("nan")
    if np.ptp(predicted) == 0:
        return 0.0
    covariance = ((truth - truth.mean()) * (predicted - predicted.mean())).mean()
    return float(
        2 * covariance / (truth.var() + predicted.var() + (truth.mean() - predicted.mean()) ** 2)
    )


def pearson(truth: Floats, predicted: Floats) -> float:
    """Return the Pearson correlation over finite pairs, −1 … 1; NaN if either side is constant."""
    truth, predicted = _finite(truth, predicted)
    if len(truth) == 0 or np.ptp(truth) == 0 or np.ptp(predicted) == 0:
        return float("nan")
    return float(
        ((truth - truth.mean()) * (predicted - predicted.mean())).mean()
        / (truth.std() * predicted.std())
    )


def rmse(truth: Floats, predicted: Floats) -> float:
    """Return the root mean squared error over finite pairs, in the unit of the input."""
    truth, predicted = _finite(truth, predicted)
    return float(np.sqrt(_mean((truth - predicted) ** 2)))


def sign_agreement(truth: Floats, predicted: Floats) -> float:
    """Return the share of finite pairs with the same sign, 0–1; zero agrees only with zero.

    References
    ----------
    Nicolaou, Gunes & Pantic (2011), Continuous prediction of spontaneous affect, IEEE Transactions
    on Affective Computing 2.
    """
    truth, predicted = _finite(truth, predicted)
    return _mean(np.sign(truth) == np.sign(predicted))


# ---------------------------------------------------------------- inside


def _class_scores(confusions: Numbers) -> tuple[Floats, Floats, Floats]:
    """Return precision, recall and F1, each (..., k), of confusion matrices (..., k, ≥ k)."""
    k = confusions.shape[-2]
    right = np.diagonal(confusions[..., :k], axis1=-2, axis2=-1)
    true, claimed = confusions.sum(axis=-1), confusions[..., :k].sum(axis=-2)
    f1 = np.where(true > 0, _divide(2 * right, true + claimed, np.nan), np.nan)
    return _divide(right, claimed, 0.0), _divide(right, true, np.nan), f1


def _divide(numerator: Numbers, denominator: Numbers, otherwise: float) -> Floats:
    """Return the elementwise quotient, `otherwise` where the denominator is 0."""
    some = denominator > 0
    return np.where(some, numerator / np.where(some, denominator, 1), otherwise)


def _mean_over_present(scores: Floats) -> Floats:
    """Return the mean over the last axis of what is not NaN; NaN where nothing is left."""
    present = ~np.isnan(scores)
    return _divide(np.where(present, scores, 0.0).sum(axis=-1), present.sum(axis=-1), np.nan)


def _mean(values: Numbers) -> float:
    """Return the mean; NaN of nothing."""
    return float(np.mean(values)) if len(values) else float("nan")


def _covered_part(truth: Ints, posterior: Floats) -> tuple[Ints, Floats]:
    """Return truth and posterior of the covered samples."""
    covered = is_covered(posterior)
    return truth[covered], posterior[covered]


def _posterior(posterior: Floats, k: int | None = None) -> Floats:
    """Return the posterior as float64. Raises ValueError if it is not as the conventions say."""
    posterior = np.asarray(posterior, dtype=np.float64)
    if (
        posterior.ndim != 2
        or posterior.shape[1] == 0
        or (k is not None and posterior.shape[1] != k)
    ):
        raise ValueError(f"posterior: shape {posterior.shape} given, expected (n, {k or 'k'})")
    missing = np.isnan(posterior)
    if (missing.any(axis=1) != missing.all(axis=1)).any():
        row = int(np.flatnonzero(missing.any(axis=1) != missing.all(axis=1))[0])
        raise ValueError(
            f"posterior: row {row} is NaN in part; a sample is either covered or a whole row of NaN"
        )
    if (posterior < 0).any() or np.isinf(posterior).any():
        raise ValueError("posterior: holds negative or infinite values, expected probabilities")
    return posterior


def _pair(truth: Ints, predicted: Ints, k: int | None = None) -> tuple[Ints, Ints]:
    """Return truth and predictions as int64. Raises ValueError if they are not as the conventions
    say.
    """
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if truth.ndim != 1 or truth.shape != predicted.shape:
        raise ValueError(
            f"truth, predicted: shapes {truth.shape} and {predicted.shape} given, expected (n,) "
            "twice"
        )
    for name, values, least in (("truth", truth, 0), ("predicted", predicted, OUTSIDE)):
        if len(values) and not np.issubdtype(values.dtype, np.integer):
            raise ValueError(f"{name}: dtype {values.dtype} given, expected integers")
        if len(values) and (values.min() < least or (k is not None and values.max() >= k)):
            raise ValueError(
                f"{name}: values {values.min()} to {values.max()} given, expected {least} to "
                f"{'k - 1' if k is None else k - 1}"
            )
    return truth.astype(np.int64), predicted.astype(np.int64)


def _scored(truth: Ints, posterior: Floats) -> tuple[Ints, Floats]:
    """Return truth and posterior, checked. Raises ValueError if they do not fit."""
    posterior = _posterior(posterior)
    truth = np.asarray(truth)
    if truth.shape != posterior.shape[:1]:
        raise ValueError(
            f"truth: shape {truth.shape} given, expected {posterior.shape[:1]} as the posterior "
            f"has {len(posterior)} rows"
        )
    return _pair(truth, truth, posterior.shape[1])[0], posterior


def _finite(truth: Floats, predicted: Floats) -> tuple[Floats, Floats]:
    """Return the pairs that are finite on both sides. Raises ValueError for other shapes."""
    truth, predicted = np.asarray(truth, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != predicted.shape:
        raise ValueError(
            f"truth, predicted: shapes {truth.shape} and {predicted.shape} given, expected (n,) "
            "twice"
        )
    both = np.isfinite(truth) & np.isfinite(predicted)
    return truth[both], predicted[both]


def _distinct(name: str, classes: Sequence[str]) -> None:
    """Raise ValueError unless these are one or more distinct names."""
    if len(set(classes)) != len(classes) or len(classes) == 0:
        raise ValueError(
            f"{name}: {tuple(classes)} given, expected one or more distinct class names"
        )
