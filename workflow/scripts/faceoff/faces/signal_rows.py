"""Let a signal plug-in measure the crops of faces, and put what it says into their rows."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces import crops
from faceoff.faces.crop_rows import OF_FACE
from faceoff.faces.face_crops import BATCH, crop_of_each, framed
from faceoff.inference import torch_devices
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import prefetch
from faceoff.inference.prediction_rows import NO_FACE_IN_CROP, filled
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import RGB, CropSpec, FaceSignal

Row = dict[str, Any]


def measurer(signal: FaceSignal) -> Callable[[Sequence[RGB]], list[Row]]:
    """Return what measures a batch of crops: the part of each crop's row that the signal fills.

    Landmarks are pixels of the crop; `placed` moves them.
    """

    def measure(batch: Sequence[RGB]) -> list[Row]:
        with torch_devices.autocast():
            reading = signal.read(np.stack(batch))
        state, reason = NO_FACE_IN_CROP
        silent = {"success": 0, "state": state, "reason": reason}
        return [
            {name: _value(reading.columns[name][row]) for name in signal.columns}
            if readable
            else dict(silent)
            for row, readable in enumerate(reading.evaluable.tolist())
        ]

    return measure


def _value(found: Any) -> Any:
    """Return a number, or a list of them, as a table holds it: None where it is unknown."""
    if np.ndim(found):
        return found.tolist() if np.isfinite(found).all() else None
    return float(found) if math.isfinite(found) else None


def placed(
    measured: Row, face: Mapping[str, Any], frame: Mapping[str, Any], crop: CropSpec, job: CropJob
) -> Row:
    """Return what was measured in a face's crop, with its landmarks in pixels of the frame.

    face: the row that `face_crop` gave beside the crop; frame: a row with width and height.
    """
    points = measured.get("landmarks")
    if points is None:
        return measured
    raw = (face["x"], face["y"], face["w"], face["h"])
    box = None if job.whole_frame else crops.calibrate(raw, job.calibration)
    size = frame["width"], frame["height"]
    moved = crops.in_frame(np.reshape(points, (-1, 2)), box, crop, size)
    return {**measured, "landmarks": moved.ravel().tolist()}


def signal_rows(
    frames: Path, faces: Path, signal: FaceSignal, job: CropJob, clock: Clock
) -> Iterator[Row]:
    """Yield a row for every row of the faces table, in its order, with what the signal measures.

    A face that was not found or cannot be read keeps its row with state and reason.
    """
    crop, measure = signal.crop, measurer(signal)
    whole = ((frame, crop_of_each(frame, rows, crop, job)) for frame, rows in framed(frames, faces))
    # The picture itself is not kept while a batch fills up.
    framewise = (({key: f[key] for key in ("width", "height")}, found) for f, found in whole)
    for pending in prefetch(iter(lambda: list(islice(framewise, BATCH)), [])):
        inputs = [pixels for _, found in pending for _, pixels in found if pixels is not None]
        results = iter(filled(measure, inputs, clock))
        for frame, found in pending:
            for face, pixels in found:
                row = {key: face[key] for key in OF_FACE}
                if pixels is not None:
                    row |= placed(next(results), face, frame, crop, job)
                yield row
