"""Stage: crop example faces of every cell, right and wrong ones and some of every confusion.

The report's gallery and the figures show them.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from faceoff.faces.face_crops import face_crop, first_seen
from faceoff.media.images import encode
from faceoff.plan.jobs import ExamplesJob
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import CropSpec
from faceoff.scoring import metrics
from faceoff.scoring.drawn_samples import answers_of, drawing_key
from faceoff.storage import parquet

_CROP = CropSpec(size=(96, 96), margin=0.25)
_BASE64 = 4 / 3  # a picture grows by this factor inside a page

SCHEMA = pa.schema([
    ("cell", pa.string()),
    ("sample_id", pa.string()),
    ("truth", pa.string()),
    ("predicted", pa.string()),
    ("confidence", pa.float64()),
    ("correct", pa.bool_()),
    ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
])  # fmt: skip
Row = dict[str, Any]


def write_examples(
    samples: Path,
    frames: Path,
    faces: Sequence[Path],
    predictions: Sequence[Path],
    output: Path,
    job: ExamplesJob,
) -> None:
    """Write the examples table.

    A cell has `examples` right and as many wrong faces, spread over the true classes, and `gallery`
    faces of every confusion. A hash of the seed and the sample draws them, the same in all cells,
    so that one picture serves several. Without labels (truth and correct are null) they are drawn
    by answer. When the pictures exceed `megabytes`, the later ones of every confusion go first, in
    all cells alike.
    """
    chosen: list[Row] = []
    sound = [path for path in predictions if not parquet.failed_files(path)]
    for path in sound if job.examples or job.gallery else ():
        chosen += _of_cell(f"{path.parent.name}/{path.stem}", *answers_of(samples, path), job)
    pictures: dict[tuple[str, str], tuple[bytes, str]] = {}
    for path in faces:
        cells = {row["cell"] for row in chosen if row["cell"].startswith(f"{path.stem}/")}
        if not cells:
            continue
        wanted = {row["sample_id"] for row in chosen if row["cell"] in cells}
        for sample, picture in _pictures(frames, path, wanted, job.crops[min(cells)]):
            pictures[path.stem, sample] = picture
    chosen.sort(key=lambda row: (row["turn"], row["cell"], row["place"]))
    kept = _within(chosen, pictures, job.megabytes * 1e6)
    parquet.write_rows(output, SCHEMA, sorted(kept, key=_order_of_showing))


def _order_of_showing(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the sort key of a row: by cell, right ones first, then spread over the classes."""
    wrong, truth = row["correct"] is False, row["truth"] or ""
    return row["cell"], wrong, row["place"], truth, row["predicted"], row["sample_id"]


def _of_cell(
    cell: str,
    ids: Sequence[str],
    space: Sequence[str],
    truth: np.ndarray | None,
    posterior: np.ndarray,
    job: ExamplesJob,
) -> Iterator[Row]:
    """Yield the faces to show of one cell.

    `turn` is 0 for those that spread over the classes, else 1 + the place in their confusion;
    `place` is the order of showing.
    """
    predicted = metrics.argmax(posterior)
    drawn = sorted(
        np.flatnonzero(predicted >= 0),
        key=lambda i: drawing_key(job.seed, ids[i]),
    )
    in_class: dict[tuple[bool, int], int] = {}
    in_confusion: dict[tuple[int, int], int] = {}
    rows = []
    for i in drawn:
        label, answer = int(truth[i]) if truth is not None else -1, int(predicted[i])
        of_class = (label == answer, label if label >= 0 else answer)
        in_class[of_class] = in_class.get(of_class, -1) + 1
        in_confusion[label, answer] = in_confusion.get((label, answer), -1) + 1
        rows.append((in_class[of_class], of_class, in_confusion[label, answer], i, label, answer))
    spread: dict[bool, int] = {}
    for place, (correct, _), turn, i, label, answer in sorted(rows, key=lambda row: row[:2]):
        spread[correct] = spread.get(correct, 0) + 1
        first = spread[correct] <= job.examples
        if first or turn < job.gallery:
            labelled = label >= 0
            yield {
                "cell": cell,
                "sample_id": ids[i],
                "truth": space[label] if labelled else None,
                "predicted": space[answer],
                "confidence": float(posterior[i].max()),
                "correct": correct if labelled else None,
                "turn": 0 if first else turn + 1,
                "place": place,
            }


def _pictures(
    frames: Path, faces: Path, wanted: set[str], crop: CropJob
) -> Iterator[tuple[str, tuple[bytes, str]]]:
    """Yield (sample, (its encoded crop, path)) of the wanted samples.

    A video shows its first frame with a face. The crop is the same for all models.
    """
    for frame, found in first_seen(frames, faces, wanted):
        pixels = face_crop(frame, found, _CROP, crop)[1]
        if pixels is not None:
            yield frame["sample_id"], (encode(pixels), frame["image"]["path"])


def _within(
    rows: Sequence[Row], pictures: Mapping[tuple[str, str], tuple[bytes, str]], most: float
) -> list[Row]:
    """Return the first rows whose pictures fit into this many bytes of a page.

    A picture that several rows show counts once.
    """
    kept, shown, size = [], set(), 0.0
    for row in rows:
        key = (row["cell"].partition("/")[0], row["sample_id"])
        if key not in pictures:
            continue  # the detector found a face that cannot be cropped
        data, path = pictures[key]
        size += 0 if data in shown else len(data) * _BASE64
        if size > most:
            break
        shown.add(data)
        kept.append({**row, "image": {"bytes": data, "path": path}})
    return kept
