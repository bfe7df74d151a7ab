"""Train networks in whole runs: resumed to the bit after a kill, failures said and tried again."""

import copy
import csv
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import runs
from faceoff.plugins.model_cards import read_card

pytest.importorskip("onnxscript")
pytestmark = pytest.mark.slow

POSED = {"type": "posed", "rungs": ["plain"]}
SMALL: dict[str, Any] = {
    "run": "small",
    "datasets": {
        "posed": {"rungs": ["plain"], "limit": 24, "validation": "posed-valid"},
        "posed-train": {**POSED, "split": "train", "role": "train", "limit": 64},
        "posed-valid": {**POSED, "split": "valid", "role": "validation", "limit": 24},
    },
    "detectors": {"whole": {}},
    "models": {"fer": {}},
    "training": {
        "net": {
            "data": "posed-train",
            "validation": "posed-valid",
            "options": {"width": 4},
            "stored": "int8",
            "threads": 1,
            "recipe": {"epochs": 2, "batch": 16, "mixup": 0.2, "tensorboard": True},
        }
    },
    "figures": {"formats": ["svg"], "examples": 1},
}
NETWORK = "results/small/training/net/model.onnx"
MADE = ("model.onnx", "card.yaml", "log.csv", "curves.svg", "curves.png", "fit.json")


def changed(recipe: dict[str, Any] | None = None, **training: Any) -> dict[str, Any]:
    """Return the configuration with other keys of its training."""
    made = copy.deepcopy(SMALL)
    made["training"]["net"] |= training
    made["training"]["net"]["recipe"] |= recipe or {}
    return made


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run that trained a network."""
    return runs.finished(tmp_path_factory, "trained", SMALL)


def test_a_run_trains_a_network_and_scores_it(trained: Path) -> None:
    folder = trained / "results/small/training/net"
    assert {*MADE, "weights.safetensors"} <= {path.name for path in folder.iterdir()}
    assert not {"last.pt", "decoded-0"} & {path.name for path in folder.iterdir()}
    assert len(list((folder / "events").iterdir())) == 1
    plugin = read_card(folder / "card.yaml")
    assert plugin.card["training"]["seed"] == 0
    assert plugin.card["training_data"] == {"posed": ["train"]}
    assert plugin.card["selected_on"] == {"posed": ["valid"]}
    assert plugin.assets["weights"].sha256 == sha256(folder / "model.onnx")
    record = json.loads((folder / "fit.json").read_text())
    assert len(record["history"]) == 2
    assert len((folder / "log.csv").read_text().splitlines()) == 3
    with open(trained / "results/small/tables/accuracy.csv", encoding="utf-8") as file:
        statuses = {
            row["dataset"]: row["train_status"]
            for row in csv.DictReader(file)
            if row["model"] == "net"
        }
    page = (trained / "results/small/report.html").read_text(encoding="utf-8")
    for name in ("curves.svg", "log.csv", "card.yaml"):
        assert f'href="training/net/{name}"' in page
    assert statuses["posed"] == "held-out"
    assert set(statuses) <= {"posed", "posed-valid"}


def test_another_form_of_the_weights_is_exported_without_training_again(trained: Path) -> None:
    planned = runs.jobs(runs.run(trained, changed(stored="float32"), "--dry-run").stdout)
    assert planned["export"] == 1
    assert "fit" not in planned


def test_killed_while_it_trains_it_ends_with_the_same_bytes(trained: Path, tmp_path: Path) -> None:
    """SIGKILL hits the whole run once an epoch's checkpoint lies there."""
    folder = tmp_path / "run"
    last = folder / "results/small/training/net/last.pt"
    process = runs.start(folder, SMALL, NETWORK)
    try:
        runs.until(lambda: last.exists() or process.poll() is not None, "checkpoint")
    finally:
        status = runs.kill(process)
    assert status == -9
    interrupted = last.exists()
    done = runs.run(folder, SMALL, NETWORK)
    assert done.returncode == 0, done.stdout[-3000:]
    if interrupted:
        log = (folder / "results/small/logs").rglob("*net*")
        assert any("going on from" in path.read_text() for path in log if path.is_file())
    for name in ("weights.safetensors", "log.csv", "fit.json", "model.onnx"):
        path = f"results/small/training/net/{name}"
        assert sha256(folder / path) == sha256(trained / path), name


def _pictures(folder: Path, numbers: dict[str, int], seed: int) -> Path:
    """Write drawn patterns by class, and one file that is no picture."""
    random = np.random.default_rng(seed)
    for place, (name, count) in enumerate(numbers.items()):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            picture = random.integers(0, 90, (48, 48, 3)).astype(np.uint8)
            picture[12 * place : 12 * place + 12] += 150
            cv2.imwrite(str(folder / name / f"{number:02}.png"), picture)
    (folder / next(iter(numbers)) / "05.png").write_bytes(b"\x89PNG\r\n\x1a\n, and then nothing")
    return folder


def _of_folder(train: Path, valid: Path, **keys: Any) -> dict[str, Any]:
    made = changed()
    made["datasets"] = {
        "posed": {"rungs": ["plain"], "limit": 24},
        "posed-train": {"type": "folder", "path": str(train), "role": "train", **keys},
        "posed-valid": {"type": "folder", "path": str(valid), "role": "validation", **keys},
    }
    return made


def test_one_class_fails_its_cells_alone_and_is_tried_again(tmp_path: Path) -> None:
    """Then two classes, one unreadable picture and a class without samples are enough."""
    train = _pictures(tmp_path / "train", {"happiness": 12}, seed=1)
    valid = _pictures(tmp_path / "valid", {"happiness": 6, "sadness": 6}, seed=2)
    space = {"space": ["happiness", "sadness", "fear"]}
    config, folder = _of_folder(train, valid, **space), tmp_path / "run"
    broken = runs.run(folder, config)
    assert broken.returncode != 0
    assert "FAILED posed: whole/net" in broken.stdout
    assert "its 11 pictures show happiness only: two classes are needed" in broken.stdout
    assert "FAILED posed: whole/fer" not in broken.stdout
    assert not list((folder / "results/small/training/net").glob("decoded*"))
    shutil.rmtree(train)
    _pictures(train, {"happiness": 12, "sadness": 12}, seed=1)
    mended = runs.run(folder, config, NETWORK)
    assert mended.returncode == 0, mended.stdout[-3000:]
    record = json.loads((folder / "results/small/training/net/fit.json").read_text())
    assert record["classes"] == space["space"]
    assert record["pictures_of_class"] == {"happiness": 11, "sadness": 12, "fear": 0}
    assert record["left_out"]["cannot be read"] == 1
