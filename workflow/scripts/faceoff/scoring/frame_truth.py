"""Read the truth of a dataset's frames, and what pipelines say of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceoff.scoring import metrics
from faceoff.scoring.affect import refuse_other_frames
from faceoff.scoring.state_scores import FrameTruth
from faceoff.scoring.task import owners
from faceoff.statistics.arrays import Bools, Floats, Ints
from faceoff.storage import columns, parquet

_KEYS = ["sample_id", "frame"]


@dataclass(frozen=True)
class ClipFrames:
    """The frames of a dataset with their truth.

    keys: the table's sample_id, frame and timestamp_s; ids, labels: (clips,) of the samples, in the
    order of the frames; still: (clips,) whether a sample is a picture, of which nothing is told
    over time; space: classes that are scored.
    """

    keys: pa.Table
    truth: FrameTruth
    ids: tuple[str, ...]
    labels: Ints
    still: Bools
    space: tuple[str, ...]

    @property
    def moving(self) -> bool:
        """Return whether any sample is a clip."""
        return not self.still.all()


def read_frames(samples: Path, frames: Path) -> ClipFrames:
    """Read the frames of a dataset, of all its samples."""
    space = tuple(parquet.task_of(samples)["space"])
    wanted = [*_KEYS, "timestamp_s", "label", "boxes", "talking", *columns.DIMENSIONS]
    table = parquet.read(*parquet.shards_of(frames), columns=wanted)
    clip, ids = _numbered(table["sample_id"])
    about = {row["sample_id"]: row for row in
             parquet.rows(samples, ["sample_id", "kind", "label", "subject"])}  # fmt: skip
    # A picture that is animated is a clip.
    frames_of = np.bincount(clip, minlength=len(ids))
    pictured = np.array([about[name]["kind"] == "image" for name in ids], bool)
    still = pictured & (frames_of == 1)
    valence, arousal = (table[name].to_numpy() for name in columns.DIMENSIONS)
    boxed = pc.list_value_length(table["boxes"])
    truth = FrameTruth(
        clip=clip,
        # The last row of a clip that breaks off has no time.
        times=pc.fill_null(pc.fill_null_forward(table["timestamp_s"]), 0.0).to_numpy(),
        truth=np.where(still[clip], -1, _index(table["label"], space)),
        faceless=pc.equal(boxed, 0).fill_null(False).to_numpy(zero_copy_only=False),
        people=owners(ids, [about[name]["subject"] for name in ids]),
        k=len(space),
        neutral=space.index("neutral") if "neutral" in space else None,
        intensity=np.hypot(valence, arousal),
        talking=_first(table["talking"]),
    )
    labels = _index(pa.chunked_array([[about[name]["label"] for name in ids]], pa.string()), space)
    return ClipFrames(table.select([*_KEYS, "timestamp_s"]), truth, ids, labels, still, space)


def _numbered(names: pa.ChunkedArray) -> tuple[Ints, tuple[str, ...]]:
    """Return (n,) the number of each row's sample, and the samples in the order of the rows."""
    encoded = names.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), tuple(encoded.dictionary.to_pylist())


def _index(names: pa.ChunkedArray, space: Sequence[str]) -> Ints:
    """Return (n,) the place of each name in the space, -1 where it is not there."""
    place = pc.index_in(names, value_set=pa.array(space, pa.string()))
    found: Ints = place.fill_null(-1).to_numpy().astype(np.int64)
    return found


def _first(flags: pa.ChunkedArray) -> Bools | None:
    """Return (n,) the flag of the first true face of each frame, False without one.

    None where the dataset does not say.
    """
    known = [row[0] if row else None for row in flags.to_pylist()]
    return None if set(known) <= {None} else np.array([flag is True for flag in known])


@dataclass(frozen=True)
class Said:
    """What a pipeline says of every frame.

    posteriors: (n, k) in the space, NaN where nothing was read; states: (n,), -1 for none.
    """

    posteriors: Floats
    states: Ints

    def intensity(self, neutral: int | None) -> Floats | None:
        """Return (n,) 1 − p(neutral); None where neutral is not read."""
        return None if neutral is None else 1 - self.posteriors[:, neutral]


def read_said(predictions: Path, frames: ClipFrames, source: Path, *, stated: bool) -> Said:
    """Read a pipeline's predictions of these frames.

    Classes outside the space are masked and the rest renormalised (protocol §12).

    Parameters
    ----------
    predictions
        Its table.
    frames
        The frames, of the table `source`.
    source
        Named in messages.
    stated
        The column `emotion` is a state of its own; else the state is the greatest posterior.

    Raises
    ------
    ValueError
        If the table is about other frames.
    """
    classes = columns.classes_of(parquet.read_schema(predictions))
    wanted = [*_KEYS, "success", "emotion", *(f"p_{name}" for name in classes)]
    table = parquet.read(*parquet.shards_of(predictions), columns=wanted)
    refuse_other_frames(source, frames.keys, predictions, table)
    read = table["success"].fill_null(0).to_numpy() != 0
    own = np.full((len(table), len(classes)), np.nan)
    for place, name in enumerate(classes):
        own[read, place] = table[f"p_{name}"].to_numpy()[read]
    if classes:
        posteriors, _ = metrics.restrict(own, classes, frames.space)
    else:
        posteriors = np.full((len(table), len(frames.space)), np.nan)
    states = _index(table["emotion"], frames.space) if stated else metrics.argmax(posteriors)
    return Said(posteriors, np.where(read, states, -1))
