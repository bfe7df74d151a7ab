"""Scores against scikit-learn and scipy, and by hand where those have no notion of a sample that
was not covered.
"""

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st

from faceoff.scoring import metrics

K = 5
NAN = float("nan")


@pytest.fixture
def cell():
    """Truth, posterior and prediction of a mediocre model on 600 samples, 40 not covered."""
    random = np.random.default_rng(3)
    truth = random.choice(K, 600, p=[0.4, 0.3, 0.15, 0.1, 0.05])
    logits = random.normal(size=(600, K))
    logits[np.arange(600), truth] += 1.0
    posterior = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    posterior[random.choice(600, 40, replace=False)] = NAN
    return truth, posterior, metrics.argmax(posterior)


# ---------------------------------------------------------------- label spaces


def test_restrict_masks_renormalises_and_fills():
    posterior = np.array([[0.2, 0.5, 0.3], [NAN, NAN, NAN]])
    restricted, outside = metrics.restrict(
        posterior, ["anger", "calm", "neutral"], ["neutral", "happiness", "anger"]
    )
    np.testing.assert_allclose(restricted, [[0.6, 0.0, 0.4], [NAN] * 3])
    np.testing.assert_allclose(outside, [0.5, NAN])


def test_restrict_keeps_a_row_without_mass_inside():
    restricted, outside = metrics.restrict(
        np.array([[1.0, 0.0, 0.0], [1 - 1e-12, 0.0, 1e-12]]),
        ["calm", "neutral", "anger"],
        ["neutral", "anger"],
    )
    np.testing.assert_array_equal(restricted, [[0.5, 0.5], [0.5, 0.5]])
    np.testing.assert_array_equal(metrics.argmax(restricted), [0, 0])
    np.testing.assert_allclose(outside, [1.0, 1.0])


def test_restrict_to_the_models_own_classes_only_reorders(cell):
    _, posterior, _ = cell
    restricted, outside = metrics.restrict(posterior, list("abcde"), list("edcba"))
    np.testing.assert_allclose(restricted, posterior[:, ::-1], rtol=1e-12)
    np.testing.assert_allclose(outside[~np.isnan(outside)], 0, atol=1e-12)


def test_strict_predictions():
    classes, space = ["contempt", "anger", "neutral"], ["neutral", "anger"]
    posterior = np.array(
        [[0.6, 0.3, 0.1], [0.1, 0.5, 0.4], [0.2, 0.4, 0.4], [0.4, 0.4, 0.2], [NAN] * 3]
    )
    strict = metrics.strict_predictions(posterior, classes, space)
    # the third and fourth rows tie: neutral before anger, and anger before contempt, in canonical
    # order whatever the model's
    np.testing.assert_array_equal(strict, [metrics.OUTSIDE, 1, 0, 1, metrics.NO_FACE])
    truth = np.array([1, 1, 0, 1, 0])
    assert metrics.accuracy(truth, strict) == 3 / 5
    assert metrics.covered_accuracy(truth, strict) == 3 / 4
    np.testing.assert_array_equal(
        metrics.confusion(truth, strict, 2, outside=True), [[1, 0, 1, 0], [0, 2, 0, 1]]
    )
    with pytest.raises(ValueError, match="OUTSIDE"):
        metrics.confusion(truth, strict, 2)


def test_argmax_ties_to_the_earlier_class_and_marks_uncovered():
    np.testing.assert_array_equal(
        metrics.argmax(np.array([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [NAN] * 3])), [0, 1, -1]
    )


# ---------------------------------------------------------------- counts and shares


def test_shares_by_hand():
    truth, predicted = np.array([0, 0, 1, 1, 2]), np.array([0, -1, 1, 0, -1])
    assert metrics.accuracy(truth, predicted) == 2 / 5
    assert metrics.covered_accuracy(truth, predicted) == 2 / 3
    assert metrics.coverage(predicted) == 3 / 5
    np.testing.assert_array_equal(
        metrics.confusion(truth, predicted, 3), [[1, 0, 0, 1], [1, 1, 0, 0], [0, 0, 0, 1]]
    )


def test_against_scikit_learn(cell):
    truth, _, predicted = cell
    # to scikit-learn "not covered" is a label of its own, left out of the averages
    labels = list(range(K))
    precision, recall, f1, n = reference.precision_recall_fscore_support(
        truth, predicted, labels=labels, zero_division=0
    )
    ours = metrics.per_class(truth, predicted, K)
    np.testing.assert_allclose(ours.precision, precision)
    np.testing.assert_allclose(ours.recall, recall)
    np.testing.assert_allclose(ours.f1, f1)
    np.testing.assert_array_equal(ours.n, n)
    assert metrics.accuracy(truth, predicted) == reference.accuracy_score(truth, predicted)
    assert metrics.balanced_accuracy(truth, predicted, K) == pytest.approx(
        reference.recall_score(truth, predicted, labels=labels, average="macro")
    )
    assert metrics.macro_f1(truth, predicted, K) == pytest.approx(
        reference.f1_score(truth, predicted, labels=labels, average="macro")
    )
    assert metrics.weighted_f1(truth, predicted, K) == pytest.approx(
        reference.f1_score(truth, predicted, labels=labels, average="weighted")
    )
    full = reference.confusion_matrix(truth, predicted, labels=[*labels, -1])
    np.testing.assert_array_equal(metrics.confusion(truth, predicted, K), full[:K])


def test_classes_without_truth_are_left_out_of_macro_means():
    truth, predicted = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2])
    scores = metrics.per_class(truth, predicted, 4)
    np.testing.assert_array_equal(scores.precision, [1, 1, 0, 0])
    np.testing.assert_array_equal(scores.recall, [1, 0.5, NAN, NAN])
    np.testing.assert_array_equal(scores.n, [2, 2, 0, 0])
    assert metrics.balanced_accuracy(truth, predicted, 4) == 0.75
    assert metrics.macro_f1(truth, predicted, 4) == pytest.approx((1 + 2 / 3) / 2)


def test_not_covered_lowers_recall_not_precision():
    truth = np.array([0, 0, 1, 1])
    scores = metrics.per_class(truth, np.array([0, -1, 1, 1]), 2)
    np.testing.assert_array_equal(scores.precision, [1, 1])
    np.testing.assert_array_equal(scores.recall, [0.5, 1])


def test_scores_of_stacked_confusions_equal_those_of_each(cell):
    truth, _, predicted = cell
    halves = [(truth[:300], predicted[:300]), (truth[300:], predicted[300:])]
    stack = np.stack([metrics.confusion(t, p, K) for t, p in halves])
    for stacked, single in (
        (metrics.balanced_accuracy_of, metrics.balanced_accuracy),
        (metrics.macro_f1_of, metrics.macro_f1),
        (metrics.weighted_f1_of, metrics.weighted_f1),
    ):
        np.testing.assert_allclose(stacked(stack), [single(t, p, K) for t, p in halves])


@pytest.mark.parametrize(
    ("ones", "expected"),
    [
        (60, False),
        (61, False),
        (70, False),
        (71, True),
    ],  # of 100 samples, 50 of them truly class 1: more than 70 collapse
)
def test_collapsed(ones, expected):
    truth = np.repeat([0, 1], 50)
    predicted = np.r_[np.ones(ones, int), np.zeros(100 - ones, int)]
    assert metrics.collapsed(truth, predicted, 2) is expected


def test_collapsed_needs_sixty_percent_and_looks_at_covered_samples():
    assert not metrics.collapsed(np.arange(100) % 4, np.r_[np.zeros(60, int), np.ones(40, int)], 4)
    assert metrics.collapsed(np.arange(100) % 4, np.r_[np.zeros(61, int), np.ones(39, int)], 4)
    assert metrics.collapsed(np.arange(100) % 4, np.r_[np.zeros(10, int), np.full(90, -1)], 4)
    assert not metrics.collapsed(np.arange(4), np.full(4, -1), 4)


# ---------------------------------------------------------------- probabilities


def test_log_loss_against_scikit_learn(cell):
    truth, posterior, predicted = cell
    covered = predicted >= 0
    assert metrics.log_loss(truth, posterior) == pytest.approx(
        reference.log_loss(truth[covered], posterior[covered], labels=range(K)), rel=1e-6
    )
    losses = metrics.sample_log_loss(truth, posterior)
    np.testing.assert_array_equal(np.isnan(losses), ~covered)


def test_log_loss_clips_at_1e_7():
    assert metrics.log_loss(np.array([1]), np.array([[1.0, 0.0]])) == pytest.approx(
        -np.log(1e-7 / (1 + 1e-7)), rel=1e-12
    )


def test_brier_by_hand_and_range(cell):
    assert metrics.brier(np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]])) == 1.0
    assert metrics.brier(np.array([1]), np.array([[1.0, 0.0]])) == 2.0
    truth, posterior, predicted = cell
    covered = predicted >= 0
    per_label = [
        reference.brier_score_loss(truth[covered] == c, posterior[covered, c]) for c in range(K)
    ]
    assert metrics.brier(truth, posterior) == pytest.approx(sum(per_label))


def test_ece_against_a_loop(cell):
    truth, posterior, predicted = cell
    covered = predicted >= 0
    confidence, right = posterior[covered].max(axis=1), predicted[covered] == truth[covered]
    expected = 0.0
    for low in range(15):
        inside = (confidence > low / 15) & (confidence <= (low + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert metrics.expected_calibration_error(truth, posterior) == pytest.approx(expected)


def test_ece_upper_edge_belongs_to_the_bin():
    # 0.6 = 9/15 closes bin (8/15, 9/15]; 0.55 is in it too, so one bin holds both: |0.5 - 0.575|
    assert metrics.expected_calibration_error(
        np.array([0, 1]), np.array([[0.6, 0.4], [0.55, 0.45]])
    ) == pytest.approx(0.075)
    # 0.61 is in the next one
    assert metrics.expected_calibration_error(
        np.array([0, 1]), np.array([[0.61, 0.39], [0.55, 0.45]])
    ) == pytest.approx((0.39 + 0.55) / 2)


def test_equal_mass_bins_hold_equal_numbers():
    random = np.random.default_rng(0)
    top = random.permutation(np.linspace(0.5, 1.0, 300))
    truth = random.integers(0, 2, 300)
    order = np.argsort(top)
    gaps = [abs((truth[part] == 0).mean() - top[part].mean()) for part in np.split(order, 15)]
    posterior = np.stack([top, 1 - top], axis=1)
    # at exactly 0.5 the two classes tie and the first is predicted, as for all the others
    assert metrics.expected_calibration_error(truth, posterior, mode="mass") == pytest.approx(
        np.mean(gaps)
    )


def test_equal_mass_does_not_depend_on_the_order_of_tied_samples():
    truth = np.array([0, 1] * 20)
    posterior = np.tile([0.7, 0.3], (40, 1))
    shuffled = np.random.default_rng(1).permutation(40)
    assert metrics.expected_calibration_error(truth, posterior, mode="mass") == pytest.approx(0.2)
    assert metrics.expected_calibration_error(
        truth[shuffled], posterior, mode="mass"
    ) == pytest.approx(0.2)


def test_unknown_ece_mode():
    with pytest.raises(ValueError, match="'width' or 'mass'"):
        metrics.expected_calibration_error(np.array([0]), np.array([[0.5, 0.5]]), mode="size")


def test_top_two(cell):
    truth, posterior, predicted = cell
    covered = predicted >= 0
    expected = reference.top_k_accuracy_score(
        truth[covered], posterior[covered], k=2, labels=range(K)
    )
    assert metrics.top_k_accuracy(truth, posterior) == pytest.approx(expected)
    assert (
        metrics.top_k_accuracy(np.array([2]), np.array([[0.4, 0.3, 0.3]])) == 0.0
    )  # the tie for second goes to class 1


# ---------------------------------------------------------------- summary

KEYS = [
    "accuracy",
    "covered_accuracy",
    "coverage",
    "balanced_accuracy",
    "macro_f1",
    "weighted_f1",
    "log_loss",
    "brier",
    "ece",
    "ece_mass",
    "top2",
    "n",
    "n_covered",
    "n_correct",
]


def test_summary_has_fixed_keys_and_agrees_with_the_functions(cell):
    truth, posterior, predicted = cell
    summary = metrics.summary(truth, posterior)
    assert list(summary) == KEYS
    assert summary["n"] == 600
    assert summary["n_covered"] == 560
    assert (
        summary["accuracy"]
        == summary["n_correct"] / 600
        == reference.accuracy_score(truth, predicted)
    )
    assert summary["covered_accuracy"] == summary["n_correct"] / 560
    assert summary["ece_mass"] == metrics.expected_calibration_error(truth, posterior, mode="mass")


def test_summary_of_hard_votes_has_no_probabilistic_scores(cell):
    truth, posterior, _ = cell
    hard = metrics.summary(truth, posterior, hard=True)
    assert list(hard) == KEYS
    assert {key for key, value in hard.items() if np.isnan(value)} == {
        "log_loss",
        "brier",
        "ece",
        "ece_mass",
        "top2",
    }


@pytest.mark.parametrize("n", [0, 3])
def test_summary_without_coverage_is_nan_never_zero_quality(n):
    summary = metrics.summary(np.zeros(n, int), np.full((n, 2), NAN))
    assert np.isnan(
        [
            summary[key]
            for key in ("covered_accuracy", "log_loss", "brier", "ece", "ece_mass", "top2")
        ]
    ).all()
    assert (summary["n"], summary["n_covered"]) == (n, 0)
    assert summary["accuracy"] == 0.0 if n else np.isnan(summary["accuracy"])


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40))
def test_summary_does_not_depend_on_sample_order_nor_on_class_order(seed, n):
    random = np.random.default_rng(seed)
    truth, posterior = random.integers(0, K, n), random.dirichlet(np.ones(K), n)
    posterior[random.random(n) < 0.2] = NAN
    samples, classes = random.permutation(n), random.permutation(K)
    one = metrics.summary(truth, posterior)
    for other in (
        metrics.summary(truth[samples], posterior[samples]),
        metrics.summary(np.argsort(classes)[truth], posterior[:, classes]),
    ):
        np.testing.assert_allclose(list(one.values()), list(other.values()), atol=1e-12)


# ---------------------------------------------------------------- valence and arousal


def test_valence_scores_against_scipy_and_the_formula():
    random = np.random.default_rng(5)
    truth = random.normal(size=200)
    predicted = 0.5 * truth + random.normal(size=200) + 0.3
    assert metrics.pearson(truth, predicted) == pytest.approx(
        scipy.stats.pearsonr(truth, predicted)[0]
    )
    direct = (
        2
        * np.cov(truth, predicted, bias=True)[0, 1]
        / (np.var(truth) + np.var(predicted) + (truth.mean() - predicted.mean()) ** 2)
    )
    assert metrics.ccc(truth, predicted) == pytest.approx(direct)
    assert metrics.rmse(truth, predicted) == pytest.approx(
        np.sqrt(reference.mean_squared_error(truth, predicted))
    )
    assert metrics.ccc(truth, truth) == pytest.approx(1)
    assert metrics.ccc(truth, -truth + 2 * truth.mean()) == pytest.approx(-1)
    assert metrics.sign_agreement(np.array([1.0, -2, 0, 3]), np.array([0.1, -0.1, 0.0, -3])) == 0.75


def test_constant_and_missing_predictions():
    truth = np.array([0.1, 0.2, 0.4, -1.0])
    assert metrics.ccc(truth, np.full(4, 0.3)) == 0.0
    assert metrics.ccc(np.full(4, 0.3), np.full(4, 0.3)) == 0.0
    assert np.isnan(metrics.pearson(truth, np.full(4, 0.3)))
    assert metrics.rmse(truth, np.array([0.1, 0.2, 0.4, NAN])) == 0.0
    assert np.isnan(metrics.ccc(truth, np.full(4, NAN)))
    assert np.isnan(metrics.rmse(truth, np.full(4, NAN)))


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: metrics.accuracy(np.array([0, 1]), np.array([0])),
            r"truth, predicted: shapes \(2,\) and \(1,\)",
        ),
        (
            lambda: metrics.confusion(np.array([3]), np.array([0]), 3),
            "truth: values 3 to 3 given, expected 0 to 2",
        ),
        (lambda: metrics.confusion(np.array([0]), np.array([3]), 3), "predicted: values 3 to 3"),
        (lambda: metrics.accuracy(np.array([0.0]), np.array([0.0])), "truth: dtype float64"),
        (lambda: metrics.summary(np.array([0]), np.array([[0.5, NAN]])), "row 0 is NaN in part"),
        (lambda: metrics.summary(np.array([0]), np.array([[1.5, -0.5]])), "negative"),
        (
            lambda: metrics.summary(np.array([0, 1]), np.array([[0.5, 0.5]])),
            r"truth: shape \(2,\) given, expected \(1,\)",
        ),
        (
            lambda: metrics.restrict(np.ones((2, 3)), ["a", "b"], ["a"]),
            r"posterior: shape \(2, 3\) given, expected \(n, 2\)",
        ),
        (lambda: metrics.restrict(np.ones((2, 2)), ["a", "a"], ["a"]), "model_classes"),
        (lambda: metrics.restrict(np.ones((2, 1)), ["a"], []), "space"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
