"""Test the shipped configurations of published datasets.

They run for real on drawn faces in the official layouts.
"""

import csv
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from faceoff.datasets import affectnet, ravdess
from faceoff.drawing import scenes
from faceoff.drawing.ravdess import write_archives, write_ravdess
from faceoff.emotions import AFFECTNET_ORDER
from faceoff.storage import files, parquet
from runs import ROOT, digests, jobs, run
from zenodo_server import Zenodo

pytestmark = pytest.mark.slow


def shipped(name: str) -> dict:
    return yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text())


def test_ravdess_from_24_archives_to_the_report(tmp_path: Path) -> None:
    """The run downloads, verifies, unpacks and samples the archives, and scores by actor.

    A second run asks the server for nothing and makes nothing.
    """
    drawn = tmp_path / "drawn"
    takes = [
        (clip.stem, clip.emotion, clip.intensity, clip.actor)
        for clip in ravdess.published("av", "speech")
    ]
    write_ravdess(drawn, takes, actors=range(1, 3), size="tiny", sound=False)
    for actor in range(3, 25):  # these have the faces of the first two
        folder = drawn / f"Actor_{actor:02d}"
        folder.mkdir()
        for path in (drawn / f"Actor_{(actor - 1) % 2 + 1:02d}").glob("*.mp4"):
            shutil.copy(path, folder / f"{path.stem[:-2]}{actor:02d}.mp4")
    assert {path.stem for path in drawn.glob("*/*.mp4")} == {stem for stem, *_ in takes}
    archives = write_archives(drawn, tmp_path / "archives")
    assert [path.name for path in archives] == [
        f"Video_Speech_Actor_{actor:02d}.zip" for actor in range(1, 25)
    ]
    server = Zenodo({path.name: path.read_bytes() for path in archives})
    config = shipped("ravdess")
    config["datasets"]["ravdess"] |= {
        "path": str(tmp_path / "data"),
        "record": f"{server.address}/record",
    }
    config["detectors"] = {"whole": {}}
    config["models"] = {"fer": {}}
    config["fusions"] = {}
    config["figures"] = {"formats": ["svg"], "examples": 1}
    done = run(tmp_path / "run", config, FACEOFF_CACHE=str(tmp_path / "cache"), FACEOFF_MIRROR="")
    assert done.returncode == 0, done.stdout[-3000:]
    assert len([path for path in server.asked if path.endswith(".zip")]) == 24
    results = tmp_path / "run/results/ravdess"
    score = files.read_json(results / "scores/ravdess/whole/fer.json")
    assert score["task"]["n"] == 1248, "1,440 without the 192 calm ones"
    assert score["counts"]["ok"] == 1248
    rows = parquet.read(results / "samples/ravdess.parquet").to_pylist()
    assert len({row["subject"] for row in rows}) == 24
    assert parquet.count(results / "frames/ravdess.parquet") == 1248 * 3, (
        "0.6 s at 5 frames per second"
    )
    server.close()
    before = digests(tmp_path / "run")
    again = run(tmp_path / "run", config, FACEOFF_CACHE=str(tmp_path / "cache"), FACEOFF_MIRROR="")
    assert again.returncode == 0, again.stdout[-3000:]
    assert jobs(again.stdout) == {}
    assert digests(tmp_path / "run") == before


def affectnet_tree(root: Path, per_class: int) -> Path:
    """Write pictures of 384 x 240 px with the face's box in the CSV; return the folder.

    There are `per_class` of each of the eight emotions and two that show none.
    """
    planned = [
        scene
        for scene in scenes.plan("test")
        if scene.rung == "plain" and scene.cast[0].intensity == "apex"
    ]
    chosen = [
        scene
        for emotion in AFFECTNET_ORDER
        for scene in [s for s in planned if s.cast[0].emotion == emotion][:per_class]
    ]
    (root / "Manually_Annotated_Images/1").mkdir(parents=True)
    with open(root / "validation.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(affectnet.COLUMNS)
        for index, scene in enumerate(chosen):
            image, (truth, *_) = scenes.draw(scene)
            wide = np.zeros((240, 384, 3), np.uint8)
            wide[:, 100:340] = image
            buffer = io.BytesIO()
            Image.fromarray(wide).save(buffer, format="JPEG", quality=95)
            (root / f"Manually_Annotated_Images/1/{index}.jpg").write_bytes(buffer.getvalue())
            x, y, w, h = truth.box
            box = (round(x + 100), round(y), round(w), round(h))
            code = AFFECTNET_ORDER.index(truth.emotion)
            writer.writerow(
                [f"1/{index}.jpg", *box, "", code, round(truth.valence, 3), round(truth.arousal, 3)]
            )
        for code in (8, 10):
            writer.writerow([f"1/{code}.jpg", "NULL", "NULL", "NULL", "NULL", "", code, -2, -2])
    return root


def test_affectnet_in_the_csv_layout(tmp_path: Path) -> None:
    """Both tasks are scored, with the CSV's own boxes as a detector.

    A net must be better on these boxes than on the whole picture, where the face is not in the
    middle.
    """
    root = affectnet_tree(tmp_path / "affectnet", 6)
    config = shipped("affectnet")
    for dataset in config["datasets"].values():
        dataset["path"] = str(root)
    del config["detectors"]["yunet"]
    del config["models"]["pd_best"]
    config["fusions"] = {"soft_mean": {"members": ["*/*"]}}
    config["figures"] = {"formats": ["svg"], "examples": 1}
    done = run(tmp_path / "run", config)
    assert done.returncode == 0, done.stdout[-3000:]
    results = tmp_path / "run/results/affectnet"
    given, whole = (
        files.read_json(results / f"scores/affectnet7/{name}/fer.json")
        for name in ("given", "whole")
    )
    assert (given["task"]["n"], whole["task"]["n"]) == (42, 42)
    assert files.read_json(results / "scores/affectnet8/given/fer.json")["task"]["n"] == 48
    assert given["metrics"]["coverage"] == 1
    assert given["metrics"]["accuracy"] > whole["metrics"]["accuracy"]
    faces = parquet.read(results / "faces/affectnet8/given.parquet").to_pylist()
    assert all(row["x"] >= 100 for row in faces)
