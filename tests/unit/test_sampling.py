"""Limited runs: stratified, seeded, stable, in the original order."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceoff.protocols import Sample
from faceoff.sampling import limited


def samples(**counts: int) -> list[Sample]:
    """A class-sorted list, as a folder gives it."""
    return [
        Sample(sample_id=f"{label}-{index}", path="", label=None if label == "unlabelled" else label)
        for label, count in counts.items()
        for index in range(count)
    ]


def test_no_limit_keeps_everything() -> None:
    everything = samples(anger=3, fear=2)
    assert limited(everything, None, 0) == everything
    assert limited(everything, 99, 0) == everything


def test_each_class_in_proportion_though_the_list_is_sorted() -> None:
    """The first N of a class-sorted folder would be one class."""
    kept = limited(samples(anger=60, fear=30, neutral=10), 20, seed=1)
    assert Counter(sample.label for sample in kept) == {"anger": 12, "fear": 6, "neutral": 2}


def test_share_is_a_count_of_the_whole() -> None:
    assert len(limited(samples(anger=60, fear=40), 0.25, 0)) == 25
    assert len(limited(samples(anger=3), 0.01, 0)) == 1


def test_largest_remainder_by_hand() -> None:
    # 5 of 9: shares 2.78, 1.67, 0.56 -> 2, 1, 0 and the two left go to the remainders .78 and .67
    kept = limited(samples(anger=5, fear=3, neutral=1), 5, 0)
    assert Counter(sample.label for sample in kept) == {"anger": 3, "fear": 2}


counts = st.dictionaries(st.sampled_from(["anger", "fear", "neutral", "unlabelled", "sadness"]), st.integers(1, 30), min_size=1)


@given(counts, st.integers(1, 120), st.integers(0, 5))
def test_exact_number_within_one_of_proportion_in_order(by_label: dict[str, int], limit: int, seed: int) -> None:
    everything = samples(**by_label)
    kept = limited(everything, limit, seed)
    assert len(kept) == min(limit, len(everything))
    ids = {sample.sample_id for sample in kept}
    assert [sample for sample in everything if sample.sample_id in ids] == kept
    for label, count in Counter(sample.label for sample in everything).items():
        assert abs(sum(sample.label == label for sample in kept) - len(kept) * count / len(everything)) < 1
    assert limited(everything, limit, seed) == kept


def test_seed_decides_which() -> None:
    everything = samples(anger=50)
    assert limited(everything, 10, 0) != limited(everything, 10, 1)


def test_one_more_sample_displaces_at_most_one() -> None:
    before = {sample.sample_id for sample in limited(samples(anger=50), 10, 0)}
    after = {sample.sample_id for sample in limited(samples(anger=51), 10, 0)}
    assert len(before - after) <= 1


@pytest.mark.parametrize("limit", [1, 2])
def test_fewer_than_classes(limit: int) -> None:
    assert len(limited(samples(anger=9, fear=9, neutral=9), limit, 0)) == limit
