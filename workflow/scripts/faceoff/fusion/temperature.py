"""Temperature scaling of posteriors (Guo 2017). Pure functions, with the conventions of posteriors.py."""

import numpy as np

from faceoff.fusion.posteriors import EPSILON, check_members, check_truth

TEMPERATURES = (0.05, 20.0)  # lowest and highest


def fit_temperature(posterior: np.ndarray, truth: np.ndarray) -> float:
    """The scalar T in 0.05 … 20 that minimises the NLL of p_T ∝ p^(1/T) (Guo 2017), p from below at ε.

    posterior: (n, k) of one member. Only covered samples whose true class the member has count; without any, T = 1.
    """
    posterior = check_members(np.asarray(posterior)[None])[0]
    truth = check_truth(truth, posterior.shape[0], posterior.shape[1])
    own_truth = posterior[np.arange(len(truth)), truth]
    usable = ~np.isnan(own_truth)
    if not usable.any():
        return 1.0
    has = ~np.isnan(posterior[usable]).all(axis=0)
    logs = np.log(np.maximum(posterior[usable][:, has], EPSILON))
    own = np.log(np.maximum(own_truth[usable], EPSILON))
    # With s = 1/T the NLL is convex: its derivative is the mean of E_s[log p] − log p[truth], rising by Var_s[log p]. Newton's steps, halving where one leaves
    # the bracket; scipy's minimisers would double the start-up of a scoring job.
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


def fit_temperatures(posteriors: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(members, 1, 1): the temperature of each member of posteriors (members, n, k)."""
    return np.array([fit_temperature(posterior, truth) for posterior in posteriors])[:, None, None]


def temper(posterior: np.ndarray, temperature: float | np.ndarray) -> np.ndarray:
    """p_T ∝ max(p, ε)^(1/T) over the classes that are there; NaN stays NaN. `temperature` broadcasts against (..., 1, 1) of the posterior."""
    logs = np.log(np.maximum(posterior, EPSILON)) / temperature
    top = np.fmax.reduce(logs, axis=-1, keepdims=True)
    powers = np.exp(logs - top)
    return powers / np.nansum(np.where(np.isnan(top), 1.0, powers), axis=-1, keepdims=True)
