"""Gather the clips that a network over time learns from: frames with a face, labels, valence."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from faceoff import emotions
from faceoff.faces.face_crops import face_crop, framed
from faceoff.faces.frame_inputs import inputs_of_clips
from faceoff.faces.training_pictures import Tables
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import CropSpec
from faceoff.progress import track
from faceoff.statistics.arrays import Bools, Floats, Ints
from faceoff.storage import columns, parquet
from faceoff.temporal.stretches import stretches
from faceoff.training import memory_map
from faceoff.training.clips import Clips
from faceoff.training.recipe import Labels
from faceoff.training.targets import target_row

_TOLD = ("sample_id", "frame", "timestamp_s", "label", "sha256", *columns.DIMENSIONS)
_REASONS = ("no face in any frame", "no label of its classes", "frames of a test clip")
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


class Source(Protocol):
    """A way to read the frames of clips."""

    def clips(self, tables: Tables, title: str) -> Iterator[ClipFrames]:
        """Yield the clips in order.

        Raises ValueError where the tables are not about the same frames, and RuntimeError if a
        table could not be made.
        """


@dataclass(frozen=True)
class Features:
    """Read features or predictions, whose table is `Tables.faces`.

    names: as in `frame_inputs.inputs_of_clips`.
    """

    names: Sequence[str]

    def clips(self, tables: Tables, title: str) -> Iterator[ClipFrames]:
        """Yield the clips with the numbers of their frames."""
        _refuse_failed(tables.faces)
        frames = parquet.rows(tables.frames, _TOLD)
        number = parquet.count(tables.samples)
        strange = f"{tables.faces} does not belong to {tables.frames}"
        for rows, inputs in track(inputs_of_clips(tables.faces, self.names), title, number):
            told = [next(frames, {}) for _ in rows]
            if any(_place(one) != _place(other) for one, other in zip(rows, told, strict=True)):
                raise ValueError(f"{strange}: {_place(rows[0])} is another clip there")
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
            raise ValueError(f"{strange}: it ends too soon")


@dataclass(frozen=True)
class FaceCrops:
    """Read the crops of faces, as `crop` and `job` say."""

    crop: CropSpec
    job: CropJob

    def clips(self, tables: Tables, title: str) -> Iterator[ClipFrames]:
        """Yield the clips with the crops of their faces."""
        _refuse_failed(tables.faces)
        pairs = track(framed(tables.frames, tables.faces), title, parquet.count(tables.frames))
        for sample_id, clip in groupby(pairs, lambda pair: str(pair[0]["sample_id"])):
            told: list[Row] = []
            values: list[Array | None] = []
            for frame, found in clip:
                pixels = face_crop(frame, found, self.crop, self.job)[1]
                told.append({key: frame[key] for key in _TOLD})
                shape = (*self.crop.size, self.crop.channels)
                values.append(None if pixels is None else pixels.reshape(shape))
            yield ClipFrames(sample_id, told, values)


def _refuse_failed(table: Path) -> None:
    if parquet.failed_files(table):
        raise RuntimeError(f"reading the frames failed: {next(parquet.rows(table))['reason']}")


def _place(row: Mapping[str, Any]) -> tuple[Any, Any]:
    return (row.get("sample_id"), row.get("frame"))


def hashes_of(frames: Path) -> Iterator[str]:
    """Yield the sha256 of every picture of a table of frames."""
    return (row["sha256"] for row in parquet.rows(frames, ["sha256"]) if row["sha256"])


def training_clips(
    path: Path,
    source: Source,
    tables: Tables,
    title: str,
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
    source
        The way to read the frames.
    tables
        Samples have the labels and votes of the clips, frames those of the moments.
    title
        Of the progress bar.
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
        row["sample_id"]: row
        for row in parquet.rows(tables.samples, ["sample_id", "label", "votes"])
    }
    parts: list[_Part] = []
    with memory_map.writing(path) as written:
        for clip in source.clips(tables, title):
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
        own = labels == "frame" and any(row["label"] for row in of_clip.values())
        hint = "; do frames have labels of their own? else set labels: clip" if own else ""
        raise ValueError(
            f"{tables.samples.stem}: no clip to learn from ({left_out or 'no clips'}){hint}"
        )
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
    """Hold what a clip adds to `Clips`.

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
        targets=np.array(weights).reshape(len(labelled), len(classes)),
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


def narrowed(clips: Clips, classes: Sequence[str], affect: Sequence[str]) -> Clips:
    """Return clips with what a network answers: without targets if it has no classes.

    affect: which of valence and arousal.
    """
    columns_of = [columns.DIMENSIONS.index(name) for name in affect]
    targets = clips.targets if classes else np.empty((len(clips.targets), 0))
    return replace(clips, targets=targets, affect=clips.affect[:, columns_of])
