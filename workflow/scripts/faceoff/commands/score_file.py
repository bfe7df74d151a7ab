"""Score a file of posteriors against a task, outside a run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from faceoff.plan.jobs import CellIdentity, DatasetJob, PredictJob, ScoreJob
from faceoff.plugins import registry
from faceoff.plugins.jobs import CropJob
from faceoff.stages.predict import write_predictions
from faceoff.stages.samples import write_samples
from faceoff.stages.score import write_score
from faceoff.storage import columns, parquet
from faceoff.storage.files import read_json


def score_file(
    path: Path, job: DatasetJob, options: Mapping[str, Any], scratch: Path
) -> dict[str, Any]:
    """Return what a run's score file would hold of these posteriors, of every sample.

    options: of the model `recorded`; scratch: an empty folder. `unknown_rows` counts the file's
    rows whose id is no sample, by id in the file's order. Raises ValueError naming what is wrong
    with the file or that the dataset has no labels.
    """
    recorded = registry.get("model", "recorded")
    if unknown := recorded.unknown_options(options):
        raise ValueError("\n".join(f"--option: {fault}" for fault in unknown))
    plugin = recorded.job().with_options({**options, "path": str(path)})
    model = registry.load(recorded.source, recorded.class_name)
    model.check_options(plugin.card["options"])
    files = {
        name: scratch / f"{name}.parquet" for name in ("samples", "frames", "faces", "predictions")
    }
    write_samples(files["samples"], job)
    space = parquet.task_of(files["samples"])["space"]
    plugin = replace(plugin, card={**plugin.card, "space": space})
    given = model(plugin.card, {})
    # One moment per sample: what the file says of it is looked up by its id.
    keys = (
        {"sample_id": row["sample_id"], "frame": 0, "timestamp_s": 0.0, "state": columns.OK}
        for row in parquet.rows(files["samples"], ["sample_id"])
    )
    parquet.write_rows(files["frames"], columns.FRAMES, keys)
    parquet.write_rows(files["faces"], columns.FACES, ())
    write_predictions(
        files["frames"],
        files["faces"],
        files["predictions"],
        scratch / "timing.json",
        PredictJob(
            detector="none",
            model=path.name,
            plugin=plugin,
            crop=CropJob(policy="largest"),
            dataset=job.dataset,
            seed=job.seed,
        ),
    )
    cell = CellIdentity(detector="none", model=path.name, lineage="recorded")
    write_score(
        files["samples"],
        files["frames"],
        files["predictions"],
        scratch / "score.json",
        ScoreJob(
            cell=cell,
            train_status="unknown",
            circular=False,
            dataset=job.dataset,
            seed=job.seed,
        ),
    )
    found = read_json(scratch / "score.json")
    if found["state"] != "ok":
        raise ValueError("\n".join([f"{path}: {found['reason']}", *given.notes]))
    if not found["metrics"]["n_covered"]:
        first = next(parquet.rows(files["samples"], ["sample_id"]))["sample_id"]
        raise ValueError(
            f"{path}: none of its ids is a sample of {job.dataset}, whose ids look like {first!r}"
        )
    samples = {row["sample_id"] for row in parquet.rows(files["samples"], ["sample_id"])}
    return found | {"unknown_rows": given.unknown_rows(samples)}


def options_of(pairs: Sequence[str]) -> dict[str, Any]:
    """Return `key=value` and `key.name=value` texts as nested options, their values as YAML.

    Raises ValueError for a text without "=", a value that is no YAML, and a key that has a value
    already.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        *outer, last = key.split(".")
        if not equals or not all((*outer, last)):
            raise ValueError(f"--option {pair}: expected key=value")
        inner = found
        for part in outer:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise ValueError(
                    f"--option {pair}: {part} has the value {inner!r} from another --option"
                )
        if last in inner:
            raise ValueError(
                f"--option {pair}: {key} has the value {inner[last]!r} from another --option"
            )
        try:
            inner[last] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ValueError(
                f"--option {pair}: {value!r} is no YAML value; quote it, as in '{key}=\"…\"'"
            ) from None
    return found


def show(found: dict[str, Any], predictions: Path, console: Console) -> None:
    """Print what `score_file` found of this file.

    The metrics come with their intervals, then counts and flags.
    """
    task, metrics, intervals = found["task"], found["metrics"], found["intervals"]
    about = f"{task['name']} ({task['version']}), n = {task['n']}, task {task['hash']}"
    table = Table(title=f"{predictions.name} on {about}")
    for heading in ("metric", "value", "95 % interval"):
        table.add_column(heading)
    for name, value in metrics.items():
        if isinstance(value, float):
            low, high = intervals.get(name, (None, None))
            table.add_row(
                name.replace("_", " "),
                f"{value:.6f}",
                f"{low:.4f} to {high:.4f}" if low is not None else "",
            )
    console.print(table)
    silent = task["n"] - metrics["n_covered"]
    print(f"correct {metrics['n_correct']} of {task['n']}; without a prediction {silent}")
    if unknown := found["unknown_rows"]:
        first = ", ".join(repr(sample) for sample in list(unknown)[:3])
        count = sum(unknown.values())
        print(f"note: {count} rows of the file name no sample, such as {first}")
    for flag in found["flags"] + (["limited: not for reporting"] if task["limited"] else []):
        print(f"note: {flag}")
