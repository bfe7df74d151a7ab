"""Which face of a frame is the sample's face (protocol §8)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

FaceRow = Mapping[str, Any]


def _area(face: FaceRow) -> float:
    return face["w"] * face["h"]


def choose(faces: Sequence[FaceRow], policy: str, width: int, height: int) -> FaceRow:
    """The face of a frame of this size, by policy: largest, most_confident or centre; ties by score, then leftmost.

    faces: rows with x, y, w, h (pixels) and score, at least one. Raises ValueError for an unknown policy.
    """

    def from_centre(face: FaceRow) -> float:
        return (face["x"] + face["w"] / 2 - width / 2) ** 2 + (
            face["y"] + face["h"] / 2 - height / 2
        ) ** 2

    first: dict[str, Callable[[FaceRow], float]] = {
        "largest": lambda face: -_area(face),
        "most_confident": lambda face: -face["score"],
        "centre": from_centre,
    }
    if policy not in first:
        raise ValueError(f"face policy {policy!r}; valid: {', '.join(first)}")
    return min(faces, key=lambda face: (first[policy](face), -face["score"], face["x"]))
