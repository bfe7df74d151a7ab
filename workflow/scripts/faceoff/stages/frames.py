"""Stage 2: every sample's picture or sampled video frames, as encoded bytes, checked once for being readable."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from faceoff import tables
from faceoff.media import AnimationError, DecodeError, VideoFrame, decode_animation, decode_image, decode_video, encoder
from faceoff.progress import track
from faceoff.protocols import Sample
from faceoff.runtimes import threads
from faceoff.stages.samples import open_dataset

Row = dict[str, Any]


def write_frames(samples: Path, output: Path, spec: Mapping[str, Any]) -> None:
    """Write the frames table: a row for every picture and every sampled video frame, `unreadable` with a reason where there is none."""
    dataset, options = open_dataset(spec)
    encode = encoder(options.jpeg)
    with tables.Writer(output, tables.FRAMES) as writer:
        for row in track(tables.rows(samples), f"frames of {spec['dataset']}", tables.count(samples)):
            sample = _sample(row)
            for frame in (_clip if sample.kind == "video" else _picture)(dataset, sample, options.fps, encode):
                writer.write(frame)


def _sample(row: Mapping[str, Any]) -> Sample:
    tuples = {"votes": row["votes"] and tuple(row["votes"]), "boxes": row["boxes"] and tuple(map(tuple, row["boxes"]))}
    return Sample(**{**row, **tuples, "groups": dict(row["groups"] or ())})


def _row(sample: Sample, number: int = 0, timestamp_s: float | None = 0.0) -> Row:
    return {"sample_id": sample.sample_id, "frame": number, "timestamp_s": timestamp_s, "state": tables.OK, "image": {"bytes": None, "path": sample.path}}


def _unreadable(row: Row, reason: str) -> Row:
    return row | {"state": tables.UNREADABLE, "reason": reason}


def _picture(dataset: Any, sample: Sample, fps: float, encode: Callable[..., bytes]) -> Iterator[Row]:
    """A picture keeps its own bytes; an animation among the pictures is sampled as a video."""
    row = _row(sample)
    try:
        data = dataset.read(sample)
        row["sha256"] = hashlib.sha256(data).hexdigest()
        row["height"], row["width"] = decode_image(data).shape[:2]
        row["image"]["bytes"] = data
    except AnimationError:
        yield from _video_rows(sample, decode_animation(data, fps), encode)
        return
    except DecodeError as error:
        row = _unreadable(row, str(error))
    except OSError as error:
        row = _unreadable(row, f"cannot read: {error.strerror or error}")
    yield row


def _clip(dataset: Any, sample: Sample, fps: float, encode: Callable[..., bytes]) -> Iterator[Row]:
    try:
        path = dataset.file(sample)
    except OSError as error:
        yield _unreadable(_row(sample), f"cannot read: {error.strerror or error}")
        return
    yield from _video_rows(sample, decode_video(path, fps, threads()), encode)


def _video_rows(sample: Sample, frames: Iterable[VideoFrame], encode: Callable[..., bytes]) -> Iterator[Row]:
    """The sampled frames; where decoding ends early, a last row says so, as the frames before it are good."""
    number = 0
    try:
        for frame in frames:
            data = encode(frame.image)
            row = _row(sample, frame.number, frame.timestamp_s)
            row["height"], row["width"] = frame.image.shape[:2]
            row["sha256"], row["image"]["bytes"] = hashlib.sha256(data).hexdigest(), data
            number = frame.number + 1
            yield row
    except DecodeError as error:
        yield _unreadable(_row(sample, number, None if number else 0.0), str(error))
