"""Pipelines beside people: by hand, and against simulated taggers."""

import numpy as np
import pytest

from faceoff.scoring import human, metrics
from faceoff.statistics.intervals import Interval, cluster_interval

NAN = float("nan")


def interval(values: np.ndarray, here: np.ndarray) -> Interval:
    return (
        cluster_interval(values.astype(float), np.arange(len(values)), bounds=(0, 1))
        if len(values)
        else Interval(NAN, NAN, NAN)
    )


def test_one_against_the_others_by_hand() -> None:
    """2-1: the two in favour meet a tie (half right each), the third meets two that say otherwise.
    3-0: all right.
    """
    votes = np.array([[2, 1], [3, 0], [1, 1], [1, 0], [0, 0]], float)
    assert human.one_against_the_others(votes) == pytest.approx(
        [(2 * 0.5 + 0) / 3, 1, 0, NAN, NAN], nan_ok=True
    )
    assert human.pair_agreement(votes) == pytest.approx([1 / 3, 1, 0, NAN, NAN], nan_ok=True)
    assert human.agreement(votes) == pytest.approx([2 / 3, 1, 1 / 2, 1, NAN], nan_ok=True)


def test_answers_outside_the_space_count_as_answers() -> None:
    votes = np.array([[1, 0, 3]], float)  # two classes, and "unknown" by three
    assert human.one_against_the_others(votes) == pytest.approx([3 / 4])
    assert human.as_a_tagger(votes, np.array([0])) == pytest.approx([0])
    assert human.confusion(votes, 2) == pytest.approx(np.zeros((2, 3))), (
        "the others are outside the space, whoever is left out"
    )


def test_a_prediction_is_held_against_the_same_others() -> None:
    votes = np.array([[2, 1], [2, 1], [3, 0], [2, 1]], float)
    found = human.as_a_tagger(votes, np.array([0, 1, 0, metrics.NO_FACE]))
    # Leaving one of the two out leaves a tie, leaving the third out leaves 2-0.
    assert found == pytest.approx([(2 * 0.5 + 1) / 3, (2 * 0.5 + 0) / 3, 1, 0])


def test_one_person_is_no_ceiling() -> None:
    """Votes of 6 to 4: one of the six meets 5:4 and is right, one of the four meets 6:3 and is
    wrong; who says what most say is right against all of them.
    """
    votes = np.array([[6, 4]], float)
    assert human.one_against_the_others(votes) == pytest.approx([0.6])
    assert human.as_a_tagger(votes, np.array([0])) == pytest.approx([1.0])
    assert described([[6, 4]], [0], [[1, 0]])["as_tagger_over_one_person"] == pytest.approx(1 / 0.6)


def test_one_person_against_simulated_taggers() -> None:
    random = np.random.default_rng(0)
    answers = random.choice(4, p=[0.5, 0.3, 0.15, 0.05], size=(400, 7))
    votes = np.stack([(answers == c).sum(axis=1) for c in range(4)], axis=1).astype(float)
    right = []
    for sample in answers:
        for tagger in range(7):
            others = np.bincount(np.delete(sample, tagger), minlength=4)
            right.append((others[sample[tagger]] == others.max()) / (others == others.max()).sum())
    assert human.one_against_the_others(votes).mean() == pytest.approx(np.mean(right))
    matrix = human.confusion(votes, 4)
    assert matrix.sum() == pytest.approx(400)
    assert np.trace(matrix) / 400 == pytest.approx(np.mean(right))
    assert matrix[:, 4].sum() == 0


def test_confusion_by_hand() -> None:
    """Two of three say 0, one says 1, in a space of 0 alone and 1 outside it."""
    found = human.confusion(np.array([[2.0, 1.0]]), 1)
    # A 0-tagger (2/3) meets a tie of 0 and 1: half a row; the 1-tagger (1/3) meets 0.
    assert found == pytest.approx(np.array([[2 / 3 * 0.5, 1 / 3]]))


def test_cross_entropy_and_kl_by_hand() -> None:
    votes = np.array([[3, 1, 6], [0, 0, 5], [2, 2, 0]], float)  # third column outside the space
    posterior = np.array([[0.5, 0.5], [0.5, 0.5], [0.9, 0.1]])
    crossed = human.cross_entropy(votes, posterior)
    assert crossed == pytest.approx([np.log(2), NAN, -(np.log(0.9) + np.log(0.1)) / 2], nan_ok=True)
    entropy = human.vote_entropy(votes, 2)
    assert entropy == pytest.approx(
        [-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)), NAN, np.log(2)], nan_ok=True
    )
    assert (crossed - entropy)[[0, 2]].min() > 0


def test_the_votes_themselves_have_no_divergence_and_certainty_stays_finite() -> None:
    votes = np.array([[3, 1], [4, 0]], float)
    assert human.cross_entropy(votes, votes / 4) == pytest.approx(
        human.vote_entropy(votes, 2), abs=1e-6
    )
    assert np.isfinite(human.cross_entropy(votes, np.array([[0.0, 1.0], [0.0, 1.0]]))).all()


def described(votes, truth, posterior, **more):
    return human.describe(
        np.array(votes, float), np.array(truth), np.array(posterior, float), interval, **more
    )


def test_describe_holds_who_has_no_face_as_wrong() -> None:
    found = described(
        [[4, 1], [5, 0], [0, 5], [3, 2]],
        [0, 0, 1, 0],
        [[0.8, 0.2], [NAN, NAN], [0.1, 0.9], [0.4, 0.6]],
    )
    assert (found["n"], found["n_distribution"], found["votes_per_sample"]) == (4, 3, 5)
    assert [s["n"] for s in found["strata"]] == [1, 1, 2], "60 %, 80 % and both unanimous ones"
    assert [s["accuracy"] for s in found["strata"]] == [0, 1, 0.5]
    assert found["one_person"] == pytest.approx(np.mean([4 / 5, 1, 1, (3 * 0.5 + 0) / 5]))
    assert found["as_tagger_over_one_person"] == pytest.approx(
        found["accuracy_as_tagger"] / found["one_person"]
    )
    assert found["with_own_vote"] == pytest.approx(np.mean([0.8, 1, 1, 0.6]))
    assert found["one_person_interval"][0] < found["one_person"] < found["one_person_interval"][1]


def test_shares_of_tenths_fall_into_the_stratum_that_they_close() -> None:
    found = described([[6, 4], [7, 3], [1, 9]], [0, 0, 1], [[1, 0], [1, 0], [0, 1]])
    assert [(s["low"], s["high"], s["n"]) for s in found["strata"]] == [
        (0.5, 0.6, 1),
        (0.6, 0.7, 1),
        (0.8, 0.9, 1),
    ]


def test_hard_votes_have_no_divergence() -> None:
    found = described([[4, 1]], [0], [[0.8, 0.2]], hard=True)
    assert np.isnan([found["cross_entropy"], found["kl"]]).all()
    assert found["accuracy_as_tagger"] == 0.8 + 0.2 * 1


def test_votes_of_zero_or_one_are_left_out() -> None:
    found = described([[0, 0], [1, 0]], [0, 0], [[1, 0], [1, 0]])
    assert found["n"] == 0
    assert np.isnan(
        [found["one_person"], found["as_tagger_over_one_person"], found["accuracy_as_tagger"]]
    ).all()
    assert found["n_distribution"] == 1
    assert found["strata"][0]["n"] == 1
    assert np.isnan(found["strata"][0]["one_person"])


def test_a_person_who_is_never_right_divides_nothing() -> None:
    assert np.isnan(described([[1, 1]], [0], [[1, 0]])["as_tagger_over_one_person"])


@pytest.mark.parametrize("bad", [-1.0, NAN, np.inf])
def test_impossible_votes_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="votes"):
        described([[1, bad]], [0], [[1, 0]])
