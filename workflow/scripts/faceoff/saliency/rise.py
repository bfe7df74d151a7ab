"""Explain an answer by many random masks (RISE)."""

from collections.abc import Iterator

import numpy as np

from faceoff.saliency.black_box import BATCH, Picture, Score, mean_colour, scores
from faceoff.statistics.arrays import Floats

MASKS, CELLS, KEPT = 500, 7, 0.5


def rise(
    score: Score,
    picture: Picture,
    seed: int,
    *,
    masks: int = MASKS,
    cells: int = CELLS,
    kept: float = KEPT,
) -> Floats:
    """Return the mean score of the picture where a pixel is seen, (height, width).

    Each mask is a grid of cells that are open or shut by chance, enlarged bilinearly and shifted by
    a random part of a cell. What a mask shuts gets the picture's mean colour (the authors': black,
    which is far from any face). The map is the mean of the scores, each weighed by its mask at the
    pixel. The authors divide the sum by `masks · kept`, its expectation: then a pixel that chance
    left open more often seems to count more, in the maps of any two models alike.

    Parameters
    ----------
    score
        The model, of which nothing else is known.
    picture
        (height, width, channels) uint8.
    seed
        Of the masks: the same seed gives the same map, whatever the picture.
    masks, cells, kept
        Number of masks, cells along a side, share of the cells that are open.

    Raises
    ------
    ValueError
        For less than one mask or cell, or a share outside 0–1.

    References
    ----------
    Petsiuk, Das, Saenko 2018, RISE: randomized input sampling for explanation of black-box models,
    section 3.
    """
    if masks < 1 or cells < 1 or not 0 < kept < 1:
        raise ValueError(f"masks {masks} and cells {cells} are 1 or more, kept {kept:g} in 0–1")
    height, width = picture.shape[:2]
    colour = mean_colour(picture).astype(np.float64)
    random = np.random.default_rng(seed)
    seen, weight = np.zeros((height, width)), np.zeros((height, width))
    first: float | None = None
    for start in range(0, masks, BATCH):
        drawn = [
            _mask(random, height, width, cells, kept) for _ in range(min(BATCH, masks - start))
        ]
        found = scores(score, _masked(picture, drawn, colour))
        # Counted from the first, so that a score that never changes gives a flat map to the bit.
        first = float(found[0]) if first is None else first
        seen += np.tensordot(found - first, drawn, axes=1)
        weight += np.sum(drawn, axis=0)
    return (first or 0.0) + np.divide(seen, weight, out=np.zeros_like(seen), where=weight > 0)


def _mask(random: np.random.Generator, height: int, width: int, cells: int, kept: float) -> Floats:
    """Return a mask (height, width), 0 for shut to 1 for open."""
    grid = (random.random((cells + 1, cells + 1)) < kept).astype(np.float64)
    rows, columns = (_blend(random.random(), side, cells) for side in (height, width))
    return rows @ grid @ columns.T


def _blend(shift: float, side: int, cells: int) -> Floats:
    """Return how much of each of `cells + 1` grid points a pixel has along a side (bilinear).

    shift: of the grid, as a part of a cell.
    """
    place = (np.arange(side) + 0.5) / side * cells - 0.5 + shift
    place = np.clip(place, 0, cells)
    return np.maximum(0.0, 1 - np.abs(place[:, None] - np.arange(cells + 1)))


def _masked(picture: Picture, masks: list[Floats], colour: Floats) -> Iterator[Picture]:
    for mask in masks:
        mixed = mask[..., None] * picture + (1 - mask[..., None]) * colour
        yield mixed.round().astype(np.uint8)
