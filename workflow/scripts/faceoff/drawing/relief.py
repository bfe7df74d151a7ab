"""Build the height field of a face in mm towards the viewer.

It is a head with smooth primitives and folds, all moved by action units.
"""

from collections.abc import Mapping

import cv2
import numpy as np

from faceoff.drawing import raster
from faceoff.drawing.identities import Identity
from faceoff.drawing.raster import bell, curve, fill, ribbon
from faceoff.drawing.shape import Shape

COARSE = 2  # the smooth part is computed on a canvas this many times coarser


class Mounds:
    """A coarse layer to which separable bells are added."""

    def __init__(self) -> None:
        self.x, self.y = raster.axes(COARSE)
        self.z = np.zeros((self.y.size, self.x.size), np.float32)

    def add(self, x: float, y: float, wide: float, high: float, amount: float) -> None:
        """Add one bell of standard deviations ``wide`` and ``high`` mm; touch only its window."""
        if amount == 0:
            return
        (i0, i1), (j0, j1) = (
            np.searchsorted(axis, (centre - 3.2 * s, centre + 3.2 * s))
            for axis, centre, s in ((self.x, x, wide), (self.y, y, high))
        )
        self.z[j0:j1, i0:i1] += np.outer(
            np.float32(amount) * bell((self.y[j0:j1] - y) / high), bell((self.x[i0:i1] - x) / wide)
        )

    def pair(
        self, x: float, y: float, wide: float, high: float, amount: float | np.ndarray
    ) -> None:
        """Add the same bell on both sides; ``amount`` may be (viewer's left, viewer's right)."""
        left, right = np.broadcast_to(amount, 2)
        self.add(-x, y, wide, high, float(left))
        self.add(x, y, wide, high, float(right))


def _head(who: Identity, shape: Shape, mounds: Mounds) -> np.ndarray:
    """Return rows of a rounded head.

    They are the midline's profile times a super-elliptic cross-section as wide as the head there.
    """
    skull, brow, chin = shape.head[0, 0], who.brow_y, shape.chin
    profile_y = [
        skull - 2,
        skull + 12,
        who.hairline,
        -45,
        brow,
        -4,
        20,
        who.nose_y,
        who.mouth_y,
        chin - 24,
        chin - 11,
        chin - 4,
        chin,
        chin + 8,
        chin + 40,
    ]
    profile_z = [0, 38, 62, 73, 77, 72, 74, 75, 76, 74, 73, 68, 61, 44, 20]
    profile = np.interp(mounds.y, profile_y, profile_z).astype(np.float32)
    depth = cv2.GaussianBlur(profile[:, None], (1, 7), 0)[:, :1]
    half = np.sqrt(np.interp(mounds.y, shape.head[:, 0], shape.head[:, 1]) ** 2 + 14.0**2).astype(
        np.float32
    )[:, None]  # rounded, so that the crown and the chin are no points
    t2 = np.minimum((mounds.x[None, :] / half) ** 2, 1)
    return depth * np.sqrt(1 - t2 * (0.35 + 0.65 * t2))


def smooth_relief(who: Identity, shape: Shape, act: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the relief (HEIGHT, WIDTH) in mm without folds."""
    mounds = Mounds()
    base = _head(who, shape, mounds)
    m = {unit: float(v.mean()) for unit, v in act.items()}
    ex, age, soft = who.eye_x, who.age_lines, 1.0 if who.age_group != "child" else 0.65
    nose = who.nose_y
    mounds.pair(ex, -1, 14, 10, -9.5 * soft)  # sockets
    mounds.pair(15, -4, 5, 8, -5 * soft)
    mounds.pair(ex, 0, 10, 6.5, 6.5)  # eyeballs
    for i, sign in enumerate(
        (-1, 1)
    ):  # brow ridge follows the brow a little; corrugator bulges (4)
        brow = shape.brows[i]
        mounds.add(
            sign * (ex - 5),
            0.4 * who.brow_y + 0.6 * brow[8, 1],
            17,
            6,
            4 * soft + 3 * act["AU04"][i],
        )
        mounds.add(sign * 18, -5, 7, 6, -3.5 * act["AU04"][i])
        mounds.add(brow[1, 0], brow[1, 1] - 1, 6, 5, 5.0 * act["AU04"][i] + 2 * act["AU09"][i])
        mounds.add(brow[12, 0], brow[12, 1] - 7, 11, 5, 2.5 * act["AU02"][i] + 1.2 * act["AU01"][i])
        corner = shape.corners[i]
        mounds.add(
            corner[0] + sign * 7,
            corner[1] + 1,
            5,
            8,
            2.6 * act["AU12"][i] + 3.2 * act["AU14"][i] + 2.0 * act["AU15"][i] + 2 * act["AU20"][i],
        )
        mounds.add(
            corner[0] + sign * 1,
            corner[1],
            2.6,
            3.0,
            -(
                1.6
                + 2.5 * act["AU14"][i]
                + 1.8 * act["AU12"][i]
                + 2.2 * act["AU15"][i]
                + 1.2 * m["AU24"]
            ),
        )
        mounds.add(shape.alae[i, 0] * 0.84, shape.alae[i, 1], 4.4, 5, 7.5)
    mounds.add(0, -22, 6, 9, -1.5 * (1 - m["AU04"]) + 2.0 * m["AU04"])
    lift = act["AU06"] + 0.7 * act["AU12"]
    for i, sign in enumerate((-1, 1)):  # cheeks: higher and fuller with 6 and 12
        mounds.add(sign * 41, 26 - 7 * lift[i] / 1.7, 14, 11, 4.5 + 5.5 * lift[i])
        mounds.add(
            sign * 27, 30 - 4 * act["AU09"][i], 7, 8, 6.0 * act["AU09"][i] + 4 * act["AU10"][i]
        )
    # lower lids
    mounds.pair(
        ex,
        10.5,
        11,
        2.8,
        1.0 + 1.2 * age + 3.4 * act["AU06"] + 3.0 * act["AU07"] + 2.4 * act["AU09"],
    )
    # hollow of the cheeks
    mounds.pair(
        48, 58, 11, 15, -3.5 * (1 - 0.6 * m["AU12"]) * soft * (0.7 + 0.6 * age) - 0.15 * shape.drop
    )
    mounds.pair(who.half_width - 8, -32, 8, 16, -3)  # temples
    for t in np.linspace(0, 1, 7):  # the bridge of the nose, widening and rising to the tip
        mounds.add(
            0,
            -6 + t * (nose - 6),
            4.6 + 2.6 * t,
            5.5,
            (3.0 + 6.8 * t) * (1.0 if soft == 1 else 0.72),
        )
    mounds.add(0, shape.nose_tip[1] + 2, 7.5, 6.5, 7.0 * soft)
    mounds.pair(7, -2, 4, 6, 2.0 * act["AU09"])
    mounds.add(0, nose + 9, 3, 6, -1.6)  # philtrum
    mounds.pair(5, nose + 9, 2.2, 6, 0.7)
    mounds.add(0, who.mouth_y + 0.4 * shape.drop, 25, 15, 3.5)  # the muzzle
    # under the lower lip
    mounds.add(0, shape.lip_bottom[20, 1] + 5.5, 15, 3.6, -3.4 - 3.5 * m["AU17"] - 1.5 * m["AU15"])
    mounds.add(0, shape.chin - 12 - 4 * m["AU17"], 13, 8, 4.0 + 4.0 * m["AU17"])  # chin boss
    mounds.add(0, shape.lip_top[20, 1] - 4, 15, 3, 2.2 * m["AU24"] + 1.6 * m["AU23"])
    mounds.add(0, shape.lip_bottom[20, 1] + 3, 15, 3, 2.2 * m["AU24"] + 1.6 * m["AU23"])
    mounds.pair(30, 92 + shape.drop, 9, 11, -1.5 + 3.5 * age)  # jowls
    return cv2.resize(base + mounds.z, (raster.WIDTH, raster.HEIGHT), interpolation=cv2.INTER_CUBIC)


def fold_lines(
    who: Identity, shape: Shape, act: Mapping[str, np.ndarray]
) -> list[tuple[np.ndarray, float, float]]:
    """Return furrows as (points, width in mm, depth in [0, 1.5]).

    Each belongs to the units that make it according to FACS; some deepen with age.
    """
    age, lines = who.age_lines, []

    def line(points: list[tuple[float, float]], width: float, depth: float) -> None:
        if depth > 0.06:
            lines.append((curve(np.array(points), 16), width, min(depth, 1.5)))

    m = {unit: float(v.mean()) for unit, v in act.items()}
    for k, y in enumerate(
        (who.hairline + 17, who.hairline + 27, who.hairline + 36)
    ):  # 1 wrinkles the middle of the forehead, 1 + 2 all of it
        arch = -3.5 * m["AU01"] * (1 - m["AU02"])
        centre, wide = 0.16 * age + 0.85 * m["AU01"], 30 + 14 * m["AU02"] - 3 * k
        line(
            [
                (-wide, y + 1.5 - 2 * arch),
                (-wide / 2, y),
                (0, y + 1.5 + arch),
                (wide / 2, y),
                (wide, y + 1.5 - 2 * arch),
            ],
            2.4,
            max(centre, 0.16 * age + 0.85 * m["AU02"]) * (0.75 + 0.12 * k),
        )
    for i, s in enumerate((-1, 1)):
        a = {unit: float(v[i]) for unit, v in act.items()}
        brow, corner, ala = shape.brows[i], shape.corners[i], shape.alae[i]
        top, bottom = shape.upper_lids[i], shape.lower_lids[i]
        outer = bottom[-1]
        line(
            [(s * 5.5, brow[0, 1] - 9), (s * 4.8, brow[0, 1] - 2), (s * 6.2, brow[0, 1] + 6)],
            2.8,
            1.4 * a["AU04"] + 0.5 * a["AU09"] + 0.15 * age,
        )
        line(
            [(s * 10.5, brow[0, 1] - 9), (s * 10, brow[0, 1] - 4), (s * 11, brow[0, 1] - 1)],
            2.0,
            0.7 * a["AU04"] - 0.1,
        )
        for k in range(3):  # nose wrinkler: across the root, then down the sides
            line(
                [(0, -9 + 5.5 * k), (s * 5, -8 + 5.5 * k), (s * 10, -5 + 6.5 * k)],
                2.0,
                1.2 * a["AU09"],
            )
        line([(s * 9, 9), (s * 13, 17), (s * 15, 26)], 2.2, 1.0 * a["AU09"])
        # nasolabial: from the ala around the corner of the mouth; 12 bows it outwards, 9 and 10
        # lift and straighten its upper part
        lift = 4 * a["AU09"] + 2 * a["AU10"]
        reach = 6 + 5 * a["AU12"] + 3 * a["AU20"] + 3 * a["AU10"]
        line(
            [
                (ala[0] + s * 1.5, ala[1] - 4 - 0.5 * lift),
                (ala[0] + s * (6 + 4 * a["AU12"] + 2 * a["AU10"]), ala[1] + 6 - lift),
                (corner[0] + s * reach, corner[1] - 9 + 2 * a["AU12"]),
                (corner[0] + s * (reach + 0.5), corner[1] + 1 + 5 * a["AU15"]),
            ],
            3.2,
            0.2
            + 0.5 * age
            + 1.0 * a["AU12"]
            + 1.0 * a["AU09"]
            + 1.0 * a["AU10"]
            + 0.4 * a["AU20"]
            + 0.3 * a["AU15"]
            - 0.15 * (age == 0),
        )
        line(
            [
                (corner[0] + s * 3.5, corner[1] - 4),
                (corner[0] + s * 4.8, corner[1]),
                (corner[0] + s * 3.2, corner[1] + 5),
            ],
            2.6,
            1.3 * a["AU14"] + 0.4 * a["AU12"] + 0.3 * a["AU24"],
        )
        line(
            [
                (corner[0] + s * 1, corner[1] + 2),
                (corner[0] + s * 3, corner[1] + 9),
                (corner[0] + s * 3.5, corner[1] + 17),
            ],
            3.0,
            0.9 * a["AU15"] + 0.4 * age + 0.35 * a["AU20"] + 0.3 * a["AU17"],
        )
        line(
            [
                (corner[0] + s * 13, corner[1] - 18),
                (corner[0] + s * 15.5, corner[1] - 6),
                (corner[0] + s * 13, corner[1] + 6),
            ],
            3.0,
            0.55 * a["AU12"] + 0.5 * a["AU20"] - 0.2,
        )
        for k, (dy, bend) in enumerate(((-6, -3), (0.5, 0.5), (6, 4))):  # crow's feet
            line(
                [
                    (outer[0] + s * 3.5, outer[1] + 0.6 * dy),
                    (outer[0] + s * 9, outer[1] + dy),
                    (outer[0] + s * (16 - abs(k - 1)), outer[1] + dy + bend),
                ],
                1.8,
                0.85 * a["AU06"] + 0.3 * age - 0.08,
            )
        pouch = 6.5 - 1.5 * a["AU06"] - 1.5 * a["AU07"]
        depth = 0.16 + 0.45 * age + 0.7 * a["AU06"] + 0.6 * a["AU07"] + 0.7 * a["AU09"]
        line(
            [
                (bottom[1, 0], bottom[1, 1] + 3),
                (bottom[5, 0], bottom[6, 1] + pouch),
                (bottom[11, 0], bottom[11, 1] + pouch - 1),
            ],
            2.2,
            depth,
        )
        crease = max(
            3.4
            - 3.0 * a["AU05"]
            + 0.25 * (a["AU01"] + a["AU02"]) * 6
            - 1.5 * max(a["AU04"] - a["AU01"], 0),
            1.2,
        )
        line(
            [
                (top[1, 0], top[1, 1] - 1.5),
                (top[4, 0], top[4, 1] - crease),
                (top[8, 0], top[8, 1] - crease),
                (top[12, 0] + s * 1.5, top[12, 1] - 1.5),
            ],
            1.7,
            0.75 - 0.2 * (age == 0),
        )
    low = shape.lip_bottom[20, 1]
    line(
        [
            (-13, low + 8 + 4 * m["AU17"]),
            (-7, low + 5.5),
            (0, low + 4.5 - m["AU17"]),
            (7, low + 5.5),
            (13, low + 8 + 4 * m["AU17"]),
        ],
        3.4,
        0.15 + 1.0 * m["AU17"] + 0.3 * m["AU15"],
    )
    return lines


def folds(lines: list[tuple[np.ndarray, float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Return fine wrinkles and broad furrows (3 mm and wider), each (HEIGHT, WIDTH) in [0, 1].

    They are tapered strokes; depths do not add up where they cross.
    """
    fine, broad = (np.zeros((raster.HEIGHT, raster.WIDTH), np.float32) for _ in range(2))
    for points, width, depth in lines:
        fill(
            broad if width >= 3 else fine,
            ribbon(points, width),
            min(depth, 1.0),
            opacity=min(1.0, 0.4 + depth),
        )
    return cv2.GaussianBlur(fine, (0, 0), 0.9), cv2.GaussianBlur(broad, (0, 0), 2.0)
