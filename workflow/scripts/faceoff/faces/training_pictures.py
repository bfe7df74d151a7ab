"""Decode the faces that a network learns from."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceoff import emotions
from faceoff.faces.labelled_faces import labelled_faces
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import CropSpec
from faceoff.statistics.arrays import Floats
from faceoff.training.pictures import Pictures, Pixels, pixel_hash, store
from faceoff.training.recipe import Labels
from faceoff.training.targets import target_row

_REASONS = ("cannot be read", "no face", "another class", "pixel twin of a test picture")


@dataclass(frozen=True)
class Tables:
    """The tables of a dataset behind a detector. faces: or what a model read of them."""

    samples: Path
    frames: Path
    faces: Path


def training_pictures(
    path: Path,
    tables: Tables,
    crop: CropSpec,
    job: CropJob,
    classes: Sequence[str],
    title: str,
    apart: Collection[str] = (),
    labels: Labels = "clip",
) -> tuple[Pictures, dict[str, int]]:
    """Decode a dataset's faces into a memory map; count what is left out, by reason.

    path: of the memory map; classes: of the network; apart: hashes of pictures that take no
    part; labels: whose label a frame of a clip has. Raises ValueError if nothing is left.
    """
    counts = dict.fromkeys(_REASONS, 0)
    unreadable, no_face, other_class, twin = _REASONS

    def rows() -> Iterator[tuple[Pixels, Floats, int]]:
        for face in labelled_faces(
            tables.samples, tables.frames, tables.faces, crop, job, title, labels
        ):
            weights = target_row(face.sample, emotions.EMOTIONS, classes)
            if face.picture is None:
                counts[unreadable] += 1
            elif face.crop is None:
                counts[no_face] += 1
            elif not weights.any():
                counts[other_class] += 1
            elif apart and pixel_hash(face.picture) in apart:
                counts[twin] += 1
            else:
                pixels = face.crop.reshape(*face.crop.shape[:2], crop.channels)
                yield pixels, weights, classes.index(face.sample["label"])

    try:
        return store(path, rows()), counts
    except ValueError as error:
        left_out = ", ".join(f"{reason}: {count}" for reason, count in counts.items() if count)
        raise ValueError(f"{tables.samples.stem}: {error} ({left_out or 'no labels'})") from None
