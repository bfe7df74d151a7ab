"""Define the canonical label space, the published label orders, and the maps between them.

Canonical names are the nouns of the FACS literature, in one fixed order. A *space* is an ordered
tuple of class names: datasets are scored in a space, models declare their classes in their own
output order. Everything here is data, so it can be read and tested.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import overload

from faceoff.spelling import suggestion

EMOTIONS = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")

SPACES: dict[str, tuple[str, ...]] = {
    "basic8": EMOTIONS,
    "basic7": EMOTIONS[:7],
    "basic6": EMOTIONS[1:7],
}

# Output or column orders as their authors publish them.
# The header of FERPlus' fer2013new.csv (github.com/microsoft/FERPlus).
FERPLUS_COLUMNS = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
    "unknown", "NF",
)  # fmt: skip
# The codes 0–6 of Kaggle's FER2013 challenge (2013), which deepface and fer kept.
FER2013_ORDER = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
# The codes 0–7 of Mollahosseini et al. 2017, which DDAMFN and EmoNet kept.
AFFECTNET_ORDER = (
    "neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt",
)  # fmt: skip

SYNONYMS: dict[str, str] = {
    "neutrality": "neutral", "normal": "neutral",
    "happy": "happiness", "joy": "happiness", "joyful": "happiness", "smile": "happiness",
    "sad": "sadness",
    "surprised": "surprise", "astonishment": "surprise",
    "afraid": "fear", "fearful": "fear", "scared": "fear",
    "disgusted": "disgust",
    "angry": "anger", "mad": "anger",
    "contemptuous": "contempt",
}  # fmt: skip

# Sentiment of the *perceived* emotion. Surprise is ambiguous: in MELD 47.7 % of it is positive,
# 52.3 % negative.
SENTIMENT: dict[str, str] = {
    "neutral": "neutral",
    "happiness": "positive",
    "surprise": "ambiguous",
    "sadness": "negative",
    "fear": "negative",
    "disgust": "negative",
    "anger": "negative",
    "contempt": "negative",
}

# EMFACS prototypes: all outer entries are required, each inner tuple is a set of alternatives
# (L/R: one side only).
EMFACS: dict[str, tuple[tuple[str, ...], ...]] = {
    "happiness": (("AU06",), ("AU12",)),
    "sadness": (("AU01",), ("AU04",), ("AU15",)),
    "surprise": (("AU01",), ("AU02",), ("AU05",), ("AU26",)),
    "fear": (("AU01",), ("AU02",), ("AU04",), ("AU05",), ("AU07",), ("AU20",), ("AU26",)),
    "disgust": (("AU09", "AU10"), ("AU15", "AU16", "AU17")),
    "anger": (("AU04",), ("AU05",), ("AU07",), ("AU23",)),
    "contempt": (("AU12L", "AU12R", "AU14L", "AU14R"),),
}


def space(
    name_or_classes: str | Sequence[str], of_dataset: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Return the classes of a named space (basic8, basic7, basic6) or of a list, in its order.

    In a list, case and surrounding blanks do not matter, and a synonym means its emotion; any other
    word is a class of the dataset's own.

    of_dataset: the classes of the dataset. A word that is neither one of them nor an emotion is
    then an error, because no sample could have it.

    Raises ValueError for an unknown name (with the nearest valid one), for a class that is listed
    twice, and for fewer than two classes, because any prediction would then be right.
    """
    if isinstance(name_or_classes, str):
        if name_or_classes not in SPACES:
            raise ValueError(
                f"unknown label space {name_or_classes!r}{suggestion(name_or_classes, SPACES)}"
            )
        return SPACES[name_or_classes]
    spelt = {name.casefold(): name for name in of_dataset or ()}
    found: dict[str, str] = {}
    for written in name_or_classes:
        name = spelt.get(_word(written)) or _emotion(written)
        if name in found:
            raise ValueError(f"{found[name]!r} and {written!r} are one class, {name}")
        if of_dataset is not None and name not in (*EMOTIONS, *spelt.values()):
            near = suggestion(name, sorted({*EMOTIONS, *spelt}))
            raise ValueError(f"no sample can have the class {written!r} of `space`{near}")
        found[name] = written
    if len(found) < 2:
        raise ValueError(
            f"a label space has two classes or more, not {len(found)}: "
            "of a single one, every prediction is right"
        )
    return tuple(found)


def scored_among(own: Sequence[str]) -> tuple[str, ...]:
    """Return the classes that a dataset is scored among, from those that its labels name.

    Labels of one class say nothing among themselves, as any prediction would be right: they are
    scored among all emotions.
    """
    return tuple(own) if len(set(own)) > 1 else order({*EMOTIONS, *own})


@overload
def canonical(label: str) -> str: ...
@overload
def canonical(
    label: str, label_map: Mapping[str, str | None] | None, own: Sequence[str] = ()
) -> str | None: ...
def canonical(
    label: str, label_map: Mapping[str, str | None] | None = None, own: Sequence[str] = ()
) -> str | None:
    """Return the canonical name of a label as written in a file.

    Case and surrounding blanks do not matter. `label_map` wins over the built-in synonyms; a label
    that it maps to null ("not an emotion") gives None. own: more classes that labels and the map
    may name.

    Raises ValueError with the nearest valid name for an unknown label, and for a label that the map
    sends to an unknown word.
    """
    for written, target in (label_map or {}).items():
        if _word(written) == _word(label):
            if target and _emotion(target) not in (*EMOTIONS, *own):
                near = suggestion(_word(target), sorted({*EMOTIONS, *SYNONYMS, *own}))
                raise ValueError(
                    f"label_map: {written!r}: {target!r} is no known emotion{near}; "
                    "a class of your own has to stand in the list `space`"
                )
            return _emotion(target) if target else None
    if _emotion(label) not in (*EMOTIONS, *own):
        near = suggestion(_word(label), sorted({*EMOTIONS, *SYNONYMS, *own}))
        raise ValueError(
            f"label {label!r} is no known emotion{near}; "
            "add it to `label_map`, or as a class of your own to the list `space`"
        )
    return _emotion(label)


def _word(written: str) -> str:
    """Return a label without case and blanks; a whole number is one spelling, 3 and 3.0."""
    return re.sub(r"^([+-]?\d+)\.0*$", r"\1", written.strip().casefold())


def _emotion(written: str) -> str:
    """Return the emotion that a word means; any other word in lower case."""
    return SYNONYMS.get(_word(written), _word(written))


def order(classes: Collection[str]) -> tuple[str, ...]:
    """Sort classes: known emotions in canonical order, then a task's own classes by name."""
    known = [emotion for emotion in EMOTIONS if emotion in classes]
    return (*known, *sorted(set(classes) - set(EMOTIONS)))
