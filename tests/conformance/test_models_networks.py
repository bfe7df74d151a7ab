"""EmoNet and DDAMFN compute what their authors' code computes, and VGG13 what CNTK's layers do: on
seeded weights, as the real ones are not here.

The numbers below were written down from the authors' own code (face-analysis/emonet at 49eef30,
simon20010923/DDAMFN at 855cd13) on the weights and pictures of synthetic_weights.py, with their
preprocessing; the fingerprints are those of their state dicts' names and shapes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import synthetic_files
import synthetic_weights
import torch

from faceoff.assets.asset import AssetError, hash_of
from faceoff.emotions import AFFECTNET_ORDER
from faceoff.inference.checkpoints import CheckpointError
from faceoff.inference.clock import Clock
from faceoff.inference.networks.ddamfn import DDAMFN
from faceoff.inference.networks.emonet import EmoNet
from faceoff.inference.plugin_job import load_plugin
from faceoff.inference.runtimes import softmax
from faceoff.models import ddamfn
from faceoff.plugins import registry

EMONET_8 = np.array([
    [0.349893, 0.008739, -0.397239, 0.498632, 1.54191, -3.00372, -0.013778, 1.016357, 0.681669,
    0.333666],
    [0.374406, 0.033244, -0.459997, 0.558821, 1.660651, -3.081557, -0.060381, 0.988029, 0.722375,
    0.365648],
])  # fmt: skip
DDAMFN_8 = np.array([
    [-0.277125, 0.140329, -0.314634, 0.179017, -0.344021, 0.339456, -0.21461, -0.031606],
    [-0.296263, 0.220285, -0.265196, 0.000745, -0.33106, 0.412049, -0.256512, 0.053751],
])  # fmt: skip
STATE_DICTS = {  # the authors' modules -> number of entries, fingerprint
    "EmoNet(n_expression=5)": (
        EmoNet,
        5,
        682,
        "2842c2760f85c3d0c056be6fea7911523e876eb709bce4ef9a1d0b0bb26b0147",
    ),
    "EmoNet(n_expression=8)": (
        EmoNet,
        8,
        682,
        "1a2e7630b4b1cc1ba578820cd859d5d9d92a853016bb2f40b31dd8efbfcd8261",
    ),
    "DDAMNet(num_class=7, num_head=2)": (
        DDAMFN,
        7,
        1190,
        "e588c5dde9ffa62487acf33283f88a5362a21352501fa86ce166f6b5e1e8bfa2",
    ),
    "DDAMNet(num_class=8, num_head=2)": (
        DDAMFN,
        8,
        1190,
        "a7d4ce4112fcad73cfc1820885947372dcfca1dae85d9041589a7df828d279c0",
    ),
}


def pictures(side: int) -> np.ndarray:
    return np.stack([synthetic_weights.picture(side), synthetic_weights.picture(side, 6)])


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


def with_checkpoint(name: str, path: Path, **options: Any) -> Any:
    """A DDAMFN plug-in with this file as its options give it."""
    job = registry.get("model", name).job()
    given = {"weights": str(path), "sha256": hash_of(path, "sha256"), **options}
    return load_plugin(job.with_options(given), Clock())


@pytest.fixture(scope="module")
def emonet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_files.emonet(tmp_path_factory.mktemp("emonet") / "emonet_8.pth", 8)


@pytest.fixture(scope="module")
def ddamfn_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_files.ddamfn(
        tmp_path_factory.mktemp("ddamfn") / "affecnet8_epoch25_acc0.6469.pth", 8
    )


# -- the networks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("authors", STATE_DICTS)
def test_state_dict_has_the_authors_names_and_shapes(authors: str) -> None:
    network, classes, entries, fingerprint = STATE_DICTS[authors]
    found = synthetic_files.shapes(network(classes))
    assert len(found) == entries
    assert synthetic_weights.fingerprint(found) == fingerprint


def test_emonet_gives_the_authors_numbers(
    emonet_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = pinned("emonet_8", emonet_file, monkeypatch)
    found = model.predict(pictures(256))
    assert model.emotions == AFFECTNET_ORDER
    assert found.posterior == pytest.approx(softmax(EMONET_8[:, :8]), abs=1e-4)
    assert found.valence == pytest.approx(np.clip(EMONET_8[:, 8], -1, 1), abs=1e-4)
    assert found.arousal == pytest.approx(np.clip(EMONET_8[:, 9], -1, 1), abs=1e-4)


def test_ddamfn_gives_the_authors_numbers(ddamfn_file: Path) -> None:
    model = with_checkpoint("ddamfn_pp", ddamfn_file)
    assert model.emotions == AFFECTNET_ORDER
    assert model.predict(pictures(112)).posterior == pytest.approx(softmax(DDAMFN_8), abs=1e-5)


def test_emonet_columns_are_classes_then_valence_then_arousal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network whose last bias alone speaks: the fifth of five classes is anger, and affect beyond
    one is clipped.
    """
    state = synthetic_files.seeded(EmoNet(5))
    state["emo_fc_2.3.weight"] *= 0
    state["emo_fc_2.3.bias"] = torch.tensor([0.0, 0.0, 0.0, 0.0, 3.0, -0.25, 1.7])
    torch.save(state, tmp_path / "emonet_5.pth")
    model = pinned("emonet_5", tmp_path / "emonet_5.pth", monkeypatch)
    found = model.predict(pictures(256)[:1])
    assert model.emotions[int(found.posterior[0].argmax())] == "anger"
    assert (found.valence[0], found.arousal[0]) == (pytest.approx(-0.25), 1.0)


@pytest.mark.parametrize("name", ["emonet_8", "ddamfn_pp"])
def test_red_is_the_first_channel(
    name: str, emonet_file: Path, ddamfn_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = (
        pinned(name, emonet_file, monkeypatch)
        if name == "emonet_8"
        else with_checkpoint(name, ddamfn_file)
    )
    crops = pictures(model.crop.size[0])
    assert not np.allclose(
        model.predict(crops).posterior, model.predict(crops[..., ::-1]).posterior, atol=1e-4
    )


@pytest.mark.parametrize("name", ["emonet_8", "ddamfn_pp"])
def test_any_number_of_crops(
    name: str, emonet_file: Path, ddamfn_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = (
        pinned(name, emonet_file, monkeypatch)
        if name == "emonet_8"
        else with_checkpoint(name, ddamfn_file)
    )
    crops = np.concatenate([pictures(model.crop.size[0])] * 3)[:5]  # one more than a batch
    many = model.predict(crops)
    assert np.array_equal(model.predict(crops[:1]).posterior, many.posterior[:1]), (
        "alone or among others"
    )
    assert np.array_equal(model.predict(crops).posterior, many.posterior), "twice"
    empty = model.predict(crops[:0])
    assert empty.posterior.shape == (0, 8)


# -- files that are refused ------------------------------------------------------------------------


def test_missing_and_unexpected_keys_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = synthetic_files.seeded(EmoNet(8))
    del state["m0.b2_plus_1.conv1.weight"]
    state["temporal_state"] = torch.zeros(3)
    torch.save(state, tmp_path / "emonet_8.pth")
    with pytest.raises(
        CheckpointError,
        match=r"EmoNet: missing m0\.b2_plus_1\.conv1\.weight; unexpected temporal_state",
    ):
        pinned("emonet_8", tmp_path / "emonet_8.pth", monkeypatch)


def test_the_other_number_of_classes_is_named(
    emonet_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        CheckpointError, match=r"of another shape emo_fc_2\.3\.weight \(10, 128\), not \(7, 128\)"
    ):
        pinned("emonet_5", emonet_file, monkeypatch)


def test_a_truncated_file_and_a_wrong_hash(
    emonet_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = tmp_path / "emonet_8.pth"
    cut.write_bytes(emonet_file.read_bytes()[:1_000_000])
    monkeypatch.setenv("FACEOFF_MIRROR", str(tmp_path))
    with pytest.raises(AssetError, match=r"sha256 is .* the card says 52918cff"):
        load_plugin(registry.get("model", "emonet_8").job(), Clock())
    with pytest.raises(CheckpointError, match=r"not a readable PyTorch file|refused"):
        pinned("emonet_8", cut, monkeypatch)


class Payload:
    """What a malicious checkpoint does when it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["emonet_8", "ddamfn_pp"])
def test_pickled_code_is_not_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, mark = tmp_path / "code.pth", tmp_path / "ran"
    torch.save({"state_dict": Payload(mark)}, path)
    with pytest.raises(CheckpointError, match="pickled Python objects"):
        pinned(name, path, monkeypatch) if name == "emonet_8" else with_checkpoint(name, path)
    assert not mark.exists()


def test_ddamfn_is_compared_with_what_git_calls_the_authors_file(
    ddamfn_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        ddamfn.git_blob(_written(tmp_path / "hello", b"hello\n"))
        == "ce013625030ba8dba906f756967f9e9ca394464a"
    ), "as `git hash-object` says"
    card = registry.get("model", "ddamfn_pp").card
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FACEOFF_MIRROR", str(tmp_path / "empty"))
    with pytest.raises(
        AssetError,
        match=r"has no published sha256 and is not downloaded: put https://.*acc0\.6469\.pth at ",
    ):
        ddamfn.checkpoint(card)
    monkeypatch.setenv("FACEOFF_MIRROR", str(ddamfn_file.parent))
    with pytest.raises(AssetError, match=r"git blob is .* the authors' file is b8dce63b"):
        ddamfn.checkpoint(card)
    known = {**card, "checkpoint": {**card["checkpoint"], "git_blob": ddamfn.git_blob(ddamfn_file)}}
    assert ddamfn.checkpoint(known) == ddamfn_file


def test_ddamfn_checkpoints_by_option(ddamfn_file: Path) -> None:
    card = registry.get("model", "ddamfn").card

    def given(**options: Any) -> Mapping[str, Any]:
        return {**card, "options": {**card["options"], **options}}

    with pytest.raises(AssetError, match="no checkpoint of this model is published with a hash"):
        ddamfn.checkpoint(card)
    with pytest.raises(AssetError, match="give its sha256 too"):
        ddamfn.checkpoint(given(weights=str(ddamfn_file)))
    with pytest.raises(AssetError, match="sha256 is"):
        ddamfn.checkpoint(given(weights=str(ddamfn_file), sha256="0" * 64))
    with pytest.raises(AssetError, match="is not there"):
        ddamfn.checkpoint(given(weights="/nowhere/x.pth", sha256="0" * 64))
    with pytest.raises(CheckpointError, match="unexpected cat_head1"):
        with_checkpoint("ddamfn", ddamfn_file, heads=1)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# -- VGG13 of FER+ ---------------------------------------------------------------------------------


def test_vgg13_card_feeds_grey_levels_and_reads_logits_in_ferplus_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = synthetic_files.vgg13_weights()
    model = pinned(
        "ferplus_vgg13",
        synthetic_files.vgg13(tmp_path / "emotion-ferplus-8.onnx", weights),
        monkeypatch,
    )
    assert model.emotions == (
        "neutral",
        "happiness",
        "surprise",
        "sadness",
        "anger",
        "disgust",
        "fear",
        "contempt",
    )
    assert (model.crop.size, model.crop.channels) == ((64, 64), 1)

    grey = pictures(64)[..., :1]
    x = (torch.from_numpy(grey).permute(0, 3, 1, 2).float() - 127.5) / 255
    index = 0
    for layer in synthetic_files.VGG13:
        if layer == "p":
            x = torch.nn.functional.max_pool2d(x, 2)
        else:
            x = torch.nn.functional.conv2d(
                x,
                torch.from_numpy(weights[f"conv{index}.weight"]),
                torch.from_numpy(weights[f"conv{index}.bias"]),
                padding=1,
            ).relu()
            index += 1
    x = x.flatten(1)
    for name in ("fc5", "fc6", "output"):
        x = torch.nn.functional.linear(
            x,
            torch.from_numpy(weights[f"{name}.weight"]),
            torch.from_numpy(weights[f"{name}.bias"]),
        )
        x = x.relu() if name != "output" else x
    expected = softmax(x.numpy())
    assert np.ptp(expected, axis=1).min() > 0.01, "the synthetic network tells classes apart"
    assert model.predict(grey).posterior == pytest.approx(expected, abs=1e-5)
    assert index == 10, "ten convolutions and three dense layers: VGG13"


def test_vgg13_card_names_the_zoos_file() -> None:
    """Hash and size as in the zoo's ONNX_HUB_MANIFEST.json (model_sha, model_bytes of opset 8)."""
    weights = registry.get("model", "ferplus_vgg13").assets["weights"]
    assert (weights.sha256, weights.size) == (
        "a2a2ba6a335a3b29c21acb6272f962bd3d47f84952aaffa03b60986e04efa61c",
        35040571,
    )
    assert weights.algorithm == "sha256"
