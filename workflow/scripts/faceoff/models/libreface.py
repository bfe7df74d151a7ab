"""Run LibreFace (Chang et al. 2024) on faces that it aligns itself.

It has an expression network and a joint action-unit network. Its weights lie on Google Drive and no
hash of them is published, so each file is given with its sha256:

    models: {libreface: {options: {fer: {path: /path/repvgg.safetensors, sha256: …}, au: …}}}

`fer` is Facial_Expression_Recognition/weights/repvgg.pt (Drive id
1yPBUjPhkwcIkRLt47-JJRLRD7rCwPIVU), `au` AU_Recognition/weights/combined_resnet.pt
(1CbnBr8OBt8Wb73sL1ENcrtrWAFWSSRv0). `libreface` needs the first, `libreface_au` the second.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from faceoff.assets import fetch
from faceoff.emotions import AFFECTNET_ORDER
from faceoff.faces import emfacs
from faceoff.inference.runtimes import softmax
from faceoff.plugins.protocols import CropSpec, Prediction

MODELS = {
    "libreface": {
        "class": "LibreFace",
        "framework": "libreface",
        "requires": {"modules": ["libreface"]},
        "options": {"fer": None, "au": None},
        "checkpoint": {
            "file": "repvgg.pt",
            "url": "https://drive.google.com/uc?id=1yPBUjPhkwcIkRLt47-JJRLRD7rCwPIVU",
        },
        "lineage": "libreface-fer",
        "licence": "USC research licence: education, research and non-profit use",
        "training_data": {"affectnet": ["train"]},
        "selected_on": {"affectnet": ["valid"]},
        "source": "https://github.com/ihp-lab/LibreFace",
        "published": [
            {
                "task": "AffectNet-8 validation",
                "accuracy": 0.4971,
                "note": "their paper, arXiv 2308.10713; the package's file is another training",
            },
            {
                "task": "RAF-DB test",
                "accuracy": 0.8279,
                "note": "their paper, trained on RAF-DB: not this file",
            },
        ],
    },
    "libreface_au": {
        "class": "LibreFaceAU",
        "framework": "libreface",
        "requires": {"modules": ["libreface"]},
        "recipe": "emfacs",
        "options": {"au": None, "neutral": 0.35, "temperature": 1.0, "variants": ["fear_25"]},
        "checkpoint": {
            "file": "combined_resnet.pt",
            "url": "https://drive.google.com/uc?id=1CbnBr8OBt8Wb73sL1ENcrtrWAFWSSRv0",
        },
        "lineage": "libreface-au",
        "licence": "USC research licence: education, research and non-profit use",
        "training_data": {"disfa": ["train"], "bp4d": ["train"]},
        "source": "https://github.com/ihp-lab/LibreFace",
    },
}

BATCH = 16
# ImageNet's, of RGB in 0–1
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
# solver_inference_image_task_combine: units with an intensity (DISFA), then units of which it only
# says whether they are there (BP4D).
INTENSITIES = (
    "AU01",
    "AU02",
    "AU04",
    "AU05",
    "AU06",
    "AU09",
    "AU12",
    "AU15",
    "AU17",
    "AU20",
    "AU25",
    "AU26",
)
PRESENCES = (
    "AU01",
    "AU02",
    "AU04",
    "AU06",
    "AU07",
    "AU10",
    "AU12",
    "AU14",
    "AU15",
    "AU17",
    "AU23",
    "AU24",
)


@contextmanager
def without_imagenet() -> Iterator[None]:
    """Let LibreFace's constructors start from random weights.

    They would download ImageNet's, unverified, only to overwrite every one of them.
    """
    import timm
    import torchvision

    makers = (
        (timm, "create_model", "pretrained", False),
        (torchvision.models, "resnet18", "weights", None),
    )
    kept = [getattr(module, name) for module, name, _, _ in makers]
    for (module, name, key, value), maker in zip(makers, kept, strict=True):
        setattr(
            module,
            name,
            lambda *args, _maker=maker, _other={key: value}, **more: _maker(
                *args, **{**more, **_other}
            ),
        )
    try:
        yield
    finally:
        for (module, name, _, _), maker in zip(makers, kept, strict=True):
            setattr(module, name, maker)


def _network(which: str, path: Path) -> Any:
    """Return one of LibreFace's networks with the file's weights, as a runtime."""
    from faceoff.inference.checkpoints import fill
    from faceoff.inference.torch_devices import Torch, torch_device

    with without_imagenet():
        if which == "fer":
            from libreface.Facial_Expression_Recognition.models.repvgg import RepVGG

            network = RepVGG(
                SimpleNamespace(fm_distillation=True, dropout=0.1, num_labels=len(AFFECTNET_ORDER))
            )
        else:
            from libreface.AU_Recognition.models.resnet18_combine import ResNet18

            sizes = {
                "au_recognition_num_labels": len(INTENSITIES),
                "au_detection_num_labels": len(PRESENCES),
            }
            network = _joint(ResNet18(SimpleNamespace(fm_distillation=False, dropout=0.1, **sizes)))
    return Torch(fill(network, path).to(torch_device()), BATCH, more_on_gpu=True)


def _joint(network: Any) -> Any:
    """Return the joint network with both tasks as outputs, intensity and presence (0–1).

    The original computes one at a time.
    """
    own = network.forward
    network.forward = lambda images: (
        own(images, task_name="au_recognition"),
        own(images, task_name="au_detection"),
    )
    return network


class Aligner:
    """LibreFace's alignment: MediaPipe's face mesh, turned and cut out to 512 pixels."""

    def __call__(self, crops: np.ndarray) -> list[np.ndarray | None]:
        """Return (height, width, 3) uint8 of each crop.

        It is None without a face, or with two, which cannot be told apart.
        """
        from libreface.detect_mediapipe_image import get_aligned_image
        from PIL import Image

        found: list[np.ndarray | None] = []
        with tempfile.TemporaryDirectory(prefix="faceoff-libreface-") as folder:
            for index, crop in enumerate(crops):
                path = Path(folder, f"crop{index:05d}.png")
                Image.fromarray(crop).save(path)
                try:
                    aligned = get_aligned_image(str(path), temp_dir=folder)[0]
                except (RuntimeError, AttributeError):  # no face; a second face, at which it fails
                    found.append(None)
                    continue
                with Image.open(aligned) as picture:
                    found.append(np.asarray(picture.convert("RGB")))
        return found


def _inputs(aligned: list[np.ndarray | None], resize: int, side: int) -> np.ndarray:
    """Return (n, 3, side, side) float32: resized, centre cut out, normalised.

    A crop without a face is black.
    """
    from PIL import Image

    inputs = np.zeros((len(aligned), side, side, 3), np.float32)
    start = round((resize - side) / 2)
    # Pillow's own default of `resize` is bicubic, torchvision's of `Resize` bilinear: the
    # expression network uses the one, the units' the other.
    method = Image.Resampling.BICUBIC if resize == side else Image.Resampling.BILINEAR
    for index, pixels in enumerate(aligned):
        if pixels is not None:
            small = np.asarray(Image.fromarray(pixels).resize((resize, resize), method), np.float32)
            inputs[index] = small[start : start + side, start : start + side] / np.float32(255)
    return np.ascontiguousarray(((inputs - MEAN) / STD).transpose(0, 3, 1, 2))


def _units(
    network: Any, aligned: list[np.ndarray | None]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return (intensities (n,), 0–5, presences (n,) bool) by unit."""
    intensity, presence = network.run(_inputs(aligned, 256, 224))
    units = {
        unit: np.clip(5 * intensity[:, index].astype(np.float64), 0, 5)
        for index, unit in enumerate(INTENSITIES)
    }
    return units, {unit: presence[:, index] >= 0.5 for index, unit in enumerate(PRESENCES)}


class LibreFace:
    """LibreFace's expression network, with action units if the options give that network too.

    The network ends in a sigmoid per class, of which LibreFace reports the largest. Their softmax
    stands as the posterior: the order is LibreFace's, the confidence is flat (at most 0.28).
    """

    # it looks for the face itself, and needs some room around it
    crop = CropSpec(size=(256, 256), channels=3, margin=0.5)
    emotions = AFFECTNET_ORDER

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        options = card["options"]
        fer = fetch.required(options, "fer", "LibreFace's repvgg.pt")
        au = fetch.option(options, "au")
        self._expression = _network("fer", fer)
        self._joint = _network("au", au) if au else None
        self.aus = INTENSITIES if au else ()
        self._align = Aligner()

    def predict(self, crops: np.ndarray) -> Prediction:
        aligned = self._align(crops)
        posterior = softmax(self._expression.run(_inputs(aligned, 224, 224))[0])
        units = _units(self._joint, aligned)[0] if self._joint else {}
        return Prediction(
            posterior=posterior,
            aus=units,
            evaluable=np.array([face is not None for face in aligned], bool),
        )


class LibreFaceAU:
    """A model with emotions by EMFACS rules from LibreFace's twelve intensities.

    Where LibreFace also says whether a unit is present, that decides. AU07, AU23 and AU24 have no
    intensity, so anger is unevaluable, and fear except for its variant with AU25; contempt takes
    one side.
    """

    crop = LibreFace.crop
    aus = INTENSITIES

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        options = card["options"]
        self._joint = _network(
            "au", fetch.required(options, "au", "LibreFace's combined_resnet.pt")
        )
        self._neutral, self._temperature = options["neutral"], options["temperature"]
        self._rules = emfacs.rules(options["variants"])
        self.emotions = emfacs.evaluable(INTENSITIES, self._rules)
        self._align = Aligner()

    def predict(self, crops: np.ndarray) -> Prediction:
        aligned = self._align(crops)
        units, present = _units(self._joint, aligned)
        posterior = emfacs.posterior(
            emfacs.scores(units, self._rules, present),
            self.emotions,
            self._neutral,
            self._temperature,
        )
        return Prediction(
            posterior=posterior,
            aus=units,
            evaluable=np.array([face is not None for face in aligned], bool),
        )
