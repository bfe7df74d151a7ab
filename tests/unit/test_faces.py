"""Each policy chooses its face, and ties have one order (protocol §8)."""

from itertools import permutations

import pytest

from faceoff.faces.choice import choose

FRAME = (100, 80)


def face(name: str, x: float, y: float, w: float, h: float, score: float) -> dict:
    return {"name": name, "x": x, "y": y, "w": w, "h": h, "score": score}


BIG = face("big", 0, 0, 30, 30, 0.6)
SURE = face("sure", 80, 0, 10, 10, 0.99)
MIDDLE = face("middle", 45, 35, 10, 10, 0.5)


@pytest.mark.parametrize(
    ("policy", "expected"), [("largest", "big"), ("most_confident", "sure"), ("centre", "middle")]
)
def test_policy_whatever_the_order(policy: str, expected: str) -> None:
    for faces in permutations([BIG, SURE, MIDDLE]):
        assert choose(faces, policy, *FRAME)["name"] == expected


@pytest.mark.parametrize(
    ("policy", "faces", "expected"),
    [
        (
            "largest",
            [face("a", 10, 0, 10, 20, 0.7), face("b", 50, 0, 20, 10, 0.8)],
            "b",
        ),  # equal areas: score
        (
            "largest",
            [face("a", 50, 0, 10, 20, 0.7), face("b", 10, 0, 20, 10, 0.7)],
            "b",
        ),  # equal scores too: leftmost
        ("most_confident", [face("a", 50, 0, 30, 30, 0.7), face("b", 10, 0, 5, 5, 0.7)], "b"),
        ("centre", [face("a", 20, 35, 10, 10, 0.7), face("b", 70, 35, 10, 10, 0.8)], "b"),
        ("centre", [face("a", 70, 35, 10, 10, 0.7), face("b", 20, 35, 10, 10, 0.7)], "b"),
    ],
)
def test_ties_by_score_then_leftmost(policy: str, faces: list[dict], expected: str) -> None:
    for order in permutations(faces):
        assert choose(order, policy, *FRAME)["name"] == expected


def test_one_face_is_every_policys_face() -> None:
    for policy in ("largest", "most_confident", "centre"):
        assert choose([SURE], policy, *FRAME) is SURE


def test_unknown_policy_lists_the_valid_ones() -> None:
    with pytest.raises(ValueError, match=r"'larges'.*largest, most_confident, centre"):
        choose([BIG], "larges", *FRAME)
