"""The worth of members: by hand, against the fusion rule itself, and on members whose worth is
known.
"""

from itertools import combinations

import numpy as np
import pytest

from faceoff.fusion import ensembles
from faceoff.fusion.ensembles import Ballots
from faceoff.fusion.means import soft_mean

NAN = float("nan")


def members(
    strengths: tuple[float, ...], n: int = 400, k: int = 3, seed: int = 0, abstains: float = 0.1
) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, k, n)
    logits = random.normal(size=(len(strengths), n, k))
    logits[:, np.arange(n), truth] += np.array(strengths)[:, None]
    powers = np.exp(logits)
    posteriors = powers / powers.sum(axis=2, keepdims=True)
    posteriors[random.random((len(strengths), n)) < abstains] = NAN
    return posteriors, truth


def accuracy(posteriors: np.ndarray, truth: np.ndarray, chosen: tuple[int, ...]) -> float:
    """By the fusion rule itself; nobody's vote is the most frequent class."""
    if not chosen:
        return float((truth == np.bincount(truth).argmax()).mean())
    fused = soft_mean(posteriors[list(chosen)])
    return float(
        (np.nan_to_num(fused, nan=-1).argmax(axis=1) == truth)[~np.isnan(fused[:, 0])].sum()
        / len(truth)
    )


def test_leave_one_out_is_the_difference_of_two_votes() -> None:
    posteriors, truth = members((2.0, 1.0, 0.0, 1.5))
    everyone = (0, 1, 2, 3)
    expected = [
        accuracy(posteriors, truth, everyone)
        - accuracy(posteriors, truth, tuple(m for m in everyone if m != left))
        for left in everyone
    ]
    assert ensembles.leave_one_out(Ballots.of_samples(posteriors, truth)) == pytest.approx(expected)
    assert np.isnan(ensembles.leave_one_out(Ballots.of_samples(posteriors[:1], truth))).all()


def test_shapley_values_by_their_definition() -> None:
    """The mean over all orders of joining of what a member adds; together they make what all add to
    answering the most frequent class.
    """
    posteriors, truth = members((2.0, 1.0, 0.3), n=150)
    found = ensembles.shapley(Ballots.of_samples(posteriors, truth))
    for m in range(3):
        others = [other for other in range(3) if other != m]
        gains = []
        for size in range(3):
            adds = [
                accuracy(posteriors, truth, (*before, m)) - accuracy(posteriors, truth, before)
                for before in combinations(others, size)
            ]
            gains.append(np.mean(adds))
        assert found[m] == pytest.approx(np.mean(gains))
    assert found.sum() == pytest.approx(
        accuracy(posteriors, truth, (0, 1, 2)) - accuracy(posteriors, truth, ())
    )


def test_chance_is_worth_nothing() -> None:
    """Who always answers the most frequent class is worth 0 alone; a confident coin beside three
    members that are right on 80 % takes from their vote.
    """
    random = np.random.default_rng(2)
    truth = random.choice(2, 2000, p=[0.7, 0.3])
    always = np.tile([1.0, 0.0], (2000, 1))
    assert ensembles.shapley(Ballots.of_samples(always[None], truth)) == pytest.approx([0])
    right = np.stack([random.random(2000) < 0.8 for _ in range(3)])
    said = np.where(right, truth, 1 - truth)
    good = np.where(np.arange(2) == said[..., None], 0.7, 0.3)
    coin = np.eye(2)[random.integers(0, 2, 2000)]
    worth = ensembles.shapley(Ballots.of_samples(np.concatenate([good, coin[None]]), truth))
    assert worth[3] < -0.05
    assert (worth[:3] > 0.03).all()


def test_twins_are_worth_the_same_and_eleven_have_no_value() -> None:
    posteriors, truth = members((1.0, 1.0, 2.0))
    posteriors[1] = posteriors[0]
    found = ensembles.shapley(Ballots.of_samples(posteriors, truth))
    assert found[0] == pytest.approx(found[1])
    assert (
        ensembles.shapley(Ballots.of_samples(np.repeat(posteriors[:1], 11, axis=0), truth)) is None
    )


def test_greedy_takes_the_best_first_and_is_judged_elsewhere() -> None:
    posteriors, truth = members((0.5, 2.5, 1.5, 0.0), n=900)
    folds = np.arange(900) % 5
    steps = ensembles.greedy(Ballots.of_samples(posteriors, truth), folds)
    assert [step.size for step in steps] == [1, 2, 3, 4]
    assert [step.added for step in steps[:2]] == [1, 2]
    assert steps[0].correct.mean() == pytest.approx(accuracy(posteriors, truth, (1,)))
    assert steps[3].correct.mean() == pytest.approx(accuracy(posteriors, truth, (0, 1, 2, 3))), (
        "all members: there is nothing to choose"
    )
    assert steps[1].correct.mean() > steps[3].correct.mean(), "noise does not help"


def test_chance_members_do_not_look_good() -> None:
    """Twenty members that guess: the best of them on some folds is no better than chance on the
    others.
    """
    random = np.random.default_rng(5)
    posteriors = random.dirichlet(np.ones(4), (20, 400))
    truth = random.integers(0, 4, 400)
    steps = ensembles.greedy(Ballots.of_samples(posteriors, truth), np.arange(400) % 5)
    assert max(step.correct.mean() for step in steps) < 0.25 + 3 * np.sqrt(0.25 * 0.75 / 400) + 0.02


def test_classes_that_a_member_lacks_and_samples_that_nobody_reads() -> None:
    posteriors = np.array([[[0.6, 0.4, NAN], [NAN, NAN, NAN]], [[0.1, 0.2, 0.7], [NAN, NAN, NAN]]])
    assert Ballots.of_samples(posteriors, np.array([2, 0])).vote([0, 1]).tolist() == [True, False]


def test_frames_are_averaged_after_each_is_fused() -> None:
    """Two frames of one sample; the first member sees only one of them.

    Frame 1: mean (.5, .5). Frame 2: the second member alone, (.4, .6). Together (.45, .55): class
    1. The mean of the members' own means, (.7 + .35) / 2 against (.3 + .65) / 2, says class 0.
    """
    posteriors = np.array([[[0.7, 0.3], [NAN, NAN]], [[0.3, 0.7], [0.4, 0.6]]])
    ballots = Ballots(posteriors, np.array([0, 0]), np.arange(2), np.array([1]))
    assert ballots.vote([0, 1]).tolist() == [True]
    assert Ballots.of_samples(np.nanmean(posteriors, axis=1)[:, None], np.array([1])).vote(
        [0, 1]
    ).tolist() == [False]


def test_a_class_outside_the_task_is_masked_after_the_vote() -> None:
    posteriors = np.array([[[0.3, 0.1, 0.6]]])
    space = np.array([0, 1])
    assert Ballots(posteriors, np.array([0]), space, np.array([0])).vote([0]).tolist() == [True]
    nothing = np.array([[[0.0, 0.0, 1.0]]])
    tie = [Ballots(nothing, np.array([0]), space, np.array([t])).vote([0]).tolist() for t in (0, 1)]
    assert tie == [[True], [False]], "where nothing is left inside, the first class is the answer"


def test_some_samples_have_the_ballots_of_their_frames() -> None:
    posteriors, truth = members((2.0, 1.0), n=60)
    sample = np.repeat(np.arange(20), 3)
    whole = Ballots(posteriors, sample, np.arange(3), truth[:20])
    chosen = np.arange(20) % 3 == 1
    assert whole.on(chosen).vote([0, 1]).tolist() == whole.vote([0, 1])[chosen].tolist()
