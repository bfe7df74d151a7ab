"""One network as TorchScript, as timm weights and as ONNX gives the same posteriors.

Every bad file or card is refused in words.
"""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

pytest.importorskip("torch")

import torch

from faceoff.assets.asset import AssetError, hash_of
from faceoff.inference.checkpoints import CheckpointError, fill, read_state
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.inference.torch_devices import prepare_torchvision
from faceoff.plugins.model_cards import read_card

CLASSES = ["happy", "sad", "neutral"]


class Small(torch.nn.Module):
    """A network whose answers differ from picture to picture; `ending` chooses its outputs."""

    def __init__(self, ending: str = "logits", outputs: int = 3, channels: int = 3):
        super().__init__()
        torch.manual_seed(2)
        self.conv, self.head, self.ending = (
            torch.nn.Conv2d(channels, 6, 5, stride=2),
            torch.nn.Linear(6, outputs),
            ending,
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = 20 * self.head(torch.relu(self.conv(x)).mean(dim=(2, 3)))
        if self.ending == "softmax":
            return torch.softmax(scores, dim=1)
        if self.ending == "nan":
            return scores + torch.log(x.mean(dim=(1, 2, 3)) - 0.05)[:, None]
        return scores


def script(path: Path, network: torch.nn.Module, channels: int = 3) -> Path:
    torch.jit.trace(network.eval(), torch.zeros(2, channels, 32, 32)).save(str(path))
    return path


def card(path: Path, runtime: str, **keys: Any) -> Any:
    """Return the plug-in of a card beside this weights file."""
    text = {
        "name": "mine",
        "file": path.name,
        "sha256": hash_of(path, "sha256"),
        "runtime": runtime,
        "emotions": CLASSES,
        "lineage": "mine",
    }
    (path.parent / "mine.yaml").write_text(
        yaml.safe_dump({**text, "input": {"size": [32, 32]}, **keys}), encoding="utf-8"
    )
    return read_card(path.parent / "mine.yaml")


def ready(path: Path, runtime: str, **keys: Any) -> Any:
    return load_plugin(card(path, runtime, **keys).job(), Clock())


def crops(count: int = 4, side: int = 32, channels: int = 3) -> np.ndarray:
    """Return coarse noise, each picture of another brightness and tint."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (count, 4, 4, channels)) * rng.random((count, 1, 1, channels))
    return noise.astype(np.uint8).repeat(side // 4, axis=1).repeat(side // 4, axis=2)


def expected(network: torch.nn.Module, pictures: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return torch.softmax(
            network.eval()(torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy()).float() / 255),
            dim=1,
        ).numpy()


# -- runtimes --------------------------------------------------------------------------------------


def test_torchscript(tmp_path: Path) -> None:
    model, pictures = ready(script(tmp_path / "net.pt", Small()), "torchscript"), crops()
    found = model.predict(pictures).posterior
    assert model.emotions == ("happiness", "sadness", "neutral")
    assert np.abs(found - expected(Small(), pictures)).max() < 1e-6
    assert np.ptp(found, axis=0).max() > 0.1
    assert card(tmp_path / "net.pt", "torchscript").framework == "torch"


class Viewing(Small):
    """It flattens with `view`, which takes the memory to be channels first."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.conv(x))
        return 20 * self.head(y.view(y.size(0), -1).view(y.size(0), 6, -1).mean(dim=2))


@pytest.mark.parametrize("network", [Small, Viewing])
@pytest.mark.parametrize("frozen", [False, True])
def test_torchscript_as_its_author_left_it(tmp_path: Path, network: type, frozen: bool) -> None:
    """Traced with the layout of its author, and perhaps frozen, which leaves it no parameters."""
    traced = torch.jit.trace(network().eval(), torch.zeros(2, 3, 32, 32))
    (torch.jit.freeze(traced) if frozen else traced).save(str(tmp_path / "net.pt"))
    assert frozen != any(True for _ in torch.jit.load(str(tmp_path / "net.pt")).parameters())
    found = ready(tmp_path / "net.pt", "torchscript").predict(crops()).posterior
    assert np.abs(found - expected(network(), crops())).max() < 1e-6


def test_colours_scaling_and_probabilities(tmp_path: Path) -> None:
    path, pictures = script(tmp_path / "net.pt", Small("softmax")), crops()
    found = (
        ready(path, "torchscript", activation="none", input={"size": [32, 32], "colours": "bgr"})
        .predict(pictures)
        .posterior
    )
    assert np.abs(found - expected(Small(), pictures[..., ::-1])).max() < 1e-6
    half = ready(
        path,
        "torchscript",
        activation="none",
        input={"size": [32, 32], "divisor": 1.0, "mean": [0, 0, 0], "std": [255, 255, 255]},
    )
    assert np.abs(half.predict(pictures).posterior - expected(Small(), pictures)).max() < 1e-6


def test_valence_and_arousal_are_columns_after_the_emotions(tmp_path: Path) -> None:
    network, pictures = Small(outputs=5), crops()
    found = ready(
        script(tmp_path / "net.pt", network),
        "torchscript",
        outputs=["emotions", "arousal", "valence"],
    ).predict(pictures)
    with torch.inference_mode():
        raw = network(torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy()).float() / 255).numpy()
    assert found.posterior.shape == (4, 3)
    assert np.abs(found.arousal - np.clip(raw[:, 3], -1, 1)).max() < 1e-5
    assert np.abs(found.valence - np.clip(raw[:, 4], -1, 1)).max() < 1e-5
    assert np.abs(raw[:, 3:]).max() > 1, "something was clipped"


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_timm(tmp_path: Path, suffix: str) -> None:
    """An architecture by name loads its weights alone, as training loops wrap them.

    The input is grey where the card says so.
    """
    pytest.importorskip("timm")
    prepare_torchvision()
    import timm

    torch.manual_seed(0)
    network = timm.create_model("resnet10t", pretrained=False, num_classes=3, in_chans=1)
    with torch.no_grad():
        network.fc.weight *= 20
    path = tmp_path / f"net{suffix}"
    if suffix == ".safetensors":
        pytest.importorskip("safetensors.torch").save_file(network.state_dict(), path)
    else:
        torch.save(
            {
                "epoch": 3,
                "state_dict": {
                    f"module.{key}": value for key, value in network.state_dict().items()
                },
            },
            path,
        )
    model = ready(
        path, "timm", architecture="resnet10t", batch=4, input={"size": [32, 32], "channels": 1}
    )
    pictures = crops(channels=1)
    assert np.abs(model.predict(pictures).posterior - expected(network, pictures)).max() < 1e-5


# -- files that are not what the card says ---------------------------------------------------------


class Code:
    """A call, as a pickled checkpoint may hold it."""

    def __reduce__(self) -> tuple:
        return (exec, ("raise SystemExit('this ran')",))


@pytest.mark.slow
def test_other_architectures_are_named(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    path = tmp_path / "net.pth"
    torch.save(Small().state_dict(), path)
    with pytest.raises(
        CheckpointError,
        match=r"net\.pth: not the weights of this ResNet: missing .*and \d+ more; unexpected "
        r"conv\.bias, conv\.weight",
    ):
        ready(path, "timm", architecture="resnet10t")
    torch.save(timm.create_model("resnet10t", num_classes=4).state_dict(), path)
    with pytest.raises(
        CheckpointError, match=r"of another shape fc\.weight \(4, 512\), not \(3, 512\), fc\.bias"
    ):
        ready(path, "timm", architecture="resnet10t")
    with pytest.raises(
        ValueError, match=r"architecture 'resnet10x' is not in timm .*, did you mean 'resnet10t'"
    ):
        ready(path, "timm", architecture="resnet10x")


def test_pickled_code_is_refused_and_never_run(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(Small(), path)  # a whole module: its class is code
    with pytest.raises(
        CheckpointError,
        match=r"net\.pth: refused: it holds pickled Python objects.*torch\.save\(model\.state_dict",
    ):
        read_state(path)
    torch.save({"state_dict": Code()}, path)
    with pytest.raises(CheckpointError, match="refused"):
        read_state(path)
    path.write_bytes(pickle.dumps(Code()))
    with pytest.raises(CheckpointError):
        read_state(path)


@pytest.mark.parametrize("part", ["data.pkl", "constants.pkl"])
def test_a_foreign_pickle_in_torchscript_is_refused_and_never_run(
    tmp_path: Path, part: str
) -> None:
    sound = script(tmp_path / "sound.pt", Small())
    with zipfile.ZipFile(sound) as source, zipfile.ZipFile(tmp_path / "net.pt", "w") as target:
        for name in source.namelist():
            foreign = name.endswith(part)
            target.writestr(
                name, pickle.dumps(Code(), protocol=2) if foreign else source.read(name)
            )
    with pytest.raises(CheckpointError) as caught:
        ready(tmp_path / "net.pt", "torchscript")
    assert "net.pt: not a TorchScript file (torch.jit.save)" in str(caught.value)
    assert "Unknown type name" in str(caught.value)
    assert "\n" not in str(caught.value)


class Odd(torch.nn.Module):
    """A network with another number of rows than pictures."""

    def __init__(self, how: str):
        super().__init__()
        self.how = how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = x.mean(dim=(2, 3))
        if self.how == "double":
            return torch.cat([scores, scores])
        return scores.mean()


@pytest.mark.parametrize(
    ("how", "says"), [("double", r"\d+ rows for \d+ pictures"), ("scalar", "one number for")]
)
def test_rows_that_fit_no_picture_are_refused(tmp_path: Path, how: str, says: str) -> None:
    model = ready(script(tmp_path / "net.pt", Odd(how)), "torchscript")
    with pytest.raises(ValueError, match=says):
        model.predict(crops())


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(Small().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CheckpointError, match=r"net\.pth: not a readable PyTorch file"):
        read_state(path)
    torch.save({"epoch": 3}, path)
    with pytest.raises(CheckpointError, match="no weights in it"):
        read_state(path)
    (tmp_path / "net.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    with pytest.raises(CheckpointError):
        read_state(tmp_path / "net.safetensors")
    (tmp_path / "net.pt").write_bytes(b"no zip")
    with pytest.raises(CheckpointError, match="not a TorchScript file"):
        ready(tmp_path / "net.pt", "torchscript")


def test_wrong_hash_is_never_loaded(tmp_path: Path) -> None:
    plugin = card(script(tmp_path / "net.pt", Small()), "torchscript", sha256="0" * 64)
    with pytest.raises(AssetError, match="remove the file or correct the card"):
        load_plugin(plugin.job(), Clock())


def test_wrong_number_of_classes(tmp_path: Path) -> None:
    path = script(tmp_path / "net.pt", Small(outputs=4))
    with pytest.raises(ValueError, match="the network has 4 outputs, the card names 3 emotions"):
        ready(path, "torchscript").predict(crops())
    with pytest.raises(ValueError, match="the card names 3 emotions and valence, arousal"):
        ready(path, "torchscript", outputs=["emotions", "valence", "arousal"]).predict(crops())


def test_logits_where_the_card_says_probabilities(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError,
        match=r"activation: none, but the outputs are no probabilities \(sum .*softmax\?",
    ):
        ready(script(tmp_path / "net.pt", Small()), "torchscript", activation="none").predict(
            crops()
        )


def test_nan_stays_nan(tmp_path: Path) -> None:
    """A black crop makes this network fail.

    Its row is left for the stage to report, the others are as ever.
    """
    model, pictures = ready(script(tmp_path / "net.pt", Small("nan")), "torchscript"), crops()
    pictures[1] = 0
    found = model.predict(pictures).posterior
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[[0, 2, 3]]).all()


def test_counters_of_training_steps_may_be_missing(tmp_path: Path) -> None:
    network = torch.nn.BatchNorm2d(3)
    torch.save(
        {key: value for key, value in network.state_dict().items() if key != "num_batches_tracked"},
        tmp_path / "net.pth",
    )
    assert fill(network, tmp_path / "net.pth") is network
