"""Find the weights of members that make a loss smallest."""

from collections.abc import Callable

import numpy as np

from faceoff.statistics.arrays import Floats

TOLERANCE = 1e-10  # of the gradient; the default stops where the order of members shows in digits


def best_weights(loss: Callable[[Floats], tuple[float, Floats]], members: int) -> Floats:
    """Return the weights (members,), at least 0 and of sum 1, at which a loss is smallest.

    They are a softmax, found by L-BFGS from equal weights with the exact gradient.

    Parameters
    ----------
    loss
        Weights (members,) -> the loss, and its gradient (members,).
    members
        How many there are.
    """
    from scipy.optimize import minimize

    def of_logits(logits: Floats) -> tuple[float, Floats]:
        weights = _softmax(logits)
        value, gradient = loss(weights)
        return value, weights * (gradient - weights @ gradient)

    logits = minimize(
        of_logits,
        np.zeros(members),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 5000, "ftol": 0.0, "gtol": TOLERANCE},
    ).x
    return _softmax(logits)


def _softmax(logits: Floats) -> Floats:
    weights = np.exp(logits - logits.max())
    share: Floats = weights / weights.sum()
    return share
