"""Stage: faces of every cell, cropped as the models saw them, for the report's gallery and the figures: right and wrong ones, and some of every confusion."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from faceoff.faces.face_crops import face_crop, framed
from faceoff.media.images import encode
from faceoff.plan.jobs import ExamplesJob
from faceoff.plugins.protocols import CropSpec
from faceoff.scoring import metrics
from faceoff.scoring.task import UnlabelledError, read_task, sample_posteriors
from faceoff.storage import parquet

_CROP = CropSpec(size=(96, 96), margin=0.25)
_BASE64 = 4 / 3  # by which a picture grows inside a page

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
    """Write the examples table: per cell `examples` right and as many wrong faces spread over the true classes, and `gallery` of every confusion.

    Faces are drawn by a hash of the seed and the sample, the same in all cells: a picture then serves several. Without labels (truth and correct are null)
    they are drawn by answer. When the pictures exceed `megabytes`, the later ones of every confusion go first, in all cells alike.
    """
    chosen: list[Row] = []
    for path in (
        [path for path in predictions if not parquet.failed_files(path)]
        if job.examples or job.gallery
        else ()
    ):
        chosen += _of_cell(f"{path.parent.name}/{path.stem}", *_answers(samples, path), job)
    pictures: dict[tuple[str, str], tuple[bytes, str]] = {}
    for path in faces:
        cells = {row["cell"] for row in chosen if row["cell"].startswith(f"{path.stem}/")}
        wanted = {row["sample_id"] for row in chosen if row["cell"] in cells}
        for sample, picture in (
            _pictures(frames, path, wanted, job.crops[min(cells)]) if cells else ()
        ):
            pictures[path.stem, sample] = picture
    kept = _within(
        sorted(chosen, key=lambda row: (row["turn"], row["cell"], row["place"])),
        pictures,
        job.megabytes * 1e6,
    )
    kept.sort(
        key=lambda row: (
            row["cell"],
            row["correct"] is False,
            row["place"],
            row["truth"] or "",
            row["predicted"],
            row["sample_id"],
        )
    )
    parquet.write_rows(output, SCHEMA, kept)


def _answers(
    samples: Path, predictions: Path
) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray | None, np.ndarray]:
    """(sample ids, label space, truth (n,) or None without labels, posterior (n, k) with NaN rows where there is no answer)."""
    try:
        task = read_task(samples)
        ids, space, truth = task.ids, task.space, task.truth
    except UnlabelledError:
        ids, space, truth = (
            tuple(row["sample_id"] for row in parquet.rows(samples, ["sample_id"])),
            tuple(parquet.task_of(samples)["space"]),
            None,
        )
    return ids, space, truth, sample_posteriors(predictions, ids).in_space(space)[0]


def _of_cell(
    cell: str,
    ids: Sequence[str],
    space: Sequence[str],
    truth: np.ndarray | None,
    posterior: np.ndarray,
    job: ExamplesJob,
) -> Iterator[Row]:
    """The faces to show of one cell. `turn`: 0 for those spread over the classes, else the place in its confusion; `place`: the order of showing."""
    predicted = metrics.argmax(posterior)
    drawn = sorted(
        np.flatnonzero(predicted >= 0),
        key=lambda i: hashlib.sha256(f"{job.seed}|{ids[i]}".encode()).digest(),
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
            yield {
                "cell": cell, "sample_id": ids[i], "truth": space[label] if label >= 0 else None, "predicted": space[answer],
                "confidence": float(posterior[i].max()), "correct": correct if label >= 0 else None, "turn": 0 if first else turn + 1, "place": place,
            }  # fmt: skip


def _pictures(
    frames: Path, faces: Path, wanted: set[str], crop: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[bytes, str]]]:
    """(sample, its encoded crop and path) of the wanted samples; of a video, the first frame with a face. The crop is the same for all models."""
    left = set(wanted)
    for frame, found in framed(frames, faces):
        if frame["sample_id"] in left and found[0]["success"]:
            left.remove(frame["sample_id"])
            pixels = face_crop(frame, found, _CROP, crop)[1]
            if pixels is not None:
                yield frame["sample_id"], (encode(pixels), frame["image"]["path"])


def _within(
    rows: Sequence[Row], pictures: Mapping[tuple[str, str], tuple[bytes, str]], most: float
) -> list[Row]:
    """The rows, in order, as long as their pictures fit into so many bytes of a page; one that several rows show counts once."""
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
