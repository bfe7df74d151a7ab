"""Say what makes a face hard to read, and how far to trust a member under such conditions.

Conditions are columns of an array (…, 5), NaN where a detector does not give them: `NAMES`. Blur is
not among them: it needs the pixels, and a fusion reads tables only.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from faceoff.statistics.arrays import Bools, Floats

NAMES = ("size", "share", "score", "roll", "yaw")
RIDGE = 1.0  # penalty of standardised slopes

Trust = Callable[[Floats], Floats]  # conditions (n, 5) -> probability of being right (n,)


def of_face(face: Mapping[str, Any] | None, width: float, height: float) -> Floats:
    """Return the conditions of a face.

    Parameters
    ----------
    face
        A row of a faces table; None gives NaN throughout.
    width, height
        Of the frame, in pixels.

    Returns
    -------
    (5,)
        size: log₂ of the box's side √(w h) in pixels; share: log₂ of √(w h / frame); score: the
        detector's own; roll: angle of the line between the eyes, radians, 0 … π; yaw: how far the
        nose tip lies off the middle between the eyes along that line, in distances between the
        eyes: a proxy, 0 for a frontal face.
    """
    found = np.full(len(NAMES), np.nan)
    if face is None:
        return found
    area = face["w"] * face["h"]
    if area > 0:
        found[0] = np.log2(area) / 2
        found[1] = np.log2(area / (width * height)) / 2
    if face["score"] is not None:
        found[2] = face["score"]
    if face.get("landmarks"):
        left, right, nose = np.reshape(face["landmarks"], (5, 2))[:3]
        eyes = right - left
        distance = float(np.hypot(*eyes))
        if distance > 0:
            found[3] = abs(np.arctan2(eyes[1], eyes[0]))
            found[4] = abs((nose - (left + right) / 2) @ eyes) / distance**2
    return found


def fit_trust(right: Bools, conditions: Floats) -> Trust:
    """Fit how probably a member is right, given its face's conditions.

    Logistic regression on standardised conditions, with slopes penalised by `RIDGE`. One right and
    one wrong face of mean conditions are added, so that a member that was never wrong keeps a
    finite trust, and one without any face here has 1/2.

    Parameters
    ----------
    right
        (n,) whether it was right.
    conditions
        (n, c), NaN counts as the mean.

    Returns
    -------
    A function of conditions (m, c) that returns probabilities (m,).

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    from scipy.special import expit
    from sklearn.linear_model import LogisticRegression

    right, conditions = np.asarray(right, bool), np.asarray(conditions, np.float64)
    if right.ndim != 1 or conditions.ndim != 2 or len(conditions) != len(right):
        raise ValueError(
            f"right, conditions: shapes {right.shape} and {conditions.shape} given, expected (n,) "
            "and (n, conditions)"
        )
    known = ~np.isnan(conditions)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, conditions, 0.0).sum(axis=0) / count
    spread = np.sqrt(np.where(known, (conditions - mean) ** 2, 0.0).sum(axis=0) / count)
    spread = np.where(spread > 1e-9, spread, np.inf)  # a constant condition says nothing

    def standard(values: Floats) -> Floats:
        return np.where(np.isnan(values), 0.0, (values - mean) / spread)

    x = np.vstack([standard(conditions), np.zeros((2, conditions.shape[1]))])
    fitted = LogisticRegression(C=1 / RIDGE, solver="newton-cholesky", tol=1e-12).fit(
        x, np.append(right, [True, False])
    )
    return lambda values: expit(
        standard(np.asarray(values, np.float64)) @ fitted.coef_[0] + fitted.intercept_[0]
    )
