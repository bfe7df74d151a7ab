"""Read what a run measured of the faces of each sample, as one number per sample."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceoff.faces.chosen import chosen_faces
from faceoff.scoring.measured_groups import Measure
from faceoff.statistics.arrays import Floats
from faceoff.storage import parquet


def of_samples(
    ids: Sequence[str],
    frames: Path,
    faces: Path,
    signals: Path | None,
    measure: Measure,
    policy: str,
) -> Floats:
    """Return (n,) the measure's number of each sample: the median over its frames.

    The face of a frame is the one that the policy chooses. NaN where no frame has a face of which
    the number is known.

    Parameters
    ----------
    ids
        The n samples.
    faces
        Of one detector.
    signals
        A table about these faces, row by row; None for what the boxes themselves say.

    Raises
    ------
    ValueError
        If the table of the signal is about other faces.
    """
    names = ["sample_id", "width", "height"]
    about = parquet.read(*parquet.shards_of(frames), columns=names)
    sizes = np.column_stack([_floats(about[side]) for side in ("width", "height")])
    chosen = chosen_faces(faces, sizes, policy)
    there = np.flatnonzero(chosen.rows >= 0)
    rows = chosen.rows[there]
    table = chosen.table if signals is None else _measured(signals, measure, chosen.table)
    with np.errstate(divide="ignore", invalid="ignore"):
        numbers = measure.number(*(_floats(table[name])[rows] for name in measure.columns))
    sample = pc.index_in(about["sample_id"], value_set=pa.array(ids, about["sample_id"].type))
    owner = sample.fill_null(-1).to_numpy()[there]
    return _medians(numbers, owner, len(ids))


def _measured(signals: Path, measure: Measure, faces: pa.Table) -> pa.Table:
    """Return the columns of the measure. Raises ValueError if they are not about these faces."""
    table = parquet.read(signals, columns=["sample_id", "frame", *measure.columns])
    for key in ("sample_id", "frame"):
        if not table[key].equals(faces[key]):
            raise ValueError(f"{signals} is about other faces")
    return table


def _floats(column: pa.ChunkedArray) -> Floats:
    """Return a column as float64, NaN for what is empty."""
    found: Floats = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found


def _medians(numbers: Floats, owner: np.ndarray, n: int) -> Floats:
    """Return (n,) the median of the finite numbers of each owner, NaN of none."""
    kept = np.isfinite(numbers) & (owner >= 0)
    numbers, owner = numbers[kept], owner[kept]
    order = np.lexsort((numbers, owner))
    numbers, counts = numbers[order], np.bincount(owner, minlength=n)
    starts = np.cumsum(counts) - counts
    found = np.full(n, np.nan)
    some = counts > 0
    low, high = starts + (counts - 1) // 2, starts + counts // 2
    found[some] = (numbers[low[some]] + numbers[high[some]]) / 2
    return found
