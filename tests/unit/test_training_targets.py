"""Test what a network shall answer, computed by hand from labels and votes."""

from typing import Any

import numpy as np
import pytest

from faceoff.training.targets import accepted, target_row

# The order of the votes, and of the classes of a network that knows fewer, in another order.
VOTES = ("anger", "disgust", "fear", "happiness", "sadness")
CLASSES = ("happiness", "sadness", "anger")


def row(label: str | None, *votes: float) -> dict[str, Any]:
    return {"label": label, "votes": list(votes) or None}


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (row("happiness"), [1, 0, 0]),  # no votes
        (row("happiness", 3, 0, 0, 5, 2), [0.5, 0.2, 0.3]),
        (row("happiness", 1, 0, 0, 5, 3), [0.625, 0.375, 0]),  # a single vote is noise
        (row("happiness", 1, 0, 0, 1, 0), [0.5, 0, 0.5]),  # all are single
        (row("happiness", 0, 9, 1, 4, 0), [1, 0, 0]),  # votes for what it does not know
        (row("sadness", 0, 5, 5, 0, 0), [0, 1, 0]),  # only such votes
        (row("sadness", 0, 0, 0, 0, 0), [0, 1, 0]),
        (row("anger", 0.5, 0.1, 0, 0.3, 0.1), [3 / 9, 1 / 9, 5 / 9]),  # shares, not counts
        (row("fear", 0, 0, 9, 1, 0), [0, 0, 0]),  # its label is none of the classes
        (row(None, 0, 0, 0, 9, 0), [0, 0, 0]),
        (row(None), [0, 0, 0]),
    ],
)
def test_the_shares_of_the_votes(sample: dict[str, Any], expected: list[float]) -> None:
    weights = target_row(sample, VOTES, CLASSES)
    assert weights.tolist() == pytest.approx(expected)
    assert weights.sum() == pytest.approx(1.0) or not weights.any()


def test_votes_of_another_number_of_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        target_row(row("anger", 1, 2), VOTES, CLASSES)


def test_multi_target_accepts_thirty_percent_and_the_most() -> None:
    weights = np.array([[0.4, 0.3, 0.3], [0.5, 0.21, 0.29], [0.28, 0.26, 0.25], [0.0, 1.0, 0.0]])
    assert accepted(np.pad(weights, ((0, 0), (0, 1)))).tolist() == [
        [1, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0],
    ]  # fmt: skip


def test_multi_target_accepts_three_of_ten_votes() -> None:
    """Thirty percent itself, whatever the last bit of the division is."""
    for total in range(10, 100, 10):
        votes = [3 * total // 10, total - 3 * total // 10]
        sample = {"label": "happiness", "votes": [0, 0, 0, votes[1], votes[0]]}
        assert accepted(target_row(sample, VOTES, CLASSES)[None]).tolist() == [[1, 1, 0]]
