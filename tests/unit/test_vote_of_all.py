"""The vote of all in a comparison is the soft mean of all that the fusion writes (protocol §38)."""

import json
from pathlib import Path

import numpy as np
import pytest

from faceoff.plan.jobs import CompareJob, FuseJob, Member
from faceoff.scoring import metrics
from faceoff.scoring.task import read_task, sample_posteriors
from faceoff.stages.compare import write_comparisons
from faceoff.stages.fuse import write_fusion
from faceoff.storage import columns, files, parquet

CLASSES = ("neutral", "happiness", "sadness", "contempt")
SPACE = CLASSES[:3]
CLIPS, FRAMES = 60, 4
CALIBRATION = {"dx": 0.0, "dy": 0.1, "sx": 1.4, "sy": 1.4}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Clips of four frames, two faces in each; detectors that choose now the one, now the other."""
    random = np.random.default_rng(38)
    truth = random.integers(0, 3, CLIPS)
    task = {
        "name": "d",
        "type": "folder",
        "version": "1",
        "space": SPACE,
        "limited": False,
        "headline": True,
    }
    common = {"kind": "video", "path": "x", "split": "test", "groups": []}
    parquet.write_rows(
        tmp_path / "samples/d.parquet",
        columns.SAMPLES.with_metadata({b"faceoff_task": json.dumps(task)}),
        (
            common | {"sample_id": f"s{i:03}", "label": SPACE[t], "subject": f"p{i % 12:02}"}
            for i, t in enumerate(truth)
        ),
    )
    keys = [
        {"sample_id": f"s{i:03}", "frame": frame, "timestamp_s": 0.2 * frame}
        for i in range(CLIPS)
        for frame in range(FRAMES)
    ]
    parquet.write_rows(
        tmp_path / "frames/d.parquet",
        columns.FRAMES,
        (key | {"width": 200, "height": 100, "state": "ok"} for key in keys),
    )
    n = len(keys)
    for detector in ("one", "two", "three"):
        side = random.choice([10.0, 110.0], n, p=[0.7, 0.3])
        seen = random.random(n) > 0.2
        # Detector "three" draws the same face so small that only its calibration makes it meet.
        size = 40.0 if detector != "three" else 28.0
        rows = [
            key
            | (
                {
                    "face_id": 0,
                    "n_faces": 1,
                    "success": 1,
                    "state": "ok",
                    "x": x + (40 - size) / 2,
                    "y": 20.0,
                    "w": size,
                    "h": size,
                    "score": float(random.random()),
                }
                if ok
                else {"face_id": -1, "n_faces": 0, "success": 0, "state": "no_face"}
            )
            for key, x, ok in zip(keys, side, seen, strict=True)
        ]
        parquet.write_rows(tmp_path / f"faces/d/{detector}.parquet", columns.FACES, rows)
        for model in ("m", "n"):
            label = np.where(random.random(n) < 0.5, truth.repeat(FRAMES), 3)
            p = random.dirichlet(np.ones(4), n) * 0.5 + 0.5 * np.eye(4)[label]
            state = [
                {"success": int(ok), "state": "ok" if ok else "no_face", "face_id": 0 if ok else -1}
                for ok in seen
            ]
            parquet.write_rows(
                tmp_path / f"predictions/d/{detector}/{model}.parquet",
                columns.predictions_schema(CLASSES),
                (
                    key | s | {f"p_{c}": v for c, v in zip(CLASSES, row, strict=True) if ok}
                    for key, s, row, ok in zip(keys, state, p.tolist(), seen, strict=True)
                ),
            )
    return tmp_path


@pytest.mark.parametrize("clone", [False, True])
def test_the_last_step_is_the_fusion_of_all(run: Path, clone: bool) -> None:
    """Faces are matched, frames fused one by one, clones left out, classes outside masked."""
    members = tuple(
        Member(
            detector=detector,
            model=model,
            lineage="m" if clone else model,
            calibration=CALIBRATION if detector == "three" else None,
        )
        for detector in ("one", "three", "two")
        for model in ("m", "n")
    )
    paths = [run / f"predictions/d/{m.detector}/{m.model}.parquet" for m in members]
    faces = [run / f"faces/d/{detector}.parquet" for detector in ("one", "three", "two")]
    frames, samples = run / "frames/d.parquet", run / "samples/d.parquet"
    fused = run / "fusion/d/vote.parquet"
    job = FuseJob(
        dataset="d",
        fusion="vote",
        rule="soft_mean",
        members=members,
        policy="largest",
        check_order=False,
        seed=0,
    )
    write_fusion(paths, faces, frames, samples, fused, job)
    compare = CompareJob(
        dataset="d",
        factors={m.name: {"detector": m.detector, "crop": "{}", "model": m.model} for m in members},
        variants={},
        voters=members,
        policy="largest",
        seed=0,
    )
    write_comparisons(samples, frames, faces, [*paths, fused], [], run / "out.json", compare)
    found = files.read_json(run / "out.json")["ensemble"]
    task = read_task(samples)
    posterior = sample_posteriors(fused, task.ids).in_space(task.space)[0]
    right = int((metrics.argmax(posterior) == task.truth).sum())
    assert len(found["curve"]) == (3 if clone else 6)
    assert found["curve"][-1]["n_correct"] == right
    chance = np.bincount(task.truth).max() / len(task.truth)
    worth = sum(member["shapley"] for member in found["members"])
    assert worth == pytest.approx(right / CLIPS - chance)
