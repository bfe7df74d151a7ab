"""Draw anti-aliased polygons and strokes on the head canvas, in millimetres.

The head canvas covers x in [-125, 125] mm and y in [-150, 170] mm. The origin is midway between the
pupils, x goes to the viewer's right, y down. One pixel is 1 / SCALE mm.
"""

from functools import lru_cache

import cv2
import numpy as np

SCALE = 1.2
ORIGIN = np.array([125.0, 150.0])
WIDTH, HEIGHT = 300, 384
_SHIFT = 4  # sub-pixel bits of cv2.fillPoly


def pixels(points: np.ndarray) -> np.ndarray:
    """Return (n, 2) canvas pixels (pixel centres at whole numbers) of (n, 2) mm."""
    return (np.asarray(points, float) + ORIGIN) * SCALE - 0.5


def axes(step: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return x (WIDTH / step,) and y (HEIGHT / step,) in mm of the canvas's pixel centres.

    step: of a canvas that is so many times coarser.
    """
    x = (np.arange(WIDTH // step, dtype=np.float32) + 0.5) * (step / SCALE) - ORIGIN[0]
    y = (np.arange(HEIGHT // step, dtype=np.float32) + 0.5) * (step / SCALE) - ORIGIN[1]
    return x.astype(np.float32), y.astype(np.float32)


@lru_cache(maxsize=256)
def _spline(k: int, n: int) -> np.ndarray:
    """Return the (n, k) weights of a Catmull-Rom spline, which goes straight beyond its ends."""
    extend = np.zeros((k + 2, k))
    extend[1:-1] = np.eye(k)
    extend[0, :2] = extend[-1, :-3:-1] = 2, -1
    at = np.linspace(0, k - 1, n)
    i = np.minimum(at.astype(int), k - 2)
    t = at - i
    weights = np.zeros((n, k + 2))
    rows = np.arange(n)
    for j, w in enumerate(
        (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3)
    ):
        weights[rows, i + j] = 0.5 * w
    return weights @ extend


def curve(points: np.ndarray, n: int = 24) -> np.ndarray:
    """Return the Catmull-Rom spline (n, 2) through (k, 2) points, ends included."""
    p = np.asarray(points, float)
    return _spline(len(p), n) @ p


def bell(t: np.ndarray) -> np.ndarray:
    """Return a compact substitute for exp(-t^2 / 2).

    It only multiplies, so that no platform's libm changes a bit.
    """
    return np.maximum(0, 1 - t * t / 10) ** 5


def region(points: np.ndarray, soft: float = 0.0) -> tuple[tuple[slice, slice], np.ndarray]:
    """Return a filled polygon as (slices into the canvas, float32 coverage of that window).

    Coverage is in [0, 1]; ``soft`` is the blur's sigma in mm.
    """
    p = pixels(points)
    pad = 2 + int(3 * soft * SCALE)
    x0, y0 = np.maximum(np.floor(p.min(axis=0)).astype(int) - pad, 0)
    x1, y1 = np.minimum(np.ceil(p.max(axis=0)).astype(int) + pad + 1, (WIDTH, HEIGHT))
    mask = np.zeros((max(y1 - y0, 1), max(x1 - x0, 1)), np.uint8)
    corners = np.round((p - (x0, y0)) * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(mask, [corners], (255,), cv2.LINE_AA, _SHIFT)
    coverage: np.ndarray = mask.astype(np.float32) * np.float32(1 / 255)
    if soft > 0:
        coverage = cv2.GaussianBlur(coverage, (0, 0), soft * SCALE)
    return (slice(y0, y0 + mask.shape[0]), slice(x0, x0 + mask.shape[1])), coverage


def fill(
    layer: np.ndarray,
    points: np.ndarray,
    value: float | np.ndarray,
    opacity: float = 1.0,
    soft: float = 0.0,
) -> None:
    """Blend ``value`` (a number or a colour) into ``layer`` inside the polygon, in place."""
    window, coverage = region(points, soft)
    target = layer[window]
    if target.size:
        coverage = coverage[: target.shape[0], : target.shape[1]] * np.float32(opacity)
        target += (np.asarray(value, np.float32) - target) * (
            coverage[..., None] if layer.ndim == 3 else coverage
        )


def ribbon(
    points: np.ndarray, width: float, taper: tuple[float, float] = (0.15, 0.15)
) -> np.ndarray:
    """Return the outline of a stroke along (n, 2) points.

    It is ``width`` mm wide at its middle and ``taper`` times that at its two ends.
    """
    p = np.asarray(points, float)
    along = np.gradient(p, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.maximum(
        np.sqrt((along**2).sum(axis=1, keepdims=True)), 1e-9
    )
    t = np.linspace(0, 1, len(p))
    ends = np.where(t < 0.5, taper[0], taper[1])
    half = width / 2 * (ends + (1 - ends) * (1 - (2 * t - 1) ** 2))
    return np.concatenate([p + normal * half[:, None], (p - normal * half[:, None])[::-1]])


def ellipse(
    centre: tuple[float, float], rx: float, ry: float, turn: float = 0.0, n: int = 28
) -> np.ndarray:
    """Return (n, 2) points of an ellipse; ``turn`` in radians."""
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    x, y = rx * np.cos(angle), ry * np.sin(angle)
    c, s = np.cos(turn), np.sin(turn)
    return np.stack([centre[0] + c * x - s * y, centre[1] + s * x + c * y], axis=1)
