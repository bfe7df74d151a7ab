"""A head, or a camera, that is rolled to a side."""

from collections.abc import Mapping
from typing import Any

import cv2

from faceoff.corruption.corruption import Corruption, NotApplied, Seen, face_box
from faceoff.plugins.protocols import RGB

_LONGEST = 32_766  # px: OpenCV counts pixels of a warped picture in 16 bits


def _apply(image: RGB, value: float, seen: Seen, options: Mapping[str, Any]) -> RGB:
    height, width = image.shape[:2]
    if max(height, width) > _LONGEST:
        raise NotApplied(
            f"the picture is {max(height, width)} px long; OpenCV rotates up to {_LONGEST}"
        )
    clockwise = options["direction"] == "clockwise"
    if options["direction"] == "either":
        clockwise = seen.clip_rng.random() < 0.5
    x, y, w, h = face_box(image, seen)
    # Pixels have their centres at whole numbers there, boxes have them at halves.
    centre = x + w / 2 - 0.5, y + h / 2 - 0.5
    turn = cv2.getRotationMatrix2D(centre, -value if clockwise else value, 1)
    return cv2.warpAffine(
        image, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


CORRUPTION = Corruption(
    title="Roll",
    about="rotates the picture about the middle of the face's box, to a side that a draw chooses "
    "for a whole picture or clip, or as stated; the border repeats its last pixels",
    source="chosen here",
    unit="°",
    levels=(15.0, 30.0, 45.0, 60.0, 90.0),
    neutral=0.0,
    limits=(-180.0, 180.0),
    on="picture",
    apply=_apply,
    options={"direction": "either"},
    choices={"direction": ("either", "clockwise", "counterclockwise")},
    needs="box",
)
