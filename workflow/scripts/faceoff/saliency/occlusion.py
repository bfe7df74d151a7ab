"""Explain an answer by covering the face, patch after patch."""

from collections.abc import Iterator

import numpy as np

from faceoff.saliency.black_box import Picture, Score, mean_colour, scores
from faceoff.statistics.arrays import Floats

PATCH, STRIDE = 1 / 8, 1 / 16  # of the picture's sides: 8 and 4 pixels of a picture of 64


def occlusion(
    score: Score, picture: Picture, *, patch: float = PATCH, stride: float = STRIDE
) -> Floats:
    """Return how much the score falls where the picture is covered, (height, width).

    A patch of the picture's mean colour moves over it, beginning outside, so that as many positions
    cover a pixel of the border as one of the middle. A pixel's value is the mean fall of the score
    over the patches that cover it; it is negative where covering makes the model surer.

    Parameters
    ----------
    score
        The model, of which nothing else is known.
    picture
        (height, width, channels) uint8.
    patch, stride
        Side of the patch and step between two positions, as shares of the picture's sides; at
        least a pixel.

    Raises
    ------
    ValueError
        For a stride that is longer than the patch, which would leave pixels uncovered.

    References
    ----------
    Zeiler, Fergus 2014, Visualizing and understanding convolutional networks, section 4.2.
    """
    if not 0 < stride <= patch <= 1:
        raise ValueError(
            f"patch {patch:g} and stride {stride:g} are shares of the picture's side, the stride "
            "not longer than the patch"
        )
    height, width = picture.shape[:2]
    places = [
        (rows, columns)
        for rows in _spans(height, patch, stride)
        for columns in _spans(width, patch, stride)
    ]
    colour = mean_colour(picture)

    def covered() -> Iterator[Picture]:
        yield picture
        for rows, columns in places:
            hidden = picture.copy()
            hidden[rows, columns] = colour
            yield hidden

    whole, *parts = scores(score, covered()).tolist()
    fall, covers = np.zeros((height, width)), np.zeros((height, width))
    for (rows, columns), part in zip(places, parts, strict=True):
        fall[rows, columns] += whole - part
        covers[rows, columns] += 1
    return fall / covers


def _spans(side: int, patch: float, stride: float) -> list[slice]:
    """Return the positions of the patch along a side, cut to the picture."""
    length, step = max(1, round(patch * side)), max(1, round(stride * side))
    step = min(step, length)
    return [
        slice(max(0, start), min(side, start + length))
        for start in range(step - length, side, step)
    ]
