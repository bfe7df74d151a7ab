"""Limited runs: stratified, seeded, stable, in the original order."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceoff.plugins.protocols import Sample
from faceoff.plugins.subsets import PARTS, limited, part_of


def samples(**counts: int) -> list[Sample]:
    """Return a class-sorted list, as a folder gives it."""
    return [
        Sample(
            sample_id=f"{label}-{index}", path="", label=None if label == "unlabelled" else label
        )
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
    assert len(limited(samples(anger=60, fear=40), 1.0, 0)) == 100
    assert len(limited(samples(anger=3), 0.01, 0)) == 1


def test_largest_remainder_by_hand() -> None:
    # 5 of 9: shares 2.78, 1.67, 0.56 -> 2, 1, 0 and the two left go to the remainders .78 and .67
    kept = limited(samples(anger=5, fear=3, neutral=1), 5, 0)
    assert Counter(sample.label for sample in kept) == {"anger": 3, "fear": 2}


counts = st.dictionaries(
    st.sampled_from(["anger", "fear", "neutral", "unlabelled", "sadness"]),
    st.integers(1, 30),
    min_size=1,
)


@given(counts, st.integers(1, 120), st.integers(0, 5))
def test_exact_number_within_one_of_proportion_in_order(
    by_label: dict[str, int], limit: int, seed: int
) -> None:
    everything = samples(**by_label)
    kept = limited(everything, limit, seed)
    assert len(kept) == min(limit, len(everything))
    ids = {sample.sample_id for sample in kept}
    assert [sample for sample in everything if sample.sample_id in ids] == kept
    for label, count in Counter(sample.label for sample in everything).items():
        assert (
            abs(sum(sample.label == label for sample in kept) - len(kept) * count / len(everything))
            < 1
        )
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


def people(count: int, each: int = 3) -> list[Sample]:
    return [
        Sample(sample_id=f"{person}-{index}", path="", label="fear", subject=f"s{person:03d}")
        for index in range(each)
        for person in range(count)
    ]


@given(st.integers(3, 80), st.integers(0, 5))
def test_parts_share_no_subject_and_leave_none_out(count: int, seed: int) -> None:
    everything = people(count)
    parts = [part_of(everything, part, (0.7, 0.2, 0.1), seed) for part in PARTS]
    subjects = [{sample.subject for sample in part} for part in parts]
    assert sum(map(len, parts)) == len(everything)
    assert len(set.union(*subjects)) == sum(map(len, subjects)) == count
    assert all(subjects)
    for found, share in zip(subjects, (0.7, 0.2, 0.1), strict=True):
        assert abs(len(found) - share * count) <= 2
    order = {sample.sample_id: index for index, sample in enumerate(everything)}
    assert all(
        [order[sample.sample_id] for sample in part]
        == sorted(order[sample.sample_id] for sample in part)
        for part in parts
    )


def test_ten_people_by_hand() -> None:
    assert [len(part_of(people(10, 1), part, (0.7, 0.2, 0.1), 0)) for part in PARTS] == [7, 2, 1]
    assert [len(part_of(people(10, 1), part, (1, 1, 0), 0)) for part in PARTS] == [5, 5, 0]


def test_one_person_more_moves_at_most_one_across_each_cut() -> None:
    before = {
        part: {sample.subject for sample in part_of(people(40), part, (0.7, 0.2, 0.1), 3)}
        for part in PARTS
    }
    after = {
        part: {sample.subject for sample in part_of(people(41), part, (0.7, 0.2, 0.1), 3)}
        for part in PARTS
    }
    moved = sum(len(before[part] - after[part]) for part in PARTS)
    assert moved <= 2


def test_samples_without_a_subject_are_split_one_by_one() -> None:
    everything = samples(anger=50, fear=50)
    assert [len(part_of(everything, part, (0.7, 0.2, 0.1), 0)) for part in PARTS] == [70, 20, 10]


def test_too_few_subjects() -> None:
    with pytest.raises(ValueError, match="2 subjects cannot be split into 3 parts"):
        part_of(people(2), "train", (0.7, 0.2, 0.1), 0)
