"""The canonical label space, every label order in use, and the maps between them.

Canonical names are the FACS literature's nouns, in one fixed order. A *space* is an ordered tuple of class names; datasets are
scored in a space, models declare their classes in their own output order. Everything here is data, so it can be read and tested.
"""

import difflib
from collections.abc import Mapping, Sequence

EMOTIONS = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")

SPACES: dict[str, tuple[str, ...]] = {
    "basic8": EMOTIONS,
    "basic7": EMOTIONS[:7],
    "basic6": EMOTIONS[1:7],
}

# Output or column orders as their authors publish them (guide/facts/references.md names the sources).
FERPLUS_COLUMNS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
FER2013_ORDER = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
AFFECTNET_ORDER = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
HSEMOTION_ORDER = ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")

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

# Sentiment of the *perceived* emotion. Surprise is ambiguous: in MELD 47.7 % of it is positive, 52.3 % negative.
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

# EMFACS prototypes: each inner tuple is a set of alternatives, all outer entries are required (L/R = one side only).
EMFACS: dict[str, tuple[tuple[str, ...], ...]] = {
    "happiness": (("AU06",), ("AU12",)),
    "sadness": (("AU01",), ("AU04",), ("AU15",)),
    "surprise": (("AU01",), ("AU02",), ("AU05",), ("AU26",)),
    "fear": (("AU01",), ("AU02",), ("AU04",), ("AU05",), ("AU07",), ("AU20",), ("AU26",)),
    "disgust": (("AU09", "AU10"), ("AU15", "AU16", "AU17")),
    "anger": (("AU04",), ("AU05",), ("AU07",), ("AU23",)),
    "contempt": (("AU12L", "AU12R", "AU14L", "AU14R"),),
}


def space(name_or_classes: str | Sequence[str]) -> tuple[str, ...]:
    """Return the classes of a named space (`basic8`, `basic7`, `basic6`) or the given classes unchanged, as a tuple."""
    if isinstance(name_or_classes, str):
        if name_or_classes not in SPACES:
            raise ValueError(f"unknown label space {name_or_classes!r}{suggestion(name_or_classes, SPACES)}")
        return SPACES[name_or_classes]
    return tuple(name_or_classes)


def canonical(label: str, label_map: Mapping[str, str | None] | None = None) -> str | None:
    """Map a label as written in a file to its canonical name; None for a label that the map sends to null ("not an emotion").

    `label_map` wins over the built-in synonyms. Case and surrounding blanks do not matter.
    Raises ValueError with the nearest valid name when the label is in neither.
    """
    key = label.strip().casefold()
    if label_map:
        for written, target in label_map.items():
            if written.strip().casefold() == key:
                return SYNONYMS.get(target.strip().casefold(), target) if target else None
    if key in EMOTIONS:
        return key
    if key in SYNONYMS:
        return SYNONYMS[key]
    raise ValueError(f"label {label!r} is no known emotion{suggestion(key, [*EMOTIONS, *SYNONYMS])}; add it to `label_map`")


def order(classes: Sequence[str]) -> tuple[str, ...]:
    """Sort classes canonically: known emotions in canonical order, then a task's own classes by name."""
    known = [emotion for emotion in EMOTIONS if emotion in classes]
    return (*known, *sorted(set(classes) - set(EMOTIONS)))


def suggestion(word: str, valid: Sequence[str] | Mapping[str, object]) -> str:
    """', did you mean …?' for a near miss, else '; valid: …'. The end of every unknown-name message."""
    near = difflib.get_close_matches(word, list(valid), n=1, cutoff=0.6)
    return f", did you mean {near[0]!r}?" if near else f"; valid: {', '.join(sorted(valid))}"
