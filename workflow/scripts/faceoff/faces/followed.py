"""Follow the detections of clips, and tell which of them show one person."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from faceoff.faces.choice import SIDES
from faceoff.faces.chosen import frame_of
from faceoff.faces.crops import calibrate
from faceoff.faces.embedding import SIZE, FaceEmbedding
from faceoff.faces.labelled_faces import decoded
from faceoff.plugins.protocols import RGB
from faceoff.statistics.arrays import Bools, Floats, Ints
from faceoff.storage import parquet
from faceoff.tracking import identities
from faceoff.tracking.association import Moment, follow
from faceoff.tracking.cuts import CUT, scene_change, small_picture


@dataclass(frozen=True)
class Detections:
    """The rows of a table of detections, column by column.

    frame: (rows,) the place of each row's frame; sample, time_s: (frames,) the number of its sample
    and its time, NaN where it has none; found: (rows,) whether the row is a face; boxes: (rows, 4);
    score: (rows,), 1 where the detector gives none.
    """

    frame: Ints
    sample: Ints
    time_s: Floats
    found: Bools
    boxes: Floats
    score: Floats

    @classmethod
    def read(cls, path: Path) -> "Detections":
        """Read the table in a file."""
        names = ["sample_id", "frame", "timestamp_s", "success", *SIDES, "score"]
        table = parquet.read(path, columns=names)
        frame = frame_of(table)
        first = np.unique(frame, return_index=True)[1]
        sample = table["sample_id"].combine_chunks().dictionary_encode().indices.to_numpy()
        return cls(
            frame,
            sample[first],
            _floats(table["timestamp_s"])[first],
            table["success"].to_numpy() == 1,
            np.column_stack([_floats(table[side]) for side in SIDES]),
            np.nan_to_num(_floats(table["score"]), nan=1.0),
        )

    def clips(self) -> list[range]:
        """Return the places of the frames of each clip: a sample of several frames with times."""
        ends = np.flatnonzero(np.diff(self.sample)) + 1
        parts = np.split(np.arange(len(self.sample)), ends)
        return [
            range(int(part[0]), int(part[-1]) + 1)
            for part in parts
            if len(part) > 1 and np.isfinite(self.time_s[part]).all()
        ]

    def rows(self, frame: int) -> Ints:
        """Return the rows of the faces of a frame."""
        rows = np.arange(*np.searchsorted(self.frame, [frame, frame + 1]))
        return rows[self.found[rows]]


@dataclass(frozen=True)
class Followed:
    """Hold what is known of each row.

    track, identity: (rows,) numbers within the clip, -1 for a row that is no face of a clip; main:
    (rows,) whether it shows the clip's main person.
    """

    track: Ints
    identity: Ints
    main: Bools


@dataclass(frozen=True)
class _Clip:
    """The faces of a clip. rows: (n,) of the table; tracks: of each frame, the track per face."""

    rows: Ints
    tracks: list[Ints]

    @property
    def numbers(self) -> Ints:
        """Return the track of each face, (n,)."""
        return np.concatenate(self.tracks)

    def of_tracks(self) -> Iterator[Ints]:
        """Yield the rows of each track, in order of time."""
        numbers = self.numbers
        for number in range(1 + int(numbers.max(initial=-1))):
            yield self.rows[numbers == number]


def followed(
    frames: Path,
    found: Detections,
    gap_s: float,
    cut: float,
    network: FaceEmbedding | None,
    calibration: Mapping[str, float] | None,
) -> Followed:
    """Follow the faces of every clip, join their tracks to identities, and choose the main one.

    The main person is the one with the largest sum of areas over the frames: longest times largest.

    frames: the table of the pictures; gap_s: as of `association.follow`; cut: as of
    `identities.join`; network: None makes every track an identity; calibration: the map from the
    detector's box to the canonical one.
    """
    pictures = parquet.RowReader(frames)
    clips = [_followed_clip(found, clip, _Cuts(pictures, clip), gap_s) for clip in found.clips()]
    embeddings = (
        None if network is None else _embeddings(found, clips, pictures, network, calibration)
    )
    count = len(found.frame)
    track, identity, main = np.full(count, -1), np.full(count, -1), np.zeros(count, bool)
    for clip in clips:
        if not len(clip.rows):
            continue
        numbers, apart = clip.numbers, identities.seen_together(clip.tracks)
        people = np.arange(len(apart))
        if embeddings is not None:
            vectors = [identities.embedding_of(embeddings[rows]) for rows in clip.of_tracks()]
            people = identities.join(np.stack(vectors), apart, cut)
        track[clip.rows], identity[clip.rows] = numbers, people[numbers]
        area = found.boxes[clip.rows, 2] * found.boxes[clip.rows, 3]
        main[clip.rows] = people[numbers] == np.bincount(people[numbers], area).argmax()
    return Followed(track, identity, main)


def _followed_clip(found: Detections, clip: range, cuts: "_Cuts", gap_s: float) -> _Clip:
    rows = [found.rows(frame) for frame in clip]
    moments = [Moment(found.time_s[frame], found.boxes[own]) for frame, own in zip(clip, rows)]
    return _Clip(np.concatenate(rows), follow(moments, gap_s, cuts.is_before))


class _Cuts:
    """Compare frames of a clip with the ones before, which are decoded only then."""

    def __init__(self, pictures: parquet.RowReader, clip: range):
        self._pictures, self._clip = pictures, clip
        self._last: tuple[int, RGB | None] = (-1, None)

    def is_before(self, place: int) -> bool:
        """Return whether the scene changes before this frame of the clip.

        It does not where either frame cannot be decoded.
        """
        number, before = self._last
        if number != place - 1:
            before = self._small(place - 1)
        now = self._small(place)
        self._last = (place, now)
        return before is not None and now is not None and scene_change(before, now) >= CUT

    def _small(self, place: int) -> RGB | None:
        """Return a small picture of a frame, by hue, saturation and value."""
        image = decoded(self._pictures.row(self._clip[place]))
        return None if image is None else small_picture(image)


def _embeddings(
    found: Detections,
    clips: Sequence[_Clip],
    pictures: parquet.RowReader,
    network: FaceEmbedding,
    calibration: Mapping[str, float] | None,
) -> Floats:
    """Return (rows, 128) the embeddings of the best faces of each track, NaN for all others."""
    wanted: defaultdict[int, list[int]] = defaultdict(list)
    quality = found.boxes[:, 2] * found.boxes[:, 3] * found.score
    for clip in clips:
        for rows in clip.of_tracks():
            for row in rows[identities.best_faces(quality[rows], identities.FACES_OF_TRACK)]:
                wanted[int(found.frame[row])].append(int(row))
    embeddings = np.full((len(found.frame), SIZE), np.nan)
    for frame, faces in sorted(wanted.items()):
        image = decoded(pictures.row(frame))
        if image is not None:
            boxes = [calibrate(tuple(found.boxes[row]), calibration) for row in faces]
            embeddings[faces] = network.embed(image, boxes)
    return embeddings


def _floats(column: pa.ChunkedArray) -> Floats:
    values: Floats = column.to_numpy().astype(float)
    return values
