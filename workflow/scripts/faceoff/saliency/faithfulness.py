"""Score a map: how fast does the answer go where its pixels go, and come where they come?"""

from collections.abc import Iterator

import cv2
import numpy as np

from faceoff.saliency.black_box import Picture, Score, mean_colour, scores
from faceoff.statistics.arrays import Floats

SCORES = ("deletion", "insertion")
STEPS = 32  # a step replaces this part of the pixels
BLUR = 1 / 8  # σ of the blurred picture, of its side


def deletion(score: Score, picture: Picture, heat: Floats, steps: int = STEPS) -> Floats:
    """Return the score as the most important pixels get the mean colour, (steps + 1,).

    The first value is the whole picture's, the last that of the plain colour. A good map has a
    small area under this curve. Petsiuk et al. delete one row's worth of pixels a step and set them
    to the data set's mean; here a step is 1/`steps` of the pixels.

    Parameters
    ----------
    score
        The model.
    picture
        (height, width, channels) uint8.
    heat
        (height, width); the largest values go first, equal ones from the top left on.
    steps
        How often pixels are replaced.

    References
    ----------
    Petsiuk, Das, Saenko 2018, section 4.2 and the authors' code, evaluation.py.
    """
    plain = np.broadcast_to(mean_colour(picture), picture.shape).copy()
    return _replacing(score, picture, plain, heat, steps)


def insertion(score: Score, picture: Picture, heat: Floats, steps: int = STEPS) -> Floats:
    """Return the score as the most important pixels come back into a blurred picture, (steps + 1,).

    A good map has a large area under this curve. The blur is Gaussian, as in Petsiuk et al., with σ
    an eighth of the picture's side: their 5 of 224 pixels leave a face of 64 pixels readable.
    Parameters are as of `deletion`.
    """
    return _replacing(score, blurred(picture), picture, heat, steps)


def area(curve: Floats) -> float:
    """Return the area under a curve over 0–1 by the trapezoidal rule."""
    return float((curve[1:] + curve[:-1]).mean() / 2)


def blurred(picture: Picture) -> Picture:
    """Return the picture from which insertion starts."""
    sigma = BLUR * max(picture.shape[:2])
    smooth = cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smooth, np.uint8).reshape(picture.shape)


def _replacing(score: Score, start: Picture, end: Picture, heat: Floats, steps: int) -> Floats:
    if heat.shape != start.shape[:2]:
        raise ValueError(f"a map of shape {heat.shape} for a picture of {start.shape[:2]}")
    order = np.argsort(-heat, axis=None, kind="stable")
    counts = np.round(np.linspace(0, len(order), steps + 1)).astype(int)
    ends = end.reshape(len(order), -1)

    def pictures() -> Iterator[Picture]:
        for count in counts:
            mixed = start.reshape(len(order), -1).copy()
            mixed[order[:count]] = ends[order[:count]]
            yield mixed.reshape(start.shape)

    return scores(score, pictures())
