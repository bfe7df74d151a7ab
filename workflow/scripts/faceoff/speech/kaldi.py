"""Compute Kaldi's features of a sound by kaldi-native-fbank."""

from typing import Any

import numpy as np
import numpy.typing as npt

from faceoff.media.sound import RATE
from faceoff.plugins.speech_protocols import Wave


def frames_of(computer: Any, wave: Wave) -> npt.NDArray[np.float32]:
    """Return what a computer (OnlineMfcc, OnlineFbank …) of n frames says of a sound (n, d)."""
    computer.accept_waveform(RATE, wave * 32768)  # Kaldi's own scale
    computer.input_finished()
    frames = [computer.get_frame(place) for place in range(computer.num_frames_ready)]
    return np.array(frames, np.float32).reshape(len(frames), computer.dim)
