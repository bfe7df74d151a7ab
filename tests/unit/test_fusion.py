"""The fusion rules by name: what all of them promise, cross-fitting, and the choice of the most
accurate members.
"""

import re
from pathlib import Path

import numpy as np
import pytest
from posterior_fixtures import NAN, RULES, gappy_members, noisy_members

from faceoff.fusion import rule_list
from faceoff.fusion.rule import Rule, cross_fit, top
from faceoff.fusion.rules.product import product
from faceoff.fusion.rules.weighted import fit_weighted
from faceoff.fusion.votes import votes
from faceoff.plugins import code_hash
from faceoff.scoring import metrics

DOCS = Path(__file__).parents[2] / "docs"
TRAINED = sorted(name for name, rule in RULES.items() if rule.learns)


def test_registry_marks_hard_and_trained_rules():
    assert {name for name, rule in RULES.items() if rule.hard} == {"majority", "borda"}
    assert {*TRAINED} == {
        "temperature",
        "weighted",
        "class_weighted",
        "log_linear",
        "stacking",
        "naive_bayes",
        "dempster_shafer",
        "switcher",
    }
    assert {name for name, rule in RULES.items() if rule.by_face} == {"switcher"}
    assert all(
        (rule.combine is None) == rule.learns == bool(rule.learnt) for rule in RULES.values()
    )
    assert {name for name, rule in RULES.items() if rule.weights} == {"weighted", "log_linear"}


def test_titles_and_sentences_are_distinct():
    for said in ("title", "about"):
        assert len({getattr(rule, said) for rule in RULES.values()}) == len(RULES)


@pytest.mark.parametrize(
    ("page", "heading"),
    [("configuration.md", "## Fusions"), ("protocol.md", "### Formulas of the fusion rules (§20)")],
)
def test_the_tables_of_the_docs_have_every_rule(page, heading):
    text = (DOCS / page).read_text(encoding="utf-8").split(heading)[1]
    table = [line for line in text.split("\n\n**")[0].splitlines() if line.startswith("| `")]
    named = [name for line in table for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert {name for name in named if name in RULES} == set(RULES)


def test_unknown_rule_gets_a_near_miss():
    with pytest.raises(ValueError, match="no fusion rule 'stakking', did you mean 'stacking'"):
        rule_list.get("stakking")
    with pytest.raises(ValueError, match="no fusion rule '__init__'"):
        rule_list.file_of("__init__")


@pytest.mark.parametrize("ways", [{}, {"combine": product, "fit": fit_weighted}])
def test_a_rule_has_exactly_one_way(ways):
    with pytest.raises(ValueError, match=f"{len(ways)} of combine, fit and fit_by_face given"):
        Rule(title="none", about="nothing", **ways)


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_code_of_a_rule_is_its_own_file(name):
    """An edit of one rule leaves the hash of the others."""
    reached = code_hash.reached([(rule_list.file_of(name), None)])
    assert {path.name for path in reached if path.parent == rule_list.FOLDER} <= {
        f"{name}.py",
        "__init__.py",
    }
    stage = code_hash.reached([(code_hash.PACKAGE / "stages" / "fuse.py", None)])
    assert rule_list.file_of(name) not in stage


@pytest.mark.parametrize("name", TRAINED)
def test_trained_rules_beat_their_members_and_respect_absence(name):
    posteriors, truth, folds = gappy_members()
    result = cross_fit(RULES[name], posteriors, truth, folds)
    present = ~np.isnan(posteriors).all(axis=(0, 2))
    assert not present[7]
    np.testing.assert_array_equal(~np.isnan(result).any(axis=1), present)
    np.testing.assert_allclose(result[present].sum(axis=1), 1)
    assert (
        metrics.summary(truth, result)["accuracy"] > (votes(posteriors) == truth).mean(axis=1).max()
    )


@pytest.mark.parametrize("name", TRAINED)
def test_cross_fitting_never_sees_its_own_fold(name):
    posteriors, truth, folds = gappy_members()
    relabelled = np.where(folds == 2, (truth + 1) % 4, truth)
    first, second = (
        cross_fit(RULES[name], posteriors, labels, folds) for labels in (truth, relabelled)
    )
    np.testing.assert_array_equal(first[folds == 2], second[folds == 2])
    assert not np.allclose(first[folds == 1], second[folds == 1], equal_nan=True)
    here = folds == 2
    direct = RULES[name].learn(posteriors[:, ~here], truth[~here])(posteriors[:, here], None)
    np.testing.assert_array_equal(first[here], direct)


@pytest.mark.parametrize("name", TRAINED)
def test_absent_everywhere_in_training(name):
    posteriors, truth, _ = gappy_members()
    training = posteriors[:, :200].copy()
    training[2] = NAN
    result = RULES[name].learn(training, truth[:200])(posteriors[:, 200:], None)
    np.testing.assert_allclose(result.sum(axis=1), 1)


@pytest.mark.parametrize("name", sorted(RULES))
def test_order_of_members_and_of_classes_does_not_matter(name):
    posteriors, truth, folds = gappy_members()
    result = cross_fit(RULES[name], posteriors, truth, folds)
    members_moved = cross_fit(RULES[name], posteriors[[2, 0, 1]], truth, folds)
    np.testing.assert_allclose(members_moved, result, atol=2e-4)
    order = np.array([2, 0, 3, 1])
    classes_moved = cross_fit(RULES[name], posteriors[:, :, order], np.argsort(order)[truth], folds)
    # Rules that count votes and ranks break ties by the order of classes, which is part of their
    # definition.
    same = (
        ~np.isnan(result).any(axis=1)
        & (np.sort(posteriors, axis=2)[:, :, :1] >= 0).all(axis=(0, 2))
        if RULES[name].hard
        else slice(None)
    )
    np.testing.assert_allclose(classes_moved[same], result[same][:, order], atol=2e-4)


@pytest.mark.parametrize("name", TRAINED)
def test_a_fold_without_some_class_and_one_member_alone(name):
    """The class is in no training sample: every rule still gives distributions, and is right about
    the classes that it saw.
    """
    posteriors, truth = noisy_members(n=300)
    learn = truth != 3
    for voters in (posteriors, posteriors[:1]):
        result = RULES[name].learn(voters[:, learn], truth[learn])(voters, None)
        np.testing.assert_allclose(result.sum(axis=1), 1)
        assert (result[learn].argmax(axis=1) == truth[learn]).mean() > 0.5


def test_untrained_rules_pass_through_cross_fit():
    posteriors, truth, folds = gappy_members()
    np.testing.assert_array_equal(
        cross_fit(RULES["product"], posteriors, truth, folds), product(posteriors)
    )


def test_top_keeps_the_most_accurate():
    posteriors, truth = noisy_members(members=3, strength=(1.0, 2.5, 1.8), n=600)
    both = top(RULES["soft_mean"], 2)
    assert both.learns
    np.testing.assert_array_equal(
        both.fit(posteriors, truth)(posteriors), RULES["soft_mean"].combine(posteriors[[1, 2]])
    )
    learnt = top(RULES["weighted"], 2)
    np.testing.assert_allclose(
        learnt.fit(posteriors, truth)(posteriors),
        fit_weighted(posteriors[[1, 2]], truth)(posteriors[[1, 2]]),
        rtol=1e-12,
    )
    np.testing.assert_array_equal(
        top(RULES["soft_mean"], 9).fit(posteriors, truth)(posteriors),
        RULES["soft_mean"].combine(posteriors),
    )
    assert top(RULES["majority"], 1).hard
    with pytest.raises(ValueError, match="2 members given, expected 3"):
        both.fit(posteriors, truth)(posteriors[:2])


def test_top_of_a_switcher_keeps_its_conditions():
    random = np.random.default_rng(5)
    posteriors, truth = noisy_members(n=200)
    conditions = random.normal(size=(3, 200, 5))
    folds = np.arange(200) % 4
    everyone = cross_fit(top(RULES["switcher"], 3), posteriors, truth, folds, conditions)
    np.testing.assert_array_equal(
        everyone, cross_fit(RULES["switcher"], posteriors, truth, folds, conditions)
    )
    one = cross_fit(top(RULES["switcher"], 1), posteriors, truth, folds, conditions)
    np.testing.assert_array_equal(one.argmax(axis=1), posteriors[0].argmax(axis=1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: cross_fit(
                RULES["weighted"], np.ones((1, 2, 3)) / 3, np.array([0, 1]), np.array([0, 0])
            ),
            "at least two different folds",
        ),
        (
            lambda: cross_fit(
                RULES["weighted"], np.ones((1, 2, 3)) / 3, np.array([0, 1]), np.array([0])
            ),
            r"folds: shape \(1,\)",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
