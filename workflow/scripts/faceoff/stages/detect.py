"""Stage 3: find the faces of every frame, once per dataset and detector."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2

from faceoff import tables
from faceoff.progress import track
from faceoff.protocols import RGB, Face
from faceoff.stages.batches import Clock, guarded, image_of, load_plugin, reason

BATCH = 16
cv2.setNumThreads(1)  # a job's parallelism is its rule's threads


def write_faces(frames: Path, output: Path, timing: Path, spec: Mapping[str, Any]) -> None:
    """Write the faces table: one row per face, and one for every frame without."""
    clock = Clock()
    detector = load_plugin(spec["plugin"], clock)
    card, upscale = spec["plugin"]["card"], spec["upscale"]
    title = f"{spec['dataset']}: faces by {spec['detector']}"
    with tables.Writer(output, tables.FACES) as writer:
        for batch in track(tables.stream(frames, BATCH), title, math.ceil(tables.count(frames) / BATCH)):
            readable = [frame for frame in batch if frame["state"] == tables.OK]
            images = [enlarge(image_of(frame), upscale) for frame in readable]
            found = iter(guarded(detector.detect, images, clock))
            for frame in batch:
                _write(writer, frame, next(found) if frame["state"] == tables.OK else None, card, upscale)
    clock.write(timing, stage="detect", dataset=spec["dataset"], detector=spec["detector"], batch=BATCH)


def enlarge(image: RGB, factor: int) -> RGB:
    """Enlarge a frame by a whole factor (bicubic), for detectors that miss small faces."""
    return image if factor == 1 else cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)


def postprocess(faces: Sequence[Face], card: Mapping[str, Any], upscale: int) -> list[Face]:
    """Undo the enlargement, drop what is malformed, weak or tiny, and put the best first (score, then size, then leftmost)."""
    kept = []
    for face in faces:
        box = tuple(float(side) / upscale for side in face.box)
        sound = all(math.isfinite(side) for side in box) and min(box[2:]) > 0 and math.isfinite(face.score)
        if sound and face.score >= card["threshold"] and min(box[2:]) >= card["min_size"]:
            kept.append(Face(box=box, score=face.score, landmarks=None if face.landmarks is None else face.landmarks / upscale))
    return sorted(kept, key=lambda face: (-face.score, -face.box[2] * face.box[3], face.box[0]))


def _write(writer: tables.Writer, frame: Mapping[str, Any], found: Any, card: Mapping[str, Any], upscale: int) -> None:
    row = {key: frame[key] for key in ("sample_id", "frame", "timestamp_s")} | {"face_id": -1, "n_faces": 0, "success": 0}
    if frame["state"] != tables.OK:
        writer.write(row | {"state": frame["state"], "reason": frame["reason"]})
        return
    if isinstance(found, Exception):
        writer.write(row | {"state": tables.ERROR, "reason": reason(found)})
        return
    faces = postprocess(found, card, upscale)
    if not faces:
        writer.write(row | {"state": tables.NO_FACE, "reason": "no face found"})
    for number, face in enumerate(faces):
        x, y, w, h = face.box
        writer.write(
            row
            | {"face_id": number, "n_faces": len(faces), "success": 1, "state": tables.OK, "x": x, "y": y, "w": w, "h": h, "score": face.score}
            | {"landmarks": None if face.landmarks is None else [float(value) for value in face.landmarks.ravel()]}
        )
