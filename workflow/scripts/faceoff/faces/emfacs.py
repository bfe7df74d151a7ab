"""Derive emotions from action units by EMFACS rules.

The rules say which emotions a detector's units can tell apart, and how strongly each one is shown.
Intensities are FACS's A to E as 0–5. A rule is a conjunction of alternatives (`emotions.EMFACS`).
Its score is the mean over its required units of intensity / 5; a unit that is not present counts 0,
and of alternatives the strongest counts. A rule with a required unit that the detector lacks is
unevaluable: its class is absent from that model's space, because a score on the remaining units
would be another rule.

Sources: Friesen & Ekman 1983 (EMFACS-7); Ekman, Friesen & Hager 2002, FACS Investigator's Guide,
table of prototypes and major variants.
"""

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from faceoff.emotions import EMFACS, EMOTIONS
from faceoff.inference.runtimes import softmax
from faceoff.spelling import suggestion

Rule = tuple[tuple[str, ...], ...]  # all of the outer entries, any one of each inner

# Variants in use beside the prototypes, by the name that a model's options give: (emotion, rule).
VARIANTS: dict[str, tuple[str, Rule]] = {
    "happiness_25": ("happiness", (("AU06",), ("AU12",), ("AU25",))),
    "anger_24": ("anger", (("AU04",), ("AU05",), ("AU07",), ("AU24",))),
    "fear_25": ("fear", (("AU01",), ("AU02",), ("AU04",), ("AU05",), ("AU20",), ("AU25",))),
}


def rules(variants: Iterable[str] = ()) -> dict[str, Rule]:
    """Return the prototypes, with these variants in place of theirs.

    Raises ValueError for an unknown variant, or for two variants of one emotion.
    """
    chosen = dict(EMFACS)
    replaced: dict[str, str] = {}
    for name in variants:
        if name not in VARIANTS:
            raise ValueError(f"unknown EMFACS variant {name!r}{suggestion(str(name), VARIANTS)}")
        emotion, rule = VARIANTS[name]
        if emotion in replaced:
            raise ValueError(
                f"EMFACS variants {replaced[emotion]!r} and {name!r} are both of {emotion}: "
                "choose one"
            )
        replaced[emotion] = name
        chosen[emotion] = rule
    return chosen


def evaluable(readable: Collection[str], chosen: Mapping[str, Rule] = EMFACS) -> tuple[str, ...]:
    """Return neutral and the emotions whose rule is evaluable, in canonical order.

    Every required entry of an evaluable rule has at least one unit among `readable`.
    """
    available = set(readable)
    return tuple(
        emotion
        for emotion in EMOTIONS
        if emotion == "neutral" or all(available & set(options) for options in chosen[emotion])
    )


def unevaluable(
    readable: Collection[str], chosen: Mapping[str, Rule] = EMFACS
) -> dict[str, tuple[str, ...]]:
    """Return the other emotions, each with the units of the first entry that the detector lacks."""
    kept, available = evaluable(readable, chosen), set(readable)
    return {
        emotion: next(options for options in chosen[emotion] if not available & set(options))
        for emotion in EMOTIONS
        if emotion not in kept
    }


def scores(
    units: Mapping[str, np.ndarray],
    chosen: Mapping[str, Rule] = EMFACS,
    present: Mapping[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Return scores (n,), 0–1, of every evaluable emotion but neutral, from intensities (n,), 0–5.

    present: (n,) bool by unit, if the detector decides presence apart from intensity. A unit that
    it does not name is present at any intensity.
    """
    shown = {
        name: np.where(present[name], values, 0.0) if present and name in present else values
        for name, values in units.items()
    }
    return {
        emotion: np.mean(
            [
                np.max([shown[unit] for unit in options if unit in shown], axis=0)
                for options in chosen[emotion]
            ],
            axis=0,
        )
        / 5
        for emotion in evaluable(units, chosen)
        if emotion != "neutral"
    }


def intensities(probabilities: Mapping[str, float], units: Mapping[str, float]) -> dict[str, float]:
    """Return how strongly each emotion is shown: its probability times the evidence of its units.

    The evidence is the score of its prototype, so an emotion that a model is sure of and that the
    units do not show is weak, and so is one that the units show and the model denies. Emotions
    whose prototype the units cannot tell are left out; so is neutral.

    Parameters
    ----------
    probabilities
        Emotion -> 0–1, calibrated where they can be.
    units
        Action unit -> intensity 0–5.
    """
    evidence = scores({name: np.array([value]) for name, value in units.items()})
    return {
        emotion: probabilities[emotion] * float(shown[0])
        for emotion, shown in evidence.items()
        if emotion in probabilities
    }


def posterior(
    by_emotion: Mapping[str, np.ndarray],
    classes: tuple[str, ...],
    neutral: float,
    temperature: float = 1.0,
) -> np.ndarray:
    """Return (n, k), the softmax of score / temperature in the order of `classes`.

    Neutral has no rule and scores the constant `neutral` (0–1), so it wins where no emotion scores
    higher. At temperature 1, scores of 0–1 leave the posterior flat: use its order, not its
    confidence.
    """
    count = len(next(iter(by_emotion.values())))
    columns = [
        np.full(count, neutral) if emotion == "neutral" else by_emotion[emotion]
        for emotion in classes
    ]
    return softmax(np.column_stack(columns) / temperature)
