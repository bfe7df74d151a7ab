"""Stage: describe the answers of every pipeline, also on datasets without labels.

The file has how often each emotion was answered, how often two pipelines agree, and a few clips
over time with their pictures.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from faceoff.faces.boxes import shrink
from faceoff.media.images import encode, image_of
from faceoff.plan.jobs import AnswersJob
from faceoff.results.timelines import timelines
from faceoff.scoring import metrics
from faceoff.scoring.task import UnlabelledError, cell_name, read_task, sample_posteriors
from faceoff.storage import columns, files, parquet

MOMENTS, PICTURES = 120, 24  # most of one clip, evenly spread
_SIDE, _QUALITY = 160, 70  # pixels and WebP quality of a moment's picture


def write_answers(
    samples: Path, frames: Path, predictions: Sequence[Path], output: Path, job: AnswersJob
) -> None:
    """Write the answers of one dataset as JSON.

    `pipelines`: counts of the answers in the model's own classes, and the mean probability of the
    given answer.

    `agreement`: of pairs of cells, if the dataset has no labels.

    `clips`: `job.clips` samples with several frames, drawn by a hash of the seed, with
    probabilities in per mille (null: no face).
    """
    rows = list(parquet.rows(samples, ["sample_id", "label"]))
    ids = [row["sample_id"] for row in rows]
    sound = {cell_name(path): path for path in predictions if not parquet.failed_files(path)}
    given = {name: _given(path, ids) for name, path in sound.items()}
    labelled = _labelled(samples)
    cells = {name: answers for name, (answers, _) in given.items() if _is_cell(name)}
    chosen = _drawn_clips(frames, job.clips, job.seed)
    labels = {row["sample_id"]: row["label"] for row in rows}
    files.write_json(
        output,
        {
            "dataset": job.dataset,
            "n": len(ids),
            "labelled": labelled,
            "pipelines": [{"name": name, **_counted(*found)} for name, found in given.items()],
            "agreement": [] if labelled else list(_agreement(cells)),
            "clips": list(_clips(chosen, labels, frames, sound, job.faces)),
        },
    )


def _is_cell(name: str) -> bool:
    return not name.startswith("fusion/")


def _labelled(samples: Path) -> bool:
    try:
        read_task(samples)
    except UnlabelledError:
        return False
    return True


def _given(predictions: Path, ids: Sequence[str]) -> tuple[list[str | None], np.ndarray]:
    """Return (the answer to each sample or None, (n,) its probability or NaN)."""
    found = sample_posteriors(predictions, ids)
    if not found.classes:  # it reads valence alone
        return [None] * len(ids), np.full(len(ids), np.nan)
    answers = [
        None if answer < 0 else found.classes[answer] for answer in metrics.argmax(found.own)
    ]
    return answers, np.max(found.own, axis=1)


def _counted(answers: Sequence[str | None], confidence: np.ndarray) -> dict[str, Any]:
    counts = Counter(answer for answer in answers if answer is not None)
    return {
        "counts": dict(sorted(counts.items())),
        "confidence": float(np.nanmean(confidence)) if counts else None,
    }


def _agreement(answers: Mapping[str, Sequence[str | None]]) -> Iterator[dict[str, Any]]:
    for (a, of_a), (b, of_b) in combinations(answers.items(), 2):
        both = [x == y for x, y in zip(of_a, of_b, strict=True) if x is not None and y is not None]
        yield {"a": a, "b": b, "n": len(both), "same": float(np.mean(both)) if both else None}


def _drawn_clips(frames: Path, count: int, seed: int) -> list[str]:
    """Return the ids of the clips to show, in the table's order."""

    def lot(sample: str) -> bytes:
        return hashlib.sha256(f"{seed}|clip|{sample}".encode()).digest()

    by_sample = groupby(parquet.rows(frames, ["sample_id"]), lambda row: row["sample_id"])
    several = [sample for sample, rows in by_sample if len(list(rows)) > 1]
    drawn = set(sorted(several, key=lot)[:count])
    return [sample for sample in several if sample in drawn]


def _clips(
    chosen: Sequence[str],
    labels: Mapping[str, str | None],
    frames: Path,
    predictions: Mapping[str, Path],
    faces: bool,
) -> Iterator[dict[str, Any]]:
    """Yield each clip with the posteriors of the pipelines over time.

    faces: whether to show pictures.
    """
    by_clip: dict[str, dict[str, Any]] = {sample: {} for sample in chosen}
    for name, path in predictions.items():
        for clip in timelines(path, frames, chosen) if chosen else ():
            by_clip[clip.sample_id][name] = clip
    for sample, found in by_clip.items():
        if not found:
            continue
        first = next(iter(found.values()))
        kept = _spread(len(first.seconds), MOMENTS)
        emotions = list(dict.fromkeys(e for clip in found.values() for e in clip.emotions))
        shown = kept[_spread(len(kept), PICTURES)]
        pictures = dict(_pictures(frames, sample, shown)) if faces else {}
        yield {
            "sample_id": sample,
            "label": labels.get(sample),
            "emotions": emotions,
            "seconds": [round(float(first.seconds[index]), 3) for index in kept],
            "truth": [first.truth[index] for index in kept] if first.truth else [],
            "pipelines": {
                name: [_per_mille(clip.posterior[index], clip.emotions, emotions) for index in kept]
                for name, clip in found.items()
            },
            "frames": [pictures.get(index) for index in kept],
        }


def _spread(count: int, most: int) -> np.ndarray:
    """Return at most this many places of a sequence, evenly spread, with the first and last."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def _per_mille(
    posterior: np.ndarray, own: Sequence[str], emotions: Sequence[str]
) -> list[int] | None:
    """Return the probabilities of these emotions in per mille; None for a moment without a face."""
    if np.isnan(posterior).any():
        return None
    values = dict(zip(own, posterior, strict=True))
    return [round(1000 * values.get(emotion, 0.0)) for emotion in emotions]


def _pictures(frames: Path, sample: str, places: np.ndarray) -> Iterator[tuple[int, str]]:
    """Yield (place among the clip's timed frames, the frame as small WebP in base64)."""
    found = (
        row
        for shard in parquet.shards_of(frames)
        for row in pq.read_table(shard, filters=[("sample_id", "=", sample)]).to_pylist()
    )
    rows = [row for row in found if row["timestamp_s"] is not None]
    for place in places:
        if rows[place]["state"] == columns.OK:
            picture = encode(shrink(image_of(rows[place]), _SIDE)[0], _QUALITY)
            yield int(place), base64.b64encode(picture).decode("ascii")
