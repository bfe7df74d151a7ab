"""Train and fine-tune by the commands, as a user does."""

import copy
import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

import runs
from faceoff.datasets.posed import Posed, PosedOptions
from test_training import SMALL

pytest.importorskip("onnxscript")
pytestmark = pytest.mark.slow

FACEOFF = Path(sys.executable).with_name("faceoff")
PICTURES = 6  # of each class


def faceoff(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder."""
    return subprocess.run(
        [str(FACEOFF), *arguments], cwd=folder, capture_output=True, text=True, timeout=900
    )


class Trained(NamedTuple):
    """The folder in which `faceoff train` was run, what it printed, and what a terminal showed."""

    folder: Path
    printed: str
    shown: str


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Train a network for 60 epochs; stderr is a terminal."""
    folder = tmp_path_factory.mktemp("train")
    config = copy.deepcopy(SMALL)
    config["training"]["net"]["recipe"]["epochs"] = 60
    (folder / "small.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    outside, inside = os.openpty()
    with (
        open(folder / "printed.txt", "w+", encoding="utf-8") as printed,
        subprocess.Popen(
            [str(FACEOFF), "train", "small.yaml", "--cores", "2"],
            cwd=folder,
            stderr=inside,
            stdout=printed,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "150"},
        ) as process,
    ):
        os.close(inside)
        said = b""
        with suppress(OSError):  # Linux says so that the other side has closed
            while part := os.read(outside, 65536):
                said += part
        assert process.wait() == 0, said.decode()[-3000:]
    os.close(outside)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said.decode())
    return Trained(folder, (folder / "printed.txt").read_text(encoding="utf-8"), shown)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with drawn faces of three classes; one file is broken."""
    folder = tmp_path_factory.mktemp("pictures")
    drawn = Posed(PosedOptions(split="train", rungs=["plain"]))
    for sample in drawn.samples():
        if sample.label in ("happiness", "sadness", "surprise"):
            place = folder / sample.label
            place.mkdir(exist_ok=True)
            if len(list(place.iterdir())) < PICTURES:
                (place / sample.path).write_bytes(drawn.read(sample))
    (folder / "sadness" / "broken.png").write_bytes(b"no picture")
    return folder


def test_train_makes_the_networks_alone_and_says_what_they_are(trained: Trained) -> None:
    made = trained.folder / "results/small/training/net"
    assert (made / "model.onnx").is_file()
    assert "net: resnet_small" in trained.printed
    assert "card.yaml" in trained.printed.replace("\n", "")
    assert not (trained.folder / "results/small/predictions").exists()


def test_in_a_terminal_train_shows_how_far_the_network_is(trained: Trained) -> None:
    """The job tells `faceoff train` of its work, though its own output goes to its log."""
    shown = re.findall(
        r"[\d,]+ pictures/s \S+ \S+ +net: train resnet_small, epoch (\d+) of 60, "
        r"validation accuracy \d+\.\d\d %",
        trained.shown,
    )
    assert len(set(shown)) > 2, trained.shown[-3000:]
    log = (trained.folder / "results/small/logs/fit/net.log").read_text(encoding="utf-8")
    assert len(re.findall(r"^net: train resnet_small: epoch ", log, re.MULTILINE)) == 60


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["small.yaml", "--only", "nett"], "no training 'nett'; there are net"),
        (["none.yaml"], "no section `training`"),
    ],
)
def test_train_says_what_is_missing(trained: Trained, arguments: list[str], reason: str) -> None:
    without = {key: value for key, value in SMALL.items() if key != "training"}
    (trained.folder / "none.yaml").write_text(yaml.safe_dump(without), encoding="utf-8")
    done = faceoff(trained.folder, "train", *arguments)
    assert done.returncode == 1
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_finetune_goes_on_with_a_network_on_a_folder(
    trained: Trained, pictures: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "start.onnx"
    shutil.copy(trained.folder / "results/small/training/net/model.onnx", weights)
    given = ["--weights", str(weights), "--data", str(pictures), "--run", "mine"]
    done = faceoff(tmp_path, "finetune", *given, "--epochs", "3", "--freeze", "1", "--cores", "2")
    assert done.returncode == 0, done.stderr
    card = yaml.safe_load((tmp_path / "results/mine/training/tuned/card.yaml").read_text())
    assert card["training"]["options"] == {"width": 4}
    assert card["training"]["data"]["left_out"]["no face"] <= 1
    assert (tmp_path / "results/mine/report.html").is_file()
    assert "tuned" in done.stdout
    again = faceoff(tmp_path, "finetune", *given)
    assert again.returncode == 1
    assert "is there already" in again.stderr


def test_finetune_refuses_a_foreign_network(pictures: Path, tmp_path: Path) -> None:
    done = faceoff(tmp_path, "finetune", "--weights", "fer", "--data", str(pictures))
    assert done.returncode == 1
    assert "fer: not trained by Faceoff" in done.stderr
    assert not (tmp_path / "finetune.yaml").exists()


def test_nets_lists_what_can_be_trained() -> None:
    done = faceoff(runs.ROOT, "nets")
    assert done.returncode == 0
    assert {"resnet_small", "vgg13", "timm:NAME"} <= set(done.stdout.replace("│", " ").split())
