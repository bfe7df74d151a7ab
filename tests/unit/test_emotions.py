"""The label space: published orders, synonyms, suggestions, sentiment and EMFACS prototypes."""

import pytest

from faceoff import emotions
from faceoff.emotions import EMOTIONS, canonical, order, space
from faceoff.spelling import suggestion

# As their authors write them (FERPlus header, FER2013/deepface/fer, AffectNet), independent of the
# module's own tuples.
PUBLISHED = {
    "FERPLUS_COLUMNS": "neutral, happiness, surprise, sadness, anger, disgust, fear, contempt",
    "FER2013_ORDER": "angry, disgust, fear, happy, sad, surprise, neutral",
    "AFFECTNET_ORDER": "neutral, happy, sad, surprise, fear, disgust, anger, contempt",
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_order_is_as_published(name: str) -> None:
    written = tuple(canonical(word) for word in PUBLISHED[name].split(","))
    assert getattr(emotions, name)[: len(written)] == written


def test_ferplus_ends_with_the_two_columns_that_are_no_emotion() -> None:
    assert emotions.FERPLUS_COLUMNS[8:] == ("unknown", "NF")


def test_canonical_space_and_its_parts() -> None:
    assert space("basic8") == (
        "neutral",
        "happiness",
        "sadness",
        "surprise",
        "fear",
        "disgust",
        "anger",
        "contempt",
    )
    assert space("basic7") == space("basic8")[:-1]
    assert space("basic6") == space("basic7")[1:]
    assert space(["calm", "neutral"]) == ("calm", "neutral")


def test_every_order_is_a_permutation_of_known_emotions() -> None:
    for name in ("FER2013_ORDER", "AFFECTNET_ORDER"):
        classes = getattr(emotions, name)
        assert len(set(classes)) == len(classes)
        assert set(classes) <= set(EMOTIONS)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("happy", "happiness"),
        ("  Happy ", "happiness"),
        ("JOY", "happiness"),
        ("sad", "sadness"),
        ("Surprised", "surprise"),
        ("fearful", "fear"),
        ("disgusted", "disgust"),
        ("Angry", "anger"),
        ("contemptuous", "contempt"),
        ("neutrality", "neutral"),
        ("fear", "fear"),
    ],
)
def test_synonyms(written: str, expected: str) -> None:
    assert canonical(written) == expected


def test_synonyms_lead_to_emotions_and_never_rename_one() -> None:
    assert set(emotions.SYNONYMS.values()) <= set(EMOTIONS)
    assert not set(emotions.SYNONYMS) & set(EMOTIONS)


def test_label_map_wins_over_synonyms_and_may_say_no_emotion() -> None:
    label_map = {"Happy": "surprise", "blurred": None}
    assert canonical("happy", label_map) == "surprise"
    assert canonical("BLURRED ", label_map) is None
    assert canonical("sad", label_map) == "sadness"


def test_label_map_to_a_synonym_means_the_emotion() -> None:
    """`lachend: happy` must not make a ninth class that no model has."""
    assert canonical("lachend", {"lachend": "happy"}) == "happiness"
    assert canonical("lachend", {"lachend": " Happiness"}) == "happiness"


def test_a_class_of_ones_own_has_to_be_declared() -> None:
    """A misspelt target would be a class without a model, and take its pictures from the others."""
    with pytest.raises(
        ValueError,
        match=r"label_map: 'froh': 'hapiness' is no known emotion, did you mean 'happiness'\?; a "
        r"class of your own .* `space`",
    ):
        canonical("froh", {"froh": "hapiness"})
    with pytest.raises(ValueError, match=r"'calm' is no known emotion.*`space`"):
        canonical("calm")
    assert canonical("Calm", own=("happiness", "calm")) == "calm"
    assert canonical("ruhig", {"ruhig": "CALM"}, own=("calm",)) == "calm"


def test_a_list_of_classes_is_read_as_labels_are() -> None:
    """A capital or a synonym taken literally is a class without samples.

    The others then win by default.
    """
    assert space(["Happy", " anger", "Calm"]) == ("happiness", "anger", "calm")
    assert space(["awe", "joy"], of_dataset=("Awe", "happiness")) == ("Awe", "happiness"), (
        "a plug-in's own spelling stands"
    )
    assert space(["contempt", "fear"], of_dataset=("fear", "neutral")) == ("contempt", "fear"), (
        "models can answer every emotion"
    )


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (["happiness", "Happy", "anger"], "'happiness' and 'Happy' are one class, happiness"),
        (["calm", "anger", "calm"], "'calm' and 'calm' are one class"),
        (["happiness"], "two classes or more, not 1"),
        ([], "two classes or more, not 0"),
        (
            ["hapiness", "anger"],
            "no sample can have the class 'hapiness' of `space`, did you mean 'happiness'",
        ),
        (["clam", "anger"], "no sample can have the class 'clam' of `space`, did you mean 'calm'"),
    ],
)
def test_a_space_that_cannot_be_is_an_error(classes: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        space(classes, of_dataset=("happiness", "anger", "calm"))


def test_unknown_label_names_the_nearest_and_the_cure() -> None:
    with pytest.raises(ValueError, match=r"'hapiness'.*did you mean 'happiness'\?.*label_map"):
        canonical("hapiness")


def test_suggestion_lists_what_is_valid_when_nothing_is_near() -> None:
    assert suggestion("zzz", ["b", "a"]) == "; valid: a, b"
    assert suggestion("modles", ["models", "datasets"]) == ", did you mean 'models'?"
    with pytest.raises(ValueError, match="did you mean 'basic7'"):
        space("basic77")


def test_order_puts_emotions_first_and_a_tasks_own_classes_by_name() -> None:
    assert order(["calm", "anger", "bored", "neutral"]) == ("neutral", "anger", "bored", "calm")
    assert order(EMOTIONS[::-1]) == EMOTIONS


# Friesen & Ekman 1983 (EMFACS-7); | separates alternatives.
EMFACS = {
    "happiness": "6+12",
    "sadness": "1+4+15",
    "surprise": "1+2+5+26",
    "fear": "1+2+4+5+7+20+26",
    "anger": "4+5+7+23",
    "disgust": "9|10 + 15|16|17",
}


@pytest.mark.parametrize("emotion", EMFACS)
def test_emfacs_prototypes(emotion: str) -> None:
    expected = [
        {f"AU{int(unit):02d}" for unit in part.split("|")} for part in EMFACS[emotion].split("+")
    ]
    assert [set(options) for options in emotions.EMFACS[emotion]] == expected


def test_contempt_is_unilateral_and_neutral_has_no_prototype() -> None:
    assert [set(options) for options in emotions.EMFACS["contempt"]] == [
        {"AU12L", "AU12R", "AU14L", "AU14R"}
    ]
    assert set(emotions.EMFACS) == set(EMOTIONS) - {"neutral"}


def test_every_emotion_has_a_sentiment_and_surprise_is_ambiguous() -> None:
    assert set(emotions.SENTIMENT) == set(EMOTIONS)
    assert emotions.SENTIMENT["surprise"] == "ambiguous"
    assert {emotion for emotion, value in emotions.SENTIMENT.items() if value == "positive"} == {
        "happiness"
    }
    assert {emotion for emotion, value in emotions.SENTIMENT.items() if value == "negative"} == {
        "anger",
        "disgust",
        "fear",
        "sadness",
        "contempt",
    }


def test_one_class_is_scored_among_all_emotions():
    assert emotions.scored_among(("happiness",)) == emotions.EMOTIONS
    assert emotions.scored_among(("contempt",)) == emotions.EMOTIONS
    assert emotions.scored_among(("calm",)) == (*emotions.EMOTIONS, "calm")
    assert emotions.scored_among(("happiness", "sadness")) == ("happiness", "sadness")
