"""Read the faces of a dataset with what they show, for models that learn."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceoff.faces.face_crops import face_crop, framed
from faceoff.media.images import DecodeError, image_of
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import RGB, CropSpec
from faceoff.progress import track
from faceoff.storage import columns, parquet
from faceoff.training.recipe import Labels


@dataclass(frozen=True)
class LabelledFace:
    """A face with what it shows.

    sample: its id, label and votes; picture: the frame that it is in; crop: the input of the model,
    None where the picture has no face or cannot be read.
    """

    sample: dict[str, Any]
    picture: RGB | None
    crop: RGB | None


def labelled_faces(
    samples: Path,
    frames: Path,
    faces: Path,
    crop: CropSpec,
    job: CropJob,
    title: str,
    labels: Labels = "clip",
) -> Iterator[LabelledFace]:
    """Yield every frame that has a label, with its face.

    labels: a frame of a clip has the label of the clip, or its own (frame).

    Raises RuntimeError if the detection of the faces failed.
    """
    if parquet.failed_files(faces):
        raise RuntimeError(f"face detection failed: {next(parquet.rows(faces))['reason']}")
    known = {
        row["sample_id"]: row
        for row in parquet.rows(samples, ["sample_id", "kind", "label", "votes"])
    }
    for frame, found in track(framed(frames, faces), title, parquet.count(frames)):
        sample = known[frame["sample_id"]]
        if labels == "frame" and sample["kind"] != "image":
            sample = {**sample, "label": frame["label"], "votes": None}
        if not sample["label"]:
            continue
        picture = decoded(frame)
        pixels = None if picture is None else face_crop(frame, found, crop, job, picture)[1]
        yield LabelledFace(sample, picture, pixels)


def pictures_of(frames: Path) -> Iterator[RGB]:
    """Return the decoded pictures of a table of frames; those that cannot be read are left out."""
    pictures = map(decoded, parquet.rows(frames))
    return (picture for picture in pictures if picture is not None)


def decoded(frame: Mapping[str, Any]) -> RGB | None:
    """Return a frame's picture, None if it cannot be read."""
    if frame["state"] != columns.OK:
        return None
    try:
        return image_of(frame)
    except DecodeError:
        return None
