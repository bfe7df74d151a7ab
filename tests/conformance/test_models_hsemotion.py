"""HSEmotion's cards run their ONNX files as hsemotion-onnx, emotiefflib and hsemotion do: same
weights, same crop, same probabilities.

The real weights (16–31 MB each) are not in the test data. These tests export networks of the same
architectures with seeded weights and put them where each library looks for its download;
FACEOFF_MIRROR with the real files makes the last test compare those.
"""

# ruff: noqa: E402 (the operators that torchvision misses are declared before anything imports it)

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("faceoff.inference.torch_devices").prepare_torchvision()
pytest.importorskip("timm")
pytest.importorskip("emotiefflib")

import synthetic_files
import timm
import torch
from emotiefflib.facial_analysis import EmotiEffLibRecognizer

from faceoff.assets import fetch
from faceoff.assets.asset import hash_of
from faceoff.emotions import canonical
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.plugins import registry

# Of the weights with these names; a few layers stand in for mbf_va_mtl's MobileFaceNet.
ARCHITECTURES = {
    "enet_b0_8_best_afew": ("tf_efficientnet_b0", 8, 224),
    "enet_b0_8_va_mtl": ("tf_efficientnet_b0", 10, 224),
    "enet_b2_7": ("tf_efficientnet_b2", 7, 260),
    "enet_b2_8": ("tf_efficientnet_b2", 8, 260),
    "mbf_va_mtl": ("small", 10, 112),
}
IN_HSEMOTION = [name for name in ARCHITECTURES if name.startswith("enet")]
NAMES = [*ARCHITECTURES, "enet_b0_8_best_vgaf", "mobilevit_va_mtl"]


def crops(side: int, count: int = 5) -> np.ndarray:
    """(n, side, side, 3) uint8: coarse coloured noise, the last one the red patch that BGR would
    turn blue.
    """
    rng = np.random.default_rng(1)
    coarse = (rng.integers(0, 256, (count, 6, 6, 3)) * rng.random((count, 1, 1, 3))).astype(
        np.uint8
    )
    many = (
        coarse.repeat(side // 6 + 1, axis=1).repeat(side // 6 + 1, axis=2)[:, :side, :side].copy()
    )
    many[-1] = (200, 30, 20)
    return many


def seeded(architecture: str, outputs: int, side: int) -> torch.nn.Module:
    """A network with seeded weights whose outputs differ from picture to picture by about as much
    as a trained one's.
    """
    torch.manual_seed(5)
    if architecture == "small":
        body = (
            torch.nn.Conv2d(3, 32, 7, stride=4),
            torch.nn.ReLU(),
            torch.nn.AvgPool2d(13),
            torch.nn.Flatten(),
        )
        head = torch.nn.Linear(128, outputs)
        network = torch.nn.Sequential(OrderedDict(body=torch.nn.Sequential(*body), fc=head))
    else:
        network = timm.create_model(architecture, pretrained=False, num_classes=outputs)
        head = network.classifier
    pixels = torch.from_numpy(crops(side).transpose(0, 3, 1, 2).copy()).float() / 255
    mean, std = (
        torch.tensor(values)[:, None, None]
        for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    x = (pixels - mean) / std
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.momentum = 1.0
        network.train()(x)  # so that the layers' stored statistics are those of pictures
        scores = network.eval()(x)
        centre = scores.mean(dim=0)
        spread = (scores - centre).std()
        head.bias.copy_((head.bias - centre) / spread)
        head.weight /= spread
    return network


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """name -> its .onnx file with synthetic weights, in a home folder where both libraries look.

    The .pt file beside it.
    """
    home, made = tmp_path_factory.mktemp("home"), {}

    def make(name: str) -> Path:
        if name not in made:
            architecture, outputs, side = ARCHITECTURES[name]
            network = seeded(architecture, outputs, side)
            made[name] = home / ".emotiefflib" / f"{name}.onnx"
            made[name].parent.mkdir(exist_ok=True)
            synthetic_files.exported(network, side, made[name])
            torch.save(network, made[name].with_suffix(".pt"))
            (home / ".hsemotion").mkdir(exist_ok=True)
            for suffix in (".onnx", ".pt"):
                (home / ".hsemotion" / f"{name}{suffix}").symlink_to(made[name].with_suffix(suffix))
        return made[name]

    return make


@pytest.fixture
def ready(exported: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """name -> the plug-in on that file, with the libraries' home folder set."""

    def load(name: str) -> Any:
        path = exported(name)
        monkeypatch.setenv("HOME", str(path.parents[1]))
        monkeypatch.setenv("FACEOFF_MIRROR", str(path.parent))
        job = registry.get("model", name).job()
        job.assets["weights"] |= {"sha256": hash_of(path, "sha256"), "urls": [], "size": None}
        return load_plugin(job, Clock())

    return load


def answers_alike(model: Any, labels: list[str], scores: np.ndarray, pictures: np.ndarray) -> bool:
    """Whether probabilities, winners, valence and arousal are the same.

    The pictures must differ, or it says nothing.
    """
    found = model.predict(pictures)
    k = len(model.emotions)
    own = (
        found.posterior
        if found.valence is None
        else np.column_stack([found.posterior, found.valence, found.arousal])
    )
    theirs = np.column_stack([scores[:, :k], np.clip(scores[:, k:], -1, 1)])
    winners = [model.emotions[best] for best in found.posterior.argmax(axis=1)] == [
        canonical(label) for label in labels
    ]
    telling = np.ptp(found.posterior, axis=0).max() > 0.1
    return bool(
        telling and winners and own.shape == theirs.shape and np.abs(own - theirs).max() < 1e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_HSEMOTION)
def test_as_hsemotion_onnx_runs_it(name: str, ready: Callable) -> None:
    recognizer = pytest.importorskip("hsemotion_onnx.facial_emotions").HSEmotionRecognizer
    model = ready(name)
    upstream = recognizer(model_name=name)
    assert model.crop.size == (upstream.img_size, upstream.img_size)
    assert model.emotions == tuple(
        canonical(upstream.idx_to_class[index]) for index in range(len(upstream.idx_to_class))
    )
    pictures = crops(upstream.img_size)
    assert answers_alike(
        model, *upstream.predict_multi_emotions(list(pictures), logits=False), pictures
    )


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["onnx", "torch"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_as_emotiefflib_runs_it(name: str, engine: str, ready: Callable) -> None:
    model = ready(name)
    upstream = EmotiEffLibRecognizer(engine=engine, model_name=name, device="cpu")
    assert model.crop.size == (upstream.img_size, upstream.img_size)
    assert model.emotions == tuple(
        canonical(label) for label in upstream.idx_to_emotion_class.values()
    )
    pictures = crops(upstream.img_size)
    with torch.inference_mode():
        labels, scores = upstream.predict_emotions(list(pictures), logits=False)
    assert answers_alike(model, labels, scores, pictures)


@pytest.mark.slow
def test_as_hsemotion_runs_it(ready: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The original package unpickles a whole module, which PyTorch refuses by default and Faceoff
    never does: here it is a file of our own.
    """
    recognizer = pytest.importorskip("hsemotion.facial_emotions").HSEmotionRecognizer
    model = ready("enet_b0_8_va_mtl")
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda path: load(path, weights_only=False))
    upstream = recognizer(model_name="enet_b0_8_va_mtl", device="cpu")
    pictures = crops(224)
    with torch.inference_mode():
        assert answers_alike(
            model, *upstream.predict_multi_emotions(list(pictures), logits=False), pictures
        )


@pytest.mark.slow
def test_takes_rgb(ready: Callable) -> None:
    """The red patch as BGR is another picture.

    A network fed the wrong way round would answer that.
    """
    model = ready("enet_b0_8_best_afew")
    red = crops(224)[-1:]
    assert (
        np.abs(model.predict(red).posterior - model.predict(red[..., ::-1]).posterior).max() > 0.01
    )


@pytest.mark.parametrize("name", NAMES)
def test_cards_say_what_emotiefflib_does(name: str) -> None:
    """Size, scaling, classes, the two extra outputs and the address, without any weights."""
    from emotiefflib.facial_analysis import EmotiEffLibRecognizerBase, get_model_list

    class Upstream(EmotiEffLibRecognizerBase):
        _preprocess = extract_features = lambda self, image: None

    plugin, upstream = registry.get("model", name), Upstream(name)
    assert name in get_model_list()
    assert plugin.card["input"]["size"] == [upstream.img_size] * 2
    assert np.broadcast_to(plugin.card["input"]["mean"], 3) == pytest.approx(upstream.mean)
    assert np.broadcast_to(plugin.card["input"]["std"], 3) == pytest.approx(upstream.std)
    assert plugin.card["emotions"] == [
        canonical(label) for label in upstream.idx_to_emotion_class.values()
    ]
    assert ("outputs" in plugin.card) == upstream.is_mtl
    assert plugin.assets["weights"].urls[0].endswith(f"/models/affectnet_emotions/onnx/{name}.onnx")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_real_weights_where_they_are(
    name: str, mirror: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plugin = registry.get("model", name)
    path = fetch.locate(plugin.assets["weights"])
    if path is None:
        pytest.skip(f"{plugin.assets['weights'].name} is not in {mirror}")
    (tmp_path / ".emotiefflib").mkdir()
    (tmp_path / ".emotiefflib" / path.name).symlink_to(path)
    monkeypatch.setenv("HOME", str(tmp_path))
    upstream = EmotiEffLibRecognizer(engine="onnx", model_name=name)
    pictures = crops(upstream.img_size)
    assert answers_alike(
        load_plugin(plugin.job(), Clock()),
        *upstream.predict_emotions(list(pictures), logits=False),
        pictures,
    )
