"""One bad picture spoils its own row only; a broken plug-in stops the job."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from faceoff.inference.clock import Clock
from faceoff.inference.hardware import MachineError
from faceoff.inference.plugin_job import call_with_row_fallback, load_plugin, reason
from faceoff.inference.runtimes import BatchedNetwork
from faceoff.media.images import encode_png
from faceoff.plan.jobs import PredictJob
from faceoff.plugins.jobs import CropJob, PluginJob
from faceoff.plugins.protocols import Prediction
from faceoff.stages.failure import record_failure
from faceoff.storage import columns, parquet


def halve(items: Sequence[int]) -> list[float]:
    if any(item == 0 for item in items):
        raise ZeroDivisionError("zero in the batch")
    return [1 / item for item in items]


def test_good_batch_is_called_once() -> None:
    calls: list[int] = []

    def call(items: Sequence[int]) -> list[int]:
        calls.append(len(items))
        return list(items)

    assert call_with_row_fallback(call, [1, 2, 3], Clock()) == [1, 2, 3]
    assert calls == [3]


def test_bad_item_spoils_its_own_row_only() -> None:
    clock = Clock()
    first, bad, last = call_with_row_fallback(halve, [1, 0, 4], clock)
    assert (first, last) == (1, 0.25)
    assert isinstance(bad, ZeroDivisionError)
    assert clock.items == 3
    assert len(clock.batches) == 1


def test_all_bad_in_the_first_batch_is_a_broken_plugin() -> None:
    with pytest.raises(ZeroDivisionError):
        call_with_row_fallback(halve, [0, 0], Clock())


def test_all_bad_in_a_later_batch_is_bad_luck() -> None:
    clock = Clock()
    call_with_row_fallback(halve, [1, 2], clock)
    assert all(
        isinstance(result, ZeroDivisionError)
        for result in call_with_row_fallback(halve, [0, 0], clock)
    )


@pytest.mark.parametrize(("given", "items"), [(3, [1, 2]), (1, [1, 2]), (0, [1])])
def test_more_or_fewer_results_than_pictures_is_a_broken_plugin_at_any_time(
    given: int, items: list[int]
) -> None:
    clock = Clock()
    call_with_row_fallback(halve, [1, 2], clock)
    with pytest.raises(ValueError, match=f"gave {given} results for {len(items)} pictures"):
        call_with_row_fallback(lambda _: [0.5] * given, items, clock)


@pytest.mark.parametrize("array", ["valence", "arousal", "evaluable"])
def test_a_prediction_has_as_many_of_everything(array: str) -> None:
    posterior = np.full((3, 2), 0.5)
    Prediction(posterior, **{array: np.zeros(3)}, aus={"AU12": np.zeros(3)})
    with pytest.raises(ValueError, match=f"3 rows has arrays of other lengths: {array} 2, AU12 4"):
        Prediction(posterior, **{array: np.zeros(2)}, aus={"AU12": np.zeros(4)})


@pytest.mark.parametrize(
    "failure",
    [
        RuntimeError("CUDA error: out of memory\nCompile with X to debug"),
        MemoryError(),
        OSError(28, "No space left on device"),
    ],
)
def test_a_failing_machine_is_no_bad_picture_at_any_time(failure: Exception) -> None:
    def broken(items: Sequence[int]) -> list[int]:
        raise failure

    clock = Clock()
    call_with_row_fallback(halve, [1, 2], clock)
    with pytest.raises(MachineError, match=f"^{type(failure).__name__}: ") as raised:
        call_with_row_fallback(broken, [1, 2], clock)
    assert raised.value.__cause__ is failure
    assert "\n" not in str(raised.value), "its last line is what the report gives as the reason"


def test_what_does_not_fit_together_is_computed_one_by_one() -> None:
    """A plug-in may hand all pictures to its framework at once.

    One bad picture still spoils only its own row.
    """

    def narrow(items: Sequence[int]) -> list[float]:
        if len(items) > 1:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return halve(items)

    first, bad, last = call_with_row_fallback(narrow, [1, 0, 4], Clock())
    assert (first, last) == (1, 0.25)
    assert isinstance(bad, ZeroDivisionError)


def test_a_gpus_error_is_not_met_by_trying_on() -> None:
    calls: list[int] = []

    def dead(items: Sequence[int]) -> list[int]:
        calls.append(len(items))
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    with pytest.raises(MachineError):
        call_with_row_fallback(dead, [1, 2, 3], Clock())
    assert calls == [3]


MODEL = """
import numpy as np
from faceoff.plugins.protocols import CropSpec, Prediction

class Model:
    emotions = ("neutral", "happiness")
    crop = CropSpec(size=(8, 8))

    def __init__(self, card, assets):
        self.calls = 0

    def predict(self, crops):
        self.calls += 1
        if self.calls > 1:
            raise RuntimeError(
                "CUDA error: out of memory\\n"
                "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions."
            )
        return Prediction(posterior=np.full((len(crops), 2), 0.5))
"""


def test_memory_that_runs_out_in_the_second_batch_leaves_a_file_to_be_made_again(
    tmp_path: Path,
) -> None:
    """The rule's own script leaves a file with a mark and a reason, not one full of error rows."""
    (tmp_path / "model.py").write_text(MODEL)
    png, frames, faces = encode_png(np.zeros((9, 9, 3), np.uint8)), [], []
    for number in range(70):  # a batch has 64
        key = {"sample_id": f"s{number:02d}", "frame": 0, "timestamp_s": None, "state": "ok"}
        frames.append(key | {"width": 9, "height": 9, "image": {"bytes": png, "path": "p"}})
        faces.append(
            key
            | {
                "face_id": 0,
                "n_faces": 1,
                "success": 1,
                "x": 0.0,
                "y": 0.0,
                "w": 9.0,
                "h": 9.0,
                "score": 1.0,
            }
        )
    parquet.write_rows(tmp_path / "frames.parquet", columns.FRAMES, frames)
    parquet.write_rows(tmp_path / "faces.parquet", columns.FACES, faces)
    plugin = PluginJob(
        name="m",
        source=str(tmp_path / "model.py"),
        class_name="Model",
        assets={},
        card={},
        device="cpu",
    )
    crop = CropJob(policy="largest", whole_frame=True)
    about = {"dataset": "d", "detector": "whole", "model": "m", "seed": 0}
    job = PredictJob(plugin=plugin, crop=crop, **about)
    output, timing = tmp_path / "predictions.parquet", tmp_path / "timing.json"
    script = [
        sys.executable,
        str(Path(__file__).parents[2] / "workflow" / "scripts" / "predict.py"),
        "--spec",
        job.to_json(),
    ]
    paths = {
        "frames": tmp_path / "frames.parquet",
        "faces": tmp_path / "faces.parquet",
        "output": output,
        "timing": timing,
    }
    with open(tmp_path / "log", "w") as log:
        arguments = [word for name, path in paths.items() for word in (f"--{name}", str(path))]
        status = subprocess.run(
            [*script, *arguments], check=False, stdout=log, stderr=subprocess.STDOUT
        ).returncode
    assert status == 1
    assert not output.exists()
    record_failure(
        "predictions",
        status,
        tmp_path / "log",
        output,
        tmp_path / "frames.parquet",
        timing,
        [tmp_path / "faces.parquet"],
    )
    assert parquet.failed_files(output) == [str(output)], "the next run makes it again"
    (found,) = {row["reason"] for row in parquet.rows(output)}
    assert "RuntimeError: CUDA error: out of memory" in found


def test_timing_tells_the_batches_that_networks_computed(tmp_path: Path) -> None:
    class Doubling(BatchedNetwork):
        _batch = 7

        def _invoke(self, inputs: np.ndarray) -> list[np.ndarray]:
            return [2 * inputs]

    Doubling().run(np.ones((3, 2), np.float32))
    Clock().write(tmp_path / "t.json", batch=64)
    written = json.loads((tmp_path / "t.json").read_text())
    assert written["batch"] == 64
    assert 7 in written["network_batches"]


def test_empty_batch_calls_nothing_and_does_not_count_as_the_first() -> None:
    clock = Clock()
    assert call_with_row_fallback(lambda items: pytest.fail("called"), [], clock) == []
    assert not clock.batches
    with pytest.raises(ZeroDivisionError):
        call_with_row_fallback(halve, [0], clock)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_stopped_run_is_no_bad_picture(stop: type[BaseException]) -> None:
    def call(items: Sequence[int]) -> list[int]:
        raise stop

    with pytest.raises(stop):
        call_with_row_fallback(call, [1], Clock())


def test_reason_is_one_short_line() -> None:
    text = reason(ValueError("first\n   second " + "x" * 1000))
    assert text.startswith("ValueError: first second x")
    assert "\n" not in text
    assert len(text) < 350


def test_timing_leaves_the_warm_up_out(tmp_path: Path) -> None:
    clock = Clock(load_s=2.0, compute_s=11.0, items=20, batches=[(10, 10.0), (10, 1.0)])
    clock.write(tmp_path / "t.json", model="m")
    written = json.loads((tmp_path / "t.json").read_text())
    assert (written["model"], written["load_s"], written["items_per_s"], written["p90_ms"]) == (
        "m",
        2.0,
        10.0,
        100.0,
    )
    Clock(batches=[(4, 2.0)]).write(tmp_path / "t.json")
    assert json.loads((tmp_path / "t.json").read_text())["items_per_s"] == 2.0
    Clock().write(tmp_path / "t.json")
    assert json.loads((tmp_path / "t.json").read_text())["items_per_s"] is None


def test_plugin_gets_its_card_and_verified_files(tmp_path: Path) -> None:
    import hashlib

    (tmp_path / "w.bin").write_bytes(b"w")
    (tmp_path / "plug.py").write_text(
        "class Plug:\n    def __init__(self, card, assets):\n        self.card, self.assets = "
        "card, assets\n"
    )
    sha256 = hashlib.sha256(b"w").hexdigest()
    job = PluginJob(
        name="plug",
        source=str(tmp_path / "plug.py"),
        class_name="Plug",
        card={"k": 1},
        assets={"weights": {"file": str(tmp_path / "w.bin"), "sha256": sha256}},
    )
    clock = Clock()
    plugin = load_plugin(job, clock, trained=tmp_path / "t.npz")
    assert plugin.card == {"k": 1}
    assert plugin.assets == {"weights": tmp_path / "w.bin", "trained": tmp_path / "t.npz"}
    assert clock.load_s > 0


def test_a_plugin_that_never_ends_is_ended_by_the_time_limit(tmp_path: Path) -> None:
    """Also in code that never comes back to Python; the shell then sees exit status 142."""
    (tmp_path / "endless.py").write_text(
        "import re\n\nclass Endless:\n    def __init__(self, card, assets):\n"
        "        re.match('(a*)*b', 'a' * 60)\n"
    )
    code = (
        "from faceoff.inference.clock import Clock\n"
        "from faceoff.inference.plugin_job import load_plugin\n"
        "from faceoff.plugins.jobs import PluginJob\n"
        f"load_plugin(PluginJob(name='e', source={str(tmp_path / 'endless.py')!r}, "
        "class_name='Endless', card={}, assets={}), Clock())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "FACEOFF_JOB_HOURS": str(1 / 3600)},
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGALRM
    assert 128 + signal.SIGALRM == 142
