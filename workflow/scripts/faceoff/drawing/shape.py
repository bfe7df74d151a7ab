"""Place the parts of a face: curves in mm for one identity, displaced by action units.

Action units are those of FACS (Ekman, Friesen & Hager 2002) on a 0-5 scale (A-E); a suffix L or R
names the person's own side. Side 0 is the viewer's left (the person's right), side 1 the viewer's
right. The amplitudes, in mm at intensity 5, follow the ranges seen in FACS's plates.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from faceoff.drawing.identities import Identity
from faceoff.drawing.raster import curve

UNITS = (
    "AU01",
    "AU02",
    "AU04",
    "AU05",
    "AU06",
    "AU07",
    "AU09",
    "AU10",
    "AU12",
    "AU14",
    "AU15",
    "AU16",
    "AU17",
    "AU20",
    "AU23",
    "AU24",
    "AU25",
    "AU26",
    "AU43",
)
IRIS_RADIUS = 6.0
GAZE_MM = np.array([3.6, 2.0])  # how far an iris moves for a gaze of (1, 1)


@dataclass(frozen=True)
class Shape:
    """Curves as (n, 2) mm; pairs are (viewer's left, viewer's right)."""

    outline: np.ndarray  # closed: hairline, cheek, chin, cheek
    head: np.ndarray  # (k, 2) of y and half width of the whole head, y rising
    brows: tuple[np.ndarray, np.ndarray]  # from the inner end to the tail
    upper_lids: tuple[np.ndarray, np.ndarray]  # from the inner to the outer corner
    lower_lids: tuple[np.ndarray, np.ndarray]
    irises: np.ndarray  # (2, 2)
    lip_top: np.ndarray  # four lines of the mouth, from the viewer's left to right
    lip_inner_top: np.ndarray
    lip_inner_bottom: np.ndarray
    lip_bottom: np.ndarray
    corners: np.ndarray  # (2, 2)
    alae: np.ndarray  # (2, 2)
    nose_tip: np.ndarray
    chin: float
    drop: float  # of the jaw


def activation(aus: Mapping[str, float], asymmetry: float = 0.0) -> dict[str, np.ndarray]:
    """Return unit -> (viewer's left, viewer's right) in [0, 1].

    ``asymmetry`` in [-1, 1] weakens one side and strengthens the other.
    """
    gain = np.array([1 - asymmetry, 1 + asymmetry])
    unknown = {name.rstrip("LR") for name in aus} - set(UNITS)
    if unknown:
        raise ValueError(
            f"no such action unit: {', '.join(sorted(unknown))} (known: {', '.join(UNITS)})"
        )
    return {
        unit: np.clip(
            (aus.get(unit, 0.0) * gain + (aus.get(unit + "R", 0.0), aus.get(unit + "L", 0.0))) / 5,
            0,
            1,
        )
        for unit in UNITS
    }


def _brow(who: Identity, a: Mapping[str, float], sign: int) -> np.ndarray:
    """Return a brow from the inner end to the tail.

    Frontalis lifts the inner (1) or outer part (2). Corrugator (4) lowers and draws together, but
    with 1 the inner end stays up: the oblique brow of sadness.
    """
    t = np.array([0, 0.25, 0.5, 0.75, 1.0])
    x = who.eye_x - 19 + t * (who.eye_length + 11)
    y = who.brow_y + np.array([0.8, -1.2, -2.6, -2.8, 1.0])
    inner, outer = np.array([1, 0.72, 0.3, 0, -0.12]), np.array([0.08, 0.4, 0.85, 1, 0.8])
    knit = np.array([1.0, 0.95, 0.8, 0.5, 0.18])
    held = 1 - 0.85 * min(1.0, 1.3 * a["AU01"]) * np.array([1, 0.75, 0.3, 0, 0])
    y = (
        y
        - 9.5 * a["AU01"] * inner
        - 9 * a["AU02"] * outer
        + 11.5 * a["AU04"] * knit * held
        + 9.5 * a["AU09"] * (1 - 0.5 * a["AU04"]) * np.array([1, 0.8, 0.5, 0.25, 0])
    )
    x = x - a["AU04"] * 5.5 * np.array([1, 0.8, 0.5, 0.2, 0])
    return curve(np.stack([sign * x, y], axis=1), 20)


def _lids(who: Identity, a: Mapping[str, float], sign: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the upper and lower lid margins.

    5 bares white above the iris; 6, 7 and 9 push the lower lid up; 4 hoods the inner part, 1 lifts
    it.
    """
    u = np.linspace(0, 1, 13)
    x = who.eye_x + (u - 0.5) * (who.eye_length - 1.2 * a["AU06"] - 1.0 * a["AU09"])
    base = 1.4 + (-2.2 - who.eye_tilt) * u
    arch = 4 * u * (1 - u)
    upper_arch = np.sqrt(arch) * (0.35 + 0.65 * np.sqrt(arch)) * (1.08 - 0.16 * u)
    open_ = who.eye_opening * (1 - a["AU43"])
    narrow = (
        1.0 * a["AU06"]
        + (2.6 - 1.2 * a["AU05"]) * a["AU07"]
        + 4.1 * a["AU09"]
        + 1.4 * a["AU04"] * (1 - 0.4 * a["AU05"]) * (1 - a["AU01"])
    )
    upper = (6.9 - narrow) * open_ + 4.6 * a["AU05"]
    lower = (3.9 - 2.6 * a["AU06"] - 2.2 * a["AU07"] - 3.0 * a["AU09"]) * open_ + 1.1 * a[
        "AU05"
    ] * (1 - a["AU07"])
    upper, lower = max(upper, 1.0 - lower if a["AU43"] < 0.5 else 0.0), max(lower, -0.8)
    hood = (
        4.0 * max(a["AU04"] - a["AU01"], 0) * (1 - u) * arch
        + 1.6 * a["AU01"] * (1 - 0.9 * a["AU05"]) * (2.6 * u - 1) * arch
    )
    top = base - upper * upper_arch + hood
    bottom = base + lower * np.sqrt(arch) * (0.5 + 0.5 * np.sqrt(arch)) * (0.9 + 0.2 * u)
    top = np.minimum(top, bottom - 0.1)
    return np.stack([sign * x, top], axis=1), np.stack([sign * x, bottom], axis=1)


def _mouth(who: Identity, act: Mapping[str, np.ndarray], drop: float) -> tuple[np.ndarray, ...]:
    """Return the four lines of the lips and the two corners.

    The teeth and the upper lip hang on the skull, the lower lip on the jaw.
    """
    m = {unit: float(value.mean()) for unit, value in act.items()}
    sign = np.array([-1, 1])
    corner_x = (
        who.mouth_half_width
        + 8 * act["AU12"]
        + 9 * act["AU20"]
        + 4.0 * act["AU14"]
        - 3 * m["AU23"]
        - 3.5 * m["AU24"]
        - 0.16 * drop
        - 1.5 * m["AU17"]
        + 1.5 * act["AU15"]
    )
    corner_y = (
        who.mouth_y
        + 0.5
        - 9.5 * act["AU12"]
        + 8.5 * act["AU15"]
        + 2.5 * act["AU20"]
        - 3.0 * act["AU14"]
        + 0.42 * drop
        - 2.0 * act["AU10"]
        - 1.0 * act["AU09"]
        + 2 * m["AU16"]
        + 3.5 * m["AU17"]
        + 1.2 * m["AU23"]
    )
    corners = np.stack([sign * corner_x, corner_y], axis=1)
    parted = float(np.clip(2.2 * max(m["AU25"], m["AU26"]), 0, 1))
    raised = 7.0 * m["AU10"] + 5.0 * m["AU09"]
    centre_top = (
        who.mouth_y
        - parted * (1.6 * m["AU25"] + 4.2 * m["AU12"])
        - raised * (0.38 + 0.62 * parted)
        - 3.2 * m["AU17"]
        - 1.2 * m["AU15"]
        - 0.5 * m["AU20"]
    )
    gap = (
        parted
        * (4.2 * m["AU25"] + 4.5 * m["AU12"] + 4.0 * m["AU16"] + 2.5 * m["AU20"] + 0.5 * raised)
        + 0.92 * drop
    )
    v = np.linspace(-1, 1, 41)
    side = (v > 0).astype(int)
    w = np.abs(v)
    x = v * np.where(side, corners[1, 0], -corners[0, 0])
    to_corner = corners[side, 1]
    square = (
        1.9
        + 1.4 * max(m["AU10"], 0.8 * m["AU09"]) * (2 - parted)
        + 0.6 * m["AU20"]
        + 0.5 * m["AU16"]
    )
    # the small dip of the closed mouth line under the cupid's bow
    bow = 0.5 * np.exp2(-((v / 0.3) ** 2)) * (1 - 0.7 * parted)
    sneer = -3.0 * (act["AU10"] - m["AU10"])[side] * w * (1 - w) * 4
    inner_top = centre_top + (to_corner - centre_top) * w**square + bow + sneer
    centre_bottom = centre_top + gap
    # closed lips follow one line
    below = square + parted * (2.3 + 0.7 * m["AU20"] + 0.7 * m["AU16"] - square)
    inner_bottom = np.maximum(
        centre_bottom
        + (to_corner - centre_bottom) * w**below
        + bow * (1 - parted)
        + sneer * (1 - parted),
        inner_top,
    )
    thin = 1 - 0.45 * m["AU23"] - 0.75 * m["AU24"]
    top_lip = who.upper_lip * (
        1 - 0.35 * m["AU12"] - 0.25 * m["AU20"] - 0.2 * m["AU17"] - 0.1 * m["AU26"]
    ) * max(thin, 0.22) + 0.3 * raised * (1 - parted)
    low_lip = (
        who.lower_lip
        * (
            1
            - 0.2 * m["AU12"]
            - 0.25 * m["AU20"]
            + 0.3 * m["AU17"]
            + 0.1 * m["AU15"]
            - 0.1 * m["AU26"]
        )
        * max(thin, 0.22)
    )
    cupid = 1 - 0.2 * np.exp2(-((v / 0.12) ** 2))
    lip_top = inner_top - top_lip * (1 - w**1.8) * cupid
    lip_bottom = inner_bottom + low_lip * (1 - w**2.6) ** 0.9
    lines = [np.stack([x, y], axis=1) for y in (lip_top, inner_top, inner_bottom, lip_bottom)]
    return *lines, corners


def _outline(who: Identity, drop: float, raised: float) -> np.ndarray:
    """Return one side of the face from the hairline to the chin.

    A dropped jaw lengthens the part below the cheekbones.
    """
    w, jaw, chin, top = who.half_width, who.jaw, who.chin, who.hairline
    p = np.array(
        [
            (0, top),
            (0.5 * w, top + 3),
            (0.82 * w, top + 20),
            (0.95 * w, -26),
            (w, -2),
            (0.985 * w + raised, 0.23 * chin),
            (0.56 * w + 0.46 * jaw, 0.46 * chin),
            (0.99 * jaw, 0.66 * chin),
            (0.72 * jaw, 0.86 * chin),
            (0.44 * jaw, 0.965 * chin),
            (0.2 * jaw, 0.995 * chin),
            (0, chin),
        ]
    )
    lower = np.clip((p[:, 1] - 20) / (chin - 20), 0, 1)
    p[:, 1] += drop * lower**1.3
    p[:, 0] *= 1 - 0.002 * drop * lower
    return curve(p, 60)


def face_shape(
    who: Identity,
    aus: Mapping[str, float],
    asymmetry: float = 0.0,
    gaze: tuple[float, float] = (0.0, 0.0),
) -> Shape:
    """Return all curves of one face.

    ``gaze`` moves the irises by up to (1, 1) of their range, to the viewer's right and down.
    """
    act = activation(aus, asymmetry)
    sides = [{unit: float(value[i]) for unit, value in act.items()} for i in (0, 1)]
    drop = 21.0 * float(act["AU26"].mean())
    lids = [_lids(who, sides[i], (-1, 1)[i]) for i in (0, 1)]
    side = _outline(who, drop, 1.5 * float(act["AU12"].mean()))
    outline = np.concatenate([side, (side * (-1, 1))[::-1][1:-1]])
    skull = who.hairline - 40
    w = who.half_width
    crown = curve(
        np.array(
            [
                (0.1, skull),
                (0.36 * w, skull + 4),
                (0.72 * w, skull + 20),
                (0.95 * w, skull + 44),
                (w + 3, -36),
                (w + 2, -12),
            ]
        ),
        40,
    )
    below = side[side[:, 1] > -2]
    head = np.concatenate([crown[:, ::-1], below[:, ::-1]])
    head = head[np.argsort(head[:, 0], kind="stable")]
    ala_lift = 4.0 * act["AU09"] + 2.0 * act["AU10"]
    ala_x = who.nose_half_width + 2.0 * act["AU09"] + 1.2 * act["AU12"] + 0.8 * act["AU20"]
    alae = np.stack([np.array([-1, 1]) * ala_x, who.nose_y - 5 - ala_lift], axis=1)
    lip_top, lip_inner_top, lip_inner_bottom, lip_bottom, corners = _mouth(who, act, drop)
    look = GAZE_MM * np.asarray(gaze, float)
    irises = np.array([(-who.eye_x, -0.6), (who.eye_x, -0.6)]) + look
    nose_tip = np.array([0, who.nose_y - 10 - 1.6 * float(act["AU09"].mean())])
    return Shape(
        outline=outline,
        head=head,
        brows=(_brow(who, sides[0], -1), _brow(who, sides[1], 1)),
        upper_lids=(lids[0][0], lids[1][0]),
        lower_lids=(lids[0][1], lids[1][1]),
        irises=irises,
        lip_top=lip_top,
        lip_inner_top=lip_inner_top,
        lip_inner_bottom=lip_inner_bottom,
        lip_bottom=lip_bottom,
        corners=corners,
        alae=alae,
        nose_tip=nose_tip,
        chin=float(who.chin + drop),
        drop=drop,
    )
