"""Ask a model about altered pictures of one face, of which nothing but its answers is known."""

from collections.abc import Callable, Iterable
from itertools import islice

import numpy as np
import numpy.typing as npt

from faceoff.statistics.arrays import Floats

Picture = npt.NDArray[np.uint8]  # (height, width, channels)
# (n, height, width, channels) uint8 -> (n,) the probability of the class that is explained
Score = Callable[[npt.NDArray[np.uint8]], Floats]

BATCH = 64  # pictures that are held and scored at a time


def scores(score: Score, pictures: Iterable[Picture]) -> Floats:
    """Return the score of each picture, (n,); few of them are in memory at once."""
    coming = iter(pictures)
    parts = []
    while batch := list(islice(coming, BATCH)):
        parts.append(np.asarray(score(np.stack(batch)), np.float64))
    return np.concatenate(parts) if parts else np.zeros(0)


def mean_colour(picture: Picture) -> npt.NDArray[np.uint8]:
    """Return the mean of each channel, (channels,): a colour that says nothing of a face."""
    return picture.reshape(-1, picture.shape[2]).mean(axis=0).round().astype(np.uint8)
