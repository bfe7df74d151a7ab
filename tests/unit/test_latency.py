"""Latency of single pictures: what is asked, and what is timed.

And how detectors, models, pipelines and fusions add up.
"""

import copy
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import keras_files
from faceoff.inference import hardware
from faceoff.media.images import encode_png
from faceoff.plan.job_specs import Plan
from faceoff.plan.jobs import DetectJob, DetectorLatencyJob, ModelLatencyJob, PredictJob
from faceoff.plugins.jobs import CropJob, PluginJob
from faceoff.results import latency
from faceoff.stages.check import check
from faceoff.stages.failure import record_failure
from faceoff.stages.latency import WARM_UP, Others, drawn, time_detector, time_model
from faceoff.storage import columns, files, parquet

DETECTOR_S, MODEL_S = 0.004, 0.006


def entry(
    detector: str,
    model: str | None = None,
    ms: tuple = (1.0, 2.0, 3.0, 4.0),
    outcome: tuple | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A file of the latency stage about four pictures."""
    about = {"dataset": "a", "detector": detector} | ({"model": model} if model else {})
    told = {
        "state": "ok",
        "reason": None,
        "batch": 16,
        "threads": 1,
        "device": "cpu",
        "load_s": 0.1,
        "others": 0.0,
        "offline_items": 4,
        "offline_s": 0.02,
    }
    asked = {
        "sample_id": ["s0", "s1", "s2", "s3"],
        "frame": [0, 0, 0, 0],
        "outcome": list(outcome or ["ok"] * 4),
        "ms": list(ms),
    }
    return about | told | asked | more


def by_part(rows: list[latency.Row]) -> dict[tuple[str, ...], latency.Row]:
    return {(row["part"], row["detector"], row["model"]): row for row in rows}


# -- percentiles and sums --------------------------------------------------------------------------


def test_percentiles_are_the_least_latency_that_so_many_did_not_exceed() -> None:
    assert latency.percentiles(list(range(1, 101))) == {"p50_ms": 50, "p90_ms": 90, "p99_ms": 99}
    assert latency.percentiles([7.5]) == {"p50_ms": 7.5, "p90_ms": 7.5, "p99_ms": 7.5}
    assert latency.percentiles([]) == {"p50_ms": None, "p90_ms": None, "p99_ms": None}
    rng = np.random.default_rng(3)
    for size in (2, 9, 10, 11, 256, 1_024):
        ms = rng.gamma(2.0, 5.0, size)
        for name, share in latency.PERCENTILES.items():
            # The definition, searched for: no smaller measured value has so many at or below it.
            least = min(value for value in ms if (ms <= value).sum() >= share * size - 1e-9)
            assert latency.percentiles(ms.tolist())[name] == least


def test_a_pipeline_adds_up_picture_by_picture() -> None:
    """The detector's slow picture is the model's fast one.

    The sum of the 90th percentiles, 12 ms, would be wrong.
    """
    measured = [entry("d", ms=(1.0, 1.0, 1.0, 9.0)), entry("d", "m", ms=(3.0, 3.0, 3.0, 1.0))]
    rows = by_part(latency.rows(measured, []))
    assert rows["detector", "d", ""]["p90_ms"] == 9.0
    assert rows["model", "d", "m"]["p90_ms"] == 3.0
    pipeline = rows["pipeline", "d", "m"]
    assert (pipeline["p50_ms"], pipeline["p90_ms"], pipeline["queries"]) == (4.0, 10.0, 4)
    assert pipeline["offline_per_s"] == pytest.approx(100.0)  # 4 pictures in 20 ms + 20 ms


def test_a_picture_without_a_face_costs_the_detector_only() -> None:
    measured = [
        entry("d"),
        entry(
            "d",
            "m",
            ms=(10.0, None, None, 10.0),
            outcome=("ok", "no_face", "no_face", "ok"),
            offline_items=2,
        ),
    ]
    rows = by_part(latency.rows(measured, []))
    assert rows["model", "d", "m"]["queries"] == 2
    assert rows["pipeline", "d", "m"]["queries"] == 4
    assert rows["pipeline", "d", "m"]["p50_ms"] == 3.0  # of 2, 3, 11, 14
    # A picture takes the detector 5 ms and, half of them having a face, the model half of 10 ms.
    assert rows["pipeline", "d", "m"]["offline_per_s"] == pytest.approx(100.0)


def test_no_face_at_all_leaves_the_detector() -> None:
    nothing = entry(
        "d", "m", ms=(None,) * 4, outcome=("no_face",) * 4, offline_items=0, offline_s=0.0
    )
    rows = by_part(latency.rows([entry("d"), nothing], []))
    assert (
        rows["model", "d", "m"]["queries"],
        rows["model", "d", "m"]["p90_ms"],
        rows["model", "d", "m"]["offline_per_s"],
    ) == (0, None, None)
    assert rows["pipeline", "d", "m"]["p90_ms"] == rows["detector", "d", ""]["p90_ms"] == 4.0
    assert (
        rows["pipeline", "d", "m"]["offline_per_s"]
        == rows["detector", "d", ""]["offline_per_s"]
        == 200.0
    )


def test_a_picture_that_raised_is_counted_and_not_timed() -> None:
    measured = [
        entry("d"),
        entry("d", "m", ms=(10.0, None, 10.0, 10.0), outcome=("ok", "error", "ok", "ok")),
    ]
    rows = by_part(latency.rows(measured, []))
    for part in (("model", "d", "m"), ("pipeline", "d", "m")):
        assert (rows[part]["queries"], rows[part]["failed"]) == (3, 1)
    assert rows["pipeline", "d", "m"]["p50_ms"] == 13.0  # of 11, 13, 14


def test_a_fusion_asks_every_member_and_each_detector_once() -> None:
    measured = [
        entry("d"),
        entry("d", "m"),
        entry("d", "n", ms=(10.0, 20.0, 30.0, 40.0)),
        entry("e", ms=(5.0, 5.0, 5.0, 5.0)),
        entry("e", "m"),
    ]
    vote = {
        "kind": "fusion",
        "state": "ok",
        "dataset": "a",
        "fusion": "vote",
        "members": ["d/m", "d/n", "e/m"],
    }
    rows = by_part(
        latency.rows(
            measured,
            [
                vote,
                {**vote, "fusion": "untimed", "members": ["x/m"]},
                {"kind": "cell", "state": "ok"},
            ],
        )
    )
    assert (
        rows["fusion", "fusion", "vote"]["p50_ms"] == 2 + 2 + 20 + 5 + 2
    )  # the second picture of four
    assert rows["fusion", "fusion", "vote"]["offline_per_s"] == pytest.approx(
        40.0
    )  # five parts of 5 ms
    assert ("fusion", "fusion", "untimed") not in rows


def test_what_failed_has_its_reason_and_spoils_nothing_else() -> None:
    broken = {"dataset": "a", "detector": "d", "model": "m", "state": "error", "reason": "killed"}
    rows = by_part(latency.rows([entry("d"), broken, entry("d", "n")], []))
    assert (
        rows["model", "d", "m"]["state"],
        rows["model", "d", "m"]["reason"],
        rows["model", "d", "m"]["p90_ms"],
    ) == ("error", "killed", None)
    assert (rows["pipeline", "d", "m"]["state"], rows["pipeline", "d", "m"]["reason"]) == (
        "error",
        "killed",
    )
    assert rows["pipeline", "d", "n"]["p90_ms"] == 8.0


def test_different_pictures_are_never_added_up() -> None:
    rows = by_part(
        latency.rows([entry("d"), entry("d", "m", sample_id=["s0", "s1", "s2", "x"])], [])
    )
    assert (rows["pipeline", "d", "m"]["state"], rows["pipeline", "d", "m"]["p90_ms"]) == (
        "error",
        None,
    )
    assert rows["pipeline", "d", "m"]["reason"] == "a/d and a/d/m were timed on different pictures"
    assert rows["model", "d", "m"]["state"] == "ok"


def test_rows_come_by_part_the_fastest_first() -> None:
    slow, fast, broken = (
        entry("slow", ms=(9.0,) * 4),
        entry("z", ms=(1.0,) * 4),
        {"dataset": "a", "detector": "b", "state": "error", "reason": "r"},
    )
    assert [row["detector"] for row in latency.rows([broken, slow, fast], [])] == ["z", "slow", "b"]


# -- what is asked ---------------------------------------------------------------------------------


def frames_table(path: Path, pictures: int, unreadable: tuple[int, ...] = ()) -> Path:
    rows = []
    for place in range(pictures):
        row = {
            "sample_id": f"s{place:03d}",
            "frame": 0,
            "timestamp_s": None,
            "width": 40,
            "height": 30,
            "state": "ok",
        }
        image = np.full((30, 40, 3), place, np.uint8)
        image[0, 0] = place  # the plug-ins below know a picture by it
        rows.append(
            row
            | (
                {"state": "unreadable", "reason": "r"}
                if place in unreadable
                else {"image": {"bytes": encode_png(image), "path": "p"}}
            )
        )
    parquet.write_rows(path, columns.FRAMES, rows)
    return path


def test_the_same_readable_pictures_are_drawn_for_everyone(tmp_path: Path) -> None:
    frames = frames_table(tmp_path / "f.parquet", 30, unreadable=(0, 7))
    few = drawn(frames, 10, seed=1)
    assert few == drawn(frames, 10, seed=1)
    assert few != drawn(frames, 10, seed=2)
    assert len(set(few)) == 10
    assert few == sorted(few)
    assert set(few) <= set(range(30)) - {0, 7}
    many = drawn(frames, 70, seed=1)  # 28 + 28 + 14
    counts = np.bincount(many, minlength=30)
    assert counts[[0, 7]].tolist() == [0, 0]
    assert sorted(set(counts.tolist())) == [0, 2, 3]
    assert many[:28] == many[28:56] == sorted(set(range(30)) - {0, 7})
    assert drawn(frames_table(tmp_path / "none.parquet", 2, unreadable=(0, 1)), 5, seed=0) == []


# -- what is timed ---------------------------------------------------------------------------------

PLUGINS = f"""
import json, time
from pathlib import Path
import numpy as np
from faceoff.plugins.protocols import CropSpec, Face, Prediction
from faceoff.inference.hardware import batch_size

class _Noted:
    def __init__(self, card, assets):
        self.options, self.size = card["options"], batch_size(16)

    def note(self, pictures):
        with open(self.options["log"], "a") as file:
            file.write(json.dumps([self.size, pictures]) + "\\n")
        if set(pictures) & set(self.options["bad"]):
            raise ValueError("bad picture")

class Detector(_Noted):
    def detect(self, images):
        self.note([int(image[0, 0, 0]) for image in images])
        time.sleep({DETECTOR_S} * len(images))
        return [[Face(box=(0.0, 0.0, 40.0, 30.0), score=1.0)] for _ in images]

class Model(_Noted):
    emotions = ("neutral", "happiness")
    crop = CropSpec(size=(8, 8))

    def predict(self, crops):
        self.note([int(crop.mean().round()) for crop in crops])
        time.sleep({MODEL_S} * len(crops))
        return Prediction(posterior=np.full((len(crops), 2), 0.5))
"""


class Job:
    """Sleep so long per picture.

    The plug-in notes what it was asked about and for batches of which size it was made.
    """

    def __init__(self, folder: Path, kind: str, bad: tuple[int, ...] = ()):
        self.folder, self.log = folder, folder / f"{kind}.log"
        (folder / "plugins.py").write_text(PLUGINS)
        card = {
            "threshold": 0.0,
            "min_size": 0,
            "options": {"log": str(self.log), "bad": list(bad)},
        }
        plugin = PluginJob(
            name="sleeper",
            source=str(folder / "plugins.py"),
            class_name=kind,
            assets={},
            card=card,
            device="cpu",
        )
        timed = {"queries": 40, "seed": 0}
        about = {"dataset": "a", "detector": "d", "plugin": plugin}
        self.job: DetectorLatencyJob | ModelLatencyJob
        if kind == "Model":
            crop = CropJob(policy="largest", whole_frame=True)
            predict = PredictJob(model="m", crop=crop, seed=0, **about)
            self.job = ModelLatencyJob(predict=predict, **timed)
        else:
            self.job = DetectorLatencyJob(detect=DetectJob(**about), **timed)

    @property
    def asked(self) -> list[tuple[int, list[int]]]:
        return [tuple(json.loads(line)) for line in self.log.read_text().splitlines()]

    def time(
        self, pictures: int, without_face: tuple[int, ...] = (), **changed: Any
    ) -> dict[str, Any]:
        frames, output = (
            frames_table(self.folder / "frames.parquet", pictures, unreadable=(1,)),
            self.folder / "latency.json",
        )
        job = replace(self.job, **changed)
        if isinstance(job, DetectorLatencyJob):
            time_detector(frames, output, job)
            return files.read_json(output)
        faces, rows = self.folder / "faces.parquet", []
        for place in range(pictures):
            state = "unreadable" if place == 1 else "no_face" if place in without_face else "ok"
            row = {
                "sample_id": f"s{place:03d}",
                "frame": 0,
                "face_id": 0,
                "n_faces": 1,
                "success": int(state == "ok"),
                "state": state,
            }
            rows.append(
                row
                | (
                    {"x": 0.0, "y": 0.0, "w": 40.0, "h": 30.0, "score": 1.0}
                    if state == "ok"
                    else {}
                )
            )
        parquet.write_rows(faces, columns.FACES, rows)
        time_model(frames, faces, output, job)
        return files.read_json(output)


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FACEOFF_DEVICE", "cpu")
    yield
    hardware.set_hardware(hardware.Hardware())


@pytest.mark.parametrize(
    ("kind", "least_s", "batch"), [("Detector", DETECTOR_S, 16), ("Model", MODEL_S, 64)]
)
def test_every_picture_alone_then_all_in_full_batches(
    tmp_path: Path, kind: str, least_s: float, batch: int
) -> None:
    job = Job(tmp_path, kind)
    start = time.perf_counter()
    found = job.time(pictures=71, queries=70)
    passed = time.perf_counter() - start
    single, offline = [
        [pictures for size, pictures in job.asked if size == wanted] for wanted in (1, 16)
    ]
    readable = [place for place in range(71) if place != 1]
    assert single == [[place] for place in readable[:WARM_UP] + readable], "the warm-up, then all"
    assert {len(pictures) for pictures in offline} == {batch}, "no batch that is not full"
    assert offline[0] == offline[1] == readable[:batch], "the first is the warm-up"
    assert found["offline_items"] == 70 // batch * batch
    assert found["offline_s"] >= least_s * found["offline_items"]
    assert found["sample_id"] == [f"s{place:03d}" for place in readable]
    assert set(found["outcome"]) == {"ok"}
    assert min(found["ms"]) >= 1000 * least_s
    assert sum(found["ms"]) < 1000 * passed, "times of one picture each, not of a batch"
    assert (found["threads"], found["device"], found["batch"], found["state"]) == (
        hardware.threads(),
        "cpu",
        batch,
        "ok",
    )


@pytest.mark.parametrize(
    ("later", "cores"),
    [
        ("cpu  750 0 300 9000 50 0 0 0 0 0", 0.0),
        ("cpu  950 0 300 9000 50 0 0 0 0 0", 1.0),  # programs
        (
            "cpu  750 20 310 9000 50 30 40 50 0 0",
            0.75,
        ),  # nice ones, the kernel, interrupts, what the hypervisor takes
        (
            "cpu  749 0 300 9900 850 0 0 0 900 900",
            0.0,
        ),  # idle, waiting for a disk, guests (who are in the first two already); ticks are coarse
    ],
)
def test_cores_that_others_keep_busy_by_proc_stat(
    later: str, cores: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two seconds pass, and this process works half a second.

    The fields are user nice system idle iowait irq softirq steal guest guest_nice (proc_stat(5)),
    in 1/100 s.
    """
    told, clock, own = ["cpu  700 0 300 9000 50 0 0 0 0 0\ncpu0 9 9 9"], [5.0], [1.0]
    monkeypatch.setattr(Path, "read_text", lambda path, **_: {"/proc/stat": told[0]}[str(path)])
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_CLK_TCK": 100}[name])
    monkeypatch.setattr("os.times", lambda: (own[0], 0.0, 0.0, 0.0, 0.0))
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    others = Others()
    told[0], clock[0], own[0] = later, 7.0, 1.5
    assert others.cores() == pytest.approx(cores)


def test_work_of_a_program_beside_is_noticed() -> None:
    """However fast the machine: what that program has computed by its own account is asked for."""
    if not Path("/proc/stat").is_file():
        pytest.skip("no /proc/stat")
    start, others, worked = time.perf_counter(), Others(), 0.0
    with subprocess.Popen(
        [sys.executable, "-c", "while True: pass"]
    ) as beside:  # until it is waited for, its work is not this process's
        while worked < 0.3:
            time.sleep(0.02)
            fields = Path(f"/proc/{beside.pid}/stat").read_text().rpartition(")")[2].split()
            worked = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        noticed = others.cores()
        beside.kill()
    assert noticed * (time.perf_counter() - start) > 0.2


@pytest.mark.parametrize(("told", "sizes"), [(None, {4}), (1, {1})])
def test_networks_compute_batches_of_the_size_that_the_job_was_told(
    tmp_path: Path, told: int | None, sizes: set[int]
) -> None:
    torch = pytest.importorskip("torch")
    from faceoff.inference.keras_h5 import KerasNetwork
    from faceoff.inference.torch_devices import Torch

    seen: dict[str, list[int]] = {"torch": [], "one": [], "keras": []}

    class Doubling(torch.nn.Module):
        def __init__(self, name: str):
            super().__init__()
            self.name, self.weight = name, torch.nn.Parameter(torch.tensor(2.0))

        def forward(self, rows: Any) -> Any:
            seen[self.name].append(len(rows))
            return rows * self.weight

    hardware.set_hardware(hardware.Hardware(batch=told))
    layers = [
        ("InputLayer", "in", {"batch_input_shape": [None, 1, 1, 2]}),
        ("Flatten", "flat", {}),
        ("Dense", "dense", {"units": 2}),
    ]
    path = keras_files.write(
        tmp_path / "k.h5",
        layers,
        {"dense": {"kernel": 2 * np.eye(2, dtype=np.float32), "bias": np.zeros(2, np.float32)}},
    )
    keras = KerasNetwork(path, batch=4)
    invoke = keras._invoke
    keras._invoke = lambda inputs: (seen["keras"].append(len(inputs)), invoke(inputs))[1]
    rows = np.arange(12, dtype=np.float32).reshape(6, 2)
    for network, inputs in (
        (Torch(Doubling("torch"), 4), rows),
        (Torch(Doubling("one"), None), rows),
        (keras, rows.reshape(6, 1, 1, 2)),
    ):
        np.testing.assert_allclose(network.run(inputs)[0], 2 * rows)
    assert set(seen["torch"]) == set(seen["keras"]) == sizes
    assert seen["one"] == [6], "what belongs to one picture is computed together"


def test_faces_that_the_run_did_not_find_are_not_asked_about(tmp_path: Path) -> None:
    found = Job(tmp_path, "Model").time(pictures=11, without_face=(3, 4), queries=10)
    assert [ms is None for ms in found["ms"]] == [
        outcome == "no_face" for outcome in found["outcome"]
    ]
    assert found["outcome"].count("no_face") == 2
    assert found["offline_items"] == 8, "fewer than a batch: what there is"


@pytest.mark.parametrize("kind", ["Detector", "Model"])
def test_one_bad_picture_is_an_error_and_only_bad_ones_are_a_failure(
    tmp_path: Path, kind: str
) -> None:
    found = Job(tmp_path, kind, bad=(5,)).time(pictures=9, queries=8)
    assert [outcome for outcome in found["outcome"] if outcome != "ok"] == ["error"]
    assert found["ms"][found["outcome"].index("error")] is None
    assert found["sample_id"][found["outcome"].index("error")] == "s005"
    with pytest.raises(ValueError, match="bad picture"):
        Job(tmp_path, kind, bad=tuple(range(9))).time(pictures=9, queries=8)


def test_faces_of_a_failed_detector_are_said_to_be(tmp_path: Path) -> None:
    row = {
        "sample_id": "s000",
        "frame": 0,
        "face_id": -1,
        "n_faces": 0,
        "success": 0,
        "state": "error",
        "reason": "no weights",
    }
    parquet.write_rows(
        tmp_path / "faces.parquet", parquet.with_failure(columns.FACES, ["f"]), [row]
    )
    frames = frames_table(tmp_path / "frames.parquet", 1)
    with pytest.raises(RuntimeError, match="face detection failed: no weights"):
        time_model(
            frames, tmp_path / "faces.parquet", tmp_path / "o.json", Job(tmp_path, "Model").job
        )


# -- in a run --------------------------------------------------------------------------------------


def test_a_failed_timing_ends_the_run_badly_and_is_tried_again_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "job.log").write_text("Traceback …\nMemoryError: too large\n")
    score, broken, fine = tmp_path / "score.json", tmp_path / "m.json", tmp_path / "d.json"
    files.write_json(
        score,
        {
            "kind": "cell",
            "dataset": "a",
            "detector": "d",
            "model": "m",
            "state": "ok",
            "reason": None,
            "failed_files": [],
        },
    )
    files.write_json(fine, entry("d"))
    record_failure(
        "latency",
        1,
        tmp_path / "job.log",
        broken,
        about={"dataset": "a", "detector": "d", "model": "m"},
    )
    assert check([score], tmp_path / "check.ok", [broken, fine]) == 1
    assert "FAILED timing, a: d/m: MemoryError: too large" in capsys.readouterr().out
    assert (score.exists(), broken.exists(), fine.exists(), (tmp_path / "check.ok").exists()) == (
        True,
        False,
        True,
        False,
    )
    files.write_json(broken, entry("d", "m"))
    assert check([score], tmp_path / "check.ok", [broken, fine]) == 0


RAW = {
    "run": "t",
    "datasets": {"posed": {}, "other": {"type": "posed", "split": "valid", "role": "validation"}},
    "detectors": {"whole": {}, "haar": {}},
    "models": {"fer": {}, "told": {"model": "recorded", "options": {"path": "p.csv"}}},
}


def test_only_who_asks_is_timed_and_nothing_else_is_told_of_it() -> None:
    without, timed = (
        Plan(copy.deepcopy(RAW)),
        Plan({**copy.deepcopy(RAW), "speed": {"queries": 100}}),
    )
    assert without.latency_files() == []
    folder = (
        "results/t/latency/posed"  # not of the validation dataset, nor of what is read from a file
    )
    assert timed.latency_files() == [
        f"{folder}/haar.json",
        f"{folder}/haar/fer.json",
        f"{folder}/whole.json",
        f"{folder}/whole/fer.json",
    ]
    told = timed.model_latency_job("posed", "haar", "fer")
    assert (told.queries, told.predict.detector, told.predict.model, told.predict.crop.policy) == (
        100,
        "haar",
        "fer",
        "largest",
    )
    assert timed.detector_latency_job("posed", "haar").queries == 100
    assert without.detect_job("posed", "haar") == timed.detect_job("posed", "haar")
    assert without.predict_job("posed", "haar", "fer") == timed.predict_job("posed", "haar", "fer")
