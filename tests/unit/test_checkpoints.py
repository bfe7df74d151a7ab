"""Weights of PyTorch files: found under any training loop's keys, and no pickle opened where
PyTorch cannot do so safely.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import load_file, save_file

from faceoff.inference import checkpoints
from faceoff.inference.checkpoints import CheckpointError, fill, read_state

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow" / "scripts"
STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.tensor([0.5, -0.5])}


def saved(path: Path, stored: Any) -> Path:
    torch.save(stored, path)
    return path


@pytest.mark.parametrize(
    "stored",
    [
        STATE,
        {
            "epoch": 3,
            "arch": "resnet18",
            "state_dict": {f"module.{name}": value for name, value in STATE.items()},
            "best_acc1": torch.tensor(71.2),
        },
        {
            "model": {"net": STATE, "step": torch.tensor(7)},
            "optimizer": {"state": {0: {"exp_avg": torch.zeros(2)}}},
        },
        {"state_dict": {}, "net": STATE},
    ],
    ids=["plain", "ImageNet example", "nested", "empty"],
)
def test_weights_are_found_under_a_training_loops_keys(tmp_path: Path, stored: Any) -> None:
    found = read_state(saved(tmp_path / "a.pth", stored))
    assert list(found) == ["weight", "bias"]
    assert all(torch.equal(found[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize(
    "stored", [{"epoch": 3}, {"state_dict": {"best": 1.0}}, [STATE], torch.zeros(2)]
)
def test_what_holds_no_weights_is_refused(tmp_path: Path, stored: Any) -> None:
    with pytest.raises(CheckpointError, match=r"a\.pth: no weights in it"):
        read_state(saved(tmp_path / "a.pth", stored))


def test_old_pytorch_opens_no_pickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `weights_only` does not protect, the file is not opened.

    The same weights as safetensors are read.
    """
    path = saved(tmp_path / "net.pt", STATE)
    save_file(STATE, tmp_path / "net.safetensors")
    opened = []
    monkeypatch.setattr(torch, "load", lambda *arguments, **options: opened.append(arguments))
    for version in ("2.0.0", "2.3.1+cpu", "2.5.1", "2.9.1"):
        monkeypatch.setattr(torch, "__version__", torch.torch_version.TorchVersion(version))
        with pytest.raises(
            CheckpointError,
            match=r"CVE-2025-32434.*python -m faceoff\.inference\.checkpoints net\.pt "
            r"net\.safetensors",
        ):
            read_state(path)
        network = fill(torch.nn.Linear(3, 2), tmp_path / "net.safetensors")
        assert torch.equal(network.weight, STATE["weight"])
    assert opened == []


def test_a_checkpoint_is_converted_with_one_line(tmp_path: Path) -> None:
    """Wrapped, with a tensor that shares another's memory and one that is stored transposed, which
    safetensors refuses as they are.
    """
    base = torch.arange(6.0)
    stored = {"model": {"module.a": base, "module.b": base[:3], "module.c": base.reshape(2, 3).T}}
    path = saved(tmp_path / "net.pt", stored)
    call = [
        sys.executable,
        "-m",
        "faceoff.inference.checkpoints",
        str(path),
        str(tmp_path / "net.safetensors"),
    ]
    subprocess.run(call, check=True, cwd=tmp_path, env={"PYTHONPATH": str(SCRIPTS)})
    written, read = load_file(tmp_path / "net.safetensors"), checkpoints.read_state(path)
    assert list(written) == ["a", "b", "c"]
    assert all(torch.equal(written[name], read[name]) for name in written)
    refused = subprocess.run(
        [*call[:3], str(tmp_path / "absent.pt"), "x.safetensors"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 1
    assert "absent.pt: not a readable PyTorch file" in refused.stderr
    assert "Traceback" not in refused.stderr
