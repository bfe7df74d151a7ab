"""Tell whose the tracks of a video are, and name people by pictures of them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from faceoff.analysis.summary import with_columns
from faceoff.assets import fetch
from faceoff.assets.face_embedding import ASSETS
from faceoff.faces.best_faces import BestFaces
from faceoff.faces.embedding import FaceEmbedding
from faceoff.media.images import DecodeError, decode_image
from faceoff.media.kinds import left_out, read_bytes, sample_kind
from faceoff.plugins.protocols import RGB, Box
from faceoff.statistics.arrays import Floats, Ints
from faceoff.tracking import identities

# What became of the question whose the tracks are; `about` of an analysis says it.
JOINED, OFF, ABSENT = "joined", "off", "weights absent"


def state_of(asked: bool | None) -> str:
    """Return JOINED, OFF or ABSENT.

    asked: None joins tracks where the network's files are here, True in any case, False never.
    """
    if asked is None:
        return JOINED if all(map(fetch.is_there, ASSETS.values())) else ABSENT
    return JOINED if asked else OFF


def embedding_network(state: str) -> FaceEmbedding | None:
    """Return the network that tells faces apart, None where tracks are not joined.

    Its files are fetched as those of other networks are. Raises AssetError if they cannot be had.
    """
    if state != JOINED:
        return None
    return FaceEmbedding({role: fetch.fetch(asset) for role, asset in ASSETS.items()})


def fingerprint(folder: Path | None) -> str | None:
    """Return a hash of the names and bytes of the pictures of people, None without a folder."""
    if folder is None:
        return None
    whole = hashlib.sha256()
    for path in _pictures(folder):
        whole.update(path.relative_to(folder).as_posix().encode() + b"\0")
        whole.update(hashlib.sha256(read_bytes(path)).digest())
    return whole.hexdigest()


@dataclass(frozen=True)
class People:
    """Reference faces of people. names: of the people; person: (m,) whose; embeddings: (m, 128)."""

    names: tuple[str, ...]
    person: Ints
    embeddings: Floats

    @classmethod
    def read(
        cls, folder: Path, faces: Callable[[RGB], Sequence[Box]], network: FaceEmbedding
    ) -> "People":
        """Read pictures of people: a folder's name, or else the file's, is the person's.

        faces: finds the canonical boxes of a picture. Raises ValueError naming the file for a
        picture that cannot be read or has not exactly one face, and for a folder without any.
        """
        owners, embeddings = [], []
        for path in _pictures(folder):
            try:
                image = decode_image(read_bytes(path))
            except (DecodeError, OSError) as error:
                raise ValueError(
                    f"{path}: not readable as a picture of a person: {error}"
                ) from None
            boxes = faces(image)
            if len(boxes) != 1:
                raise ValueError(
                    f"{path}: {len(boxes) or 'no'} face{'s' * (len(boxes) > 1)} found; a picture "
                    "of a person shows exactly one: crop it, or take another or another detector"
                )
            embedding = network.embed(image, boxes)[0]
            if not np.isfinite(embedding).all():
                raise ValueError(f"{path}: the face has no landmarks; take another picture")
            inside = path.relative_to(folder).parts
            owners.append(inside[0] if len(inside) > 1 else path.stem)
            embeddings.append(embedding)
        names = tuple(sorted(set(owners)))
        return cls(names, np.array([names.index(owner) for owner in owners]), np.stack(embeddings))


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder of pictures of people")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    found = [path for path in files if left_out(path) is None and sample_kind(path) == "image"]
    if not found:
        raise ValueError(f"{folder}: the folder holds no picture of a person")
    return found


class Whose:
    """Collect the faces of one source while it streams, and tell whose the tracks are at the end.

    network: None makes every track an identity; people: None names nobody.
    """

    def __init__(self, network: FaceEmbedding | None, people: People | None):
        self._best = None if network is None else BestFaces(network)
        self._people = people
        self._together: set[tuple[int, int]] = set()

    def see(self, image: RGB, tracks: Ints, boxes: Sequence[Box], quality: Floats) -> None:
        """Take the faces of a frame: the track, canonical box and quality of each, n of them."""
        if self._best is not None:
            self._best.see(image, tracks, boxes, quality)
            ordered = sorted(tracks.tolist())
            self._together |= {
                (one, two) for place, one in enumerate(ordered) for two in ordered[place + 1 :]
            }

    def end(self, ended: Callable[[Sequence[int]], set[int]]) -> None:
        """Forget the pixels of tracks that have ended. ended: tells which of some tracks have."""
        if self._best is not None:
            self._best.end(ended(self._best.open))

    def told(self, count: int) -> tuple[Ints, list[str | None]]:
        """Return the identity (count,) and the person's name, if known, of each track."""
        if self._best is None or not count:
            return np.arange(count), [None] * count
        embeddings, apart = self._best.embeddings(count), np.zeros((count, count), bool)
        for one, two in self._together:
            apart[one, two] = apart[two, one] = True
        identity = identities.join(embeddings, apart)
        if self._people is None:
            return identity, [None] * count
        members = [np.flatnonzero(identity == number) for number in range(identity.max() + 1)]
        middle = np.stack([identities.embedding_of(embeddings[tracks]) for tracks in members])
        never = np.array([[apart[np.ix_(one, two)].any() for two in members] for one in members])
        person = identities.named(middle, never, self._people.embeddings, self._people.person)
        names: list[Any] = [*self._people.names, None]
        return identity, [names[person[number]] for number in identity]


def with_people(
    table: pa.Table, identity: Ints, person: Sequence[str | None], still: bool
) -> pa.Table:
    """Return the table with the identity and the person of each face, by its track.

    identity, person: of each track; still: a lone picture has people, but neither tracks nor
    identities.
    """
    tracks = table["track_id"]
    told = {
        "identity": pa.nulls(len(table), pa.int32())
        if still
        else pa.array(identity, pa.int32()).take(tracks),
        "person": pa.array(person, pa.string()).take(tracks),
    }
    if still:
        told["track_id"] = told["identity"]
    return with_columns(table, told)
