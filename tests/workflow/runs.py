"""Start the workflow as a user does, in a folder of its own."""

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SNAKEMAKE = Path(sys.executable).with_name("snakemake")

SMALL = {
    "run": "small",
    "datasets": {
        "posed": {"rungs": ["plain"], "limit": 24},
        "posed-train": {
            "type": "posed",
            "split": "train",
            "role": "train",
            "rungs": ["plain"],
            "limit": 32,
        },
    },
    "detectors": {"whole": {}, "mediapipe_full": {}},
    "models": {"fer": {}, "landmarks_lr": {"train": "posed-train"}},
    "fusions": {
        "soft_mean": {"members": ["*/*"]},
        "majority": {"rule": "majority", "per_detector": True},
    },
    "figures": {"formats": ["svg"], "examples": 1},
}

# Tests run this locally, through schedulers, in conda's environments and on a disk that fills, to
# the same bytes. It is small, as each job costs Slurm two starts of Snakemake.
MATRIX = {
    "run": "small",
    "datasets": {"posed": {"rungs": ["plain"], "limit": 24}},
    "detectors": {"whole": {}, "mediapipe_full": {}},
    "models": {"fer": {}},
    "fusions": {"soft_mean": {"members": ["*/*"]}},
    "figures": {"formats": ["svg"], "examples": 1},
}


# A model that answers by brightness; a test puts in the statements that it runs.
_MODEL = """
import numpy as np
from faceoff.plugins.protocols import CropSpec, Prediction

MODELS = {"%(name)s": {
    "class": "Model", "licence": "MIT", "source": "this test", "lineage": "%(name)s"
}}


class Model:
    emotions = ("neutral", "happiness")
    crop = CropSpec(size=(16, 16))

    def __init__(self, card, assets):
        %(on_init)s

    def predict(self, crops):
        %(on_predict)s
        share = crops.reshape(len(crops), -1).mean(axis=1) / 255
        return Prediction(posterior=np.column_stack([share, 1 - share]))
"""


def write_plugin(folder: Path, name: str, on_init: str = "pass", on_predict: str = "pass") -> None:
    """Write a plug-in with a model of this name.

    `on_init` and `on_predict` are statements that the model runs there.
    """
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(
        _MODEL % {"name": name, "on_init": on_init, "on_predict": on_predict}
    )


def command(folder: Path, config: dict, *arguments: str, checkout: Path = ROOT) -> list[str]:
    """Write the configuration into the folder and return the command line that runs it there.

    `checkout` is the folder of the Snakefile, of this checkout or of a copy.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.yaml"
    text = yaml.safe_dump(config, sort_keys=False)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return [
        str(SNAKEMAKE), "--snakefile", str(checkout / "Snakefile"), "--directory", str(folder),
        "--configfile", str(path), "--cores", "2",
        "--workflow-profile", str(checkout / "profiles" / "default"), *arguments,
    ]  # fmt: skip


def environment() -> dict[str, str]:
    """Return the caller's environment without what pytest or an outer run set."""
    return {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}


def run(
    folder: Path, config: dict, *arguments: str, checkout: Path = ROOT, **variables: str
) -> subprocess.CompletedProcess:
    """Run to the end; return the process, with stdout and stderr together in `stdout`."""
    return subprocess.run(
        command(folder, config, *arguments, checkout=checkout),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment() | variables,
        timeout=600,
        check=False,
    )


def start(folder: Path, config: dict, *arguments: str) -> subprocess.Popen:
    """Start a run that goes on in a session of its own.

    `kill` then ends it with its jobs.
    """
    return subprocess.Popen(
        command(folder, config, *arguments),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
        start_new_session=True,
    )


def faceoff_run(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `faceoff run` in a folder that has a config.yaml; stdout and stderr come together."""
    return subprocess.Popen(
        [str(SNAKEMAKE.with_name("faceoff")), "run", "--cores", "2", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
        start_new_session=True,
        # Where pytest runs in the background, Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def kill(process: subprocess.Popen, with_jobs: bool = True) -> int:
    """SIGKILL a run that was started; return its exit status, -9 where it was running.

    This kills all its jobs too, or its main process alone.
    """
    if with_jobs:
        subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
    else:
        process.send_signal(signal.SIGKILL)
    return process.wait()


def until(
    look: Callable[[], object], what: str, seconds: float = 180, pause_s: float = 0.02
) -> object:
    """Return what `look` finds, as soon as it finds something.

    Raise AssertionError after so many seconds.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(pause_s)
    raise AssertionError(f"no {what} in {seconds} s")


def copy_checkout(folder: Path) -> None:
    """Make the folder a checkout of the same commit with the same uncommitted changes."""
    subprocess.run(["git", "clone", "-q", "--no-checkout", str(ROOT), str(folder)], check=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.split("\0"):
        if (ROOT / name).is_file():  # not where it is deleted
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    subprocess.run(["git", "reset", "-q"], cwd=folder, check=True)


def finished(
    temporary: pytest.TempPathFactory,
    name: str,
    config: dict,
    own_checkout: bool = False,
    **variables: str,
) -> Path:
    """Return the folder of a run of this configuration that ended well.

    It is made once for all of pytest's workers, by the first that asks. With `own_checkout` it is a
    folder in a copy of the checkout, whose workflow it runs.
    """
    base = temporary.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    checkout = base / name if own_checkout else ROOT
    folder = checkout / "run" if own_checkout else base / name
    with open(base / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "results" / config["run"] / "check.ok").exists():
            if own_checkout:
                copy_checkout(checkout)
            done = run(folder, config, checkout=checkout, **variables)
            assert done.returncode == 0, done.stdout[-4000:]
    return folder


VARYING = (
    "speed.",
    "cost.",
    "latency.",
    "/latency/",
    "manifest.json",
    "checksums.json",
    ".timing.json",
    "/logs/",
    "/benchmarks/",
    ".lock",
)


def digests(folder: Path) -> dict[str, str]:
    """Return the sha256 of every result that must not vary, by path.

    Timings, logs and the manifest (which names host and time) are left out.
    """
    files = (path for path in sorted((folder / "results").rglob("*")) if path.is_file())
    names = ((path.relative_to(folder).as_posix(), path) for path in files)
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in names
        if not any(part in name for part in VARYING)
    }


def page(folder: Path) -> str:
    """Return the report without the configuration that it shows.

    The configuration says into how many shards data are cut.
    """
    (path,) = folder.glob("results/*/report.html")
    return re.sub(r'<details class="config">.*?</details>', "", path.read_text(), flags=re.DOTALL)


def jobs(output: str) -> dict[str, int]:
    """Return rule -> count, read from the job table that Snakemake prints."""
    counted: dict[str, int] = {}
    inside = False
    for line in output.splitlines():
        words = line.split()
        if words[:2] == ["job", "count"]:
            inside = True
        elif inside and len(words) == 2 and words[1].isdigit():
            counted[words[0]] = int(words[1])
        elif inside and words and set(words[0]) != {"-"}:
            break
    return counted
