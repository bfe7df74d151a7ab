"""Say what is known of drawn faces beside their emotion, and where drawings are kept."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from faceoff.assets.fetch import cache_folder
from faceoff.drawing.scenes import FaceTruth
from faceoff.drawing.shape import UNITS as DRAWN
from faceoff.plugins.code_hash import code_of
from faceoff.plugins.protocols import Annotation, KnownFace

# Contempt is drawn on one side only. Sides are the viewer's here, as in all tables.
UNITS = (*DRAWN, "AU12L", "AU12R", "AU14L", "AU14R")


def kept_drawings(module: Path, name: str) -> Path:
    """Return the folder of the cache where the drawings of a dataset's module are kept.

    name: says all options on which the drawings depend. The folder's name has a hash of the code of
    the module and all that it uses, and the versions of the libraries that draw, so that an older
    drawing is never taken for a new one.
    """
    libraries = f"opencv{cv2.__version__}-numpy{np.__version__}"
    return cache_folder() / module.stem / f"{name}-{libraries}-{code_of(module)}"


def known_faces(faces: Sequence[FaceTruth]) -> tuple[KnownFace, ...]:
    """Return the true units, head poses and gazes of these faces, in their order."""
    return tuple(
        KnownFace(
            box=face.box,
            units={_viewers(unit): value for unit, value in face.aus.items()},
            pose=(face.pose.yaw, face.pose.pitch, face.pose.roll),
            gaze=face.gaze,
        )
        for face in faces
    )


def annotation_of(faces: Sequence[FaceTruth]) -> Annotation:
    """Return the annotation of a drawn moment with these faces, the largest first.

    It has emotion, valence and arousal of the largest face (None without one), and of all faces
    box, landmarks, person, emotion, and whether they speak.
    """
    lead = faces[0] if faces else None
    return Annotation(
        label=lead.emotion if lead else None,
        valence=lead.valence if lead else None,
        arousal=lead.arousal if lead else None,
        boxes=tuple(face.box for face in faces),
        landmarks=tuple(face.landmarks for face in faces),
        identities=tuple(face.identity for face in faces),
        emotions=tuple(face.emotion for face in faces),
        talking=tuple(face.talking for face in faces),
    )


def _viewers(unit: str) -> str:
    """Return the name by the viewer's side of a unit that is named by the person's own."""
    return unit[:-1] + {"L": "R", "R": "L"}.get(unit[-1], unit[-1])
