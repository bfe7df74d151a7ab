"""Light on a relief."""

from dataclasses import dataclass

import cv2
import numpy as np

from faceoff.drawing import raster


@dataclass(frozen=True)
class Light:
    """A key light and ambient light.

    The key light comes from ``direction`` (camera frame, x right, y down, z towards the viewer) and
    has a linear colour; the ambient light is in [0, 1].
    """

    direction: tuple[float, float, float] = (-0.35, -0.5, 0.8)
    colour: tuple[float, float, float] = (1.0, 0.97, 0.92)
    ambient: float = 0.42


def shade(
    albedo: np.ndarray,
    relief: np.ndarray,
    crease: np.ndarray,
    light: Light,
    rotation: np.ndarray,
    gloss: float,
) -> np.ndarray:
    """Shade by Lambert with a softened terminator, ambient light and a broad highlight.

    Hollows dim the ambient light. The result is linear RGB.
    """
    gx = cv2.Sobel(relief, cv2.CV_32F, 1, 0, ksize=3, scale=raster.SCALE / 8)
    gy = cv2.Sobel(relief, cv2.CV_32F, 0, 1, ksize=3, scale=raster.SCALE / 8)
    inverse = 1 / np.sqrt(1 + gx * gx + gy * gy)
    to_light = np.asarray(light.direction, float)
    lx, ly, lz = (rotation.T @ (to_light / np.sqrt((to_light**2).sum()))).astype(np.float32)
    facing = (lz - gx * lx - gy * ly) * inverse
    small = cv2.resize(
        relief, (raster.WIDTH // 4, raster.HEIGHT // 4), interpolation=cv2.INTER_AREA
    )
    hollow = (
        cv2.resize(
            cv2.GaussianBlur(small, (0, 0), 3.2),
            (raster.WIDTH, raster.HEIGHT),
            interpolation=cv2.INTER_LINEAR,
        )
        - relief
    )
    open_sky = np.clip(1 - 0.055 * hollow, 0.45, 1.15) * (1 - 0.62 * crease)
    diffuse = np.maximum(facing + 0.18, 0) * np.float32(1 / 1.18)
    fill_light = 0.62 + 0.38 * inverse  # the room is darker from the sides
    half = np.array([lx, ly, lz + 1])
    hx, hy, hz = (half / np.sqrt((half**2).sum())).astype(np.float32)
    shine = np.maximum((hz - gx * hx - gy * hy) * inverse, 0) ** 2
    shine = shine * shine
    shine = shine * shine * shine
    key = diffuse * (0.35 + 0.65 * open_sky)
    ambient = light.ambient * open_sky * fill_light
    lit = key[..., None] * (np.asarray(light.colour, np.float32) * np.float32(0.80))
    lit += ambient[..., None]
    lit *= albedo
    lit += (gloss * shine * open_sky)[..., None]
    return lit
