"""Stage: divide the samples of a dataset by what the run measured of their faces."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from faceoff.faces.measured_groups import of_samples
from faceoff.plan.group_jobs import GroupMeasure, GroupsJob
from faceoff.plugins.group_files import PREDICTED
from faceoff.scoring.measured_groups import MEASURES, levels
from faceoff.scoring.records import GroupSource
from faceoff.storage import columns, parquet
from faceoff.storage.delimited import number_in

Tables = Mapping[tuple[str, str | None], Path]  # by detector and signal; faces: no signal


def write_groups(
    samples: Path,
    frames: Path,
    faces: Sequence[Path],
    signals: Sequence[Path],
    output: Path,
    job: GroupsJob,
) -> None:
    """Write name -> level of every sample; a sample whose number is unknown has no such name.

    faces: one table per detector; signals: one per detector and signal. The metadata say of each
    group what predicted it, that predictor's stated error and how its numbers were cut; a measure
    that was not made here has its reason there.
    """
    tables: dict[tuple[str, str | None], Path] = {(path.stem, None): path for path in faces}
    tables |= {(path.parent.name, path.stem): path for path in signals}
    ids = [row["sample_id"] for row in parquet.rows(samples, ["sample_id"])]
    groups: list[dict[str, str]] = [{} for _ in ids]
    sources = []
    for told in job.measures:
        if MEASURES[told.measure].of == "dataset":
            named, source = _of_dataset(samples, told)
        else:
            named, source = _predicted(ids, frames, tables, told, job.policy)
        name = source["name"]
        for own, level in zip(groups, named, strict=True):
            if level is not None:
                own[name] = level
        sources.append(source)
        print(f"{job.dataset}: {name}: {source['reason'] or source['source']}", file=sys.stderr)
    schema = columns.GROUPS.with_metadata({columns.MEASURED: json.dumps(sources, sort_keys=True)})
    rows = (
        {"sample_id": sample, "groups": sorted(own.items())}
        for sample, own in zip(ids, groups, strict=True)
    )
    parquet.write_rows(output, schema, rows)


def _of_dataset(samples: Path, told: GroupMeasure) -> tuple[list[str | None], GroupSource]:
    """Return the levels of a number that the dataset itself has, and what is said of them.

    Levels that are no numbers stay as they are: then the run adds nothing.
    """
    key = MEASURES[told.measure].columns[0]
    written = [dict(row["groups"] or ()).get(key) for row in parquet.rows(samples, ["groups"])]
    named: list[str | None] = [None] * len(written)
    note, reason = "", "" if any(written) else f"no sample has a group {key!r}"
    try:
        numbers = [number_in(text or "") for text in written]
    except ValueError:
        note = "its levels are those of the dataset"
    else:
        values = np.array([np.nan if value is None else value for value in numbers])
        if not reason:
            named, note = levels(told.measure, values, told.edges)
    return named, {
        "name": told.measure,
        "source": "dataset",
        "error": "",
        "known": sum(text is not None for text in written),
        "n": len(written),
        "note": note,
        "reason": reason,
    }


def _predicted(
    ids: Sequence[str], frames: Path, tables: Tables, told: GroupMeasure, policy: str
) -> tuple[list[str | None], GroupSource]:
    """Return the level of each sample by one measure, and what is said of it."""
    measure = MEASURES[told.measure]
    named: list[str | None] = [None] * len(ids)
    note, reason = "", told.skip or _fault(tables, told)
    if not reason:
        faces = tables[told.detector, None]
        signal = tables[told.detector, told.signal] if told.signal else None
        numbers = of_samples(ids, frames, faces, signal, measure, policy)
        named, note = levels(told.measure, numbers, told.edges)
    by = "the box" if told.signal is None else told.signal
    return named, {
        "name": told.measure + PREDICTED,
        "source": f"predicted by {by} of {told.detector}",
        "error": told.error,
        "known": sum(level is not None for level in named),
        "n": len(ids),
        "note": note,
        "reason": reason,
    }


def _fault(tables: Tables, told: GroupMeasure) -> str:
    """Return why a measure's tables are of no use, "" if they are."""
    used = [tables[told.detector, None]]
    if told.signal is not None:
        used.append(tables[told.detector, told.signal])
    for path in used:
        if parquet.failed_files(path):
            return str(next(parquet.rows(path))["reason"])
    present = parquet.read_schema(used[-1]).names
    lacking = [name for name in MEASURES[told.measure].columns if name not in present]
    return f"the signal {told.signal} has no column {lacking[0]!r}" if lacking else ""
