"""OpenFace 3, py-feat and LibreFace against their own packages, each in its own environment
(envs/openface3.yaml …): elsewhere they skip.

The weights are synthetic, of the right architecture and where the package looks for them: the real
ones were not at hand.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic_weights import picture, state

from faceoff.assets.asset import AssetError, hash_of
from faceoff.drawing import scenes
from faceoff.emotions import AFFECTNET_ORDER
from faceoff.faces.crops import crop
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.plugins import registry
from faceoff.plugins.protocols import CropSpec


def ready(name: str, **options: Any) -> Any:
    job = registry.get("model", name).job()
    return load_plugin(job.with_options(options), Clock())


def needs(name: str) -> None:
    if reason := registry.get("model", name).skip():
        pytest.skip(reason)
    from faceoff.inference.torch_devices import prepare_torchvision

    prepare_torchvision()


def blotches(count: int, side: int) -> np.ndarray:
    return np.stack([picture(side, seed) for seed in range(count)])


@cache
def faces(spec: CropSpec, count: int = 6) -> np.ndarray:
    """Crops of drawn faces, and a black one."""
    drawn = [
        scenes.draw(scene)
        for scene in [scene for scene in scenes.plan("train") if scene.rung == "plain"][:count]
    ]
    return np.stack(
        [
            *(crop(image, truth[0].box, spec) for image, truth in drawn),
            np.zeros((*spec.size, 3), np.uint8),
        ]
    )


def filled(network: Any, gain: float = 1.0) -> dict[str, Any]:
    """Seeded weights for a network of PyTorch; `gain` on its kernels keeps the answers of a deep
    one from being all the same.
    """
    import torch

    wanted = network.state_dict()
    made = state({name: tuple(value.shape) for name, value in wanted.items()})
    return {
        name: torch.from_numpy(np.asarray(values * (gain if values.ndim > 1 else 1), values.dtype))
        for name, values in made.items()
    }


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def same_alone_and_together(model: Any, crops: np.ndarray) -> None:
    many = model.predict(crops)
    single = [model.predict(one[None]) for one in crops]
    assert (
        np.abs(np.concatenate([found.posterior for found in single]) - many.posterior).max() < 1e-6
    )
    assert many.posterior.sum(axis=1) == pytest.approx(np.ones(len(crops)))
    assert set(many.aus) == set(model.aus)
    assert model.predict(crops[:0]).posterior.shape == (0, len(model.emotions))
    assert all(((values >= 0) & (values <= 5)).all() for values in many.aus.values())


# -- OpenFace 3 ------------------------------------------------------------------------------------


def openface_weights(folder: Path) -> dict[str, str]:
    """A state dict of OpenFace 3's multitask network whose answers differ from picture
    to picture.
    """
    import torch
    from openface.model.MTL import MTL

    torch.save(filled(MTL(), gain=2), folder / "MTL_backbone.pth")
    return {
        "weights": str(folder / "MTL_backbone.pth"),
        "sha256": hash_of(folder / "MTL_backbone.pth", "sha256"),
    }


@pytest.mark.slow
def test_openface3(tmp_path: Path) -> None:
    needs("openface3")
    given = openface_weights(tmp_path)
    from openface.multitask_model import MultitaskPredictor

    model, crops = ready("openface3", **given), blotches(18, 224)
    judge = MultitaskPredictor(given["weights"])
    theirs = [
        [output.numpy()[0] for output in judge.predict(np.ascontiguousarray(one[..., ::-1]))]
        for one in crops
    ]  # BGR, as it documents
    found = model.predict(crops)
    expected = softmax(np.stack([emotion for emotion, _, _ in theirs]))
    assert np.abs(found.posterior - expected).max() < 1e-4
    assert np.ptp(expected, axis=0).max() > 0.05
    assert (
        np.abs(
            np.column_stack(list(found.aus.values())) / 5
            - np.stack([units for _, _, units in theirs])
        ).max()
        < 1e-4
    )
    assert np.abs(model.predict(crops[..., ::-1].copy()).posterior - expected).max() > 1e-3, (
        "red is not blue"
    )
    same_alone_and_together(model, crops[:5])


@pytest.mark.slow
def test_openface3_in_another_order_of_classes(tmp_path: Path) -> None:
    needs("openface3")
    given = openface_weights(tmp_path)
    swapped = [*AFFECTNET_ORDER[:5], "anger", "disgust", "contempt"]
    model, usual = ready("openface3", **given, classes=swapped), ready("openface3", **given)
    assert (model.emotions, usual.emotions) == (tuple(swapped), AFFECTNET_ORDER)
    with pytest.raises(ValueError, match=r"option `classes`: expected neutral, .*found happiness"):
        ready("openface3", **given, classes=["happy"])


# -- py-feat ---------------------------------------------------------------------------------------


def pyfeat_weights(folder: Path) -> dict[str, str]:
    from feat.multitask.model_v2 import MEGraphAUv2, ModelV2Config
    from safetensors.torch import save_file

    # As its model card and the comments of its configuration describe version 2.8.
    chosen = {
        "n_au": 20,
        "n_emotion": 7,
        "n_blendshape": 52,
        "mesh_normalized": True,
        "use_head_v3": True,
        "drop_mefl": True,
        "emotion_use_au_prob": True,
    }
    path = folder / "face_multitask.safetensors"
    save_file(
        filled(MEGraphAUv2(ModelV2Config(**chosen, pretrained=False))),
        path,
        metadata={"config": json.dumps(chosen)},
    )
    return {"weights": str(path), "sha256": hash_of(path, "sha256")}


@pytest.mark.slow
def test_pyfeat(tmp_path: Path) -> None:
    needs("pyfeat")
    given = pyfeat_weights(tmp_path)
    import torch
    from feat.multitask.inference import MultitaskModel

    model, units, crops = ready("pyfeat", **given), ready("pyfeat_au", **given), blotches(18, 256)
    judge = MultitaskModel(weights_path=given["weights"])
    theirs = [
        judge(torch.from_numpy(one.transpose(2, 0, 1)[None].copy()).float() / 255) for one in crops
    ]
    assert [name.casefold() for name in theirs[0].emotion_names] == [
        "neutral",
        "happy",
        "sad",
        "surprise",
        "fear",
        "disgust",
        "anger",
    ]
    found = model.predict(crops)
    assert np.abs(found.posterior - np.concatenate([one.emotion for one in theirs])).max() < 1e-4
    assert np.abs(found.valence - np.concatenate([one.valence for one in theirs])).max() < 1e-4
    assert np.abs(found.arousal - np.concatenate([one.arousal for one in theirs])).max() < 1e-4
    assert list(found.aus) == theirs[0].au_names
    assert (
        np.abs(
            np.column_stack(list(found.aus.values())) / 5
            - np.concatenate([one.au for one in theirs])
        ).max()
        < 1e-4
    )
    assert np.ptp(found.posterior, axis=0).max() > 1e-4
    assert "contempt" not in units.emotions
    assert len(units.emotions) == 7
    same_alone_and_together(model, crops[:5])
    same_alone_and_together(units, crops[:5])


def test_pyfeat_takes_no_pickle(tmp_path: Path) -> None:
    needs("pyfeat")
    (tmp_path / "net.pt").write_bytes(b"x")
    with pytest.raises(AssetError, match=r"expected a \.safetensors file"):
        ready(
            "pyfeat",
            weights=str(tmp_path / "net.pt"),
            sha256=hash_of(tmp_path / "net.pt", "sha256"),
        )


# -- LibreFace -------------------------------------------------------------------------------------


def libreface_weights(folder: Path) -> dict[str, dict[str, str]]:
    """State dicts of both networks at the places below a weights folder where LibreFace looks for
    them, and beside them safetensors for the plug-in.
    """
    from types import SimpleNamespace

    import torch
    from libreface.AU_Recognition.models.resnet18_combine import ResNet18
    from libreface.Facial_Expression_Recognition.models.repvgg import RepVGG
    from safetensors.torch import save_file

    from faceoff.models.libreface import without_imagenet

    with without_imagenet():
        networks = {
            "fer": (RepVGG(SimpleNamespace(fm_distillation=True, dropout=0.1, num_labels=8)),
            "Facial_Expression_Recognition/weights/repvgg.pt"),
            "au": (ResNet18(SimpleNamespace(fm_distillation=False, dropout=0.1,
            au_recognition_num_labels=12, au_detection_num_labels=12)),
                   "AU_Recognition/weights/combined_resnet.pt"),
        }  # fmt: skip
    given = {}
    for role, (network, name) in networks.items():
        path = folder / name
        path.parent.mkdir(parents=True)
        state, converted = (
            filled(network, gain=0.6 if role == "fer" else 1),
            path.with_suffix(".safetensors"),
        )
        torch.save({"model": state}, path)
        save_file({name: tensor.contiguous().clone() for name, tensor in state.items()}, converted)
        given[role] = {"path": str(converted), "sha256": hash_of(converted, "sha256")}
    return given


@pytest.mark.slow
def test_libreface(tmp_path: Path) -> None:
    needs("libreface")
    given = libreface_weights(tmp_path)
    import torch
    from libreface.AU_Recognition.inference import get_au_intensities_and_detect_aus
    from libreface.detect_mediapipe_image import get_aligned_image
    from libreface.Facial_Expression_Recognition.inference import (
        ConfigObject,
        get_facial_expression,
    )
    from libreface.Facial_Expression_Recognition.solver_inference_image import (
        solver_inference_image,
    )
    from PIL import Image

    from faceoff.inference.checkpoints import CheckpointError
    from faceoff.models.libreface import PRESENCES, without_imagenet

    expressions, units = (Path(given[role]["path"]).with_suffix(".pt") for role in ("fer", "au"))
    with pytest.raises(CheckpointError, match="CVE-2025-32434"):  # of the PyTorch that it pins
        ready("libreface_au", au={"path": str(units), "sha256": hash_of(units, "sha256")})
    model, by_units = ready("libreface", **given), ready("libreface_au", au=given["au"])
    crops = faces(model.crop)
    found, from_units = model.predict(crops), by_units.predict(crops)
    assert found.evaluable.tolist() == [True] * (len(crops) - 1) + [False], (
        "the black one has no face"
    )
    assert set(by_units.emotions) == {
        "neutral",
        "happiness",
        "sadness",
        "surprise",
        "fear",
        "disgust",
    }
    config = ConfigObject({"ckpt_path": str(expressions), "weights_download_id": "",
        "image_size": 224, "num_labels": 8, "dropout": 0.1,
                           "fm_distillation": True, "student_model_name": "repvgg",
                           "device": "cpu"})  # fmt: skip
    with without_imagenet():
        solver = solver_inference_image(config).eval()
        for index, pixels in enumerate(crops[:-1]):
            path = tmp_path / f"face{index}.png"
            Image.fromarray(pixels).save(path)
            aligned = get_aligned_image(str(path), temp_dir=str(tmp_path / "aligned"))[0]
            label = get_facial_expression(aligned, weights_download_dir=str(tmp_path))
            assert AFFECTNET_ORDER[int(found.posterior[index].argmax())] == label.casefold()
            with torch.no_grad():
                theirs = solver.student_model(solver.read_and_transform_image(aligned)[None])[
                    0
                ].numpy()
            assert np.abs(found.posterior[index] - softmax(theirs)[0]).max() < 1e-4
            present, intensity = get_au_intensities_and_detect_aus(
                aligned, weights_download_dir=str(tmp_path)
            )
            for unit in model.aus:
                assert found.aus[unit][index] == pytest.approx(
                    intensity[f"au_{int(unit[2:])}_intensity"], abs=1.5e-3
                ), "it rounds to three decimals"
            assert set(present) == {f"au_{int(unit[2:])}" for unit in PRESENCES}
    assert np.ptp(found.posterior[:-1], axis=0).max() > 1e-4
    assert np.isfinite(from_units.posterior).all()
    assert (
        np.abs(
            np.concatenate([model.predict(one[None]).posterior for one in crops]) - found.posterior
        ).max()
        < 1e-6
    )


# -- what needs none of the packages ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["openface3", "pyfeat", "pyfeat_au", "libreface", "libreface_au"])
def test_weights_are_asked_for_with_their_hash(name: str, tmp_path: Path) -> None:
    """Before anything of the package is imported: which file, from where, and under
    which options.
    """
    (tmp_path / "net.safetensors").write_bytes(b"x")
    plugin = registry.get("model", name)
    loaded, options = registry.load(plugin.source, plugin.class_name), plugin.card["options"]
    with pytest.raises(AssetError, match="no published hash"):
        loaded({**plugin.card, "options": options}, {})
    if "weights" in options:
        with pytest.raises(AssetError, match="give its sha256 too"):
            loaded(
                {
                    **plugin.card,
                    "options": {**options, "weights": str(tmp_path / "net.safetensors")},
                },
                {},
            )
        wrong = {"weights": str(tmp_path / "net.safetensors"), "sha256": "0" * 64}
    else:
        wrong = {
            role: {"path": str(tmp_path / "net.safetensors"), "sha256": "0" * 64}
            for role in ("fer", "au")
            if role in options
        }
    with pytest.raises(AssetError, match="remove the file or correct the card"):
        loaded({**plugin.card, "options": {**options, **wrong}}, {})
