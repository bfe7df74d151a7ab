"""Image classifiers of transformers by card: its own pipeline is the judge, on a small ViT and a
small ConvNeXt that it saved itself.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

pytest.importorskip("torch")
pytest.importorskip("transformers")

from faceoff.assets.asset import AssetError, hash_of
from faceoff.inference.checkpoints import CheckpointError
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.inference.torch_devices import prepare_torchvision
from faceoff.plugins.model_cards import HUB_FILES, read_card
from faceoff.plugins.plugin import RegistryError

LABELS = ["sad", "Angry", "happy", "neutral"]


def save_vit(folder: Path, labels: list[str] = LABELS, **change: Any) -> Path:
    """A seeded ViT of 32 px whose answers differ from picture to picture."""
    prepare_torchvision()
    import torch
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    torch.manual_seed(4)
    config = ViTConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, image_size=32, patch_size=8, initializer_range=0.3,
                       id2label=dict(enumerate(labels)),
                       label2id={label: index for index, label in enumerate(labels)},
                       **change)  # fmt: skip
    network = ViTForImageClassification(config)
    network.save_pretrained(folder)
    ViTImageProcessor(
        size={"height": 32, "width": 32}, image_mean=[0.4, 0.5, 0.6], image_std=[0.2, 0.25, 0.3]
    ).save_pretrained(folder)
    return folder


def save_convnext(folder: Path) -> Path:
    """A network whose processor enlarges by 1 / crop_pct and cuts the centre out."""
    prepare_torchvision()
    import torch
    from transformers import ConvNextConfig, ConvNextForImageClassification, ConvNextImageProcessor

    torch.manual_seed(5)
    config = ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2,
        initializer_range=0.5,
                            id2label=dict(enumerate(LABELS)),
                            label2id={label: index for index,
                            label in enumerate(LABELS)})  # fmt: skip
    network = ConvNextForImageClassification(config)
    network.save_pretrained(folder)
    ConvNextImageProcessor(size={"shortest_edge": 64}, crop_pct=0.875).save_pretrained(folder)
    return folder


def hashes(folder: Path) -> dict[str, str]:
    return {name: hash_of(folder / name, "sha256") for name in HUB_FILES.values()}


def card(folder: Path, **keys: Any) -> Any:
    """The plug-in of a card beside this folder."""
    text = {
        "name": "mine",
        "file": folder.name,
        "sha256": hashes(folder),
        "runtime": "transformers",
        "lineage": "mine",
    } | keys
    (folder.parent / "mine.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
    return read_card(folder.parent / "mine.yaml")


def ready(folder: Path, **keys: Any) -> Any:
    return load_plugin(card(folder, **keys).job(), Clock())


def crops(count: int, side: int) -> np.ndarray:
    """Coarse noise, each picture of another brightness and tint."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (count, 4, 4, 3)) * rng.random((count, 1, 1, 3))
    return noise.astype(np.uint8).repeat(side // 4, axis=1).repeat(side // 4, axis=2)


def upstream(folder: Path, pictures: np.ndarray, labels: list[str] = LABELS) -> np.ndarray:
    """Scores of transformers' own pipeline, in the order of the labels."""
    from PIL import Image
    from transformers import pipeline

    judge = pipeline("image-classification", model=str(folder), top_k=None, device="cpu")
    found = judge([Image.fromarray(picture) for picture in pictures])
    return np.array(
        [
            [next(row["score"] for row in rows if row["label"] == label) for label in labels]
            for rows in found
        ]
    )


@pytest.mark.parametrize(("save", "side"), [(save_vit, 32), (save_convnext, 64)])
def test_it_is_the_pipeline(tmp_path: Path, save: Any, side: int) -> None:
    folder = save(tmp_path / "net")
    model, pictures = ready(folder), crops(20, side)
    assert model.crop.size == (side, side)
    assert model.emotions == ("sadness", "anger", "happiness", "neutral")
    found = model.predict(pictures).posterior
    assert np.abs(found - upstream(folder, pictures)).max() < 1e-4
    assert np.ptp(found, axis=0).max() > 0.1
    assert np.abs(model.predict(pictures[..., ::-1].copy()).posterior - found).max() > 1e-3, (
        "red is not blue"
    )


def test_one_is_many_and_none_is_none(tmp_path: Path) -> None:
    model, pictures = ready(save_vit(tmp_path / "net"), batch=8), crops(20, 32)
    many = model.predict(pictures).posterior
    assert (
        np.abs(
            np.concatenate([model.predict(one[None]).posterior for one in pictures]) - many
        ).max()
        < 1e-6
    )
    assert np.array_equal(model.predict(pictures).posterior, many)
    assert model.predict(pictures[:0]).posterior.shape == (0, 4)
    white = np.full((1, 32, 32, 3), 255, np.uint8)
    white.setflags(write=False)
    assert model.predict(white).posterior.sum() == pytest.approx(1)


def test_a_model_at_hugging_face_lies_in_the_mirror_under_its_own_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file has a name of its own there and a URL at that commit.

    The class names that are no emotions are the card's.
    """
    folder, mirror = (
        save_vit(tmp_path / "net", [f"LABEL_{index}" for index in range(4)]),
        tmp_path / "mirror",
    )
    mirror.mkdir()
    monkeypatch.setenv("FACEOFF_MIRROR", str(mirror))
    plugin = card(
        folder,
        file="hf:someone/vit-face",
        revision="0123456789" * 4,
        emotions=["fear", "happy", "sad", "anger"],
        input={"margin": 0.1},
    )
    for asset in plugin.assets.values():
        assert asset.name.startswith("someone--vit-face--012345678901--")
        name = asset.name.split("--")[-1]
        folder_at = f"https://huggingface.co/someone/vit-face/resolve/{'0123456789' * 4}"
        assert asset.urls == (f"{folder_at}/{name}",)
        (mirror / asset.name).write_bytes((folder / name).read_bytes())
    model, pictures = load_plugin(plugin.job(), Clock()), crops(5, 32)
    assert (model.emotions, model.crop.margin) == (("fear", "happiness", "sadness", "anger"), 0.1)
    assert (
        np.abs(
            model.predict(pictures).posterior
            - upstream(folder, pictures, [f"LABEL_{index}" for index in range(4)])
        ).max()
        < 1e-4
    )


# -- bad cards and bad files -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"sha256": "0" * 64},
            "expected one for each of config.json, preprocessor_config.json, model.safetensors",
        ),
        (
            {
                "sha256": {
                    "config.json": "0",
                    "preprocessor_config.json": "0",
                    "pytorch_model.bin": "0",
                }
            },
            "never a pickle",
        ),
        ({"file": "elsewhere"}, "'elsewhere' is not a folder"),
        ({"file": "hf:vit-face", "revision": "a" * 40}, "expected hf:owner/name"),
        ({"file": "hf:someone/vit-face"}, "revision '': expected the commit, 40 hex digits"),
        (
            {"file": "hf:someone/vit-face", "revision": "main"},
            "revision 'main': expected the commit",
        ),
        ({"input": {"size": [32, 32]}}, "input.size: a model of transformers says that itself"),
        (
            {"activation": "softmax", "outputs": ["emotions"]},
            "activation, outputs: a model of transformers says that itself",
        ),
        ({"emotions": ["happy", "joy", "sad", "anger"]}, "'happiness' stands twice"),
    ],
)
def test_bad_card(tmp_path: Path, change: dict, says: str) -> None:
    (tmp_path / "net").mkdir()
    for name in HUB_FILES.values():
        (tmp_path / "net" / name).write_bytes(b"")
    with pytest.raises(RegistryError) as caught:
        card(tmp_path / "net", **change)
    assert str(tmp_path / "mine.yaml") in str(caught.value)
    assert says in str(caught.value)


def test_a_changed_file_is_never_loaded(tmp_path: Path) -> None:
    """The small files count too: another order of the labels is another model."""
    folder = save_vit(tmp_path / "net")
    plugin = card(folder)
    text = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(
        json.dumps(text | {"id2label": {"0": "happy", "1": "angry", "2": "sad", "3": "neutral"}}),
        encoding="utf-8",
    )
    with pytest.raises(AssetError, match=r"config\.json: sha256 is .*the card says"):
        load_plugin(plugin.job(), Clock())


def test_classes_that_are_no_emotions(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError,
        match=r"id2label \(cat, dog\): label 'cat' is no known emotion.*or give `emotions` in the "
        r"card",
    ):
        ready(save_vit(tmp_path / "animals", ["cat", "dog"]))
    folder = save_vit(tmp_path / "net")
    with pytest.raises(ValueError, match=r"the card names 2 emotions, config\.json has 4 labels"):
        ready(folder, emotions=["happy", "sad"])
    with pytest.raises(ValueError, match="two labels are one emotion"):
        ready(save_vit(tmp_path / "twice", ["happy", "joy"]))
    with pytest.raises(ValueError, match="not a classifier of exclusive classes"):
        ready(save_vit(tmp_path / "multi", problem_type="multi_label_classification"))


def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = save_vit(tmp_path / "net")
    state = load_file(folder / "model.safetensors")
    state["extra.weight"] = state.pop("classifier.bias")
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        CheckpointError,
        match=r"not the weights of this ViTForImageClassification: missing classifier\.bias; "
        r"unexpected extra\.weight",
    ):
        ready(folder)
    state["classifier.bias"] = state.pop("extra.weight")[:3].clone()
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        CheckpointError, match=r"of another shape classifier\.bias \(3,\), not \(4,\)"
    ):
        ready(folder)
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="cannot load it as an image classifier"):
        ready(folder)


def test_code_beside_the_weights_is_never_run(tmp_path: Path) -> None:
    """A repository that brings a network of its own: refused, and its module not imported."""
    folder = save_vit(tmp_path / "net")
    trace = tmp_path / "it-ran"
    (folder / "modeling_mine.py").write_text(f"open({str(trace)!r}, 'w')\n", encoding="utf-8")
    text = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    text |= {
        "model_type": "mine",
        "auto_map": {
            "AutoConfig": "modeling_mine.Mine",
            "AutoModelForImageClassification": "modeling_mine.Mine",
        },
    }
    (folder / "config.json").write_text(json.dumps(text), encoding="utf-8")
    with pytest.raises(CheckpointError, match="cannot load it as an image classifier"):
        ready(folder)
    assert not trace.exists()


def test_nothing_is_looked_up_on_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading makes no connection, whatever HF_HUB_OFFLINE says."""
    import socket

    folder = save_vit(tmp_path / "net")
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was made"))
    assert os.environ.get("HF_HUB_OFFLINE") is None
    assert ready(folder).predict(crops(1, 32)).posterior.shape == (1, 4)
