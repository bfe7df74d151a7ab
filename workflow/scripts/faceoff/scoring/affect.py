"""Score how well valence and arousal are read (protocol §11): over all moments and within clips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceoff.scoring import metrics
from faceoff.scoring.records import Affect
from faceoff.scoring.task import owners
from faceoff.statistics.arrays import Floats, Ints
from faceoff.statistics.bootstrap import bootstrap_t
from faceoff.storage import parquet
from faceoff.storage.columns import DIMENSIONS

_UNITS = 1_000  # resampled units at most; more pictures are drawn in groups of equal size


@dataclass(frozen=True)
class Moments:
    """The moments that a dataset annotates in one dimension.

    truth, predicted: (m,) in −1 … 1, NaN where nothing was predicted; sample: (m,) its number.
    """

    truth: Floats
    predicted: Floats
    sample: Ints

    @property
    def held(self) -> Floats:
        """Return (m,) the readings with gaps filled: the clip's last one, 0 before its first."""
        order = np.argsort(self.sample, kind="stable")
        read = np.isfinite(self.predicted[order])
        place = np.arange(len(order))
        start = np.append(True, np.diff(self.sample[order]) != 0)
        begin = np.maximum.accumulate(np.where(start, place, 0))
        last = np.maximum.accumulate(np.where(read, place, -1))
        filled = np.zeros(len(order))
        kept = last >= begin
        filled[order[kept]] = self.predicted[order[last[kept]]]
        return filled


def moments(frames: Path, predictions: Path, ids: Mapping[str, int]) -> dict[str, Moments]:
    """Return the annotated moments of these samples, of the dimensions that the cell predicts.

    Parameters
    ----------
    frames, predictions
        Tables in the same frame order.
    ids
        Sample -> its number.

    Returns
    -------
    Dimension -> its moments, in frame order.

    Raises
    ------
    ValueError
        If the tables do not belong together.
    """
    columns = ["sample_id", "frame", *DIMENSIONS]
    truth, read = (
        parquet.read(*parquet.shards_of(path), columns=columns) for path in (frames, predictions)
    )
    refuse_other_frames(frames, truth, predictions, read)
    names = list(ids)
    place = pc.index_in(truth["sample_id"], value_set=pa.array(names, truth["sample_id"].type))
    known = place.is_valid().to_numpy()
    number = np.array([ids[name] for name in names], dtype=np.int64)
    sample = number[place.fill_null(0).to_numpy()] if names else np.zeros(len(known), np.int64)
    found = {}
    for name in DIMENSIONS:
        annotated = truth[name].is_valid().to_numpy() & known
        if annotated.any() and read[name].null_count < len(read):
            said, predicted = (table[name].to_numpy()[annotated] for table in (truth, read))
            found[name] = Moments(said, predicted, sample[annotated])
    return found


def refuse_other_frames(frames: Path, truth: pa.Table, predictions: Path, read: pa.Table) -> None:
    """Raise ValueError unless two tables are about the same frames in the same order."""
    if len(truth) != len(read):
        raise ValueError(
            f"{predictions} does not belong to {frames}: {len(read)} rows, expected {len(truth)}"
        )
    keys = ["sample_id", "frame"]
    if truth.select(keys).equals(read.select(keys)):
        return
    here, there = (table.select(keys).to_pylist() for table in (truth, read))
    row = next(row for row, key in enumerate(here) if key != there[row])
    raise ValueError(
        f"{predictions} does not belong to {frames}: {there[row]['sample_id']!r} stands where "
        f"{here[row]['sample_id']!r} should"
    )


def clipped_share(predictions: Path) -> float | None:
    """Return the share of a cell's readings of valence and arousal that lie at −1 or 1.

    Readings beyond are cut to these when they are written, so a reading that is there was at the
    end of the scale or past it (EmotiEffLib has such outputs). None if the cell has no readings.
    """
    table = parquet.read(*parquet.shards_of(predictions), columns=list(DIMENSIONS))
    readings = np.concatenate([table[name].drop_null().to_numpy() for name in DIMENSIONS])
    return int((np.abs(readings) >= 1).sum()) / len(readings) if len(readings) else None


def score(found: Moments, subjects: Sequence[str | None], seed: int) -> Affect:
    """Score the readings of one dimension.

    Parameters
    ----------
    found
        The moments.
    subjects
        Of each sample by its number; resampled whole, as are clips without one.
    seed
        Of the bootstrap.

    Returns
    -------
    End to end, over all moments (protocol §10, §43): pooled CCC with its interval, mean CCC within
    the `clips` of two moments or more, Pearson, RMSE and sign agreement, where an unread moment
    holds the clip's last reading, 0 before the first. Beside them `coverage`, the share of moments
    that were read, and `covered_ccc` over these alone.
    """
    truth, predicted = found.truth, found.held
    within = _within_clips(found)
    interval = (
        bootstrap_t(_ccc_of_sums, _sums(found, subjects), seed=seed, bounds=(-1.0, 1.0))
        if np.isfinite(found.predicted).any()
        else None
    )
    return {
        "n": len(truth),
        "coverage": float(np.isfinite(found.predicted).mean()),
        "covered_ccc": metrics.ccc(truth, found.predicted),
        "ccc": metrics.ccc(truth, predicted),
        "ccc_within_clips": float(np.mean(within)) if within else None,
        "clips": len(within),
        "pearson": metrics.pearson(truth, predicted),
        "rmse": metrics.rmse(truth, predicted),
        "sign_agreement": metrics.sign_agreement(truth, predicted),
        "ccc_low": interval.low if interval else None,
        "ccc_high": interval.high if interval else None,
    }


def _within_clips(found: Moments) -> list[float]:
    """Return the CCC inside each clip of two moments or more: one moment has no agreement."""
    order = np.argsort(found.sample, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(found.sample[order])) + 1)
    held = found.held
    return [metrics.ccc(found.truth[group], held[group]) for group in groups if len(group) > 1]


def _sums(found: Moments, subjects: Sequence[str | None]) -> Floats:
    """Return (units, 6) sums of 1, t, p, t², p², tp of each resampled unit."""
    t, p, sample = found.truth, found.held, found.sample
    unit = np.unique(
        owners(sample.tolist(), [subjects[number] for number in sample]), return_inverse=True
    )[1]
    if unit.max() >= _UNITS:
        unit = unit % _UNITS
    sums = np.zeros((unit.max() + 1, 6))
    np.add.at(sums, unit, np.column_stack([np.ones_like(t), t, p, t * t, p * p, t * p]))
    return sums


def _ccc_of_sums(totals: Floats) -> Floats:
    """Return the CCC (R,) of each row of summed moments (R, 6); NaN without any."""
    n, t, p, tt, pp, tp = totals.T
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_t, mean_p = t / n, p / n
        spread = tt / n - mean_t**2 + pp / n - mean_p**2 + (mean_t - mean_p) ** 2
        return np.where(spread > 0, 2 * (tp / n - mean_t * mean_p) / spread, np.nan)
