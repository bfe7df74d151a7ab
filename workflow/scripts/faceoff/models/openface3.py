"""Run OpenFace 3 (Hu et al. 2025), the multitask network of openface-test, on this package's crops.

Its weights lie at Hugging Face (nutPace/openface_weights, MTL_backbone.pth) and no hash of them was
found elsewhere, so the file is given with its sha256, which stands on its page there:

    models: {openface3: {options: {weights: /path/MTL_backbone.pth, sha256: …}}}

Nothing else of the package is needed: its detector and landmarks have no part in the emotion head,
which only looks at the box.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.assets.asset import AssetError
from faceoff.assets.fetch import given
from faceoff.emotions import AFFECTNET_ORDER, canonical
from faceoff.inference.runtimes import softmax
from faceoff.plugins.protocols import CropSpec, Prediction

MODELS = {
    "openface3": {
        "class": "OpenFace3",
        "framework": "openface3",
        "requires": {"modules": ["openface.multitask_model"]},
        "options": {"weights": None, "sha256": None, "classes": None},
        "checkpoint": {
            "file": "MTL_backbone.pth",
            "url": (
                "https://huggingface.co/nutPace/openface_weights/resolve/"
                "3844412b54706ed0a930b99589508ed3c101f39e/MTL_backbone.pth"
            ),
        },
        "lineage": "openface3",
        "licence": "academic, non-commercial (OpenFace)",
        "training_data": {"affectnet": ["train"], "disfa": ["train"]},
        "selected_on": {"affectnet": ["valid"]},
        "source": "https://github.com/CMU-MultiComp-Lab/OpenFace-3.0",
        "published": [
            {
                "task": "AffectNet-8 validation",
                "accuracy": 0.5589,
                "note": "by the name of its README's checkpoint (…acc_0.5589)",
            },
            {
                "task": "AffectNet-7 validation",
                "accuracy": 0.587,
                "note": "py-feat's comparison, not the authors'",
            },
        ],
        "notes": (
            "README: disgust before anger; its issue 15: 54 % on AffectNet with anger before "
            "disgust, 46 % as in the README. Option `classes`"
        ),
    }
}

BATCH = 16
# The authors do not name their eight units. These are DISFA's in the order of ME-GraphAU, from
# which the head comes. py-feat's comparison of the tools scores the same units (macro-F1 0.73 on
# DISFA+).
UNITS = ("AU01", "AU02", "AU04", "AU06", "AU09", "AU12", "AU25", "AU26")


def class_order(named: Sequence[str] | None) -> tuple[str, ...]:
    """Return the README's order of classes, or that of the option `classes`.

    Raises ValueError unless those are the same eight.
    """
    if named is None:
        return AFFECTNET_ORDER
    classes = tuple(canonical(str(name)) for name in named)
    if sorted(classes) != sorted(AFFECTNET_ORDER):
        raise ValueError(
            f"option `classes`: expected {', '.join(AFFECTNET_ORDER)} in output order, found "
            f"{', '.join(classes)}"
        )
    return classes


class OpenFace3:
    """OpenFace 3's own emotion head, and eight units.

    Of the EMFACS rules, only happiness has all its units among them. A unit's output, 0–1, is how
    much the face looks like that unit; five times it stands as the intensity, because the network
    gives none.
    """

    crop = CropSpec(size=(224, 224), channels=3, margin=0.0)
    emotions: tuple[str, ...] = AFFECTNET_ORDER  # unless option `classes` says otherwise
    aus = UNITS

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        options = card["options"]
        if not options["weights"]:
            raise AssetError(
                f"OpenFace 3's weights have no published hash: get {card['checkpoint']['url']} "
                "and give it as options `weights` and `sha256`"
            )
        path = given(options["weights"], options["sha256"], "weights")
        self.emotions = class_order(options["classes"])
        from faceoff.inference.checkpoints import read_state
        from faceoff.inference.torch_devices import Torch, prepare_torchvision, torch_device

        prepare_torchvision()
        from openface.multitask_model import MultitaskPredictor

        # This refuses pickled code; the package loads by the default of its PyTorch.
        read_state(path)
        self._predictor = MultitaskPredictor(str(path), device=torch_device())
        self._network = Torch(self._predictor.model, BATCH, more_on_gpu=True)

    def predict(self, crops: np.ndarray) -> Prediction:
        inputs = np.zeros((len(crops), 3, *self.crop.size), np.float32)
        for index, crop in enumerate(crops):
            # The package takes OpenCV's BGR.
            inputs[index] = (
                self._predictor.preprocess(np.ascontiguousarray(crop[..., ::-1]))[0].cpu().numpy()
            )
        emotion, _, units = self._network.run(inputs)
        return Prediction(
            posterior=softmax(emotion),
            aus={unit: 5.0 * np.clip(units[:, index], 0, 1) for index, unit in enumerate(UNITS)},
        )
