"""Score head pose and gaze (protocol §50).

Conventions
-----------
truth, measured
    (n, 3) yaw, pitch, roll or (n, 2) yaw, pitch in degrees, one row per frame whose truth shows a
    face. measured is NaN where no face was found or read: not covered, and outside every limit.
units
    (n,) labels of what is resampled whole: the subject, else the clip.
"""

from typing import Any

import numpy as np

from faceoff.scoring import metrics
from faceoff.statistics import rotations
from faceoff.statistics.arrays import Floats, Labels
from faceoff.statistics.bootstrap import bootstrap_t

LIMITS = (5.0, 10.0, 20.0)  # degrees
BINS = ((0.0, 30.0), (30.0, 60.0), (60.0, np.inf))  # of the true |yaw|, from … to below
_AXES = ("yaw", "pitch", "roll")


def pose(truth: Floats, measured: Floats, units: Labels, seed: int) -> dict[str, Any]:
    """Return the errors of head poses.

    `error`: mean geodesic angle; `mae_yaw`, `mae_pitch`, `mae_roll`: of the wrapped differences;
    `slope_…`, `r_…`: of measured on true, which say what has to be calibrated. What every kind of
    angle has is `_errors`'.
    """
    turned = rotations.rotations(*truth.T), rotations.rotations(*measured.T)
    return _errors(rotations.geodesic(*turned), truth, measured, units, seed)


def gaze(truth: Floats, measured: Floats, units: Labels, seed: int) -> dict[str, Any]:
    """Return the errors of gazes in one frame of reference, as of `pose`, without roll."""
    error = rotations.between(rotations.directions(*truth.T), rotations.directions(*measured.T))
    return _errors(error, truth, measured, units, seed)


def in_camera(angles: Floats, head: Floats) -> Floats:
    """Return gazes (n, 2) in the frame of the camera, from those in the frame of the head.

    head: (n, 3) yaw, pitch and roll of the heads.
    """
    turned = rotations.rotations(*head.T)
    seen = np.einsum("nij,nj->ni", turned, rotations.directions(*angles.T))
    return np.column_stack(rotations.gaze_angles(seen))


def _errors(
    error: Floats, truth: Floats, measured: Floats, units: Labels, seed: int
) -> dict[str, Any]:
    """Return the summary of angles (n,) between truth and measurement, NaN where not covered.

    `n`, `coverage`; `error`: mean over the covered, with its interval (bootstrap-t on the units'
    sums) and `median`; `within_5` …: share of all frames inside, end to end; `bins`: by true |yaw|.
    """
    covered = np.isfinite(error)
    owner = np.unique(units, return_inverse=True)[1]
    sums = np.zeros((owner.max() + 1 if len(owner) else 0, 2))
    np.add.at(sums, owner[covered], np.column_stack([error[covered], np.ones(covered.sum())]))
    interval = (
        bootstrap_t(_mean_of_sums, sums, seed=seed, bounds=(0.0, 180.0)) if covered.any() else None
    )
    found: dict[str, Any] = {
        **_part(error),
        "error_low": interval.low if interval else np.nan,
        "error_high": interval.high if interval else np.nan,
        "median": float(np.median(error[covered])) if covered.any() else np.nan,
        **{f"within_{limit:.0f}": _inside(error, limit) for limit in LIMITS},
        "bins": [
            {"low": low, "high": high, **_part(error[_between(truth[:, 0], low, high)])}
            for low, high in BINS
        ],
    }
    for axis, name in enumerate(_AXES[: truth.shape[1]]):
        found |= _axis(name, truth[covered, axis], measured[covered, axis])
    return found


def _part(error: Floats) -> dict[str, Any]:
    covered = np.isfinite(error)
    return {
        "n": len(error),
        "coverage": float(covered.mean()) if len(error) else np.nan,
        "error": float(error[covered].mean()) if covered.any() else np.nan,
    }


def _between(yaw: Floats, low: float, high: float) -> Any:
    size = np.abs(rotations.wrapped(yaw))
    return (size >= low) & (size < high)


def _inside(error: Floats, limit: float) -> float:
    return float((np.nan_to_num(error, nan=np.inf) <= limit).mean()) if len(error) else np.nan


def _axis(name: str, truth: Floats, measured: Floats) -> dict[str, float]:
    """Return an angle's mean absolute error, and slope and correlation of measured on true."""
    apart = rotations.wrapped(measured - truth)
    follows = len(truth) > 2 and np.ptp(truth) > 0 and np.ptp(measured) > 0
    return {
        f"mae_{name}": float(np.abs(apart).mean()) if len(truth) else np.nan,
        f"slope_{name}": float(np.polyfit(truth, truth + apart, 1)[0]) if follows else np.nan,
        f"r_{name}": metrics.pearson(truth, truth + apart),
    }


def _mean_of_sums(totals: Floats) -> Floats:
    """Return means (R,) of summed errors and counts (R, 2); NaN without any."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(totals[:, 1] > 0, totals[:, 0] / totals[:, 1], np.nan)
