"""Stage: write down what made these results (protocol §27)."""

import datetime
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from faceoff.inference import checkout
from faceoff.inference.versions import versions
from faceoff.layout import VERSION
from faceoff.plan.aggregate_jobs import ManifestJob
from faceoff.storage import files


def write_manifest(
    scores: Sequence[Path], timings: Sequence[Path], output: Path, job: ManifestJob
) -> None:
    """Write manifest.json: commit, configuration, versions, hardware, devices, weights, tasks.

    Host and time make it differ from run to run.
    """
    tasks = {}
    for path in sorted(scores):
        score = files.read_json(path)
        if score["task"]:
            tasks[score["dataset"]] = {
                key: score["task"][key] for key in ("version", "n", "hash", "space", "limited")
            }
    files.write_json(
        output,
        {
            "layout": VERSION,
            "faceoff": {
                "commit": checkout.commit(),
                "dirty": checkout.is_dirty(),
                "code": job.code,
            },
            "config": job.config,
            "weights": job.assets,
            "datasets": job.datasets,
            "models": job.models,
            "tasks": tasks,
            "versions": versions(),
            "environments": _environments(timings, job.environments),
            "devices": _devices(timings),
            "host": {
                "name": platform.node(),
                "system": platform.platform(),
                "cores": os.cpu_count(),
                "memory_bytes": _memory(),
            },
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        },
    )


_KINDS = {"predict": "model", "segment": "segmenter", "hear": "speech_model"}  # that a stage runs


def _environments(timings: Sequence[Path], names: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the package versions of each environment that detectors and models ran in.

    names: 'detector haar' -> 'onnx'.
    """
    found: dict[str, dict[str, str]] = {}
    for timing in (files.read_json(path) for path in sorted(timings)):
        if not timing.get("failed"):
            kind = _KINDS.get(timing["stage"], "detector")
            name = timing["model" if "model" in kind else "detector"]
            found.setdefault(names[f"{kind} {name}"], {}).update(timing["versions"])
    return found


def _devices(timings: Sequence[Path]) -> dict[str, list[str]]:
    """Return what each stage's jobs ran on: 'predict' -> ['cpu', 'cuda (NVIDIA H200)']."""
    found: dict[str, set[str]] = {}
    for timing in map(files.read_json, timings):
        if not timing.get("failed"):
            # Shards of one dataset may have had different ones.
            found.setdefault(timing["stage"], set()).update(timing["device"].split("; "))
    return {stage: sorted(devices) for stage, devices in found.items()}


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None
