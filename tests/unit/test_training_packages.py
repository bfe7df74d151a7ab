"""Expect what a training lacks before any work starts: the package and how to install it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from test_training_plan import RAW, faults, raw
from typer.testing import CliRunner

from faceoff.cli import app
from faceoff.commands import train
from faceoff.layout import workflow_folder
from faceoff.plan import preflight, trained_nets
from faceoff.plan.job_specs import Plan
from faceoff.plugins import plugin
from faceoff.training import net_list

Without = Callable[..., None]
ALL = {"torch", "torchvision", "timm", "tensorboardX", *trained_nets.MODULES}
NETS = [*net_list.names(), "timm:resnet18", "torchvision:resnet18"]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[Without]:
    """Return a function that makes Python not find these packages, and find all others."""

    def hide(*names: str) -> None:
        for name in ALL:
            if name in names:
                monkeypatch.setitem(sys.modules, name, None)  # type: ignore[arg-type]
            elif find_spec(name) is None:
                pytest.skip(f"{name} is not installed")
        plugin._installed.cache_clear()

    yield hide
    monkeypatch.undo()
    plugin._installed.cache_clear()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a configuration with a training in timm and one in PyTorch alone."""
    monkeypatch.chdir(tmp_path)
    made = raw({"net": "timm:resnet18"})
    made["training"]["own"] = RAW["training"]["small"]
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(made), encoding="utf-8")
    return tmp_path / "c.yaml"


@pytest.mark.parametrize("net", NETS)
def test_a_network_is_built_with_the_packages_that_it_states_alone(net: str) -> None:
    pytest.importorskip("torch")
    stated = net_list.modules(net)
    if any(find_spec(name) is None for name in stated):
        pytest.skip(f"{net} needs {stated}")
    code = (
        "import sys\n"
        f"for name in {sorted({'timm', 'torchvision'} - set(stated))}: sys.modules[name] = None\n"
        "from faceoff.training import net_list\n"
        f"net_list.build({net!r}, {{}}, 3)\n"
        f"assert {set(stated)} <= set(sys.modules), 'it states a package that it does not need'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("keys", "more"),
    [
        ({}, ()),
        ({"net": "torchvision:resnet18"}, ("torchvision",)),
        ({"net": "hsemotion", "recipe": {"tensorboard": True}},
         ("timm", "torchvision", "tensorboardX")),
        ({"net": "lstm", "features": "fer"}, ()),
        ({"net": "lstm", "frames": {"net": "timm:resnet18"}}, ("timm", "torchvision")),
    ],
)  # fmt: skip
def test_a_training_needs_what_its_network_and_its_log_need(
    keys: dict[str, Any], more: tuple[str, ...]
) -> None:
    training = Plan(raw({**keys, "take": "answers"} if "features" in keys else keys)).config
    assert trained_nets.modules(training.training["small"]) == (*trained_nets.MODULES, *more)


def test_an_unknown_network_is_still_named() -> None:
    assert faults(raw({"net": "resnet_smal"})) == [
        "training.small.net: no net 'resnet_smal', did you mean 'resnet_small'?"
    ]


@pytest.mark.parametrize("name", [*trained_nets.MODULES, "timm", "torchvision", "tensorboardX"])
def test_the_environment_of_training_has_what_it_needs(name: str) -> None:
    packages = yaml.safe_load((workflow_folder() / "envs" / "torch.yaml").read_text())[
        "dependencies"
    ]
    assert name in {package.split("=")[0].split("<")[0] for package in packages[-1]["pip"]}


def test_cells_of_a_network_that_cannot_be_trained_say_how_to_install_what_it_lacks(
    without: Without,
) -> None:
    without("torchvision", "onnx")
    made = raw({"net": "timm:resnet18"})
    reason = (
        "python package 'onnx' is not installed: `pip install onnx torchvision`, or `make full` in "
        "a checkout, whose .venv-full/bin/faceoff then runs, or run with --use-conda"
    )
    plan = Plan(made)
    assert plan.skip("whole", "small") == f"model small: {reason}"
    with pytest.raises(preflight.PreflightError) as raised:
        preflight.check_training(plan, "small")
    assert str(raised.value) == f"training.small: {reason}"
    preflight.check_training(Plan(made, check_modules=False), "small")  # by --use-conda


@pytest.mark.parametrize("package", ["torch", "onnx", "safetensors", "timm", "torchvision"])
def test_train_says_at_once_what_is_missing(without: Without, config: Path, package: str) -> None:
    without(package)
    done = CliRunner().invoke(app, ["train", str(config), "--only", "small"])
    assert done.exit_code == 1
    assert f"training.small: python package '{package}' is not installed" in done.output
    assert f"`pip install {package}`" in done.output
    assert not (config.parent / "results").exists()


def test_train_asks_only_for_what_it_trains(without: Without, config: Path) -> None:
    without("timm")
    plan = Plan(yaml.safe_load(config.read_text()))
    train._check(plan, ["own"], [])
    train._check(plan, ["small"], ["--sdm", "conda"])  # Snakemake looks itself
    with pytest.raises(typer.Exit):
        train._check(plan, ["own", "small"], ["--cores", "2"])


@pytest.mark.parametrize("package", ["torch", "onnxruntime", "onnxscript"])
def test_finetune_says_it_before_it_writes_anything(
    without: Without, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path)
    without(package)
    done = CliRunner().invoke(app, ["finetune", "--data", "pictures"])
    assert done.exit_code == 1
    assert f"python package '{package}' is not installed: `pip install {package}`" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]


def test_nets_says_what_each_network_lacks(without: Without) -> None:
    without("timm", "torchvision")
    done = CliRunner().invoke(app, ["nets"])
    assert done.exit_code == 0
    here = {
        row[0].strip(): row[-1].strip()
        for row in (line.strip("│").split("│") for line in done.output.splitlines())
        if len(row) > 1
    }
    assert here["resnet_small"] == here["tcn"] == "yes"
    assert here["timm:NAME"] == here["hsemotion"] == "no: timm, torchvision"
    assert here["torchvision:NAME"] == "no: torchvision"
    assert "not installed here: timm, torchvision: `pip install timm torchvision`" in done.output


@pytest.mark.slow
def test_snakemake_says_it_before_its_first_job(config: Path) -> None:
    code = (
        "import sys; sys.modules['timm'] = None\nfrom snakemake.cli import main; main(sys.argv[1:])"
    )
    given = [
        "--snakefile",
        str(workflow_folder() / "Snakefile"),
        "--configfile",
        str(config),
        "--cores=1",
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, *given, "results/t/training/small/card.yaml"],
        capture_output=True,
        text=True,
        cwd=config.parent,
    )
    assert done.returncode == 1
    assert "faceoff: training.small: python package 'timm' is not installed: " in done.stderr
    assert not (config.parent / "results" / "t" / "samples").exists()
