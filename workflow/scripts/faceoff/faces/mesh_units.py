"""Measure action units by the geometry of the face mesh.

Nothing is trained; every constant is in the table below.
"""

from collections.abc import Mapping

import numpy as np

# Measure (see mesh.measures, unit: outer eye distance) -> its value at rest and at intensity 5.
# Both were read off the drawn faces of `posed` (train identities, easy rungs): rest is the median
# of neutral faces, the other the median of strong ones, extrapolated to 5.
READ_FROM: dict[str, tuple[tuple[str, float, float], ...]] = {
    "AU01": (("brow_inner", 0.211, 0.260),),
    "AU02": (("brow_outer", 0.162, 0.204),),
    "AU04": (("brow_inner", 0.211, 0.155), ("brow_slant", 0.055, 0.080)),
    "AU05": (("eye_open", 0.104, 0.113),),
    "AU06": (("cheek", 0.383, 0.345),),
    "AU07": (("eye_open", 0.104, 0.092),),
    "AU09": (("nose_length", 0.552, 0.505),),
    "AU10": (("upper_lip", 0.157, 0.137),),
    "AU12": (("corner_raise", 0.010, 0.068),),
    "AU15": (("corner_raise", 0.010, -0.033),),
    "AU20": (("mouth_width", 0.556, 0.640),),
    "AU23": (("mouth_width", 0.556, 0.490),),
    "AU25": (("mouth_open", 0.016, 0.080),),
    "AU26": (("mouth_open", 0.016, 0.105),),
}
# difference of the mouth corners' heights: not yet, and fully, unilateral
_ONE_SIDED = (
    0.008,
    0.030,
)

UNITS = (*READ_FROM, "AU12L", "AU12R")


def action_units(measured: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return action-unit intensities (n,), 0–5, from `mesh.measures`.

    Of several signs of one unit, the strongest counts.
    """
    units = {}
    for unit, signs in READ_FROM.items():
        units[unit] = np.max(
            [
                5 * np.clip((measured[name] - rest) / (apex - rest), 0, 1)
                for name, rest, apex in signs
            ],
            axis=0,
        )
    lopsided = measured["corner_raise_L"] - measured["corner_raise_R"]
    start, full = _ONE_SIDED
    for side, difference in (("L", lopsided), ("R", -lopsided)):
        units[f"AU12{side}"] = 5 * np.clip((difference - start) / (full - start), 0, 1)
    return units
