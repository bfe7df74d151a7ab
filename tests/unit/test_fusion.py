"""The fusion rules by name: what all of them promise, cross-fitting, and the choice of the most accurate members."""

import numpy as np
import pytest
from posterior_fixtures import NAN, gappy_members, noisy_members

from faceoff.fusion import rules, trained, untrained
from faceoff.fusion.rules import RULES
from faceoff.scoring import metrics

TRAINED = sorted(name for name, rule in RULES.items() if rule.trained)


def test_registry_marks_hard_and_trained_rules():
    assert {name for name, rule in RULES.items() if rule.hard} == {"majority", "borda"}
    assert {*TRAINED} == {
        "temperature",
        "weighted",
        "class_weighted",
        "stacking",
        "naive_bayes",
        "dempster_shafer",
        "switcher",
    }
    assert {name for name, rule in RULES.items() if rule.by_face} == {"switcher"}
    assert all((rule.combine is None) == rule.trained for rule in RULES.values())


@pytest.mark.parametrize("name", TRAINED)
def test_trained_rules_beat_their_members_and_respect_absence(name):
    posteriors, truth, folds = gappy_members()
    result = rules.cross_fit(RULES[name], posteriors, truth, folds)
    present = ~np.isnan(posteriors).all(axis=(0, 2))
    assert not present[7]
    np.testing.assert_array_equal(~np.isnan(result).any(axis=1), present)
    np.testing.assert_allclose(result[present].sum(axis=1), 1)
    assert (
        metrics.summary(truth, result)["accuracy"]
        > (untrained.votes(posteriors) == truth).mean(axis=1).max()
    )


@pytest.mark.parametrize("name", TRAINED)
def test_cross_fitting_never_sees_its_own_fold(name):
    posteriors, truth, folds = gappy_members()
    relabelled = np.where(folds == 2, (truth + 1) % 4, truth)
    first, second = (
        rules.cross_fit(RULES[name], posteriors, labels, folds) for labels in (truth, relabelled)
    )
    np.testing.assert_array_equal(first[folds == 2], second[folds == 2])
    assert not np.allclose(first[folds == 1], second[folds == 1], equal_nan=True)
    here = folds == 2
    direct = RULES[name].fit(posteriors[:, ~here], truth[~here])(posteriors[:, here])
    np.testing.assert_array_equal(first[here], direct)


@pytest.mark.parametrize("name", TRAINED)
def test_absent_everywhere_in_training(name):
    posteriors, truth, _ = gappy_members()
    training = posteriors[:, :200].copy()
    training[2] = NAN
    result = RULES[name].fit(training, truth[:200])(posteriors[:, 200:])
    np.testing.assert_allclose(result.sum(axis=1), 1)


@pytest.mark.parametrize("name", sorted(RULES))
def test_order_of_members_and_of_classes_does_not_matter(name):
    posteriors, truth, folds = gappy_members()
    result = rules.cross_fit(RULES[name], posteriors, truth, folds)
    members_moved = rules.cross_fit(RULES[name], posteriors[[2, 0, 1]], truth, folds)
    np.testing.assert_allclose(members_moved, result, atol=2e-4)
    order = np.array([2, 0, 3, 1])
    classes_moved = rules.cross_fit(
        RULES[name], posteriors[:, :, order], np.argsort(order)[truth], folds
    )
    # Rules that count votes and ranks break ties by the order of classes, which is part of their definition.
    same = (
        ~np.isnan(result).any(axis=1)
        & (np.sort(posteriors, axis=2)[:, :, :1] >= 0).all(axis=(0, 2))
        if RULES[name].hard
        else slice(None)
    )
    np.testing.assert_allclose(classes_moved[same], result[same][:, order], atol=2e-4)


@pytest.mark.parametrize("name", TRAINED)
def test_a_fold_without_some_class_and_one_member_alone(name):
    """The class is in no training sample: every rule still gives distributions, and is right about the classes that it saw."""
    posteriors, truth = noisy_members(n=300)
    learn = truth != 3
    for voters in (posteriors, posteriors[:1]):
        result = RULES[name].fit(voters[:, learn], truth[learn])(voters)
        np.testing.assert_allclose(result.sum(axis=1), 1)
        assert (result[learn].argmax(axis=1) == truth[learn]).mean() > 0.5


def test_untrained_rules_pass_through_cross_fit():
    posteriors, truth, folds = gappy_members()
    np.testing.assert_array_equal(
        rules.cross_fit(RULES["product"], posteriors, truth, folds), untrained.product(posteriors)
    )


def test_top_keeps_the_most_accurate():
    posteriors, truth = noisy_members(members=3, strength=(1.0, 2.5, 1.8), n=600)
    both = rules.top(RULES["soft_mean"], 2)
    assert both.trained
    np.testing.assert_array_equal(
        both.fit(posteriors, truth)(posteriors), RULES["soft_mean"].combine(posteriors[[1, 2]])
    )
    learnt = rules.top(RULES["weighted"], 2)
    np.testing.assert_array_equal(
        learnt.fit(posteriors, truth)(posteriors),
        trained.fit_weighted(posteriors[[1, 2]], truth)(posteriors[[1, 2]]),
    )
    np.testing.assert_array_equal(
        rules.top(RULES["soft_mean"], 9).fit(posteriors, truth)(posteriors),
        RULES["soft_mean"].combine(posteriors),
    )
    assert rules.top(RULES["majority"], 1).hard
    with pytest.raises(ValueError, match="2 members given, expected 3"):
        both.fit(posteriors, truth)(posteriors[:2])


def test_top_of_a_switcher_keeps_its_conditions():
    random = np.random.default_rng(5)
    posteriors, truth = noisy_members(n=200)
    conditions = random.normal(size=(3, 200, 5))
    folds = np.arange(200) % 4
    everyone = rules.cross_fit(
        rules.top(RULES["switcher"], 3), posteriors, truth, folds, conditions
    )
    np.testing.assert_array_equal(
        everyone, rules.cross_fit(RULES["switcher"], posteriors, truth, folds, conditions)
    )
    one = rules.cross_fit(rules.top(RULES["switcher"], 1), posteriors, truth, folds, conditions)
    np.testing.assert_array_equal(one.argmax(axis=1), posteriors[0].argmax(axis=1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: rules.cross_fit(
                RULES["weighted"], np.ones((1, 2, 3)) / 3, np.array([0, 1]), np.array([0, 0])
            ),
            "at least two different folds",
        ),
        (
            lambda: rules.cross_fit(
                RULES["weighted"], np.ones((1, 2, 3)) / 3, np.array([0, 1]), np.array([0])
            ),
            r"folds: shape \(1,\)",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
