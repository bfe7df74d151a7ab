"""Stage 2: every sample's picture or sampled video frames, as encoded bytes, checked once for being readable."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from faceoff.inference.hardware import threads
from faceoff.media.frame_rate import Sampling, sampled
from faceoff.media.images import AnimationError, DecodeError, decode_image, encoder
from faceoff.media.videos import VideoFrame, decode_animation, decode_video
from faceoff.plan.jobs import DatasetJob
from faceoff.plugins.open_dataset import open_dataset
from faceoff.plugins.protocols import RGB, AnnotatedDataset, Annotation, Sample
from faceoff.plugins.sample_rows import flat, sample_of
from faceoff.progress import track
from faceoff.storage import columns, parquet

Row = dict[str, Any]
Encode = Callable[[RGB], bytes]


def write_frames(samples: Path, output: Path, job: DatasetJob) -> None:
    """Write the frames table: a row for every picture and every sampled frame of a clip, `unreadable` with a reason where there is none."""
    dataset, options = open_dataset(job.source, job.class_name, job.options, job.seed)
    sampling = Sampling(0, options.every) if options.every else Sampling(options.fps)
    encode = encoder(options.jpeg)

    def rows() -> Iterator[Row]:
        for row in track(parquet.rows(samples), f"frames of {job.dataset}", parquet.count(samples)):
            yield from KINDS[row["kind"]](dataset, sample_of(row), sampling, encode)

    parquet.write_rows(output, columns.FRAMES, rows())


def _row(sample: Sample, number: int = 0, timestamp_s: float | None = 0.0) -> Row:
    return {
        "sample_id": sample.sample_id,
        "frame": number,
        "timestamp_s": timestamp_s,
        "state": columns.OK,
        "image": {"bytes": None, "path": sample.path},
    }


def _annotated(dataset: Any, sample: Sample, row: Row) -> Row:
    """The row with what the dataset says of this moment; a clip's own label is that of the whole clip, not of a frame."""
    about: Sample | Annotation
    if sample.kind == "image":
        about = sample
    elif isinstance(dataset, AnnotatedDataset):
        about = dataset.annotation(sample, row["timestamp_s"])
    else:
        return row
    return row | {
        "label": about.label,
        "valence": about.valence,
        "arousal": about.arousal,
        "boxes": about.boxes,
        "landmarks": flat(about.landmarks),
    }


def _unreadable(row: Row, reason: str) -> Row:
    return row | {"state": columns.UNREADABLE, "reason": reason}


def _picture(dataset: Any, sample: Sample, sampling: Sampling, encode: Encode) -> Iterator[Row]:
    """A picture keeps its own bytes; an animation among the pictures is sampled as a video."""
    row = _annotated(dataset, sample, _row(sample))
    try:
        data = dataset.read(sample)
        yield row | _still(row, data)
    except AnimationError:
        yield from _video_rows(dataset, sample, decode_animation(data, sampling), encode)
    except (DecodeError, OSError) as error:
        yield _unreadable(row, _why(error))


def _still(row: Row, data: bytes) -> Row:
    """What a readable picture adds to its row. Raises DecodeError."""
    height, width = decode_image(data).shape[:2]
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "height": height,
        "width": width,
        "image": {"bytes": data, "path": row["image"]["path"]},
    }


def _why(error: DecodeError | OSError) -> str:
    return (
        str(error) if isinstance(error, DecodeError) else f"cannot read: {error.strerror or error}"
    )


def _clip(dataset: Any, sample: Sample, sampling: Sampling, encode: Encode) -> Iterator[Row]:
    try:
        path = dataset.file(sample)
    except OSError as error:
        yield _unreadable(_row(sample), _why(error))
        return
    yield from _video_rows(dataset, sample, decode_video(path, sampling, threads()), encode)


def _video_rows(
    dataset: Any, sample: Sample, frames: Iterable[VideoFrame], encode: Encode
) -> Iterator[Row]:
    """The sampled frames; where decoding ends early, a last row says so, as the frames before it are good."""
    number = 0
    try:
        for frame in frames:
            data = encode(frame.image)
            row = _row(sample, frame.number, frame.timestamp_s)
            row["height"], row["width"] = frame.image.shape[:2]
            row["sha256"], row["image"]["bytes"] = hashlib.sha256(data).hexdigest(), data
            number = frame.number + 1
            yield _annotated(dataset, sample, row)
    except DecodeError as error:
        yield _unreadable(_row(sample, number, None if number else 0.0), str(error))


def _sequence(dataset: Any, sample: Sample, sampling: Sampling, encode: Encode) -> Iterator[Row]:
    """The sampled pictures of a sequence, each with its own bytes; a broken one spoils only its row. Where its times break off, a last row says so."""
    row = None
    try:
        for number, seconds, path in sampled(dataset.pictures(sample), sampling):
            row = _annotated(dataset, sample, _row(sample, number, seconds))
            row["image"]["path"] = path.name
            try:
                row |= _still(row, path.read_bytes())
            except (DecodeError, OSError) as error:
                row = _unreadable(row, _why(error))
            yield row
    except (DecodeError, OSError) as error:
        row = _unreadable(
            _row(sample) if row is None else _row(sample, row["frame"] + 1, None), _why(error)
        )
        yield row
    if row is None:
        yield _unreadable(_row(sample), "no picture in the sequence")


def _sound(dataset: Any, sample: Sample, sampling: Sampling, encode: Encode) -> Iterator[Row]:
    yield _unreadable(_row(sample), "only sound, no picture")


KINDS = {"image": _picture, "video": _clip, "sequence": _sequence, "audio": _sound}
