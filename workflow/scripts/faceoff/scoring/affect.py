"""How well valence and arousal are read (protocol §11): agreement over all annotated moments, and within clips, with intervals."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.scoring import metrics
from faceoff.scoring.task import owners
from faceoff.statistics.arrays import Floats, Ints
from faceoff.statistics.bootstrap import bootstrap_t
from faceoff.storage import parquet
from faceoff.storage.columns import DIMENSIONS

_UNITS = 1_000  # resampled units at most; more pictures are drawn in groups of equal size


@dataclass(frozen=True)
class Moments:
    """The moments that a dataset annotates in one dimension. `truth`, `predicted` (m,) in −1 … 1, NaN where nothing was predicted; `sample` (m,) int."""

    truth: Floats
    predicted: Floats
    sample: Ints


def moments(frames: Path, predictions: Path, ids: Mapping[str, int]) -> dict[str, Moments]:
    """The annotated moments of these samples (id -> number) by dimension, of the dimensions that the cell predicts at all.

    frames, predictions: tables in the same frame order. Raises ValueError where they do not belong together.
    """
    columns = ["sample_id", "frame", *DIMENSIONS]
    found: dict[str, list[tuple[float, float, int]]] = defaultdict(list)
    read = set()
    for truth, row in zip(
        parquet.rows(frames, columns), parquet.rows(predictions, columns), strict=True
    ):
        if (truth["sample_id"], truth["frame"]) != (row["sample_id"], row["frame"]):
            raise ValueError(
                f"{predictions} does not belong to {frames}: {row['sample_id']!r} stands where {truth['sample_id']!r} should"
            )
        for name in DIMENSIONS:
            if row[name] is not None:
                read.add(name)
            if truth[name] is not None and truth["sample_id"] in ids:
                found[name].append(
                    (
                        truth[name],
                        np.nan if row[name] is None else row[name],
                        ids[truth["sample_id"]],
                    )
                )
    columns_of = {
        name: np.array(found[name]).T for name in DIMENSIONS if found[name] and name in read
    }
    return {
        name: Moments(truth, predicted, sample.astype(int))
        for name, (truth, predicted, sample) in columns_of.items()
    }


def clipped_share(predictions: Path) -> float | None:
    """Share of a cell's readings of valence and arousal that lie at −1 or 1; None where it has none.

    Readings beyond are cut to these when they are written (EmotiEffLib issue 40), so a reading that is there was at the end of the scale or past it.
    """
    readings = [
        abs(row[name])
        for row in parquet.rows(predictions, list(DIMENSIONS))
        for name in DIMENSIONS
        if row[name] is not None
    ]
    return sum(reading >= 1 for reading in readings) / len(readings) if readings else None


def score(found: Moments, subjects: Sequence[str | None], seed: int) -> dict[str, Any]:
    """Pooled CCC with its interval, mean CCC within the `clips` that have one, Pearson, RMSE, sign agreement, and the share of moments that were read.

    subjects: of each sample by its number; resampled whole, as are clips without one. Unread moments are left out of the agreement, which `coverage` shows.
    """
    truth, predicted = found.truth, found.predicted
    within = _within_clips(found)
    values = {
        "n": len(truth),
        "coverage": float(np.isfinite(predicted).mean()),
        "ccc": metrics.ccc(truth, predicted),
        "ccc_within_clips": float(np.mean(within)) if within else None,
        "clips": len(within),
        "pearson": metrics.pearson(truth, predicted),
        "rmse": metrics.rmse(truth, predicted),
        "sign_agreement": metrics.sign_agreement(truth, predicted),
    }
    interval = (
        bootstrap_t(_ccc_of_sums, _sums(found, subjects), seed=seed, bounds=(-1.0, 1.0))
        if np.isfinite(predicted).any()
        else None
    )
    return {
        **values,
        "ccc_low": interval.low if interval else None,
        "ccc_high": interval.high if interval else None,
    }


def _within_clips(found: Moments) -> list[float]:
    """The CCC inside each clip of two moments or more that were annotated and read: of one moment there is no agreement."""
    order = np.flatnonzero(np.isfinite(found.predicted))
    order = order[np.argsort(found.sample[order], kind="stable")]
    groups = np.split(order, np.flatnonzero(np.diff(found.sample[order])) + 1)
    return [
        metrics.ccc(found.truth[group], found.predicted[group])
        for group in groups
        if len(group) > 1
    ]


def _sums(found: Moments, subjects: Sequence[str | None]) -> Floats:
    """(units, 6) sums of 1, t, p, t², p², tp of each resampled unit."""
    kept = np.isfinite(found.predicted)
    t, p, sample = found.truth[kept], found.predicted[kept], found.sample[kept]
    unit = np.unique(owners(sample, [subjects[number] for number in sample]), return_inverse=True)[
        1
    ]
    if unit.max() >= _UNITS:
        unit = unit % _UNITS
    sums = np.zeros((unit.max() + 1, 6))
    np.add.at(sums, unit, np.column_stack([np.ones_like(t), t, p, t * t, p * p, t * p]))
    return sums


def _ccc_of_sums(totals: Floats) -> Floats:
    """CCC of each row of summed moments (R, 6) -> (R,); NaN without any."""
    n, t, p, tt, pp, tp = totals.T
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_t, mean_p = t / n, p / n
        spread = tt / n - mean_t**2 + pp / n - mean_p**2 + (mean_t - mean_p) ** 2
        return np.where(spread > 0, 2 * (tp / n - mean_t * mean_p) / spread, np.nan)
