"""Run facetorch's predictors (Gajarsky) on this package's crops.

They give expression, action units, and valence and arousal. The classes that preprocess, run and
postprocess are facetorch's own, with the settings of its published configuration; only its
downloader is not used. Its files lie on Google Drive and Hugging Face, and no published hash of
them was found, so a file is given with its sha256 (it stands on the file's page at Hugging Face):

    models: {facetorch_b2: {options: {fer: {path: /path/model.pt, sha256: …}, va: …, au: …}}}

`va` and `au` (path and sha256, too) are optional beside the expression network: they add valence
and arousal, and action units, to its rows.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.assets import fetch
from faceoff.emotions import canonical
from faceoff.faces import emfacs
from faceoff.inference.hardware import batch_size
from faceoff.inference.runtimes import BatchedNetwork, softmax
from faceoff.plugins.protocols import CropSpec, Prediction

MODELS = {
    "facetorch_b0": {
        "class": "FacetorchB0",
        "framework": "facetorch",
        "requires": {"modules": ["torch", "facetorch"]},
        "options": {"fer": None, "va": None, "au": None},
        "checkpoint": {
            "file": "model.pt",
            "url": "https://huggingface.co/tomas-gajarsky/facetorch-fer-efficientnet-b0",
        },
        "lineage": "hsemotion-enet-b0-7",
        "licence": "Apache-2.0",
        "training_data": {"affectnet": ["train"], "vggface2": ["train"]},
        "source": "https://github.com/tomas-gajarsky/facetorch",
        "published": [
            {
                "task": "AffectNet-7 validation",
                "accuracy": 0.6574,
                "note": "HSEmotion's enet_b0_7, at 224 px; facetorch feeds it 244",
            }
        ],
    },
    "facetorch_b2": {
        "class": "FacetorchB2",
        "framework": "facetorch",
        "requires": {"modules": ["torch", "facetorch"]},
        "options": {"fer": None, "va": None, "au": None},
        "checkpoint": {
            "file": "model.pt",
            "url": "https://huggingface.co/tomas-gajarsky/facetorch-fer-efficientnet-b2",
        },
        "lineage": "hsemotion-enet-b2-8",
        "licence": "Apache-2.0",
        "training_data": {"affectnet": ["train"], "vggface2": ["train"]},
        "source": "https://github.com/tomas-gajarsky/facetorch",
        "published": [
            {"task": "AffectNet-8 validation", "accuracy": 0.6303, "note": "HSEmotion's enet_b2_8"}
        ],
    },
    "facetorch_au": {
        "class": "FacetorchAU",
        "framework": "facetorch",
        "requires": {"modules": ["torch", "facetorch"]},
        "recipe": "emfacs",
        "options": {"au": None, "va": None, "neutral": 0.35, "temperature": 1.0, "variants": []},
        "checkpoint": {
            "file": "model.pt",
            "url": "https://huggingface.co/tomas-gajarsky/facetorch-au-opengraph",
        },
        "lineage": "opengraphau",
        "licence": "Apache-2.0",
        "training_data": {"bp4d": ["train"], "disfa": ["train"]},
        "source": "https://github.com/tomas-gajarsky/facetorch",
    },
}

BATCH = 16

# From facetorch's conf/analyzer/predictor: each network's input, postprocessing, labels in output
# order, and file.
PREDICTORS: dict[str, dict[str, Any]] = {
    "b0": {
        "side": 244,
        "post": "PostArgMax",
        "labels": ["Anger", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise"],
        "file_id": "1i5f8vy1dZv_u8vsJsj9CHEzHwsokIknr",
        "repository": "tomas-gajarsky/facetorch-fer-efficientnet-b0",
    },
    "b2": {
        "side": 260,
        "post": "PostArgMax",
        
        "labels": [
            "Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise",
        ],
        "file_id": "1xoB5VYOd0XLjb-rQqqHWCkQvma4NytEd",
        "repository": "tomas-gajarsky/facetorch-fer-efficientnet-b2",
    },
    "va": {
        "side": 224,
        "post": "PostLabelConfidencePairs",
        "labels": ["valence", "arousal"],
        "file_id": "1Xl4ilNCU_DgKNhITrXb3UyQUUdm3VTKS",
        "repository": "tomas-gajarsky/facetorch-va-elim",
    },
    "au": {
        "side": 224,
        "post": "PostMultiLabel",
        "labels": [
            "inner_brow_raiser", "outer_brow_raiser", "brow_lowerer", "upper_lid_raiser",
            "cheek_raiser", "lid_tightener", "nose_wrinkler", "upper_lip_raiser",
            "nasolabial_deepener", "lip_corner_puller", "sharp_lip_puller", "dimpler",
            "lip_corner_depressor", "lower_lip_depressor", "chin_raiser", "lip_pucker",
            "tongue_show", "lip_stretcher", "lip_funneler", "lip_tightener", "lip_pressor",
            "lips_part", "jaw_drop", "mouth_stretch", "lip_bite", "nostril_dilator",
            "nostril_compressor", "left_inner_brow_raiser", "right_inner_brow_raiser",
            "left_outer_brow_raiser", "right_outer_brow_raiser", "left_brow_lowerer",
            "right_brow_lowerer", "left_cheek_raiser", "right_cheek_raiser",
            "left_upper_lip_raiser", "right_upper_lip_raiser", "left_nasolabial_deepener",
            "right_nasolabial_deepener", "left_dimpler", "right_dimpler",
        ],
        # facetorch runs this file's weights in its own class, because the traced Swin transformer
        # hangs on newer CUDA.
        "native": "facetorch.analyzer.predictor.au_model.OpenGraphAU",
        "file_id": "1uoVX9suSA5JVWTms3hEtJKzwO-CUR_jV",
        "repository": "tomas-gajarsky/facetorch-au-opengraph",
    },
}  # fmt: skip

# FACS numbers of the 27 units of OpenGraphAU, in its order. Its 14 one-sided outputs tell the side
# of a unit, not that it is on one side only. AU14 thus counts as one-sided by the difference of
# both sides, named by the viewer's side (facetorch names the subject's).
_NUMBERS = (
    1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 25, 26, 27,
    32, 38, 39,
)  # fmt: skip
UNITS = (*(f"AU{number:02d}" for number in _NUMBERS), "AU14L", "AU14R")


def _required(options: Mapping[str, Any], role: str, name: str) -> Path:
    """Return the verified file of a network that an option gives. Raises AssetError without one."""
    return fetch.required(
        options, role, f"facetorch's model.pt of {PREDICTORS[name]['repository']}"
    )


class Predictor(BatchedNetwork):
    """One FacePredictor of facetorch on uint8 crops, in batches of a fixed size."""

    def __init__(self, name: str, path: Path):
        from faceoff.inference.torch_devices import prepare_torchvision, torch_device

        prepare_torchvision()
        import torch
        from facetorch.analyzer.predictor import FacePredictor, post, pre
        from facetorch.downloader import DownloaderHuggingFace
        from torchvision import transforms

        settings, device = PREDICTORS[name], torch.device(torch_device())
        preprocessing = transforms.Compose([
            transforms.Resize([settings["side"]] * 2, antialias=True),
            transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
        ])  # fmt: skip
        choices: dict[str, dict[str, Any]] = {
            "PostArgMax": {"dim": 1},
            "PostMultiLabel": {"dim": 1, "threshold": 0.5},
            "PostLabelConfidencePairs": {"offsets": [0, 0]},
        }
        native = {"native_model_class": settings["native"]} if settings.get("native") else {}
        self._predictor = FacePredictor(
            # The file is there and verified, so facetorch does not download it.
            downloader=DownloaderHuggingFace(
                file_id=settings["file_id"],
                path_local=str(path),
                repo_id=settings["repository"],
                filename="model.pt",
            ),
            device=device,
            preprocessor=pre.PredictorPreProcessor(
                transform=preprocessing,
                device=device,
                optimize_transform=False,
                reverse_colors=False,
            ),
            postprocessor=getattr(post, settings["post"])(
                transform=None,
                device=device,
                optimize_transform=False,
                labels=list(settings["labels"]),
                **choices[settings["post"]],
            ),
            **native,
        )
        infer = self._predictor.inference
        # Postprocessing makes arrays of the outputs, and there are no arrays of bfloat16.
        self._predictor.inference = lambda faces: _float32(infer(faces))
        self.columns = len(settings["labels"])
        self._batch = batch_size(BATCH, on_gpu=device.type == "cuda")

    def _invoke(self, inputs: np.ndarray) -> list[np.ndarray]:
        import torch

        faces = torch.from_numpy(inputs).permute(0, 3, 1, 2).contiguous() / 255
        rows = [prediction.logits for prediction in self._predictor.run(faces)]
        logits = torch.stack(rows).double().cpu().numpy()
        if logits.shape[1] != self.columns:
            raise ValueError(
                f"the network has {logits.shape[1]} outputs, facetorch's configuration names "
                f"{self.columns} labels"
            )
        return [logits]

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        """Return (n, labels) float64, facetorch's `logits`, for (n, height, width, 3) uint8 RGB."""
        return self.run(crops)[0]


def _float32(outputs: Any) -> Any:
    return tuple(map(_float32, outputs)) if isinstance(outputs, tuple) else outputs.float()


def action_units(outputs: np.ndarray) -> dict[str, np.ndarray]:
    """Return intensities (n,), 0–5, from the (n, 41) outputs of OpenGraphAU.

    An intensity is five times the score of occurrence, because the network gives no intensity.
    """
    labels = PREDICTORS["au"]["labels"]
    units = {unit: 5 * np.clip(outputs[:, index], 0, 1) for index, unit in enumerate(UNITS[:27])}
    left, right = (outputs[:, labels.index(f"{side}_dimpler")] for side in ("left", "right"))
    return units | {
        "AU14L": 5 * np.clip(right - left, 0, 1),
        "AU14R": 5 * np.clip(left - right, 0, 1),
    }


def affect(predictor: Predictor | None, crops: np.ndarray) -> dict[str, np.ndarray]:
    """Return valence and arousal in [-1, 1], if the network is given."""
    if predictor is None:
        return {}
    outputs = np.clip(predictor(crops), -1, 1)
    return {"valence": outputs[:, 0], "arousal": outputs[:, 1]}


class _Expression:
    """An EfficientNet of HSEmotion as facetorch ships it, with the optional networks."""

    network: str
    emotions: tuple[str, ...]
    crop: CropSpec

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        options = card["options"]
        fer = _required(options, "fer", self.network)
        va, au = fetch.option(options, "va"), fetch.option(options, "au")
        self._expression = Predictor(self.network, fer)
        self._affect = Predictor("va", va) if va else None
        self._units = Predictor("au", au) if au else None
        self.aus = UNITS if au else ()

    def predict(self, crops: np.ndarray) -> Prediction:
        units = action_units(self._units(crops)) if self._units else {}
        return Prediction(
            posterior=softmax(self._expression(crops)), aus=units, **affect(self._affect, crops)
        )


class FacetorchB0(_Expression):
    """facetorch's fer/efficientnet_b0_7: seven classes, 244 pixels."""

    network = "b0"
    emotions = tuple(canonical(label) for label in PREDICTORS["b0"]["labels"])
    crop = CropSpec(size=(244, 244), channels=3, margin=0.0)


class FacetorchB2(_Expression):
    """facetorch's fer/efficientnet_b2_8: eight classes, 260 pixels."""

    network = "b2"
    emotions = tuple(canonical(label) for label in PREDICTORS["b2"]["labels"])
    crop = CropSpec(size=(260, 260), channels=3, margin=0.0)


class FacetorchAU:
    """facetorch's au/open_graph_swin_base: action units, and emotions from them by EMFACS rules."""

    crop = CropSpec(size=(224, 224), channels=3, margin=0.0)
    aus = UNITS

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        options = card["options"]
        au, va = _required(options, "au", "au"), fetch.option(options, "va")
        self._neutral, self._temperature = options["neutral"], options["temperature"]
        self._rules = emfacs.rules(options["variants"])
        self.emotions = emfacs.evaluable(self.aus, self._rules)
        self._units = Predictor("au", au)
        self._affect = Predictor("va", va) if va else None

    def predict(self, crops: np.ndarray) -> Prediction:
        units = action_units(self._units(crops))
        posterior = emfacs.posterior(
            emfacs.scores(units, self._rules), self.emotions, self._neutral, self._temperature
        )
        return Prediction(posterior=posterior, aus=units, **affect(self._affect, crops))
