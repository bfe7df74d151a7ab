"""Score all that a signal measures on one dataset (protocol §49, §50)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from faceoff.scoring import signals_angles, signals_units
from faceoff.statistics.arrays import Floats, Labels
from faceoff.storage.columns import GAZE, POSE

_BLINK = "au_45"  # the truth of a blink


def signal_scores(
    truth: Mapping[str, Floats],
    measured: Mapping[str, Floats],
    units: Labels,
    *,
    threshold: float,
    gaze_frame: str | None,
    seed: int,
) -> dict[str, Any]:
    """Return the scores of a signal; what truth or signal lack has none.

    Parameters
    ----------
    truth, measured
        Columns by name, (n,) each, one row per frame whose truth shows a face; NaN is unknown.
    units
        (n,) what is resampled whole.
    threshold
        Of the signal's card: intensity from which a unit counts as there.
    gaze_frame
        camera or head: the frame of the measured gaze. The true one is in the frame of the head.
    seed
        Of the bootstrap.

    Returns
    -------
    `action_units` (unit -> `presence` and `intensity`), `macro` (over them), `blink`, `pose`,
    `gaze`; each only where both know it.
    """
    found: dict[str, Any] = {}
    coded = [name for name in truth if name.startswith("au_")]
    both = [name for name in coded if name in measured]
    if both:
        of_units = {
            _title(name): signals_units.presence(
                truth[name], measured[name], threshold, units, seed
            )
            | signals_units.intensity(truth[name], measured[name])
            for name in both
        }
        shown = [_title(name) for name in coded if (truth[name] >= signals_units.PRESENT).any()]
        found["action_units"] = of_units
        found["macro"] = signals_units.macro(of_units, shown)
    if "blink" in measured and _BLINK in truth:
        found["blink"] = _blink(truth[_BLINK], measured, units, seed)
    head = _stacked(truth, POSE)
    if head is not None and (seen := _stacked(measured, POSE)) is not None:
        found["pose"] = signals_angles.pose(head, seen, units, seed)
    looks = _stacked(truth, GAZE)
    if looks is not None and (seen := _stacked(measured, GAZE)) is not None:
        if gaze_frame == "camera" and head is not None:
            looks = signals_angles.in_camera(looks, head)
        found["gaze"] = signals_angles.gaze(looks, seen, units, seed) | {"frame": gaze_frame}
    return found


def _title(name: str) -> str:
    """Return AU12L for the column au_12l."""
    return name.replace("au_", "AU").upper()


def _stacked(columns: Mapping[str, Floats], names: tuple[str, ...]) -> Floats | None:
    """Return (n, k) of these columns, None where one is missing."""
    if any(name not in columns for name in names):
        return None
    return np.column_stack([columns[name] for name in names])


def _blink(
    truth: Floats, measured: Mapping[str, Floats], units: Labels, seed: int
) -> dict[str, Any]:
    """Return the presence scores of closed eyes; `pr_auc` is that of eyes that are little open."""
    found = signals_units.presence(truth, measured["blink"], 1.0, units, seed)
    if "eye_openness" in measured:
        closed = np.nan_to_num(-measured["eye_openness"], nan=-np.inf)
        shut = truth >= signals_units.PRESENT
        found["pr_auc"] = signals_units.average_precision(shut, closed)
    return found
