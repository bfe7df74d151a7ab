"""Draw the surroundings of faces and imitate a camera.

Images are (h, w, 3) float32 RGB in [0, 255].
"""

import cv2
import numpy as np

_I8 = np.arange(8)
_DCT = np.sqrt(np.where(_I8 == 0, 1, 2) / 8)[:, None] * np.cos(
    (2 * _I8[None, :] + 1) * _I8[:, None] * np.pi / 16
)
# Luminance quantisation of JPEG (ITU-T T.81, table K.1)
_QUANTA = np.array(
    [
        (16, 11, 10, 16, 24, 40, 51, 61),
        (12, 12, 14, 19, 26, 58, 60, 55),
        (14, 13, 16, 24, 40, 57, 69, 56),
        (14, 17, 22, 29, 51, 87, 80, 62),
        (18, 22, 37, 56, 68, 109, 103, 77),
        (24, 35, 55, 64, 81, 104, 113, 92),
        (49, 64, 78, 87, 103, 121, 120, 101),
        (72, 92, 95, 98, 112, 100, 103, 99),
    ]
)


def backdrop(
    size: tuple[int, int], rng: np.random.Generator, clutter: int, soft: float
) -> np.ndarray:
    """Draw a wall with a gradient and ``clutter`` blurred boxes, discs and bars; size is (w, h)."""
    w, h = size[0] // 2, size[1] // 2
    first, second = (
        level + 0.4 * (hue - hue.mean())
        for level, hue in (
            (70 + 130 * rng.random(), 200 * rng.random(3)),
            (60 + 130 * rng.random(), 200 * rng.random(3)),
        )
    )
    angle = rng.random() * 2 - 1
    ramp = (
        np.linspace(0, 1, h)[:, None] * (1 - abs(angle)) + np.linspace(0, 1, w)[None, :] * angle
    ) % 1.0001
    image = (first + (0.6 * first + 0.4 * second - first) * ramp[..., None]).astype(np.float32)
    for _ in range(clutter):
        colour = tuple(float(c) for c in 0.6 * first + 0.4 * (30 + 200 * rng.random(3)))
        x, y, rx, ry = (int(v) for v in rng.random(4) * (w, h, 0.22 * w, 0.4 * h))
        if rng.random() < 0.55:
            cv2.rectangle(image, (x - rx, y - ry), (x + rx, y + ry), colour, -1)
        else:
            cv2.ellipse(
                image,
                (x, y),
                (max(rx, 2), max(ry, 2)),
                float(int(180 * rng.random())),
                0,
                360,
                colour,
                -1,
            )
    if soft > 0:
        image = cv2.GaussianBlur(image, (0, 0), soft)
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)


def motion_blur(image: np.ndarray, length: float, angle: float) -> np.ndarray:
    """Smear an image straight over ``length`` pixels at ``angle`` radians."""
    n = int(length) * 2 + 3
    kernel = np.zeros((n, n), np.uint8)
    d = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    a, b = np.round((n // 2 - d) * 16).astype(int), np.round((n // 2 + d) * 16).astype(int)
    cv2.line(kernel, a.tolist(), b.tolist(), (255,), 1, cv2.LINE_AA, 4)
    weights = kernel.astype(np.float32)
    return cv2.filter2D(image, -1, weights / weights.sum())


def grain(image: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Add sensor noise of standard deviation ``sigma`` grey levels, mostly shared by the channels.

    Its distribution is triangular, from two bytes per value.
    """
    h, w = image.shape[:2]
    raw = rng.integers(0, 256, (2, h, w, 4), dtype=np.uint8)
    noise = (raw[0].astype(np.float32) - raw[1].astype(np.float32)) * np.float32(sigma / 104.5)
    return image + 0.8 * noise[..., 3:] + 0.6 * noise[..., :3]


def compress(image: np.ndarray, strength: float) -> np.ndarray:
    """Apply JPEG's losses without a JPEG library.

    Chroma is at half resolution, luma quantised in 8 x 8 cosine blocks. ``strength`` multiplies
    table K.1; the sides are multiples of 8.
    """
    h, w = image.shape[:2]
    ycc = cv2.cvtColor(image * np.float32(1 / 255), cv2.COLOR_RGB2YCrCb)
    for c in (1, 2):
        ycc[..., c] = cv2.resize(
            cv2.resize(ycc[..., c], (w // 2, h // 2), interpolation=cv2.INTER_AREA),
            (w, h),
            interpolation=cv2.INTER_LINEAR,
        )
    blocks = (
        ycc[..., 0].reshape(h // 8, 8, w // 8, 8).transpose(0, 2, 1, 3).astype(np.float64) * 255
        - 128
    )
    quanta = np.maximum(_QUANTA * strength, 1)
    kept = np.round((_DCT @ blocks @ _DCT.T) / quanta) * quanta
    ycc[..., 0] = ((_DCT.T @ kept @ _DCT + 128) / 255).transpose(0, 2, 1, 3).reshape(h, w)
    return cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB) * 255


def develop(image: np.ndarray) -> np.ndarray:
    """Round to uint8."""
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
