"""Stage: a few right and wrong faces of every cell, cropped as the models saw them, for the report and the figures."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from faceoff import metrics, tables
from faceoff.evaluation import UnlabelledError, read_task, sample_posteriors
from faceoff.media import encode_png
from faceoff.protocols import CropSpec
from faceoff.stages.predict import face_crop, framed

_CROP = CropSpec(size=(96, 96), margin=0.25)

SCHEMA = pa.schema([
    ("cell", pa.string()),
    ("sample_id", pa.string()),
    ("truth", pa.string()),
    ("predicted", pa.string()),
    ("confidence", pa.float64()),
    ("correct", pa.bool_()),
    ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
])  # fmt: skip


def write_examples(samples: Path, frames: Path, faces: Sequence[Path], predictions: Sequence[Path], output: Path, spec: Mapping[str, Any]) -> None:
    """Write the examples table: per cell `examples` right and as many wrong ones, drawn by a hash of the seed, spread over the true classes."""
    wanted: dict[str, dict[str, list[dict[str, Any]]]] = {path.stem: {} for path in faces}
    try:
        task = read_task(samples)
    except UnlabelledError:
        tables.write_rows(output, SCHEMA, ())
        return
    sound = [path for path in predictions if not tables.failed_files(path)]
    for path in sound if spec["examples"] else ():
        detector, cell = path.parent.name, f"{path.parent.name}/{path.stem}"
        posterior, _ = sample_posteriors(path, task.ids).in_space(task.space)
        predicted = metrics.argmax(posterior)
        for correct in (True, False):
            indices = [i for i in range(len(task.ids)) if predicted[i] >= 0 and (predicted[i] == task.truth[i]) == correct]
            for i in _spread(indices, task, f"{spec['seed']}|{cell}", spec["examples"]):
                row = {"cell": cell, "sample_id": task.ids[i], "truth": task.space[task.truth[i]], "predicted": task.space[predicted[i]]}
                wanted[detector].setdefault(task.ids[i], []).append(row | {"confidence": float(posterior[i].max()), "correct": correct})
    rows = []
    for path in faces:
        for frame, found in framed(frames, path) if wanted[path.stem] else ():
            if not found[0]["success"]:
                continue  # of a video, the first frame with a face is shown
            for row in wanted[path.stem].pop(frame["sample_id"], ()):
                pixels = face_crop(frame, found, _CROP, spec["crops"][row["cell"]])[1]
                rows.append(row | {"image": {"bytes": encode_png(pixels), "path": frame["image"]["path"]}})
    rows.sort(key=lambda row: (row["cell"], not row["correct"], row["truth"], row["sample_id"]))
    tables.write_rows(output, SCHEMA, rows)


def _spread(indices: Sequence[int], task: Any, seed: str, count: int) -> list[int]:
    """`count` of these samples, one class after the other in turn."""
    drawn = sorted(indices, key=lambda i: hashlib.sha256(f"{seed}|{task.ids[i]}".encode()).digest())
    turn: dict[int, int] = {}
    ranked = []
    for i in drawn:
        label = int(task.truth[i])
        turn[label] = turn.get(label, 0) + 1
        ranked.append((turn[label], label, i))
    return [i for _, _, i in sorted(ranked)[:count]]
