"""Stage 3: find the faces of every frame, once per dataset and detector."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from faceoff import tables
from faceoff.media import DecodeError
from faceoff.progress import track
from faceoff.protocols import RGB, Face
from faceoff.runtimes import is_of_the_machine
from faceoff.stages.batches import Clock, ahead, guarded, image_of, load_plugin, reason

BATCH = 16
Row = dict[str, Any]
Found = list[Face] | Exception
cv2.setNumThreads(1)  # a job's parallelism is its rule's threads


def write_faces(frames: Path, output: Path, timing: Path, spec: Mapping[str, Any]) -> None:
    """Write the faces table: one row per face, and one for every frame without."""
    clock = Clock()
    detector = load_plugin(spec["plugin"], clock)
    card = spec["plugin"]["card"]
    title = f"{spec['dataset']}: faces by {spec['detector']}"
    with tables.Writer(output, tables.FACES) as writer:
        # Only `given` knows faces from the rows; the others look at the pictures.
        batches = _known(detector, frames, clock) if hasattr(detector, "known") else _seen(detector, frames, spec, clock)
        for batch, faces in track(batches, title, math.ceil(tables.count(frames) / BATCH)):
            found = iter(faces)
            for frame in batch:
                _write(writer, frame, next(found) if frame["state"] == tables.OK else None, card)
    clock.write(timing, stage="detect", dataset=spec["dataset"], detector=spec["detector"], batch=BATCH)


def _readable(frames: Sequence[Row]) -> list[Row]:
    return [frame for frame in frames if frame["state"] == tables.OK]


def _known(detector: Any, frames: Path, clock: Clock) -> Iterator[tuple[list[Row], list[Found]]]:
    """Batches of frame rows, and what a detector knows of the readable ones."""
    for batch in tables.stream(frames, BATCH):
        yield batch, guarded(detector.known, _readable(batch), clock)


def _seen(detector: Any, frames: Path, spec: Mapping[str, Any], clock: Clock) -> Iterator[tuple[list[Row], list[Found]]]:
    """Batches of frame rows, and what a detector sees in the readable ones, in their pixels; the exception of a frame that it could not take."""

    def view_of(frame: Row) -> View | Exception:
        try:
            return View.of(image_of(frame), spec["upscale"], spec["pad"])
        except (DecodeError, cv2.error) as error:
            if is_of_the_machine(error):
                raise
            return error

    def views() -> Iterator[tuple[list[Row], list[View | Exception]]]:
        for batch in tables.stream(frames, BATCH):
            yield batch, [view_of(frame) for frame in _readable(batch)]

    for batch, seen in ahead(views()):
        found = iter(guarded(detector.detect, [view.image for view in seen if isinstance(view, View)], clock))
        yield batch, [view.found(next(found)) if isinstance(view, View) else view for view in seen]


@dataclass(frozen=True)
class View:
    """A frame as the detector sees it: enlarged `scale` times, with a black border of `left` and `top` pixels (after enlarging)."""

    image: RGB
    scale: int
    left: int
    top: int

    @classmethod
    def of(cls, frame: RGB, upscale: int, pad: float) -> "View":
        """Enlarge by a whole factor (bicubic) and add the border; a frame that needs neither is passed on as it is."""
        image = frame if upscale == 1 else cv2.resize(frame, None, fx=upscale, fy=upscale, interpolation=cv2.INTER_CUBIC)
        left, top = round(pad * image.shape[1]), round(pad * image.shape[0])
        if left or top:
            image = cv2.copyMakeBorder(image, top, top, left, left, cv2.BORDER_CONSTANT, value=(0, 0, 0))
        return cls(image, upscale, left, top)

    def found(self, faces: Found) -> Found:
        """What a detector found in this view, in pixels of the frame."""
        return faces if isinstance(faces, Exception) else [self.in_frame(face) for face in faces]

    def in_frame(self, face: Face) -> Face:
        """A face of this view in pixels of the frame."""
        x, y, w, h = (float(side) for side in face.box)
        box = ((x - self.left) / self.scale, (y - self.top) / self.scale, w / self.scale, h / self.scale)
        landmarks = None if face.landmarks is None else (face.landmarks - np.array([self.left, self.top])) / self.scale
        return Face(box=box, score=face.score, landmarks=landmarks)


def postprocess(faces: Sequence[Face], card: Mapping[str, Any]) -> list[Face]:
    """Drop what is malformed, weak or tiny, and put the best first (score, then size, then leftmost)."""

    def kept(face: Face) -> bool:
        sound = all(math.isfinite(side) for side in (*face.box, face.score)) and min(face.box[2:]) > 0
        return sound and face.score >= card["threshold"] and min(face.box[2:]) >= card["min_size"]

    return sorted(filter(kept, faces), key=lambda face: (-face.score, -face.box[2] * face.box[3], face.box[0]))


def _write(writer: tables.Writer, frame: Mapping[str, Any], found: Any, card: Mapping[str, Any]) -> None:
    row = {key: frame[key] for key in ("sample_id", "frame", "timestamp_s")} | {"face_id": -1, "n_faces": 0, "success": 0}
    if frame["state"] != tables.OK:
        writer.write(row | {"state": frame["state"], "reason": frame["reason"]})
        return
    if isinstance(found, Exception):
        writer.write(row | {"state": tables.ERROR, "reason": reason(found)})
        return
    faces = postprocess(found, card)
    if not faces:
        writer.write(row | {"state": tables.NO_FACE, "reason": "no face found"})
    for number, face in enumerate(faces):
        x, y, w, h = face.box
        writer.write(
            row
            | {"face_id": number, "n_faces": len(faces), "success": 1, "state": tables.OK, "x": x, "y": y, "w": w, "h": h, "score": face.score}
            | {"landmarks": None if face.landmarks is None else [float(value) for value in face.landmarks.ravel()]}
        )
