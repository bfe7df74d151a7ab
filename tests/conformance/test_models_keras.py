"""Keras weights are run as Keras and DeepFace run them: same weights, same input, same
probabilities.

Keras itself (with its PyTorch backend) is no requirement of Faceoff: tests that ask it skip where
it is not installed. The real mini_XCEPTION and pd_best come from FACEOFF_MIRROR; DeepFace's weights
are synthetic, of its architecture.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("h5py")

import synthetic_files

import keras_files as judge
from faceoff.assets.asset import AssetError, hash_of
from faceoff.inference.clock import Clock
from faceoff.inference.keras_h5 import KerasFileError, KerasNetwork
from faceoff.inference.plugin_job import load_plugin
from faceoff.models.deepface import ARCHITECTURE
from faceoff.plugins import registry


@pytest.fixture(scope="module")
def weights() -> dict[str, dict[str, np.ndarray]]:
    return synthetic_files.deepface_weights()


def pinned(name: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The plug-in with this file as its weights, found and verified as any other."""
    job = registry.get("model", name).job()
    job.assets["weights"] |= {
        "file": path.name,
        "sha256": hash_of(path, "sha256"),
        "urls": [],
        "size": None,
    }
    monkeypatch.setenv("FACEOFF_MIRROR", str(path.parent))
    return load_plugin(job, Clock())


def pictures(count: int, side: int = 48) -> np.ndarray:
    """(n, side, side, 1): coarse noise, so that a network sees structure."""
    coarse = np.random.default_rng(3).integers(0, 256, (count, side // 6, side // 6, 1), np.uint8)
    return coarse.repeat(6, axis=1).repeat(6, axis=2)


def deepface_in_numpy(x: np.ndarray, w: dict[str, dict[str, np.ndarray]]) -> np.ndarray:
    x = judge.maximum(judge.relu(judge.convolution(x, **w["conv2d_1"])), 5, 2)
    x = judge.relu(
        judge.convolution(judge.relu(judge.convolution(x, **w["conv2d_2"])), **w["conv2d_3"])
    )
    x = judge.average(x, 3, 2)
    x = judge.relu(
        judge.convolution(judge.relu(judge.convolution(x, **w["conv2d_4"])), **w["conv2d_5"])
    )
    x = judge.average(x, 3, 2).reshape(len(x), -1)
    for name in ("dense_1", "dense_2"):
        x = judge.relu(x @ w[name]["kernel"] + w[name]["bias"])
    return judge.softmax(x @ w["dense_3"]["kernel"] + w["dense_3"]["bias"])


def test_deepface_is_its_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: dict
) -> None:
    model = pinned(
        "deepface",
        judge.write(tmp_path / "facial_expression_model_weights.h5", None, weights),
        monkeypatch,
    )
    assert (model.crop.size, model.crop.channels) == ((48, 48), 1)
    assert model.emotions == (
        "anger",
        "disgust",
        "fear",
        "happiness",
        "sadness",
        "surprise",
        "neutral",
    )
    crops = pictures(9)
    found, expected = model.predict(crops).posterior, deepface_in_numpy(crops / 255, weights)
    assert np.abs(found - expected).max() < 1e-5
    assert expected.std(axis=0).max() > 0.01, (
        "the pictures differ, so the comparison says something"
    )


def test_deepface_as_the_package_runs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: dict
) -> None:
    """deepface's own emotion client (PyTorch backend) with the same weights, in a process of its
    own.
    """
    pytest.importorskip("deepface")
    import torch

    model = pinned(
        "deepface",
        judge.write(tmp_path / "facial_expression_model_weights.h5", None, weights),
        monkeypatch,
    )
    crops = pictures(5)
    state = {}
    for index, name in enumerate(weights, 1):
        kernel = torch.from_numpy(weights[name]["kernel"])
        layer = f"conv_{index}" if index <= 5 else f"fc_{index - 5}"
        state[f"{layer}.weight"] = (
            kernel.permute(3, 2, 0, 1).contiguous() if index <= 5 else kernel.T.contiguous()
        )
        state[f"{layer}.bias"] = torch.from_numpy(weights[name]["bias"])
    folder = tmp_path / "home" / ".deepface" / "weights"
    folder.mkdir(parents=True)
    torch.save(state, folder / "facial_expression_model_weights.pth")
    np.save(tmp_path / "crops.npy", crops)
    code = (
        "import sys, numpy as np; from deepface import DeepFace\n"
        "client = DeepFace.build_model(task='facial_attribute', model_name='Emotion')\n"
        "crops = np.load(sys.argv[1]).repeat(3, axis=3).astype(np.float32) / 255  # as "
        "DeepFace.analyze hands them over\n"
        "np.save(sys.argv[2], client.predict(list(crops)))\n"
        "from deepface.models.demography.DemographyUtils import EMOTION_LABELS; "
        "print(*EMOTION_LABELS)\n"
    )
    environment = {
        **os.environ,
        "DEEPFACE_HOME": str(tmp_path / "home"),
        "DEEPFACE_BACKEND_ENGINE": "pytorch",
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "crops.npy", tmp_path / "out.npy"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[-7:] == [
        "angry",
        "disgust",
        "fear",
        "happy",
        "sad",
        "surprise",
        "neutral",
    ]
    assert np.abs(np.load(tmp_path / "out.npy") - model.predict(crops).posterior).max() < 1e-4


def test_deepface_file_of_another_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: dict
) -> None:
    path = tmp_path / "facial_expression_model_weights.h5"
    judge.write(path, None, {name: arrays for name, arrays in weights.items() if name != "dense_3"})
    with pytest.raises(
        KerasFileError, match=r"7 layers with weights, 8 expected: missing \['dense_3'\]"
    ):
        pinned("deepface", path, monkeypatch)
    judge.write(path, None, {**weights, "conv2d_1": weights["conv2d_2"]})
    model_error = r"layer 'conv2d_1'"
    with pytest.raises(KerasFileError, match=model_error):
        pinned("deepface", path, monkeypatch).predict(pictures(1))


def test_wrong_hash_and_truncated_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: dict
) -> None:
    path = judge.write(tmp_path / "facial_expression_model_weights.h5", None, weights)
    monkeypatch.setenv("FACEOFF_MIRROR", str(tmp_path))
    with pytest.raises(AssetError, match=r"sha256 is [0-9a-f]{64}, the card says e8e8851d"):
        load_plugin(registry.get("model", "deepface").job(), Clock())
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(KerasFileError, match="not a readable Keras HDF5 file"):
        pinned("deepface", path, monkeypatch)


# -- Keras as the judge ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


def test_mini_xception_as_keras_runs_it(mirror: Path, keras: Any) -> None:
    path = mirror / "fer2013_mini_XCEPTION.102-0.66.hdf5"
    inputs = (pictures(12, 66)[:, :64, :64].astype(np.float32) / 255 - 0.5) * 2
    expected = keras.models.load_model(path, compile=False).predict(inputs, verbose=0)
    assert np.abs(KerasNetwork(path).run(inputs)[0] - expected).max() < 1e-5


def test_a_file_that_keras_three_writes(tmp_path: Path, keras: Any) -> None:
    """MobileNet's kinds of layers, joined, saved by Keras 3 as HDF5."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    start = layers.Input((40, 40, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(start)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    y = layers.DepthwiseConv2D(3, strides=2, padding="valid", depth_multiplier=2)(
        layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    )
    y = layers.LeakyReLU(0.1)(y)
    z = layers.MaxPooling2D(3, strides=2, padding="same")(
        layers.SeparableConv2D(16, 3, padding="same", activation="swish")(x)
    )
    x = layers.Concatenate()([layers.Add()([y, z]), z])
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Reshape((8,))(layers.Conv2D(8, 1)(x))
    network = keras.Model(start, layers.Activation("softmax")(x))
    path = tmp_path / "m.h5"
    network.save(path)
    inputs = pictures(5, 48)[:, :40, :40].repeat(3, axis=3).astype(np.float32)
    inputs[..., 1] *= 0.5
    assert (
        np.abs(KerasNetwork(path).run(inputs)[0] - network.predict(inputs, verbose=0)).max() < 1e-5
    )


def test_deepface_as_keras_runs_it(tmp_path: Path, keras: Any) -> None:
    """deepface/models/demography/tf/Emotion.py in Keras, its weights saved and read
    back by layer.
    """
    layers = keras.layers
    keras.utils.set_random_seed(0)
    network = keras.Sequential([layers.Input((48, 48, 1)), layers.Conv2D(64, 5, activation="relu"),
        layers.MaxPooling2D(5, 2),
        layers.Conv2D(64, 3, activation="relu"), layers.Conv2D(64, 3, activation="relu"),
        layers.AveragePooling2D(3, 2),
        layers.Conv2D(128, 3, activation="relu"), layers.Conv2D(128, 3, activation="relu"),
        layers.AveragePooling2D(3, 2),
        layers.Flatten(), layers.Dense(1024, activation="relu"), layers.Dropout(0.2),
        layers.Dense(1024, activation="relu"),
        layers.Dropout(0.2), layers.Dense(7, activation="softmax")])  # fmt: skip
    path = tmp_path / "m.h5"
    network.save(path)
    inputs = pictures(5).astype(np.float32)
    expected = network.predict(inputs, verbose=0)
    assert np.abs(KerasNetwork(path).run(inputs)[0] - expected).max() < 1e-5
    assert np.abs(KerasNetwork(path, layers=ARCHITECTURE).run(inputs)[0] - expected).max() < 1e-5
