"""Keep the best faces of each track while a video streams, in bounded memory, and embed them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceoff.faces.crops import crop, cut, square
from faceoff.faces.embedding import SIZE, FaceEmbedding
from faceoff.plugins.protocols import RGB, Box, CropSpec
from faceoff.statistics.arrays import Floats, Ints
from faceoff.tracking import identities

_PARTS = 2 * identities.FACES_OF_TRACK  # most parts of a track of which the best face is kept
_AROUND, _LONGEST = 1.0, 512  # margin and most pixels of a kept square


@dataclass(frozen=True)
class _Kept:
    """A face. quality: larger is better; image: the pixels around it; box: its place in these."""

    quality: float
    image: RGB
    box: Box


class _Track:
    """The best face of each part of a track.

    Parts have one length, which doubles when there are too many of them, so that the faces are
    spread over the track's time however long it becomes.
    """

    def __init__(self) -> None:
        self.parts: list[_Kept] = []
        self._length, self._seen = 1, 0

    def see(self, quality: float, image: RGB, box: Box) -> None:
        """Take the next sight of the face, whose pixels are copied only where it is the best."""
        if self._seen == self._length * _PARTS:
            pairs = zip(self.parts[::2], self.parts[1::2], strict=True)
            self.parts = [one if one.quality >= two.quality else two for one, two in pairs]
            self._length *= 2
        place = self._seen // self._length
        self._seen += 1
        if place == len(self.parts):
            self.parts.append(_kept(quality, image, box))
        elif quality > self.parts[place].quality:
            self.parts[place] = _kept(quality, image, box)

    def embedding(self, network: FaceEmbedding) -> Floats:
        """Return the median embedding (128,) of its best faces, NaN if none has one."""
        quality = np.array([kept.quality for kept in self.parts])
        best = identities.best_faces(quality, identities.FACES_OF_TRACK)
        faces = [self.parts[place] for place in best]
        return identities.embedding_of(
            np.concatenate([network.embed(face.image, [face.box]) for face in faces])
        )


def _kept(quality: float, image: RGB, box: Box) -> _Kept:
    """Return a face with as much around it as the embedding looks at, shrunk if it is large."""
    left, top, side, _ = square(box, _AROUND)
    scale = min(1.0, _LONGEST / side)
    if scale < 1:
        around = crop(image, box, CropSpec((_LONGEST, _LONGEST), margin=_AROUND))
    else:  # whole pixels, so that nothing is resampled
        left, top, side = np.floor([left, top, side + 2])
        around = cut(image, (left, top, side, side))
    place = ((box[0] - left) * scale, (box[1] - top) * scale, box[2] * scale, box[3] * scale)
    return _Kept(quality, np.array(around), place)


class BestFaces:
    """Collect the faces of tracks frame by frame; pixels of a track go when it has ended."""

    def __init__(self, network: FaceEmbedding):
        self._network = network
        self._tracks: dict[int, _Track] = {}
        self._embeddings: dict[int, Floats] = {}

    @property
    def open(self) -> Sequence[int]:
        """Return the tracks whose pixels are kept."""
        return list(self._tracks)

    def see(self, image: RGB, tracks: Ints, boxes: Sequence[Box], quality: Floats) -> None:
        """Take the faces of a frame: the track, canonical box and quality of each, n of them."""
        for number, box, value in zip(tracks.tolist(), boxes, quality, strict=True):
            self._tracks.setdefault(number, _Track()).see(float(value), image, box)

    def end(self, numbers: set[int]) -> None:
        """Embed these tracks and forget their pixels."""
        for number in numbers:
            self._embeddings[number] = self._tracks.pop(number).embedding(self._network)

    def embeddings(self, count: int) -> Floats:
        """End all tracks and return the embeddings (count, 128), NaN for a track without one."""
        self.end(set(self._tracks))
        unknown = np.full(SIZE, np.nan)
        return np.stack([self._embeddings.get(number, unknown) for number in range(count)])
