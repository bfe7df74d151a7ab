"""Stage: read a pipeline's posteriors over time by a rule, clip by clip."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from faceoff.emotions import SENTIMENT
from faceoff.plan.jobs import SteadyJob
from faceoff.scoring import steady_choice
from faceoff.scoring.frame_truth import ClipFrames, read_frames, read_said
from faceoff.scoring.steady_choice import Chosen
from faceoff.scoring.time_records import Learnt
from faceoff.statistics.arrays import Floats
from faceoff.storage import columns, parquet
from faceoff.temporal import rule_list
from faceoff.temporal.rule import Setting, Steady, TemporalRule

_HELD = "the face was out of sight for a moment: the state is held"


@dataclass(frozen=True)
class Tables:
    """The files of one dataset: what a pipeline says of its frames."""

    predictions: Path
    frames: Path
    samples: Path


def write_steady(tables: Tables, output: Path, job: SteadyJob, validation: Tables | None) -> None:
    """Write the state of every frame as a table of predictions.

    `emotion` is the state; the posteriors are the rule's, in the classes of the dataset's space. A
    rule that knows no constants takes those that suit the labelled frames of the validation dataset
    best (protocol §46); without any it takes its defaults.
    """
    rule = rule_list.get(job.rule)
    frames = read_frames(tables.samples, tables.frames)
    said = read_said(tables.predictions, frames, tables.frames, stated=False)
    chosen, chosen_on = _chosen(rule, job, frames, validation)
    found = steady_choice.read_clips(rule, frames.truth, said.posteriors, chosen.setting)
    learnt: Learnt = {
        "rule": job.rule,
        "causal": rule.causal,
        "constants": dict(chosen.setting.constants),
        "chosen_on": chosen_on,
        "tried": chosen.tried,
    }
    schema = columns.predictions_schema(frames.space)
    schema = schema.with_metadata(
        {**(schema.metadata or {}), columns.LEARNT_OVER_TIME: json.dumps(learnt)}
    )
    read = [tables.predictions, *([validation.predictions] if validation else [])]
    if failed := [file for path in read for file in parquet.failed_files(path)]:
        schema = parquet.with_failure(schema, [str(output), *failed])
    parquet.write_table(output, _as_table(tables.predictions, frames, found, schema))


def _chosen(
    rule: TemporalRule, job: SteadyJob, frames: ClipFrames, validation: Tables | None
) -> tuple[Chosen, str]:
    """Return the constants, and in words where they come from."""
    neutral = frames.truth.neutral
    given = {**rule.default, **job.constants}
    if rule.grid and set(job.constants) == set(rule.grid):
        return Chosen(Setting(given, neutral), []), "given in the configuration"
    if validation is not None:
        judged = read_frames(validation.samples, validation.frames)
        if judged.space != frames.space:
            raise ValueError(
                f"{job.validation} is scored among {', '.join(judged.space)}, {job.dataset} among "
                f"{', '.join(frames.space)}: give both the same `space`"
            )
        if judged.truth.slices:
            said = read_said(validation.predictions, judged, validation.frames, stated=False)
            chosen = steady_choice.choose(rule, job.constants, judged.truth, said.posteriors)
            return chosen, f"labelled frames of {job.validation}"
    rates = steady_choice.learnt_rates(frames.truth.unlabelled) if rule.learns else None
    return Chosen(Setting(given, neutral, rates), []), "defaults: no labelled validation clips"


def _as_table(predictions: Path, frames: ClipFrames, found: Steady, schema: pa.Schema) -> pa.Table:
    """Return the predictions table of the states; valence and arousal stay those that were read."""
    kept = ["face_id", "state", "reason", *columns.DIMENSIONS]
    before = parquet.read(*parquet.shards_of(predictions), columns=kept)
    answered = found.states >= 0
    names = [*frames.space, None]
    emotions = [names[state] for state in found.states.tolist()]
    state, reason = (before[name].to_pylist() for name in ("state", "reason"))
    made: dict[str, pa.Array | pa.ChunkedArray | list[object]] = {
        **{name: frames.keys[name] for name in frames.keys.column_names},
        "face_id": before["face_id"],
        "success": answered.astype(np.int8),
        "state": [columns.OK if ok else was for ok, was in zip(answered, state, strict=True)],
        "reason": [
            _HELD if held else None if ok else was
            for held, ok, was in zip(found.held, answered, reason, strict=True)
        ],
        "emotion": list(emotions),
        "confidence": _floats(_of_state(found)),
        "sentiment": [SENTIMENT.get(name) if name else None for name in emotions],
        **{name: before[name] for name in columns.DIMENSIONS},
    }
    for place, name in enumerate(frames.space):
        made[f"p_{name}"] = _floats(found.posteriors[:, place])
    return pa.table({field.name: made[field.name] for field in schema}, schema=schema)


def _of_state(found: Steady) -> Floats:
    """Return (n,) the posterior of the state, which need not be the greatest one."""
    states = np.maximum(found.states, 0)
    picked: Floats = np.take_along_axis(found.posteriors, states[:, None], axis=1)[:, 0]
    return picked


def _floats(values: Floats) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))
