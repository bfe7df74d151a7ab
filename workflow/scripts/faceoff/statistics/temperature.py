"""Scale the confidence of posteriors by a temperature (Guo et al. 2017).

Posteriors are (n, k) float64 with rows of NaN where there is no prediction and columns of NaN for
classes that a model lacks. A temperature is above 1 where a model is more confident than right.

References
----------
Guo, Pleiss, Sun & Weinberger (2017), On calibration of modern neural networks, ICML.
"""

import numpy as np

from faceoff.statistics.arrays import Floats, Ints

FLOOR = 1e-9  # below which no probability is taken in a logarithm
TEMPERATURES = (0.05, 20.0)  # lowest and highest


def fit_temperature(posterior: Floats, truth: Ints) -> float:
    """Return the temperature T that minimises the negative log-likelihood of p_T ∝ p^(1/T).

    Parameters
    ----------
    posterior
        (n, k). Only rows whose true class the model has count; probabilities are taken as at least
        `FLOOR`.
    truth
        (n,) class indices.

    Returns
    -------
    T in 0.05 … 20; 1 if no row counts.

    Raises
    ------
    ValueError
        If the shapes do not fit, truth is no class index, or the posterior holds values below 0,
        infinite ones, or NaN in part of a row.
    """
    posterior, truth = np.asarray(posterior, dtype=np.float64), np.asarray(truth)
    if posterior.ndim != 2 or truth.shape != posterior.shape[:1]:
        raise ValueError(
            f"posterior, truth: shapes {posterior.shape} and {truth.shape} given, "
            "expected (n, k) and (n,)"
        )
    if len(truth) and not 0 <= truth.min() <= truth.max() < posterior.shape[1]:
        raise ValueError(
            f"truth: {truth.min()} to {truth.max()} given, "
            f"expected class indices 0 to {posterior.shape[1] - 1}"
        )
    if (posterior < 0).any() or np.isinf(posterior).any():
        raise ValueError("posterior: holds negative or infinite values, expected probabilities")
    own_truth = posterior[np.arange(len(truth)), truth]
    usable = ~np.isnan(own_truth)
    if not usable.any():
        return 1.0
    has = ~np.isnan(posterior[usable]).all(axis=0)
    logs = np.log(np.maximum(posterior[usable][:, has], FLOOR))
    if np.isnan(logs).any():
        raise ValueError(
            "posterior: is NaN in part of a row; expected whole rows (no prediction) and whole "
            "columns (class it lacks)"
        )
    own = np.log(np.maximum(own_truth[usable], FLOOR))
    # With s = 1/T the NLL is convex: its derivative is the mean of E_s[log p] − log p[truth] and
    # rises by Var_s[log p]. Newton's steps, halving where one leaves the bracket; scipy's
    # minimisers would double the start-up of a scoring job.
    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    scale = 1.0
    for _ in range(100):
        powers = np.exp((logs - logs.max(axis=1, keepdims=True)) * scale)
        share = powers / powers.sum(axis=1, keepdims=True)
        expected = (share * logs).sum(axis=1)
        slope, bend = (
            float((expected - own).mean()),
            float((share * (logs - expected[:, None]) ** 2).sum(axis=1).mean()),
        )
        if slope == 0:
            break
        low, high = (low, scale) if slope > 0 else (scale, high)
        step = scale - slope / bend if bend > 0 else np.inf
        following = step if low < step < high else (low + high) / 2
        if abs(following - scale) <= 1e-12 * scale:
            break
        scale = following
    return float(1 / scale)


def fit_temperatures(posteriors: Floats, truth: Ints) -> Floats:
    """Return the temperature of each member of posteriors (members, n, k), as (members, 1, 1)."""
    return np.array([fit_temperature(posterior, truth) for posterior in posteriors])[:, None, None]


def temper(posterior: Floats, temperature: float | Floats) -> Floats:
    """Return p_T ∝ max(p, FLOOR)^(1/T) over the classes that are there; NaN stays NaN.

    Parameters
    ----------
    posterior
        (..., n, k).
    temperature
        One for all, or an array that broadcasts against (..., 1, 1).

    Returns
    -------
    Posterior of the same shape; rows sum to 1.
    """
    logs = np.log(np.maximum(posterior, FLOOR)) / temperature
    top = np.fmax.reduce(logs, axis=-1, keepdims=True)
    powers = np.exp(logs - top)
    tempered: Floats = powers / np.nansum(
        np.where(np.isnan(top), 1.0, powers), axis=-1, keepdims=True
    )
    return tempered
