"""Stage: follow the faces of clips from frame to frame, and tell whose they are."""

import shutil
import time
from pathlib import Path

from faceoff.assets import fetch
from faceoff.assets.asset import Asset
from faceoff.faces.embedding import FaceEmbedding
from faceoff.faces.followed import Detections, followed
from faceoff.plan.jobs import TracksJob
from faceoff.storage import columns, files, parquet

_NOTE = "identities are tracks: no face was recognised"


def write_tracks(
    frames: Path, detections: Path, detected: Path, output: Path, timing: Path, job: TracksJob
) -> None:
    """Write the faces table with the track, the identity and the main person of every clip.

    A table of stills alone stays as it is, to the byte. detected: the timing of the detection,
    which is written again with the seconds that tracking took.
    """
    began = time.perf_counter()
    found = Detections.read(detections)
    if failed := parquet.failed_files(detections):
        schema = parquet.with_failure(columns.FACES, [str(output), *failed])
        parquet.write_rows(output, schema, parquet.rows(detections))
    elif not found.clips():
        with files.atomic(output) as scratch:
            shutil.copyfile(detections, scratch)
    else:
        _write(frames, detections, found, output, job)
    spent = {"tracking_s": time.perf_counter() - began}
    files.write_json(timing, files.read_json(detected) | spent)


def _write(frames: Path, detections: Path, found: Detections, output: Path, job: TracksJob) -> None:
    schema, network = columns.TRACKED_FACES, None
    if job.embedding is None:
        print(f"{job.dataset}: {_NOTE}")
        schema = parquet.with_notes(schema, [_NOTE])
    else:
        network = FaceEmbedding(
            {role: fetch.fetch(Asset.parse(asset)) for role, asset in job.embedding.items()}
        )
    known = followed(frames, found, job.gap_s, job.cut, network, job.calibration)
    with parquet.Writer(output, schema) as writer:
        for place, row in enumerate(parquet.rows(detections)):
            if known.track[place] >= 0:
                row |= {
                    "track_id": int(known.track[place]),
                    "identity": int(known.identity[place]),
                    "main": bool(known.main[place]),
                }
            writer.write(row)
