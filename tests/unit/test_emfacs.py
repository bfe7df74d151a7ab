"""EMFACS rules: worked examples, alternatives, presence, and classes that units cannot tell."""

import numpy as np
import pytest

from faceoff.emotions import EMFACS, EMOTIONS
from faceoff.faces import emfacs

OPENFACE = {
    f"AU{number:02d}" for number in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
}
EVERY = {unit for rule in EMFACS.values() for options in rule for unit in options}


def units(**intensity: float) -> dict[str, np.ndarray]:
    """Return OpenFace's units, zero but for those given."""
    return {unit: np.array([intensity.get(unit, 0.0)]) for unit in sorted(OPENFACE)}


@pytest.mark.parametrize(
    ("shown", "emotion", "score"),
    [
        ({"AU06": 3.0, "AU12": 4.0}, "happiness", (3 + 4) / 2 / 5),
        ({"AU12": 5.0}, "happiness", 0.5),
        ({"AU01": 2.0, "AU04": 3.0, "AU15": 1.0}, "sadness", (2 + 3 + 1) / 3 / 5),
        ({"AU01": 5.0, "AU02": 5.0, "AU05": 5.0, "AU26": 5.0}, "surprise", 1.0),
        (
            {
                "AU01": 1.0,
                "AU02": 1.0,
                "AU04": 3.0,
                "AU05": 1.0,
                "AU07": 1.0,
                "AU20": 2.0,
                "AU26": 1.0,
            },
            "fear",
            10 / 7 / 5,
        ),
        ({"AU04": 4.0, "AU05": 2.0, "AU07": 1.0, "AU23": 3.0}, "anger", 10 / 4 / 5),
        (
            {"AU09": 2.0, "AU10": 4.0, "AU15": 1.0, "AU17": 3.0},
            "disgust",
            (4 + 3) / 2 / 5,
        ),  # of alternatives the strongest
    ],
)
def test_worked_example(shown: dict[str, float], emotion: str, score: float) -> None:
    found = emfacs.scores(units(**shown))
    assert found[emotion][0] == pytest.approx(score)
    assert max(found, key=lambda name: found[name][0]) == emotion


def test_fear_wins_over_surprise_only_by_its_own_units() -> None:
    """Fear's rule holds all of surprise's, so equal intensities tie, and the earlier class wins.

    That is a property of scoring by means.
    """
    found = emfacs.scores(
        units(**dict.fromkeys(("AU01", "AU02", "AU04", "AU05", "AU07", "AU20", "AU26"), 5.0))
    )
    assert found["fear"][0] == found["surprise"][0] == 1.0


def test_a_unit_that_is_not_present_counts_nothing() -> None:
    shown = units(AU06=3.0, AU12=4.0)
    present = {"AU06": np.array([False]), "AU12": np.array([True])}
    assert emfacs.scores(shown, present=present)["happiness"][0] == pytest.approx(4 / 2 / 5)
    assert emfacs.scores(shown, present={})["happiness"][0] == pytest.approx(0.7)


def test_a_face_at_rest_is_neutral_and_ties_cannot_win() -> None:
    classes = emfacs.evaluable(OPENFACE)
    p = emfacs.posterior(emfacs.scores(units()), classes, neutral=0.35)
    assert classes[int(p[0].argmax())] == "neutral"
    assert p.sum() == pytest.approx(1)


def test_softmax_at_temperature_one_by_hand() -> None:
    classes = emfacs.evaluable(OPENFACE)
    p = emfacs.posterior(emfacs.scores(units(AU06=5.0, AU12=5.0)), classes, neutral=0.35)
    total = np.e**1 + np.e**0.35 + (len(classes) - 2)
    assert p[0, classes.index("happiness")] == pytest.approx(np.e / total)
    assert p[0, classes.index("neutral")] == pytest.approx(np.e**0.35 / total)
    sharp = emfacs.posterior(
        emfacs.scores(units(AU06=5.0, AU12=5.0)), classes, neutral=0.35, temperature=0.1
    )
    assert sharp[0, classes.index("happiness")] > 0.99


def test_openface_cannot_tell_contempt() -> None:
    """No unit of one side; disgust stays, by AU15 or AU17 in the place of AU16."""
    assert emfacs.evaluable(OPENFACE) == EMOTIONS[:7]
    assert emfacs.unevaluable(OPENFACE) == {"contempt": ("AU12L", "AU12R", "AU14L", "AU14R")}
    assert "contempt" not in emfacs.scores(units())


@pytest.mark.parametrize(
    ("lost", "gone"),
    [
        ({"AU06"}, {"happiness"}),
        ({"AU01"}, {"sadness", "surprise", "fear"}),
        ({"AU23"}, {"anger"}),
        ({"AU16"}, set()),
        ({"AU15", "AU16", "AU17"}, {"sadness", "disgust"}),
        ({"AU12L", "AU12R", "AU14L"}, set()),
        (EVERY, set(EMOTIONS) - {"neutral"}),
    ],
)
def test_a_rule_without_its_unit_is_unevaluable_and_its_class_absent(
    lost: set[str], gone: set[str]
) -> None:
    left = EVERY - lost
    assert set(emfacs.unevaluable(left)) == gone
    assert set(emfacs.evaluable(left)) == set(EMOTIONS) - gone
    assert set(emfacs.scores({unit: np.zeros(2) for unit in left})) == set(EMOTIONS) - gone - {
        "neutral"
    }


def test_variants_replace_one_rule_each() -> None:
    assert emfacs.rules() == EMFACS
    chosen = emfacs.rules(["anger_24", "happiness_25"])
    assert [set(options) for options in chosen["anger"]] == [{"AU04"}, {"AU05"}, {"AU07"}, {"AU24"}]
    assert chosen["fear"] == EMFACS["fear"]
    assert set(emfacs.unevaluable(OPENFACE, chosen)) == {"anger", "contempt"}, (
        "OpenFace has no AU24"
    )
    found = emfacs.scores(units(AU06=5.0, AU12=5.0), chosen)
    assert found["happiness"][0] == pytest.approx(2 / 3)
    assert {emotion for emotion, _ in emfacs.VARIANTS.values()} <= set(EMFACS)


def test_unknown_variant_is_named_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"'anger_42', did you mean 'anger_24'\?"):
        emfacs.rules(["anger_42"])
    with pytest.raises(ValueError, match="both of anger"):
        emfacs.rules(["anger_24", "anger_24"])


def test_no_rows() -> None:
    empty = {unit: np.zeros(0) for unit in OPENFACE}
    assert emfacs.posterior(emfacs.scores(empty), emfacs.evaluable(OPENFACE), 0.35).shape == (0, 7)


def test_an_intensity_is_probability_times_the_evidence_of_the_units():
    """Happiness needs AU06 and AU12: the evidence is their mean over 5."""
    units = {"AU06": 4.0, "AU12": 3.0}
    found = emfacs.intensities({"happiness": 0.8, "neutral": 0.2, "anger": 0.0}, units)
    assert found == {"happiness": pytest.approx(0.8 * (4 + 3) / 2 / 5)}


def test_an_emotion_that_the_model_denies_or_the_units_do_not_show_is_weak():
    shown, hidden = {"AU06": 5.0, "AU12": 5.0}, {"AU06": 0.0, "AU12": 0.0}
    assert emfacs.intensities({"happiness": 0.05}, shown) == {"happiness": pytest.approx(0.05)}
    assert emfacs.intensities({"happiness": 0.95}, hidden) == {"happiness": 0.0}
