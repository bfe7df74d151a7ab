"""Run the multitask network of py-feat 2's Detectorv2 (Cheong et al. 2023) on this package's crops.

Its weights lie at Hugging Face (py-feat/face_multitask_v2, safetensors). No hash of the file was
found elsewhere, so it is given with its sha256, which stands on its page there:

    models: {pyfeat: {options: {weights: /path/face_multitask_v28.safetensors, sha256: …}}}

py-feat's own detectors, and the classic Detectorv1 whose weights are pickled, are not used.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.assets.asset import AssetError
from faceoff.assets.fetch import given
from faceoff.emotions import canonical
from faceoff.faces import emfacs
from faceoff.inference.hardware import batch_size
from faceoff.inference.runtimes import BatchedNetwork
from faceoff.plugins.protocols import CropSpec, Prediction

MODELS = {
    "pyfeat": {
        "class": "PyFeat",
        "framework": "pyfeat",
        "requires": {"modules": ["feat.multitask"]},
        "options": {"weights": None, "sha256": None},
        "outputs": ["emotions", "valence", "arousal"],
        "checkpoint": {
            "file": "face_multitask_v28.safetensors",
            "url": (
                "https://huggingface.co/py-feat/face_multitask_v2/resolve/main/"
                "face_multitask_v28.safetensors"
            ),
        },
        "lineage": "pyfeat-multitask-v2",
        "licence": "code MIT, weights for non-commercial research",
        "training_data": {
            "affectnet": ["train"],
            "raf-db": ["train"],
            "ferplus": ["train"],
            "expw": ["train"],
            "meld": ["train"],
            "ck_plus": ["train"],
            "bp4d": ["train"],
            "disfa": ["train"],
            "emotionet": ["train"],
            "unbc": ["train"],
            "am-fed": ["train"],
            "aff-wild2": ["train"],
            "afew-va": ["train"],
        },
        "selected_on": {"affectnet": ["valid"], "raf-db": ["test"], "ferplus": ["valid", "test"]},
        "source": "https://github.com/cosanlab/py-feat",
        "published": [
            {
                "task": "AffectNet-7 validation",
                "accuracy": 0.628,
                "note": "model card of face_multitask_v28",
            },
            {"task": "RAF-DB test", "accuracy": 0.869, "note": "model card of face_multitask_v28"},
        ],
        "notes": (
            "its model card names the splits held out of training, not on which of them its epochs "
            "were chosen: all count as selected-on"
        ),
    },
    "pyfeat_au": {
        "class": "PyFeatAU",
        "framework": "pyfeat",
        "requires": {"modules": ["feat.multitask"]},
        "recipe": "emfacs",
        "options": {
            "weights": None,
            "sha256": None,
            "neutral": 0.35,
            "temperature": 1.0,
            "variants": [],
        },
        "outputs": ["emotions", "valence", "arousal"],
        "checkpoint": {
            "file": "face_multitask_v28.safetensors",
            "url": (
                "https://huggingface.co/py-feat/face_multitask_v2/resolve/main/"
                "face_multitask_v28.safetensors"
            ),
        },
        "lineage": "pyfeat-multitask-v2",
        "licence": "code MIT, weights for non-commercial research",
        "training_data": {
            "affectnet": ["train"],
            "raf-db": ["train"],
            "ferplus": ["train"],
            "expw": ["train"],
            "meld": ["train"],
            "ck_plus": ["train"],
            "bp4d": ["train"],
            "disfa": ["train"],
            "emotionet": ["train"],
            "unbc": ["train"],
            "am-fed": ["train"],
            "aff-wild2": ["train"],
            "afew-va": ["train"],
        },
        "selected_on": {"affectnet": ["valid"], "raf-db": ["test"], "ferplus": ["valid", "test"]},
        "source": "https://github.com/cosanlab/py-feat",
        "notes": "AU20 hardly works (F1 0.06 on DISFA+), AU15 and AU06 weakly, says its model card",
    },
}

BATCH = 16
# Columns of the network in its order (feat.multitask.AU_NAMES_V24); AU43, closed eyes, is not a
# unit of any rule.
_NUMBERS = (
    1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43,
)  # fmt: skip
UNITS = tuple(f"AU{number:02d}" for number in _NUMBERS)


class PyFeat(BatchedNetwork):
    """Py-feat's own emotion head (seven classes), valence and arousal, and 20 units.

    A unit's intensity is five times its probability, because the network gives none.
    """

    # Detectorv2 enlarges its square boxes by 1.2
    crop = CropSpec(size=(256, 256), channels=3, margin=0.2)
    emotions: tuple[str, ...] = (
        "neutral",
        "happiness",
        "sadness",
        "surprise",
        "fear",
        "disgust",
        "anger",
    )
    aus = UNITS

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        options = card["options"]
        if not options["weights"]:
            raise AssetError(
                f"py-feat's weights have no published hash: get {card['checkpoint']['url']} and "
                "give it as options `weights` and `sha256`"
            )
        path = given(options["weights"], options["sha256"], "weights")
        if path.suffix != ".safetensors":
            raise AssetError(
                f"{path}: expected a .safetensors file; py-feat's older .pt checkpoints are "
                "pickles, which are not loaded"
            )
        from faceoff.inference.torch_devices import prepare_torchvision, torch_device

        prepare_torchvision()
        from feat.multitask.inference import MultitaskModel

        device = torch_device()
        self._batch = batch_size(BATCH, on_gpu=device != "cpu")
        self._model = MultitaskModel(device=device, weights_path=str(path), amp=False)
        units = tuple(self._model.au_names)
        emotions = tuple(canonical(name) for name in self._model.emotion_names)
        if (units, emotions) != (UNITS, PyFeat.emotions):
            raise ValueError(
                f"{path}: a network of other outputs ({', '.join((*units, *emotions))}); this "
                "reads face_multitask_v24 to v28"
            )

    def _invoke(self, inputs: np.ndarray) -> list[np.ndarray]:
        import torch

        outputs = self._model(torch.from_numpy(inputs).permute(0, 3, 1, 2).contiguous() / 255)
        return [outputs.emotion, outputs.au, outputs.valence, outputs.arousal]

    def _read(self, crops: np.ndarray) -> dict[str, np.ndarray]:
        """Return MultitaskModel's outputs: emotion (n, 7), au (n, 20), valence and arousal (n,)."""
        return dict(zip(("emotion", "au", "valence", "arousal"), self.run(crops), strict=True))

    def predict(self, crops: np.ndarray) -> Prediction:
        outputs = self._read(crops)
        posterior = outputs["emotion"].astype(np.float64)
        return Prediction(
            posterior=posterior / posterior.sum(axis=1, keepdims=True),
            valence=outputs["valence"],
            arousal=outputs["arousal"],
            aus=_units(outputs["au"]),
        )


def _units(probabilities: np.ndarray) -> dict[str, np.ndarray]:
    return {
        unit: 5 * np.clip(probabilities[:, index].astype(np.float64), 0, 1)
        for index, unit in enumerate(UNITS)
    }


class PyFeatAU(PyFeat):
    """The same network, with emotions from its units by EMFACS rules.

    Contempt is missing, because it takes a unit of one side.
    """

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        super().__init__(card, assets)
        options = card["options"]
        self._neutral, self._temperature = options["neutral"], options["temperature"]
        self._rules = emfacs.rules(options["variants"])
        self.emotions = emfacs.evaluable(UNITS, self._rules)

    def predict(self, crops: np.ndarray) -> Prediction:
        outputs = self._read(crops)
        units = _units(outputs["au"])
        posterior = emfacs.posterior(
            emfacs.scores(units, self._rules), self.emotions, self._neutral, self._temperature
        )
        return Prediction(
            posterior=posterior, valence=outputs["valence"], arousal=outputs["arousal"], aus=units
        )
