"""Compute TensorFlow's layers in plain numpy, float64, channels last: a judge for tests.

Padding and rounding follow TensorFlow's documentation (tf.nn, "Notes on padding"; tf.image).
"""

from collections.abc import Sequence

import numpy as np


def windows(
    x: np.ndarray,
    kernel: Sequence[int],
    stride: Sequence[int] = (1, 1),
    padding: str | Sequence[Sequence[int]] = "VALID",
    dilation: Sequence[int] = (1, 1),
    fill: float = 0.0,
) -> np.ndarray:
    """Return (n, rows, columns, channels, kernel rows, kernel columns)."""
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
    if padding == "SAME":
        total = [
            max((-(-size // s) - 1) * s + r - size, 0)
            for size, s, r in zip(x.shape[1:3], stride, reach)
        ]
        border = [(t // 2, t - t // 2) for t in total]
    else:
        border = [(0, 0), (0, 0)] if padding == "VALID" else padding
    x = np.pad(x.astype(float), [(0, 0), *border, (0, 0)], constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(x, reach, axis=(1, 2))
    return view[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]


def conv(x: np.ndarray, w: np.ndarray, **options: object) -> np.ndarray:
    return np.einsum("nhwcij,ijco->nhwo", windows(x, w.shape[:2], **options), w, optimize=True)


def depthwise(x: np.ndarray, w: np.ndarray, **options: object) -> np.ndarray:
    made = np.einsum("nhwcij,ijcm->nhwcm", windows(x, w.shape[:2], **options), w, optimize=True)
    return made.reshape(*made.shape[:3], -1)


def conv_transpose(
    x: np.ndarray, w: np.ndarray, size: Sequence[int], stride: Sequence[int], padding: str
) -> np.ndarray:
    """Return the gradient of a convolution of pictures of this size; w: (h, w, out, in)."""
    total = [
        max((old - 1) * s + k - new, 0) if padding == "SAME" else 0
        for old, new, s, k in zip(x.shape[1:3], size, stride, w.shape)
    ]
    made = np.zeros((len(x), size[0] + total[0], size[1] + total[1], w.shape[2]))
    for row in range(x.shape[1]):
        for column in range(x.shape[2]):
            top, left = row * stride[0], column * stride[1]
            part = np.einsum("ni,hwoi->nhwo", x[:, row, column], w)
            made[:, top : top + w.shape[0], left : left + w.shape[1]] += part
    top, left = total[0] // 2, total[1] // 2
    return made[:, top : top + size[0], left : left + size[1]]


def max_pool(x: np.ndarray, size: Sequence[int], **options: object) -> np.ndarray:
    return windows(x, size, fill=-np.inf, **options).max(axis=(4, 5))


def avg_pool(x: np.ndarray, size: Sequence[int], **options: object) -> np.ndarray:
    """Return means of what is inside of the picture."""
    return np.nanmean(windows(x, size, fill=np.nan, **options), axis=(4, 5))


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _places(old: int, new: int, corners: bool, centres: bool) -> np.ndarray:
    if corners:
        return np.arange(new) * ((old - 1) / max(new - 1, 1))
    return (np.arange(new) + 0.5 * centres) * (old / new) - 0.5 * centres


def resize_bilinear(
    x: np.ndarray, size: Sequence[int], corners: bool = False, centres: bool = False
) -> np.ndarray:
    for axis, new in enumerate(size, 1):
        old = x.shape[axis]
        place = np.clip(_places(old, new, corners, centres), 0, old - 1)
        low = np.floor(place).astype(int)
        share = (place - low).reshape([-1 if a == axis else 1 for a in range(4)])
        high = np.minimum(low + 1, old - 1)
        x = x.take(low, axis) * (1 - share) + x.take(high, axis) * share
    return x


def resize_nearest(
    x: np.ndarray, size: Sequence[int], corners: bool = False, centres: bool = False
) -> np.ndarray:
    for axis, new in enumerate(size, 1):
        old = x.shape[axis]
        if corners:
            place = np.floor(_places(old, new, True, False) + 0.5)
        else:
            place = np.floor((np.arange(new) + 0.5 * centres) * (old / new))
        x = x.take(np.clip(place, 0, old - 1).astype(int), axis)
    return x


# -- face-api's networks (github.com/vladmandic/face-api, src/) ------------------------------------


class FaceApi:
    """Compute face-api's networks from their weights, on inputs that are scaled already."""

    def __init__(self, weights: dict[str, np.ndarray]):
        self.w = weights

    def conv(self, x: np.ndarray, name: str, stride: int, padding: str = "SAME") -> np.ndarray:
        filters = self.w[f"{name}/filters"]
        return conv(x, filters, stride=(stride, stride), padding=padding) + self.w[f"{name}/bias"]

    def separable(self, x: np.ndarray, name: str, stride: int = 1) -> np.ndarray:
        deep = self.w[f"{name}/depthwise_filter"]
        mixed = depthwise(x, deep, stride=(stride, stride), padding="SAME")
        return mixed @ self.w[f"{name}/pointwise_filter"][0, 0] + self.w[f"{name}/bias"]

    def fully_connected(self, x: np.ndarray, name: str) -> np.ndarray:
        return x @ self.w[f"{name}/weights"] + self.w[f"{name}/bias"]

    def features(self, x: np.ndarray) -> np.ndarray:
        for block in range(4):
            name = f"dense{block}"
            first = self.conv(x, f"{name}/conv0", 2) if block == 0 else None
            out1 = relu(self.separable(x, f"{name}/conv0", 2) if first is None else first)
            out2 = self.separable(out1, f"{name}/conv1")
            out3 = self.separable(relu(out1 + out2), f"{name}/conv2")
            out4 = self.separable(relu(out1 + (out2 + out3)), f"{name}/conv3")
            x = relu(out1 + (out2 + (out3 + out4)))
        return avg_pool(x, (7, 7), stride=(2, 2)).reshape(len(x), -1)

    def expression(self, x: np.ndarray) -> np.ndarray:
        return self.fully_connected(self.features(x), "fc")

    landmarks = expression

    def age_gender(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        def reduction(x: np.ndarray, name: str, activate: bool = True) -> np.ndarray:
            out = self.separable(relu(x) if activate else x, f"{name}/separable_conv0")
            out = self.separable(relu(out), f"{name}/separable_conv1")
            out = max_pool(out, (3, 3), stride=(2, 2), padding="SAME")
            return out + self.conv(x, f"{name}/expansion_conv", 2)

        x = relu(self.conv(x, "entry_flow/conv_in", 2))
        x = reduction(x, "entry_flow/reduction_block_0", activate=False)
        x = reduction(x, "entry_flow/reduction_block_1")
        for block in ("middle_flow/main_block_0", "middle_flow/main_block_1"):
            out = x
            for number in range(3):
                out = self.separable(relu(out), f"{block}/separable_conv{number}")
            x = out + x
        x = reduction(x, "exit_flow/reduction_block")
        x = relu(self.separable(x, "exit_flow/separable_conv"))
        x = avg_pool(x, (7, 7), stride=(2, 2)).reshape(len(x), -1)
        return self.fully_connected(x, "fc/age"), softmax(self.fully_connected(x, "fc/gender"))

    def descriptor(self, x: np.ndarray) -> np.ndarray:
        def layer(x: np.ndarray, name: str, stride: int, padding: str = "SAME") -> np.ndarray:
            made = self.conv(x, f"{name}/conv", stride, padding)
            return made * self.w[f"{name}/scale/weights"] + self.w[f"{name}/scale/biases"]

        def residual(x: np.ndarray, name: str) -> np.ndarray:
            out = relu(layer(x, f"{name}/conv1", 1))
            return relu(layer(out, f"{name}/conv2", 1) + x)

        def down(x: np.ndarray, name: str) -> np.ndarray:
            out = layer(relu(layer(x, f"{name}/conv1", 2, "VALID")), f"{name}/conv2", 1)
            short = avg_pool(x, (2, 2), stride=(2, 2))
            if short.shape[1] != out.shape[1]:
                out = np.pad(out, [(0, 0), (0, 1), (0, 1), (0, 0)])
            if short.shape[3] != out.shape[3]:
                short = np.concatenate([short, np.zeros_like(short)], axis=3)
            return relu(short + out)

        x = max_pool(relu(layer(x, "conv32_down", 2, "VALID")), (3, 3), stride=(2, 2))
        for width, blocks in ((32, 3), (64, 3), (128, 2), (256, 2)):
            x = x if width == 32 else down(x, f"conv{width}_down")
            for number in range(1, blocks + 1):
                x = residual(x, f"conv{width}_{number}")
        return down(x, "conv256_down_out").mean(axis=(1, 2)) @ self.w["fc"]
