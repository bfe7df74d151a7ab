"""Section: what made these results.

It leaves out time, host and speed, which differ between runs with equal results.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from faceoff.plan.aggregate_jobs import ReportJob
from faceoff.report.part import LABEL, NAME, View
from faceoff.results.dataset_results import DatasetResults, shorten
from faceoff.storage import files

ANCHOR, TITLE = "provenance", "Provenance"


def view(
    found: Sequence[DatasetResults], manifest: Path | None, output: Path, job: ReportJob
) -> View:
    """Return code, versions, weights, configuration and tasks."""
    made = files.read_json(manifest) if manifest else {}
    return {
        "code": job.code,
        "commit": (made.get("faceoff") or {}).get("commit"),
        "seed": job.config.get("seed"),
        "versions": sorted((made.get("versions") or {}).items()),
        "weights": sorted(
            (
                shorten(user, NAME),
                shorten(asset.get("licence") or "–", 80),
                str(asset.get("sha256") or "–"),
            )
            for user, asset in job.assets.items()
        ),
        "config": json.dumps(job.config, indent=2, sort_keys=True, ensure_ascii=False),
        "manifest": quote(os.path.relpath(manifest, output.parent)) if manifest else None,
        "tasks": [_task(dataset) for dataset in found if dataset.task],
    }


def _task(dataset: DatasetResults) -> View:
    """Return what was scored of a dataset."""
    task: Mapping[str, Any] = dataset.task or {}
    return {
        "name": shorten(dataset.name, NAME),
        "version": shorten(task.get("version", "–"), 120),
        "n": task.get("n"),
        "space": ", ".join(shorten(emotion, LABEL) for emotion in dataset.space) or "–",
        "hash": str(task.get("hash") or "–"),
    }
