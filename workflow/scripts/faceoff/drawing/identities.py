"""Who is drawn: parameters of a face, sampled once per identity and the same in every scene."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from faceoff.drawing.seeds import stream

COUNT = {"train": 24, "valid": 8, "test": 16}

# Ten steps from light to dark after the Monk Skin Tone scale (Monk 2019, skintone.google), as sRGB
# in [0, 1], a little redder as under warm light.
SKIN_TONES = np.array(
    [
        (0.96, 0.85, 0.79),
        (0.95, 0.82, 0.74),
        (0.93, 0.79, 0.68),
        (0.89, 0.72, 0.58),
        (0.83, 0.64, 0.49),
        (0.73, 0.54, 0.40),
        (0.62, 0.43, 0.31),
        (0.51, 0.35, 0.26),
        (0.43, 0.29, 0.215),
        (0.36, 0.245, 0.185),
    ]
)
HAIR_COLOURS = {
    "black": (0.13, 0.11, 0.11),
    "brown": (0.28, 0.18, 0.12),
    "chestnut": (0.40, 0.24, 0.14),
    "blond": (0.74, 0.58, 0.36),
    "red": (0.58, 0.27, 0.13),
    "grey": (0.60, 0.60, 0.60),
    "white": (0.84, 0.84, 0.82),
}
EYE_COLOURS = {
    "brown": (0.30, 0.18, 0.10),
    "dark": (0.19, 0.12, 0.09),
    "hazel": (0.40, 0.30, 0.15),
    "green": (0.33, 0.42, 0.27),
    "blue": (0.33, 0.47, 0.60),
    "grey": (0.45, 0.50, 0.54),
}
HAIR_STYLES = (
    "crop",
    "side",
    "fringe",
    "bob",
    "long",
    "curly",
    "bun",
    "wavy",
    "receding",
    "bald",
    "scarf",
)


@dataclass(frozen=True)
class Identity:
    """The measures of a drawn person.

    Lengths are in mm of an adult's average face unless named a ratio (1 = average); colours are
    sRGB in [0, 1].
    """

    name: str
    age_group: str
    skin_tone: int  # 1 (lightest) to 10 (darkest)
    skin: tuple[float, float, float]
    hair_style: str
    hair_colour: str
    hair: tuple[float, float, float]
    eye_colour: str
    iris: tuple[float, float, float]
    brow_thickness: float
    glasses: str  # none, round, square
    beard: str  # none, stubble, moustache, goatee, full
    clothing: tuple[float, float, float]
    half_width: float
    jaw: float  # half width at the jaw's angle
    chin: float  # y of the chin's lowest point
    hairline: float  # y of the hairline
    eye_x: float
    eye_length: float
    eye_opening: float  # ratio
    eye_tilt: float
    brow_y: float
    nose_half_width: float
    nose_y: float  # y of the base of the nose
    mouth_y: float
    mouth_half_width: float
    upper_lip: float
    lower_lip: float
    age_lines: float  # 0 (child) to 1 (deep)
    freckles: float

    @property
    def groups(self) -> dict[str, str]:
        """Return attributes by which results can be split."""
        tone = "light" if self.skin_tone <= 3 else "medium" if self.skin_tone <= 6 else "dark"
        return {
            "age_group": self.age_group,
            "skin_tone": tone,
            "glasses": self.glasses,
            "beard": self.beard,
            "hair": self.hair_style,
        }


def names(split: str) -> list[str]:
    """Return the identity names of a split; no name is in two splits."""
    return [f"{split}{i:02d}" for i in range(COUNT[split])]


@lru_cache(maxsize=64)
def identity(name: str) -> Identity:
    """Return the identity called ``name`` (e.g. ``test03``).

    Age and skin tone follow the number, so that every split is balanced; the rest is drawn from the
    name's stream.
    """
    rng = stream("identity", name)
    number = int(name[-2:])
    age = ("adult", "older", "adult", "child")[number % 4]
    tone = (number * 3 + len(name.rstrip("0123456789"))) % 10
    child, older = age == "child", age == "older"

    def about(mean: float, spread: float) -> float:
        return float(mean * (1 + spread * (rng.random() + rng.random() - 1)))

    bearded = rng.random() < (0.0 if child else 0.4)
    styles = [
        s
        for s in HAIR_STYLES
        if not (child and s in ("receding", "bald", "scarf"))
        and not (bearded and s in ("bob", "bun", "scarf", "long"))
        and not (not bearded and s == "bald")
    ]
    style = str(rng.choice(styles))
    colours = (
        ["grey", "white", "grey", "black"]
        if older
        else ["black", "black", "brown"]
        if tone >= 6
        else ["black", "brown", "chestnut", "blond", "red"]
        if tone < 4
        else ["black", "brown", "black"]
    )
    colour = str(rng.choice(colours))
    eye = str(
        rng.choice(["brown", "dark"] if tone >= 4 else ["brown", "hazel", "green", "blue", "grey"])
    )
    shade = np.clip(SKIN_TONES[tone] * (1 + 0.03 * (rng.random(3) - 0.5)), 0, 1)
    face = rng.random()  # 0: long and narrow, 1: short and wide
    return Identity(
        name=name,
        age_group=age,
        skin_tone=tone + 1,
        skin=tuple(shade.tolist()),
        hair_style=style,
        hair_colour=colour,
        hair=HAIR_COLOURS[colour],
        eye_colour=eye,
        iris=EYE_COLOURS[eye],
        brow_thickness=about(0.75 if child else 1.0, 0.25),
        glasses=str(rng.choice(["none", "round", "square"], p=[0.76, 0.12, 0.12])),
        beard=str(rng.choice(["stubble", "moustache", "goatee", "full"])) if bearded else "none",
        clothing=tuple((0.15 + 0.65 * rng.random(3)).tolist()),
        half_width=about(66 + 4 * face, 0.03),
        jaw=about(53 if child else 55, 0.08),
        chin=(99 if child else 114 - 4 * face) + 4 * (rng.random() - 0.5),
        hairline=-(70 if child else 69) - 6 * (rng.random() - 0.5),
        eye_x=about(31 if child else 31.5, 0.04),
        eye_length=about(31.5 if child else 30, 0.05),
        eye_opening=about(1.22 if child else 0.94 if older else 1.0, 0.12),
        eye_tilt=2.5 * (rng.random() - 0.4),
        brow_y=-(20.5 if child else 20) - 2.5 * (rng.random() - 0.5),
        nose_half_width=about(14.5 if child else 17, 0.14),
        nose_y=(38 if child else 46) + 4 * (rng.random() - 0.5),
        mouth_y=(59 if child else 69) + 3 * (rng.random() - 0.5),
        mouth_half_width=about(22 if child else 25.5, 0.08),
        upper_lip=about(6.0 if older else 7.2, 0.25),
        lower_lip=about(7.5 if older else 9.2, 0.22),
        age_lines=0.0
        if child
        else 0.75 + 0.25 * rng.random()
        if older
        else 0.12 + 0.15 * rng.random(),
        freckles=float(rng.random() < 0.3) * rng.random() if tone < 4 else 0.0,
    )
