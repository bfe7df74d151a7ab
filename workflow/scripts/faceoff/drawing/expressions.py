"""Express emotions as action units, and place them in valence and arousal.

The units are EMFACS prototypes and their variants, with natural variation. Sources: Ekman, Friesen
& Hager, FACS Investigator's Guide (2002), table of prototypes and major variants (EMFACS); valence
and arousal after Russell's circumplex (1980), scaled by intensity.
"""

from collections.abc import Mapping

import numpy as np

INTENSITIES = {"onset": 2.0, "middle": 3.2, "apex": 4.5}  # about B, C-D and D-E on FACS's 0-5 scale

# Variants per emotion: unit -> share of the intensity. A unit ending in X is drawn on one side
# only.
PROTOTYPES: dict[str, tuple[dict[str, float], ...]] = {
    "neutral": ({},),
    "happiness": (
        {"AU06": 0.9, "AU12": 1.0, "AU25": 0.9},
        {"AU06": 0.85, "AU12": 1.0},
        {"AU06": 1.0, "AU12": 1.0, "AU25": 1.0, "AU26": 0.25},
    ),
    "sadness": (
        {"AU01": 1.0, "AU04": 0.75, "AU15": 1.0, "AU43": 0.4},
        {"AU01": 1.0, "AU04": 0.7, "AU15": 1.0, "AU17": 0.7, "AU43": 0.35},
    ),
    "surprise": ({"AU01": 1.0, "AU02": 1.0, "AU05": 0.8, "AU25": 0.8, "AU26": 1.0},),
    "fear": (
        {
            "AU01": 1.0,
            "AU02": 0.6,
            "AU04": 0.75,
            "AU05": 1.0,
            "AU07": 0.5,
            "AU20": 1.0,
            "AU25": 0.8,
            "AU26": 0.45,
        },
        {"AU01": 1.0, "AU02": 0.6, "AU04": 0.7, "AU05": 1.0, "AU20": 1.0, "AU25": 0.9},
    ),
    "disgust": (
        {"AU09": 1.0, "AU10": 0.6, "AU17": 0.7},
        {"AU09": 1.0, "AU10": 0.8, "AU16": 0.7, "AU25": 0.7},
        {"AU09": 0.6, "AU10": 1.0, "AU15": 0.7, "AU17": 0.6},
    ),
    "anger": (
        {"AU04": 1.0, "AU05": 0.7, "AU07": 0.9, "AU17": 0.5, "AU23": 0.9},
        {"AU04": 1.0, "AU05": 0.7, "AU07": 0.9, "AU17": 0.5, "AU24": 0.9},
        {"AU04": 1.0, "AU05": 0.7, "AU07": 0.9, "AU10": 0.6, "AU23": 0.7, "AU25": 0.8, "AU26": 0.3},
        {
            "AU04": 1.0,
            "AU05": 0.7,
            "AU07": 0.9,
            "AU10": 0.8,
            "AU23": 0.6,
            "AU25": 0.9,
            "AU26": 0.45,
        },
    ),
    "contempt": ({"AU14X": 1.0}, {"AU12X": 0.7, "AU14X": 0.9}),
}

_AFFECT = {
    "neutral": (0.0, 0.0),
    "happiness": (0.85, 0.45),
    "sadness": (-0.75, -0.35),
    "surprise": (0.15, 0.85),
    "fear": (-0.65, 0.80),
    "disgust": (-0.70, 0.35),
    "anger": (-0.60, 0.75),
    "contempt": (-0.50, 0.10),
}


def action_units(emotion: str, intensity: str, rng: np.random.Generator) -> dict[str, float]:
    """Return unit -> 0-5 of one posed expression.

    It is a variant with each unit varied by up to 12 %; a neutral face has traces below A.
    """
    variants = PROTOTYPES[emotion]
    variant = variants[int(rng.integers(len(variants)))]
    side = "LR"[int(rng.integers(2))]
    level = INTENSITIES[intensity] if emotion != "neutral" else 0.0
    aus = {
        unit.replace("X", side): round(
            float(np.clip(share * level * (0.88 + 0.24 * rng.random()), 0, 5)), 2
        )
        for unit, share in variant.items()
    }
    if emotion == "neutral":  # no face is quite still
        aus = {
            unit: round(0.4 * float(rng.random()) ** 2, 2)
            for unit in ("AU01", "AU04", "AU12", "AU25")
        }
    return aus


def valence_arousal(emotion: str, intensity: str, rng: np.random.Generator) -> tuple[float, float]:
    """Return (valence, arousal) in [-1, 1]."""
    share = INTENSITIES[intensity] / 5 if emotion != "neutral" else 1.0
    jitter = 0.1 * (rng.random(2) - 0.5)
    valence, arousal = (
        float(np.round(np.clip(value * share + d, -1, 1), 3))
        for value, d in zip(_AFFECT[emotion], jitter, strict=True)
    )
    return valence, arousal


def strength(emotion: str, aus: Mapping[str, float]) -> float:
    """Return the mean intensity (0-5) of the units that belong to the emotion; 0 for neutral."""
    belong = {unit.rstrip("X") for variant in PROTOTYPES[emotion] for unit in variant}
    values = [value for unit, value in aus.items() if unit.rstrip("LR") in belong]
    return round(sum(values) / len(values), 3) if values else 0.0
