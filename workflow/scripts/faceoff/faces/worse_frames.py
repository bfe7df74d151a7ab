"""Make the frames of a dataset worse, one after the other, at every severity of a corruption.

A frame is decoded once, whatever the number of severities; nothing is stored.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any

import numpy as np

from faceoff.corruption import corruption_list
from faceoff.corruption.corruption import Corruption, NotApplied, Seen, Value, generators
from faceoff.faces import crops
from faceoff.faces.choice import SIDES, among, choose
from faceoff.faces.face_crops import face_crops
from faceoff.inference.hardware import is_of_the_machine
from faceoff.inference.plugin_job import reason
from faceoff.media.images import DecodeError, image_of
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import RGB, CropSpec
from faceoff.storage import columns

Row = dict[str, Any]
# A frame, its faces on the clean picture, and the decoded picture or why there is none.
_Decoded = tuple[Row, list[Row], RGB | DecodeError | None]
_NO_BOX = "no face on the clean picture, so its size and place are not known"
_DROPPED = "the frame is dropped"
_STILL = "a still picture is no clip"


@dataclass(frozen=True)
class Way:
    """Say how frames are made worse: the corruption, its parameters, options and the run's seed.

    box: the way from a detector's faces to the canonical face box.
    """

    kind: str
    corruption: Corruption
    levels: Sequence[Value]
    options: Mapping[str, Any]
    seed: int
    box: CropJob

    @classmethod
    def of(
        cls,
        kind: str,
        levels: Sequence[Value],
        options: Mapping[str, Any],
        seed: int,
        box: CropJob,
    ) -> "Way":
        """Return the way of this kind. Raises ValueError for an unknown one."""
        made = corruption_list.get(kind)
        return cls(kind, made, levels, {**made.options, **options}, seed, box)


@dataclass(frozen=True)
class Worse:
    """Hold a frame at one severity.

    image: None where there is none, for the `state` and `reason` of the row; faces: those on the
    clean picture, in pixels of the frame, moved where the corruption moves boxes.
    """

    severity: int
    image: RGB | None
    faces: list[Row]
    state: str = columns.OK
    reason: str | None = None

    def scale(self, frame: Row) -> float:
        """Return how many pixels of the picture a pixel of the frame has become."""
        width = frame["width"]
        return self.image.shape[1] / width if self.image is not None and width else 1.0

    def crops(
        self, frame: Row, rows: Sequence[Row], crop: CropSpec, job: CropJob
    ) -> list[tuple[Row, RGB | None]]:
        """Return (face row, its crop) of every face that the policy reads.

        rows: faces in pixels of the frame. A version without a picture has one row that says why.
        """
        if self.image is None:
            lost = {"face_id": -1, "success": 0, "state": self.state, "reason": self.reason}
            return [({**rows[0], **lost}, None)]
        height, width = self.image.shape[:2]
        scale = self.scale(frame)
        shown = {**frame, "width": width, "height": height}
        return face_crops(shown, [_scaled(row, scale) for row in rows], crop, job, self.image)


def worse_frames(
    read: Iterable[tuple[Row, list[Row]]], way: Way
) -> Iterator[tuple[Row, list[Worse]]]:
    """Yield every frame with its versions at severity 1 … n.

    read: frames, each with the detector's faces on the clean picture (`face_crops.framed`).
    """
    decoded = (_decoded(frame, rows) for frame, rows in read)
    if way.corruption.on == "clip":
        for _, clip in groupby(decoded, key=lambda item: item[0]["sample_id"]):
            yield from _of_clip(clip, way)
        return
    for frame, rows, image in decoded:
        yield frame, [*_of_frame(frame, rows, image, way)]


def _scaled(row: Row, scale: float) -> Row:
    """Return a face row in pixels of a picture that was enlarged."""
    if scale == 1 or not row["success"]:
        return row
    points = row["landmarks"]
    return {
        **row,
        **{side: row[side] * scale for side in SIDES},
        "landmarks": None if points is None else [number * scale for number in points],
    }


def _decoded(frame: Row, rows: list[Row]) -> _Decoded:
    if frame["state"] != columns.OK:
        return frame, rows, None
    try:
        return frame, rows, image_of(frame)
    except DecodeError as error:
        return frame, rows, error


def _without(severity: int, frame: Row, rows: list[Row], image: Any) -> Worse:
    """Return the version of a frame that has no picture."""
    if isinstance(image, DecodeError):
        return Worse(severity, None, rows, columns.ERROR, reason(image))
    return Worse(severity, None, rows, frame["state"], frame["reason"])


def _of_frame(
    frame: Row, rows: list[Row], image: RGB | DecodeError | None, way: Way
) -> Iterator[Worse]:
    made, needs_face = way.corruption, way.corruption.needs and not way.box.whole_frame
    box, landmarks = seen_face(frame, rows, way.box)
    for severity, value in enumerate(way.levels, 1):
        if not isinstance(image, np.ndarray):
            yield _without(severity, frame, rows, image)
            continue
        if needs_face and box is None:
            yield Worse(severity, None, rows, columns.NO_FACE, _NO_BOX)
            continue
        drawn = generators(way.seed, frame["sample_id"], frame["frame"], way.kind, severity)
        seen = Seen(box, landmarks, *drawn)
        try:
            if made.on == "box":
                moved = [_moved(row, value, severity, way) for row in rows]
                yield Worse(severity, image, moved)
            else:
                yield Worse(severity, made.apply(image, value, seen, way.options), rows)
        except NotApplied as error:
            yield Worse(severity, None, rows, columns.NOT_APPLIED, str(error))
        except Exception as error:  # of a library, about this picture
            if is_of_the_machine(error):
                raise
            yield Worse(severity, None, rows, columns.ERROR, reason(error))


def _moved(row: Row, value: Value, severity: int, way: Way) -> Row:
    """Return a face row whose box and landmarks the corruption has moved.

    Each face of a clip draws the same, whichever stands first in its frame.
    """
    if not row["success"]:
        return row
    points = None if row["landmarks"] is None else np.reshape(row["landmarks"], (5, 2))
    box: crops.Box = (row["x"], row["y"], row["w"], row["h"])
    drawn = generators(way.seed, row["sample_id"], row["frame"], way.kind, severity)
    (x, y, w, h), points = way.corruption.apply(box, value, Seen(box, points, *drawn), way.options)
    flat = None if points is None else [float(number) for number in np.ravel(points)]
    return {**row, "x": x, "y": y, "w": w, "h": h, "landmarks": flat}


def seen_face(
    frame: Row, rows: Sequence[Row], job: CropJob
) -> tuple[crops.Box | None, np.ndarray | None]:
    """Return the box (x, y, w, h) and the landmarks (5, 2) of a frame's face, in pixels.

    It is the largest that the dataset gives, else the one that the policy chooses, calibrated. The
    box is None without a face, and the landmarks where they are not known.
    """
    given = frame.get("boxes") or ()
    if given:
        place = max(range(len(given)), key=lambda index: given[index][2] * given[index][3])
        points = (frame.get("landmarks") or [None] * len(given))[place]
        x, y, w, h = given[place]
        return (x, y, w, h), None if points is None else np.reshape(points, (5, 2))
    if job.whole_frame or not rows[0]["success"]:
        return None, None
    allowed = among(rows, job.policy)
    if not allowed:
        return None, None
    face = choose(allowed, job.policy, frame["width"], frame["height"])
    landmarks = None if face["landmarks"] is None else np.reshape(face["landmarks"], (5, 2))
    box = crops.calibrate((face["x"], face["y"], face["w"], face["h"]), job.calibration)
    return box, landmarks


def _of_clip(clip: Iterator[_Decoded], way: Way) -> Iterator[tuple[Row, list[Worse]]]:
    """Yield the frames of a clip. As many are in memory as the corruption reads ahead."""
    first, second = next(clip), next(clip, None)
    if second is None:
        frame, rows, image = first
        still = isinstance(image, np.ndarray)
        yield (
            frame,
            [
                Worse(severity, None, rows, columns.NOT_APPLIED, _STILL)
                if still
                else _without(severity, frame, rows, image)
                for severity in range(1, len(way.levels) + 1)
            ],
        )
        return
    whole = _copies(chain((first, second), clip), len(way.levels) + 1)
    outputs = [
        _Output(severity, value, pictures, first[0]["sample_id"], way)
        for severity, (value, pictures) in enumerate(zip(way.levels, whole[1:], strict=True), 1)
    ]
    for frame, rows, image in whole[0]:
        if isinstance(image, np.ndarray):
            yield frame, [output.next(rows) for output in outputs]
        else:
            yield frame, [_without(output.severity, frame, rows, image) for output in outputs]


def _copies(items: Iterator[_Decoded], count: int) -> list[Iterator[_Decoded]]:
    """Return iterators over the same items, as `itertools.tee` does.

    That one keeps up to 57 items that all have read, which are hundreds of megabytes of video.
    """
    waiting: list[deque[_Decoded]] = [deque() for _ in range(count)]

    def copy(own: deque[_Decoded]) -> Iterator[_Decoded]:
        while True:
            if not own:
                item = next(items, None)
                if item is None:
                    return
                for each in waiting:
                    each.append(item)
            yield own.popleft()

    return [copy(own) for own in waiting]


class _Output:
    """Yield the readable frames of a clip at one severity, in their order."""

    def __init__(
        self, severity: int, value: Value, clip: Iterator[_Decoded], sample: str, way: Way
    ):
        self.severity = severity
        self._failed: tuple[str, str] | None = None  # state and reason
        self._pictures = (image for _, _, image in clip if isinstance(image, np.ndarray))
        seen = Seen(None, None, *generators(way.seed, sample, 0, way.kind, severity))
        self._made = way.corruption.apply(self._pictures, value, seen, way.options)

    def next(self, rows: list[Row]) -> Worse:
        """Return the next frame. After a fault every later frame of the clip has its reason."""
        image: RGB | None = None
        if self._failed is None:
            try:
                image = next(self._made)
            except StopIteration:
                self._failed = columns.ERROR, "the clip that was made worse is shorter"
            except NotApplied as error:
                self._failed = columns.NOT_APPLIED, str(error)
            except Exception as error:  # of the codec, about this clip
                if is_of_the_machine(error):
                    raise
                self._failed = columns.ERROR, reason(error)
        if self._failed is not None:
            next(self._pictures, None)  # so that the clip's frames do not gather in memory
            return Worse(self.severity, None, rows, *self._failed)
        if image is None:
            return Worse(self.severity, None, rows, columns.UNREADABLE, _DROPPED)
        return Worse(self.severity, image, rows)
