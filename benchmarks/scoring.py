"""Measure how much faster tables are scored by columns than row by row.

    python benchmarks/scoring.py [--rows 50000] [--classes 8] [--frames 5] [--subjects 5000]
        [--markdown]

Both ways score the same drawn predictions five times, in turn; the median counts. The results must
be equal to the last bit. Beside it, the intervals of macro-F1 and UAR with many subjects are timed
once, with the jackknife and with the linearised one; their limits must agree to 0.002.
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from printing import show

from faceoff.emotions import EMOTIONS
from faceoff.scoring import affect, metrics, task
from faceoff.statistics import bootstrap
from faceoff.storage import columns, parquet

REPEATS = 5


def draw(folder: Path, rows: int, classes: int, frames: int) -> tuple[Path, Path, list[str]]:
    """Write a frames table and its predictions; return both paths and the samples' ids."""
    random = np.random.default_rng(1)
    ids = [f"clip {index}" for index in range(rows // frames)]
    keys = {
        "sample_id": np.repeat(ids, frames),
        "frame": np.tile(np.arange(frames), len(ids)),
    }
    n = len(keys["frame"])
    found = random.random(n) < 0.95

    def dimensions(mask: np.ndarray) -> dict[str, pa.Array]:
        return {name: pa.array(random.uniform(-1, 1, n), mask=~mask) for name in columns.DIMENSIONS}

    posterior = random.dirichlet(np.ones(classes), n)
    predicted = {
        **keys,
        "success": found.astype(np.int8),
        "state": np.where(found, columns.OK, columns.NO_FACE),
        "reason": pa.array(np.full(n, "no face"), mask=found),
        **{f"p_{e}": pa.array(p, mask=~found) for e, p in zip(EMOTIONS[:classes], posterior.T)},
        **dimensions(found),
    }
    paths = folder / "frames.parquet", folder / "predictions.parquet"
    annotated = {**keys, **dimensions(np.ones(n, bool))}
    for path, table in zip(paths, (annotated, predicted), strict=True):
        pq.write_table(pa.table(table), path, row_group_size=parquet.ROW_GROUP)
    return *paths, ids


def posteriors_by_row(predictions: Path, ids: Sequence[str]) -> np.ndarray:
    """Average the rows of each sample, one Python row at a time."""
    names = [f"p_{emotion}" for emotion in columns.classes_of(parquet.read_schema(predictions))]
    where = {sample: index for index, sample in enumerate(ids)}
    total, count = np.zeros((len(ids), len(names))), np.zeros(len(ids))
    for row in parquet.rows(predictions, ["sample_id", "success", "state", "reason", *names]):
        index = where.get(row["sample_id"])
        if index is not None and row["success"]:
            total[index] += [row[name] for name in names]
            count[index] += 1
    with np.errstate(invalid="ignore"):
        return total / np.where(count > 0, count, np.nan)[:, None]


def moments_by_row(frames: Path, predictions: Path, ids: Mapping[str, int]) -> dict[str, Any]:
    """Collect the annotated moments, one Python row at a time."""
    names = ["sample_id", "frame", *columns.DIMENSIONS]
    found = defaultdict(list)
    pairs = zip(parquet.rows(frames, names), parquet.rows(predictions, names), strict=True)
    for truth, row in pairs:
        for name in columns.DIMENSIONS:
            if truth[name] is not None and truth["sample_id"] in ids:
                read = np.nan if row[name] is None else row[name]
                found[name].append((truth[name], read, ids[truth["sample_id"]]))
    return {name: np.array(moments).T for name, moments in found.items()}


def medians(*ways: Callable[[], object]) -> list[float]:
    """Return the median seconds of each way, timed in turn."""
    seconds = []
    for _ in range(REPEATS):
        for way in ways:
            start = time.perf_counter()
            way()
            seconds.append(time.perf_counter() - start)
    return [median(seconds[index :: len(ways)]) for index in range(len(ways))]


def intervals_of_subjects(rows: int, classes: int, subjects: int) -> tuple[float, float]:
    """Return the seconds of both intervals by the jackknife and by the linearised one."""
    random = np.random.default_rng(2)
    truth = random.integers(0, classes, rows)
    answered = np.where(random.random(rows) < 0.6, truth, random.integers(0, classes, rows))
    subject = np.arange(rows) % subjects
    seconds, limits = [], []
    usual = bootstrap.MANY_UNITS
    for many in (sys.maxsize, usual):
        bootstrap.MANY_UNITS = many
        start = time.perf_counter()
        limits.append([
            limit
            for score in (metrics.macro_f1_of, metrics.balanced_accuracy_of)
            for found in [
                bootstrap.bootstrap_t_confusion(score, truth, answered, classes, subject, seed=3)
            ]
            for limit in (found.low, found.high)
        ])  # fmt: skip
        seconds.append(time.perf_counter() - start)
    bootstrap.MANY_UNITS = usual
    np.testing.assert_allclose(*limits, atol=0.002)
    return seconds[0], seconds[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--classes", type=int, default=8)
    parser.add_argument("--frames", type=int, default=5, help="rows per sample")
    parser.add_argument("--subjects", type=int, default=5_000)
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        frames, predictions, ids = draw(Path(folder), options.rows, options.classes, options.frames)
        numbers = {name: index for index, name in enumerate(ids)}
        np.testing.assert_array_equal(
            posteriors_by_row(predictions, ids), task.sample_posteriors(predictions, ids).own
        )
        by_row = moments_by_row(frames, predictions, numbers)
        for name, found in affect.moments(frames, predictions, numbers).items():
            np.testing.assert_array_equal(
                by_row[name], np.stack([found.truth, found.predicted, found.sample])
            )
        rows = []
        for what, ways in {
            "one posterior per sample": (
                lambda: posteriors_by_row(predictions, ids),
                lambda: task.sample_posteriors(predictions, ids),
            ),
            "moments of valence and arousal": (
                lambda: moments_by_row(frames, predictions, numbers),
                lambda: affect.moments(frames, predictions, numbers),
            ),
        }.items():
            slow, fast = medians(*ways)
            rows.append(
                (what, f"{1000 * slow:.0f} ms", f"{1000 * fast:.0f} ms", f"{slow / fast:.0f} ×")
            )
    slow, fast = intervals_of_subjects(options.rows, options.classes, options.subjects)
    rows.append(
        (
            f"intervals with {options.subjects:,} subjects",
            f"{1000 * slow:.0f} ms",
            f"{1000 * fast:.0f} ms",
            f"{slow / fast:.0f} ×",
        )
    )
    header = (f"{options.rows:,} rows × {options.classes} classes", "before", "now", "faster")
    show(header, rows, markdown=options.markdown)


if __name__ == "__main__":
    main()
