"""Gather the clips that a network over time learns from: frames with a face, labels, valence."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceoff import emotions
from faceoff.faces.face_crops import face_crop, framed
from faceoff.faces.frame_inputs import inputs_of_clips
from faceoff.faces.training_pictures import Tables
from faceoff.inference.stretches import stretches
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import CropSpec
from faceoff.progress import track
from faceoff.statistics.arrays import Bools, Floats, Ints
from faceoff.storage import columns, parquet
from faceoff.training import memory_map
from faceoff.training.clips import Clips
from faceoff.training.recipe import Labels
from faceoff.training.targets import target_row

_TOLD = ("sample_id", "frame", "timestamp_s", "label", "sha256", *columns.DIMENSIONS)
_REASONS = ("no face in any frame", "no label", "frames of a test clip")
_FACELESS = "frames without a face"
_TWIN_SHARE = 0.5  # of a clip's frames, which are also those of a test clip

Row = dict[str, Any]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ClipFrames:
    """The frames of one clip, in order.

    told: what the dataset says of each; values: what is read of each, None without a face.
    """

    sample_id: str
    told: Sequence[Mapping[str, Any]]
    values: Sequence[Array | None]


def feature_clips(tables: Tables, names: Sequence[str], title: str) -> Iterator[ClipFrames]:
    """Yield the clips of a table of features or predictions, which `tables.faces` is.

    names: as in `frame_inputs.inputs_of_clips`. Raises ValueError where the tables are not about
    the same frames, and RuntimeError if the features could not be made.
    """
    _refuse_failed(tables.faces)
    frames = parquet.rows(tables.frames, _TOLD)
    number = parquet.count(tables.samples)
    for rows, inputs in track(inputs_of_clips(tables.faces, names), title, number):
        told = [next(frames, {}) for _ in rows]
        if any(_place(one) != _place(other) for one, other in zip(rows, told, strict=True)):
            raise ValueError(f"{tables.faces} does not belong to {tables.frames}")
        there = np.isfinite(inputs).all(axis=1)
        yield ClipFrames(
            rows[0]["sample_id"],
            told,
            [
                values.astype(np.float32) if found else None
                for values, found in zip(inputs, there, strict=True)
            ],
        )
    if next(frames, None) is not None:
        raise ValueError(f"{tables.faces} does not belong to {tables.frames}: it ends too soon")


def picture_clips(tables: Tables, crop: CropSpec, job: CropJob, title: str) -> Iterator[ClipFrames]:
    """Yield the clips with the crops of their faces. Raises RuntimeError if detection failed."""
    _refuse_failed(tables.faces)
    pairs = track(framed(tables.frames, tables.faces), title, parquet.count(tables.frames))
    for sample_id, clip in groupby(pairs, lambda pair: str(pair[0]["sample_id"])):
        told, values = [], []
        for frame, found in clip:
            pixels = face_crop(frame, found, crop, job)[1]
            told.append({key: frame[key] for key in _TOLD})
            values.append(
                None if pixels is None else pixels.reshape(*pixels.shape[:2], crop.channels)
            )
        yield ClipFrames(sample_id, told, values)


def _refuse_failed(table: Path) -> None:
    if parquet.failed_files(table):
        raise RuntimeError(f"what it learns from failed: {next(parquet.rows(table))['reason']}")


def _place(row: Mapping[str, Any]) -> tuple[Any, Any]:
    return (row.get("sample_id"), row.get("frame"))


def pictures_of_clips(frames: Path) -> Iterator[str]:
    """Yield the sha256 of every picture of a table of frames."""
    return (row["sha256"] for row in parquet.rows(frames, ["sha256"]) if row["sha256"])


def training_clips(
    path: Path,
    clips: Iterator[ClipFrames],
    samples: Path,
    classes: Sequence[str],
    labels: Labels,
    window: int,
    apart: Collection[str] = (),
) -> tuple[Clips, dict[str, int]]:
    """Write the frames to a memory map; count what is left out, by reason.

    Parameters
    ----------
    path
        Of the memory map.
    samples
        The table that has the labels and votes of the clips.
    classes
        Of the network.
    labels
        clip: each clip has one label; frame: each frame has its own.
    window
        As of `stretches`.
    apart
        sha256 of pictures; a clip half of whose frames are among them is left out.

    Returns
    -------
    The clips, valence and arousal in this order, and reason -> number of clips; frames without a
    face are counted, too.

    Raises
    ------
    ValueError
        If nothing is left.
    """
    counts = dict.fromkeys((*_REASONS, _FACELESS), 0)
    of_clip = {
        row["sample_id"]: row for row in parquet.rows(samples, ["sample_id", "label", "votes"])
    }
    parts: list[_Part] = []
    with memory_map.writing(path) as written:
        for clip in clips:
            there = np.array([value is not None for value in clip.values])
            counts[_FACELESS] += int((~there).sum())
            part = _part(clip, there, of_clip[clip.sample_id], classes, labels, window)
            reason = _left_out(clip, part, apart)
            if reason:
                counts[reason] += 1
                continue
            parts.append(part)
            for place in part.places:
                written.append(clip.values[place])
    if not parts:
        left_out = ", ".join(f"{why}: {count}" for why, count in counts.items() if count)
        raise ValueError(f"{samples.stem}: no clip to learn from ({left_out or 'no clips'})")
    lengths = [length for part in parts for length in part.lengths]
    found = Clips(
        frames=written.read(),
        times=np.concatenate([part.times for part in parts]),
        stretch=np.repeat(np.arange(len(lengths)), lengths),
        clip=np.repeat(np.arange(len(parts)), [len(part.places) for part in parts]),
        of_frames=labels == "frame",
        targets=np.concatenate([part.targets for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        affect=np.concatenate([part.affect for part in parts]),
    )
    return found, counts


@dataclass(frozen=True)
class _Part:
    """What a clip adds to `Clips`.

    places: of the frames with a face among those of the clip; lengths: of its stretches.
    """

    places: Ints
    lengths: list[int]
    times: Floats
    targets: Floats
    labels: Ints
    affect: Floats


def _part(
    clip: ClipFrames,
    there: Bools,
    sample: Row,
    classes: Sequence[str],
    labels: Labels,
    window: int,
) -> _Part:
    """Return the frames of a clip that have a face, with what they show."""
    times = np.array([row["timestamp_s"] for row in clip.told], float)
    cut = stretches(times, there, window)
    places = np.concatenate([np.empty(0, np.int64), *cut])
    told = [clip.told[place] for place in places]
    labelled = [sample] if labels == "clip" else [{"label": row["label"]} for row in told]
    shown = [classes.index(row["label"]) if row["label"] in classes else -1 for row in labelled]
    weights = [target_row(row, emotions.EMOTIONS, classes) for row in labelled]
    affect = [[row[name] for name in columns.DIMENSIONS] for row in told]
    return _Part(
        places=places,
        lengths=[len(part) for part in cut],
        times=times[places],
        targets=np.array(weights).reshape(-1, len(classes)),
        labels=np.array(shown, np.int64),
        affect=np.array(affect, float).reshape(-1, len(columns.DIMENSIONS)),
    )


def _left_out(clip: ClipFrames, part: _Part, apart: Collection[str]) -> str | None:
    """Return why a clip takes no part, None if it does."""
    faceless, unlabelled, twin = _REASONS
    if not len(part.places):
        return faceless
    if (part.labels < 0).all() and not np.isfinite(part.affect).any():
        return unlabelled
    if apart and np.mean([row["sha256"] in apart for row in clip.told]) >= _TWIN_SHARE:
        return twin
    return None
