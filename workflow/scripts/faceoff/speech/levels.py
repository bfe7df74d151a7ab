"""Measure how loud a sound is over time."""

import numpy as np
import numpy.typing as npt

from faceoff.media.sound import RATE
from faceoff.plugins.speech_protocols import Wave

HOP = RATE // 100  # samples of each level


def levels(wave: Wave) -> npt.NDArray[np.float64]:
    """Return the level of each 10 ms in dB of full scale, (n,)."""
    hops = len(wave) // HOP
    power = np.square(wave[: hops * HOP].reshape(hops, HOP), dtype=np.float64).mean(axis=1)
    found: npt.NDArray[np.float64] = 10 * np.log10(power + 1e-10)
    return found
