"""Measure what bad pictures cost, from which `faces.quality` has its limits.

    .venv-full/bin/python benchmarks/quality.py --ferplus FOLDER

Pictures of FER+'s validation part (48 x 48, the face fills them) are shrunk, blurred, darkened,
brightened or made pale, each in steps. Prints for each step the share that `faceoff_small` reads
right, and the median, 10th and 90th percentile of what `faces.quality` measures.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from faceoff.faces.quality import Quality, quality
from faceoff.faces.resampling import resize
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.media.images import decode_image
from faceoff.plugins import registry
from faceoff.plugins.open_dataset import open_dataset


def lit(image: np.ndarray, factor: float) -> np.ndarray:
    """Return the picture with all values times a factor, clipped."""
    return np.clip(image * float(factor), 0, 255).astype(np.uint8)


def paler(image: np.ndarray, factor: float) -> np.ndarray:
    """Return the picture with its values' distance from their mean times a factor."""
    return np.clip(image.mean() + (image - image.mean()) * factor, 0, 255).round().astype(np.uint8)


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """Return the picture after a Gaussian blur of `sigma` pixels."""
    return cv2.GaussianBlur(image, (0, 0), sigma) if sigma else image


def smaller(image: np.ndarray, side: float) -> np.ndarray:
    """Return the picture at a side of so many pixels."""
    return resize(image, (int(side), int(side)))


STEPS = {
    smaller: (48, 40, 32, 24, 20, 16, 12, 8),
    blurred: (0, 0.5, 0.75, 1, 1.25, 1.5, 2, 3),
    lit: (1, 0.6, 0.4, 0.25, 0.15, 0.1, 0.05, 1.25, 1.5, 1.75, 2, 2.5, 3),
    paler: (1, 0.6, 0.4, 0.3, 0.2, 0.1, 0.05),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ferplus", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=1500)
    asked = parser.parse_args()
    plugin = registry.get("dataset", "ferplus")
    options = {"type": "ferplus", "path": str(asked.ferplus), "split": "valid"}
    dataset, _ = open_dataset(plugin.source, plugin.class_name, options, 0)
    samples = [sample for sample in dataset.samples() if sample.label][: asked.pictures]
    pictures = [decode_image(dataset.read(sample)) for sample in samples]
    labels = np.array([sample.label for sample in samples])
    model = load_plugin(registry.get("model", "faceoff_small").job(), Clock())
    height, width = model.crop.size
    print(f"{len(pictures)} pictures")
    for change, steps in STEPS.items():
        for step in steps:
            changed = [change(picture, step) for picture in pictures]
            crops = np.stack([
                cv2.cvtColor(resize(one, (height, width)), cv2.COLOR_RGB2GRAY)[..., None]
                if model.crop.channels == 1
                else resize(one, (height, width))
                for one in changed
            ])  # fmt: skip
            posterior = np.concatenate([
                model.predict(crops[start : start + 64]).posterior
                for start in range(0, len(crops), 64)
            ])  # fmt: skip
            right = np.mean(np.array(model.emotions)[posterior.argmax(axis=1)] == labels)
            seen = [quality(one, (0, 0, one.shape[1], one.shape[0])) for one in changed]
            told = "; ".join(
                f"{name} {np.median(values):.3g} ({np.percentile(values, 10):.3g} to "
                f"{np.percentile(values, 90):.3g})"
                for name in Quality.__dataclass_fields__
                for values in [[getattr(one, name) for one in seen]]
            )
            print(f"{change.__name__} {step:g}: {right:.1%} right; {told}", flush=True)
