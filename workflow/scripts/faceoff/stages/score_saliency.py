"""Stage: score the maps of a cell, and average them per emotion."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.emotions import order
from faceoff.faces.upright import SIDE
from faceoff.media.images import decode_image
from faceoff.plan.saliency_jobs import ScoreSaliencyJob
from faceoff.saliency.maps import mean_map
from faceoff.scoring.saliency_summary import saliency_scores
from faceoff.scoring.task import owners
from faceoff.storage import columns, files, parquet

Row = dict[str, Any]


def write_saliency_score(
    samples: Path, saliency: Path, output: Path, job: ScoreSaliencyJob
) -> None:
    """Write the scores as JSON; a failed job has its reason instead, and so has a cell of which no
    face was explained.
    """
    about: Row = {
        "kind": "saliency",
        "dataset": job.dataset,
        "detector": job.detector,
        "model": job.model,
        "method": job.method,
        "asked": job.samples,
        "failed_files": [],
        "reason": None,
    }
    rows = list(parquet.rows(saliency))
    if failed := parquet.failed_files(saliency):
        reason = rows[0]["reason"]
        files.write_json(
            output, about | {"state": "error", "reason": reason, "failed_files": failed}
        )
        return
    explained = [row for row in rows if row["state"] == columns.OK]
    lost = Counter(str(row["reason"]) for row in rows if row["state"] != columns.OK)
    about["lost"] = [{"reason": reason, "n": n} for reason, n in lost.most_common()]
    about["notes"] = parquet.notes_of(saliency)
    if not explained:
        reason = next(iter(lost), "no face was answered")
        files.write_json(output, about | {"state": "skipped", "reason": reason})
        return
    subjects = {
        row["sample_id"]: row["subject"] for row in parquet.rows(samples, ["sample_id", "subject"])
    }
    names = [row["sample_id"] for row in explained]
    found = saliency_scores(explained, owners(names, [subjects[name] for name in names]))
    emotions = [
        _of_emotion(emotion, [row for row in explained if row["emotion"] == emotion])
        for emotion in order({row["emotion"] for row in explained})
    ]
    files.write_json(output, about | {"state": "ok", **found, "emotions": emotions})


def _of_emotion(emotion: str, rows: list[Row]) -> Row:
    """Return the mean map of the faces read as an emotion, and the mean face where pictures are."""
    heat = mean_map([np.reshape(row["heat"], (SIDE, SIDE)) for row in rows])
    pictures = [row["upright"] for row in rows if row["upright"] is not None]
    face = np.mean([decode_image(data) for data in pictures], axis=0) if pictures else None
    return {
        "emotion": emotion,
        "n": len(rows),
        "heat": heat.ravel().round(3).tolist(),
        "face": None if face is None else face.round().astype(int).ravel().tolist(),
    }
