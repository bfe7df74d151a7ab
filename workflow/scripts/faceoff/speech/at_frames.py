"""Say what a voice says at the times of a clip's frames (protocol §55).

A voice thus has a row for every frame, as a face has, and the scores, votes and rules over time of
faces are those of voices too.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np

from faceoff.inference.prediction_rows import prediction_rows
from faceoff.plugins.protocols import Prediction
from faceoff.statistics.arrays import Floats
from faceoff.storage import columns
from faceoff.temporal.channels import Channel

Row = Mapping[str, Any]
_SILENT = (columns.NO_SPEECH, "nobody speaks at this moment")


def frame_rows(
    frames: Iterator[Row], segments: Iterator[Row], classes: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield the row of each frame: the mean of the segments around it, weighted by their overlap.

    At t these are the segments that overlap [t − δ/2, t + δ/2), where δ is the usual distance of
    the clip's frames; the one frame of a clip, and one without a time, stands for all of it. Where
    nobody speaks the voice abstains.

    frames: sample_id, frame, timestamp_s; segments: rows of a table of speech. Both are in the
    order of the samples.

    Raises ValueError where a sample of the frames has no row of speech.
    """
    spoken = groupby(segments, itemgetter("sample_id"))
    sample: str | None = None
    rows: list[Row] = []
    for name, group in groupby(frames, itemgetter("sample_id")):
        while sample != name:
            sample, found = next(spoken, (None, iter(())))
            if sample is None:
                raise ValueError(f"no row of speech for {name!r}; make the table of speech again")
            rows = list(found)
        yield from _of_clip(list(group), rows, classes)


def _of_clip(
    frames: Sequence[Row], rows: Sequence[Row], classes: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of one clip's frames."""
    heard = [row for row in rows if row["success"]]
    times, span_s = _times(frames)
    valence, arousal = (_over(heard, [name], times, span_s)[:, 0] for name in columns.DIMENSIONS)
    said = Prediction(
        posterior=_over(heard, [f"p_{emotion}" for emotion in classes], times, span_s),
        valence=valence,
        arousal=arousal,
        evaluable=_over(heard, ["success"], times, span_s)[:, 0] > 0,
    )
    silent = _SILENT if heard else (rows[0]["state"], rows[0]["reason"])
    for frame, found in zip(frames, prediction_rows(said, classes, classes, silent), strict=True):
        key = {name: frame[name] for name in ("sample_id", "frame", "timestamp_s")}
        face = 0 if found.get("success", 1) else -1
        yield {**key, "face_id": face, "success": 1, "state": columns.OK, **found}


def _times(frames: Sequence[Row]) -> tuple[Floats, float]:
    """Return the times of a clip's frames (n,), and the span that each stands for, in seconds."""
    times = np.array([row["timestamp_s"] for row in frames], float)
    if len(times) < 2 or np.isnan(times).any():
        return np.zeros(len(times)), np.inf
    return times, float(np.median(np.diff(np.sort(times)))) or np.inf


def _over(heard: Sequence[Row], names: Sequence[str], times: Floats, span_s: float) -> Floats:
    """Return the mean of these columns over the segments around each time, (n, columns)."""
    starts, ends = (np.array([row[key] for row in heard], float) for key in ("start_s", "end_s"))
    values = np.array([[_number(row[name]) for name in names] for row in heard], float)
    channel = Channel("voice", starts, ends, values.reshape(len(heard), len(names)))
    return channel.over(times, span_s)


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
