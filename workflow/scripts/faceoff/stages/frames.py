"""Stage 2: decode every sample's picture or sampled video frames once and store the encoded bytes.

Pictures that cannot be read are found here, and no later stage meets them.
"""

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from faceoff.inference.hardware import threads
from faceoff.media.frame_rate import Sampling, sampled
from faceoff.media.images import AnimationError, DecodeError, decode_image, encoder
from faceoff.media.kinds import kind_of_bytes, read_bytes
from faceoff.media.videos import VideoFrame, decode_animation, decode_video
from faceoff.plan.jobs import DatasetJob
from faceoff.plugins.open_dataset import open_dataset
from faceoff.plugins.protocols import (
    RGB,
    AnnotatedDataset,
    Annotation,
    ClipDataset,
    Dataset,
    Sample,
    SequenceDataset,
)
from faceoff.plugins.sample_rows import flat, sample_of
from faceoff.progress import track
from faceoff.storage import columns, parquet

Row = dict[str, Any]
Encode = Callable[[RGB], bytes]
_LOST, _MENDED = "not or not wholly read", "with mended time stamps"


def write_frames(samples: Path, output: Path, job: DatasetJob) -> None:
    """Write the frames table: a row for every picture and every sampled frame of a clip.

    A picture or clip that cannot be decoded has a row `unreadable` with the reason. Reports on
    stderr how many samples are unreadable, damaged or mended, with the first of them.
    """
    dataset, options = open_dataset(job.source, job.class_name, job.options, job.seed)
    sampling = Sampling(0, options.every) if options.every else Sampling(options.fps)
    encode = encoder(options.jpeg)

    # what -> sample -> reason
    told: dict[str, dict[str, str]] = {_LOST: {}, _MENDED: {}}

    def rows() -> Iterator[Row]:
        for row in track(parquet.rows(samples), f"frames of {job.dataset}", parquet.count(samples)):
            rows_of = ROWS_OF_KIND[row["kind"]]
            for frame in rows_of(dataset, sample_of(row), sampling, encode):
                if frame.get("reason"):
                    what = _MENDED if frame["state"] == columns.OK else _LOST
                    told[what].setdefault(frame["sample_id"], frame["reason"])
                yield frame

    parquet.write_rows(output, columns.FRAMES, rows())
    for what, found in told.items():
        if found:
            first = "; ".join(f"{sample} ({reason})" for sample, reason in islice(found.items(), 3))
            more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
            print(f"{job.dataset}: {len(found)} {what}: {first}{more}", file=sys.stderr)


def _row(sample: Sample, number: int = 0, timestamp_s: float | None = 0.0) -> Row:
    return {
        "sample_id": sample.sample_id,
        "frame": number,
        "timestamp_s": timestamp_s,
        "state": columns.OK,
        "image": {"bytes": None, "path": sample.path},
    }


def _annotated(dataset: Dataset, sample: Sample, row: Row) -> Row:
    """Return the row with the dataset's annotation of this moment.

    A clip's own label belongs to the whole clip, so its frames do not take it.
    """
    about: Sample | Annotation
    if sample.kind == "image":
        about = sample
    elif isinstance(dataset, AnnotatedDataset):
        about = dataset.annotation(sample, row["timestamp_s"])
        row |= {field.name: getattr(about, field.name) for field in columns.PEOPLE}
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


def _picture(dataset: Dataset, sample: Sample, sampling: Sampling, encode: Encode) -> Iterator[Row]:
    """Yield the row of a picture with its own bytes.

    An animation is sampled as a video, and so is a clip that has a picture's suffix.
    """
    row = _annotated(dataset, sample, _row(sample))
    data = b""
    try:
        data = dataset.read(sample)
        yield row | _still(row, data)
    except AnimationError:
        yield from _video_rows(dataset, sample, decode_animation(data, sampling), encode)
    except (DecodeError, OSError) as error:
        found = kind_of_bytes(data[:512])
        if found is not None and found[0] == "video" and isinstance(dataset, ClipDataset):
            yield from _clip(dataset, sample, sampling, encode)
        else:
            yield _unreadable(row, _why(error))


def _still(row: Row, data: bytes) -> Row:
    """Return what a readable picture adds to its row. Raises DecodeError."""
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


def _clip(
    dataset: ClipDataset, sample: Sample, sampling: Sampling, encode: Encode
) -> Iterator[Row]:
    """Yield the sampled frames of a video."""
    try:
        path = dataset.file(sample)
    except OSError as error:
        yield _unreadable(_row(sample), _why(error))
        return
    yield from _video_rows(dataset, sample, decode_video(path, sampling, threads()), encode)


def _video_rows(
    dataset: Dataset, sample: Sample, frames: Iterable[VideoFrame], encode: Encode
) -> Iterator[Row]:
    """Yield the sampled frames.

    If decoding ends early, the frames before that point are good, and a last row gives the reason.
    """
    number = 0
    try:
        for frame in frames:
            data = encode(frame.image)
            row = _row(sample, frame.number, frame.timestamp_s)
            row["height"], row["width"] = frame.image.shape[:2]
            row["sha256"], row["image"]["bytes"] = hashlib.sha256(data).hexdigest(), data
            row["reason"] = frame.note and f"its time stamps were mended: {frame.note}"
            number = frame.number + 1
            yield _annotated(dataset, sample, row)
    except DecodeError as error:
        yield _unreadable(_row(sample, number, None if number else 0.0), str(error))


def _sequence(
    dataset: SequenceDataset, sample: Sample, sampling: Sampling, encode: Encode
) -> Iterator[Row]:
    """Yield the sampled pictures of a sequence, each with its own bytes.

    A broken picture spoils only its row. If the list of pictures breaks off, a last row gives the
    reason.
    """
    row: Row | None = None
    try:
        for number, seconds, path in sampled(dataset.pictures(sample), sampling):
            row = _annotated(dataset, sample, _row(sample, number, seconds))
            row["image"]["path"] = path.name
            try:
                row |= _still(row, read_bytes(path))
            except (DecodeError, OSError) as error:
                row = _unreadable(row, _why(error))
            yield row
    except (DecodeError, OSError) as error:
        last = _row(sample) if row is None else _row(sample, row["frame"] + 1, None)
        row = _unreadable(last, _why(error))
        yield row
    if row is None:
        yield _unreadable(_row(sample), "no picture in the sequence")


def _sound(dataset: Dataset, sample: Sample, sampling: Sampling, encode: Encode) -> Iterator[Row]:
    """Yield the one row of a sample without a picture."""
    yield _unreadable(_row(sample), "only sound, no picture")


# A dataset that lists samples of a kind has the methods of that kind's protocol.
ROWS_OF_KIND: dict[str, Callable[[Any, Sample, Sampling, Encode], Iterator[Row]]] = {
    "image": _picture,
    "video": _clip,
    "sequence": _sequence,
    "audio": _sound,
}
