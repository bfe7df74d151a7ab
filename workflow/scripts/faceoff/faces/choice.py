"""Choose the face of a frame that counts as its sample's face (protocol §8)."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

FaceRow = TypeVar("FaceRow", bound=Mapping[str, Any])

SIDES = ("x", "y", "w", "h")
POLICIES = ("largest", "most_confident", "centre", "main_track", "all")


def rank(policy: str, face: Mapping[str, Any], width: Any, height: Any) -> Any:
    """Return the value by which a policy sorts faces, the best one first.

    face: x, y, w, h (pixels) and score. With the width and height of the frame, they are all
    numbers, or all arrays with a value per face. Raises ValueError for an unknown policy.
    """
    x, y, w, h = (face[side] for side in SIDES)
    # Where one of all faces has to stand for its frame, as in figures, it is the largest. Of the
    # main person there is one face at most; stills have no tracks, so the largest counts.
    if policy in {"largest", "main_track", "all"}:
        return -(w * h)
    if policy == "most_confident":
        return -face["score"]
    if policy == "centre":
        return (x + w / 2 - width / 2) ** 2 + (y + h / 2 - height / 2) ** 2
    raise ValueError(f"face policy {policy!r}; valid: {', '.join(POLICIES)}")


def among(faces: Sequence[FaceRow], policy: str) -> Sequence[FaceRow]:
    """Return the faces of a frame of which the policy may choose one.

    It is every face, but of a clip whose faces are followed `main_track` takes the main person's
    alone: none where that person is out of sight.
    """
    if policy != "main_track" or faces[0].get("main") is None:
        return faces
    return [face for face in faces if face["main"]]


def choose(faces: Sequence[FaceRow], policy: str, width: int, height: int) -> FaceRow:
    """Return the face of a frame of this size that the policy chooses, of at least one.

    Ties go to the higher score, then to the leftmost face. Raises ValueError for an unknown policy.
    """
    return min(
        faces, key=lambda face: (rank(policy, face, width, height), -face["score"], face["x"])
    )
