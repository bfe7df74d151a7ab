"""Drawing one face: relief, albedo and light on the head canvas, then the turn into an image.

``draw_face`` takes explicit action units, so stills and films use the same faces.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from faceoff.drawing import raster
from faceoff.drawing.body import draw_body
from faceoff.drawing.coverings import paint_covering, paint_glasses
from faceoff.drawing.eyes import eye_centres, paint_brows, paint_eyes
from faceoff.drawing.hair import back_hair, beard_areas, front_hair, strands
from faceoff.drawing.identities import Identity
from faceoff.drawing.light import Light, shade
from faceoff.drawing.mouth import paint_mouth, swell_lips
from faceoff.drawing.pose import Placement, Pose, project, source_map
from faceoff.drawing.raster import curve, ellipse, fill, region, ribbon
from faceoff.drawing.relief import fold_lines, folds, smooth_relief
from faceoff.drawing.shape import Shape, activation, face_shape


@dataclass(frozen=True)
class Look:
    """The properties that vary from picture to picture beside the action units and the pose."""

    gaze: tuple[float, float] = (0.0, 0.0)
    asymmetry: float = 0.0
    covering: str = "none"  # none, sunglasses, mask, hand, scarf


STUDIO, PLAIN = Light(), Look()


def locate_face(
    who: Identity,
    aus: Mapping[str, float],
    pose: Pose,
    placement: Placement,
    asymmetry: float = 0.0,
) -> tuple[tuple[float, float, float, float], np.ndarray]:
    """Return the face oval's box (x, y, w, h) and five landmarks (5, 2) in pixels.

    They follow from the geometry alone.
    """
    shape = face_shape(who, aus, asymmetry)
    oval = project(shape.outline, pose, placement)
    low, high = oval.min(axis=0), oval.max(axis=0)
    points = np.concatenate([eye_centres(shape), shape.nose_tip[None], shape.corners])
    return (
        float(low[0]),
        float(low[1]),
        float(high[0] - low[0]),
        float(high[1] - low[1]),
    ), project(points, pose, placement)


def _ears(who: Identity) -> list[np.ndarray]:
    return [
        curve(
            np.array(
                [
                    (s * (who.half_width - 4), -14),
                    (s * (who.half_width + 7), -17),
                    (s * (who.half_width + 11), -4),
                    (s * (who.half_width + 7), 18),
                    (s * (who.half_width + 1), 33),
                    (s * (who.half_width - 5), 32),
                ]
            ),
            30,
        )
        for s in (-1, 1)
    ]


def _skin(
    who: Identity, shape: Shape, act: Mapping[str, np.ndarray], skin: np.ndarray
) -> np.ndarray:
    """Return linear albedo of the bare skin: tone, flush, shaded sockets, freckles, nostrils."""
    albedo = np.empty((raster.HEIGHT, raster.WIDTH, 3), np.float32)
    albedo[:] = skin
    flush = skin * np.array([0.98, 0.72, 0.70], np.float32)
    for s in (-1, 1):
        fill(albedo, ellipse((s * 41, 27), 17, 13), flush, 0.5, 6)
        fill(
            albedo,
            ellipse((s * who.eye_x, -4), 17, 9),
            skin * np.array([0.74, 0.66, 0.64], np.float32),
            0.55,
            3.5,
        )
        # under the lowered brow
        fill(
            albedo,
            ellipse((s * (who.eye_x - 8), -7), 14, 6, s * 0.25),
            skin * 0.22,
            0.8 * float(act["AU04"][(s + 1) // 2] * (1 - act["AU01"].mean())),
            3,
        )
        fill(
            albedo,
            ellipse((s * (who.eye_x - 2), 11), 13, 4),
            skin * np.array([0.78, 0.70, 0.72], np.float32),
            0.35 + 0.3 * who.age_lines,
            2.5,
        )
        ear = _ears(who)[(s + 1) // 2]
        fill(albedo, ear, flush * 0.85, 0.7, 1)
        fill(
            albedo,
            ellipse((s * (who.half_width + 4), 6), 3.5, 12, s * 0.15),
            flush * 0.45,
            0.8,
            1.5,
        )
    fill(albedo, ellipse((0.0, shape.nose_tip[1] + 2), 8, 7), flush, 0.45, 3)
    under = who.nose_y - 0.5 - 0.6 * float(act["AU09"].mean() * 4)
    for (x, y), s in zip(shape.alae, (-1, 1), strict=True):
        fill(albedo, ellipse((x * 0.43, under - 0.5), 4.0, 2.3, -s * 0.35), skin * 0.03, 0.9, 0.7)
        fill(
            albedo,
            ribbon(
                curve(
                    np.array(
                        [(x * 0.92, y - 6), (x * 1.10, y), (x * 0.92, y + 5), (x * 0.7, y + 5.5)]
                    ),
                    16,
                ),
                2.0,
            ),
            skin * 0.32,
            0.75,
            0.7,
        )
    fill(
        albedo,
        ribbon(
            np.array(
                [
                    (shape.alae[0, 0] * 0.7, under + 1.6),
                    (0, under + 2.6),
                    (shape.alae[1, 0] * 0.7, under + 1.6),
                ]
            ),
            2.8,
            (0.4, 0.4),
        ),
        skin * 0.45,
        0.6,
        1.0,
    )
    grain = strands(who.name, "skin")
    albedo *= (0.95 + 0.1 * grain)[..., None]
    if who.freckles:
        spots = np.clip((grain - 0.68) * 6, 0, 1) * who.freckles
        window, coverage = region(ellipse((0, 20), 52, 20), 8)
        albedo[window] *= 1 - 0.5 * (spots[window] * coverage)[..., None]
    return albedo


def paint_head(
    who: Identity, aus: Mapping[str, float], light: Light, rotation: np.ndarray, look: Look
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the head canvas as (HEIGHT, WIDTH, 4) uint8 sRGB with premultiplied alpha.

    The second result is the hair behind the neck in the same form, or None.
    """
    shape, act = face_shape(who, aus, look.asymmetry, look.gaze), activation(aus, look.asymmetry)
    skin = np.square(np.array(who.skin, np.float32))
    relief = smooth_relief(who, shape, act)
    mane = np.zeros_like(relief)
    for area in front_hair(who, shape):
        fill(mane, area, 1.0, soft=0.8)
    fine, broad = (layer * (1 - mane) for layer in folds(fold_lines(who, shape, act)))
    relief -= 1.5 * fine + 3.5 * broad
    crease = np.maximum(fine, 0.9 * broad)
    swell_lips(relief, shape)
    albedo = _skin(who, shape, act, skin)
    hair = np.square(np.array(who.hair, np.float32))
    if who.hair_style == "scarf":
        hair = np.square(np.array(who.clothing, np.float32))[::-1]
    texture = strands(who.name, "curly" if who.hair_style == "curly" else "straight")
    tone = (
        (0.55 + 0.9 * texture)[..., None]
        if who.hair_style != "scarf"
        else (0.9 + 0.2 * texture)[..., None]
    )
    for area, opacity in beard_areas(who, shape):
        window, coverage = region(area, 1.6)
        coverage = (coverage * opacity * (0.75 + 0.45 * strands(who.name, "brow")[window]))[
            ..., None
        ]
        albedo[window] += (
            np.square(np.array(who.hair, np.float32))
            * 0.9
            * (0.5 + strands(who.name, "brow")[window][..., None])
            - albedo[window]
        ) * np.minimum(coverage, 0.95)
    paint_mouth(albedo, who, shape, skin)
    paint_eyes(albedo, who, shape, skin)
    paint_brows(albedo, who, shape, strands(who.name, "brow"))

    alpha = np.zeros((raster.HEIGHT, raster.WIDTH), np.float32)
    right = shape.head[:, ::-1]
    fill(alpha, np.concatenate([right, (right * (-1, 1))[::-1]]), 1.0)
    for ear in _ears(who):
        fill(alpha, ear, 1.0)
    x, y = raster.axes()
    dome = 66 * np.outer(
        np.maximum(1 - ((y + 20) / 160) ** 2, 0), np.maximum(1 - (x / 118) ** 2, 0)
    )
    relief += (dome + 2.0 * texture - relief) * mane
    locks = hair * tone
    locks -= albedo
    locks *= mane[..., None]
    albedo += locks
    alpha = np.maximum(alpha, mane)
    image = shade(albedo, relief, crease, light, rotation, 0.035 + 0.01 * who.age_lines)
    if who.glasses != "none" and look.covering != "sunglasses":
        paint_glasses(image, who, tinted=False)
    paint_covering(image, who, shape, alpha, look.covering, skin)

    behind = None
    if areas := back_hair(who):
        mass = np.zeros_like(alpha)
        for area in areas:
            fill(mass, area, 1.0, soft=1.0)
        behind = _encode(hair * tone * np.float32(0.55 * light.ambient + 0.25), mass)
    return _encode(image, alpha), behind


def _encode(linear: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return uint8 sRGB with premultiplied alpha from linear RGB and coverage.

    Gamma is 2, so that only a square root is needed.
    """
    rgb = np.maximum(linear, 0)
    rolled = rgb * np.float32(0.35)  # highlights roll off as on film: 1.15 x / (1 + 0.35 x)
    rolled += 1
    rgb *= np.float32(1.15)
    rgb /= rolled
    np.minimum(rgb, 1, out=rgb)
    np.sqrt(rgb, out=rgb)
    rgb *= alpha[..., None]
    out = np.empty((*alpha.shape, 4), np.uint8)
    out[..., :3] = cv2.convertScaleAbs(rgb, alpha=255.0)
    out[..., 3] = cv2.convertScaleAbs(alpha, alpha=255.0)
    return out


def _reach(image: np.ndarray, placement: Placement) -> tuple[int, int, int, int]:
    """Return (x0, y0, x1, y1) of the part of the image that a head canvas can touch.

    It has at least one pixel.
    """
    reach = placement.scale * np.array([180.0, 215.0])
    x0, y0 = np.maximum(np.floor(np.array([placement.x, placement.y]) - reach).astype(int), 0)
    x1, y1 = np.minimum(
        np.ceil(np.array([placement.x, placement.y]) + reach).astype(int),
        (image.shape[1], image.shape[0]),
    )
    return (
        int(min(x0, image.shape[1] - 1)),
        int(min(y0, image.shape[0] - 1)),
        int(max(x1, 1)),
        int(max(y1, 1)),
    )


def _paste(target: np.ndarray, canvas: np.ndarray, source: np.ndarray, scale: float) -> None:
    """Warp a premultiplied head canvas over a window of the image in place (float32 RGB 0-255)."""
    shrink = raster.SCALE / scale
    if shrink > 1.2:  # what bilinear sampling would skip is averaged first
        canvas = cv2.GaussianBlur(canvas, (0, 0), 0.4 * shrink)
    no_second_map: Any = None  # `source` has x and y; OpenCV's stubs ask for both maps
    warped = cv2.remap(
        canvas,
        source,
        no_second_map,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0,),
    ).astype(np.float32)
    target *= 1 - warped[..., 3:] * np.float32(1 / 255)
    target += warped[..., :3]


def draw_face(
    image: np.ndarray,
    who: Identity,
    aus: Mapping[str, float],
    pose: Pose,
    placement: Placement,
    light: Light = STUDIO,
    look: Look = PLAIN,
) -> None:
    """Draw one person over ``image``: hair behind, body, head.

    The image is (h, w, 3) float32 RGB in [0, 255] and changed in place.
    """
    front, behind = paint_head(who, aus, light, pose.rotation(), look)
    x0, y0, x1, y1 = _reach(image, placement)
    window, source = image[y0:y1, x0:x1], source_map(pose, placement, (x0, y0, x1, y1))
    if behind is not None:
        _paste(window, behind, source, placement.scale)
    draw_body(image, who, face_shape(who, aus, look.asymmetry), pose, placement, light)
    _paste(window, front, source, placement.scale)
