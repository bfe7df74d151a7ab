"""The figures beside a fusion: its oracle, its effective members, clones among them, the best
single one.
"""

import numpy as np
import pytest

from faceoff.fusion import members

NAN = float("nan")


def test_oracle():
    np.testing.assert_array_equal(
        members.oracle(np.array([0, 1, 2]), np.array([[0, 0, -1], [1, 1, -1]])), [True, True, False]
    )
    with pytest.raises(ValueError, match="predicted"):
        members.oracle(np.array([0, 1]), np.array([[0, 1, 2]]))


def test_effective_members():
    random = np.random.default_rng(0)
    one = random.random((1, 4000)) < 0.7
    assert members.effective_members(np.repeat(one, 4, axis=0)) == pytest.approx(1)
    assert members.effective_members(random.random((4, 4000)) < 0.7) == pytest.approx(4, rel=0.01)
    several = np.concatenate([one, one, random.random((2, 4000)) < 0.6])
    assert members.effective_members(several) == pytest.approx(
        16 / (np.corrcoef(several) ** 2).sum()
    )


def test_effective_members_of_constant_members():
    always, never, varied = np.ones(4, bool), np.zeros(4, bool), np.array([1, 0, 1, 0], bool)
    assert members.effective_members(np.stack([always, always, never])) == pytest.approx(9 / 5)
    assert members.effective_members(np.stack([always, varied])) == pytest.approx(2)


def test_clone_pairs():
    random = np.random.default_rng(0)
    base = random.integers(0, 4, 1000)
    clone, near = base.copy(), base.copy()
    clone[:8] = (clone[:8] + 1) % 4
    near[:10] = (near[:10] + 1) % 4
    clone[500:600] = -1
    pairs = members.clone_pairs(np.stack([base, near, clone, np.full(1000, -1)]))
    # exactly 99 % is not more than 99 %; samples that only one covers do not count
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 2), (1, 2)]
    assert pairs[0].agreement == pytest.approx(892 / 900)
    assert members.clone_pairs(np.stack([base, near]), threshold=0.98)[
        0
    ].agreement == pytest.approx(0.99)


def test_best_single_by_accuracy_then_loss_then_name():
    correct = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1], [0, 0, 0, 1]], bool)
    even = np.full((4, 4), 0.5)
    assert (
        members.best_single_on(correct, even, ["c", "b", "d", "a"]) == 1
    )  # three tie on both: name
    lower = even.copy()
    lower[2] = [0.4, NAN, NAN, 0.4]  # over covered samples
    assert members.best_single_on(correct, lower, ["c", "b", "d", "a"]) == 2
    lower[2] = NAN  # nothing to judge by loses the tie
    assert members.best_single_on(correct, lower, ["z", "y", "a", "b"]) == 1
    assert (
        members.best_single_on(
            np.array([[1, 1], [1, 0]], bool), np.array([[9.0, 9], [0, 0]]), ["z", "a"]
        )
        == 0
    )  # accuracy first


def test_best_single_is_chosen_on_the_other_folds():
    folds = np.repeat([0, 1, 2], 4)
    first = np.r_[np.ones(4, bool), np.zeros(8, bool)]  # right on fold 0 only
    second = np.r_[np.zeros(4, bool), np.array([1, 0, 0, 0, 1, 0, 0, 0], bool)]
    chosen = members.best_single(
        np.stack([first, second]), np.full((2, 12), 0.3), ["first", "second"], folds
    )
    assert chosen.choices == {0: 1, 1: 0, 2: 0}
    np.testing.assert_array_equal(chosen.member, np.repeat([1, 0, 0], 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: members.best_single_on(np.ones((2, 3)), np.ones((2, 2)), ["a", "b"]),
            "correct, log_loss, names",
        ),
        (
            lambda: members.best_single_on(np.ones((2, 0)), np.ones((2, 0)), ["a", "b"]),
            "no samples",
        ),
        (lambda: members.clone_pairs(np.ones(3)), r"predicted: shape \(3,\) given"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
