"""Say what is known of drawn faces beside their emotion."""

from collections.abc import Sequence

from faceoff.drawing.scenes import FaceTruth
from faceoff.drawing.shape import UNITS as DRAWN
from faceoff.plugins.protocols import KnownFace

# Contempt is drawn on one side only. Sides are the viewer's here, as in all tables.
UNITS = (*DRAWN, "AU12L", "AU12R", "AU14L", "AU14R")


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


def _viewers(unit: str) -> str:
    """Return the name by the viewer's side of a unit that is named by the person's own."""
    return unit[:-1] + {"L": "R", "R": "L"}.get(unit[-1], unit[-1])
