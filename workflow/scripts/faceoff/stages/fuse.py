"""Stage 5: join the posteriors of several cells into one, frame by frame."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from faceoff.emotions import SENTIMENT, order
from faceoff.faces.member_tables import Tables, read_votes, space_of
from faceoff.fusion import rule_list
from faceoff.fusion.member_votes import (
    folds_of,
    fuse,
    learnt_weights,
    one_per_lineage,
    refuse_doubtful_order,
)
from faceoff.fusion.rule import top
from faceoff.plan.jobs import FuseJob
from faceoff.scoring.task import FOLDS_OF_SAMPLES, WEIGHTS, folds_for
from faceoff.storage import columns, parquet
from faceoff.storage.votes import MemberRows


def write_fusion(
    members: Sequence[Path],
    faces: Sequence[Path],
    frames: Path,
    samples: Path,
    output: Path,
    job: FuseJob,
    validation_members: Sequence[Path] = (),
    validation_faces: Sequence[Path] = (),
    validation_frames: Path | None = None,
    validation_samples: Path | None = None,
) -> None:
    """Fuse all frames at once (n × members × classes floats in memory) and write the predictions.

    A trained rule is fitted on the validation dataset where there is one, else cross-fitted over
    folds that keep each subject together (protocol §20). Raises ValueError when a member's class
    order is doubtful (see `refuse_doubtful_order`).
    """
    voters = list(range(len(job.members))) if job.allow_clones else one_per_lineage(job.members)
    voting = [job.members[index] for index in voters]
    paths = [members[index] for index in voters]
    classes = order({e for p in paths for e in columns.classes_of(parquet.read_schema(p))})
    by_face = rule_list.get(job.rule).by_face
    tables = Tables(paths, faces, frames, samples)
    rows, votes = read_votes(tables, voting, classes, job.policy, by_face=by_face)
    cut = partial(folds_for, seed=job.seed)
    held_out, judges = None, []
    if validation_members and validation_frames and validation_samples:
        judges = [validation_members[index] for index in voters]
        tables = Tables(judges, validation_faces, validation_frames, validation_samples)
        _, held_out = read_votes(tables, voting, classes, job.policy, by_face=by_face)
        if classes and not (held_out.truth >= 0).any():
            print(
                f"{validation_samples.stem} has no label among the classes {', '.join(classes)}: "
                "the other folds judge and teach instead"
            )
            held_out = None
    judging = votes if held_out is None else held_out
    names = [member.name for member in voting]
    if job.check_order:
        judged = samples if held_out is None or validation_samples is None else validation_samples
        refuse_doubtful_order(judging, names, space_of(judged, classes), cut)
    rule = rule_list.get(job.rule)
    if job.top is not None:
        rule = top(rule, job.top, [index for index in judging.space or () if index >= 0])
    fused = fuse(rule, votes, held_out, cut) if classes else np.full((len(rows), 0), np.nan)
    schema = columns.predictions_schema(classes)
    weights = learnt_weights(rule, judging) if classes else None
    folds = folds_of(rule, votes, held_out, cut) if classes else None
    learnt = dict(schema.metadata or {})
    if weights is not None:
        learnt[WEIGHTS] = json.dumps(dict(zip(names, weights.tolist(), strict=True)))
    if folds is not None:
        learnt[FOLDS_OF_SAMPLES] = json.dumps(dict(zip(votes.samples, folds.tolist(), strict=True)))
    if learnt:
        schema = schema.with_metadata(learnt)
    # If a member failed, mark the fusion failed so that it is computed again.
    read = [*paths, *(judges if rule.learns or job.check_order else ())]
    tainted = [failed for path in read for failed in parquet.failed_files(path)]
    if tainted:
        schema = parquet.with_failure(schema, [str(output), *tainted])
    parquet.write_table(output, _as_table(rows, fused, classes, schema))


def _as_table(
    rows: MemberRows, fused: npt.NDArray[np.float64], classes: Sequence[str], schema: pa.Schema
) -> pa.Table:
    """Return the predictions table of a fusion.

    Valence and arousal are the means over the members that read them.
    """
    n = len(rows)
    answered = ~np.isnan(fused).any(axis=1) if classes else np.zeros(n, bool)
    winner = np.where(answered, np.nan_to_num(fused).argmax(axis=1), 0) if classes else None
    said = dict(enumerate(classes))
    felt = np.isfinite(rows.affect)
    count = felt.sum(axis=0)
    affect = np.where(count > 0, np.nansum(rows.affect, axis=0) / np.maximum(count, 1), np.nan)
    made: dict[str, pa.Array | list[object]] = {
        **{name: rows.keys[name] for name in rows.keys.column_names},
        "face_id": np.where(answered, 0, -1),
        "success": answered.astype(np.int8),
        "state": [
            columns.OK if ok else state
            for ok, state in zip(answered, rows.state.to_pylist(), strict=True)
        ],
        "reason": [
            None if ok else f"no member has a prediction: {reason}"
            for ok, reason in zip(answered, rows.reason.to_pylist(), strict=True)
        ],
        "emotion": [said[w] if ok else None for ok, w in _both(answered, winner)],
        "confidence": _floats(fused.max(axis=1) if classes else np.full(n, np.nan), answered),
        "sentiment": [SENTIMENT.get(said[w]) if ok else None for ok, w in _both(answered, winner)],
    }
    for index, emotion in enumerate(classes):
        made[f"p_{emotion}"] = _floats(fused[:, index], answered)
    for index, name in enumerate(columns.DIMENSIONS):
        made[name] = _floats(affect[:, index], answered & np.isfinite(affect[:, index]))
    return pa.table({field.name: made[field.name] for field in schema}, schema=schema)


def _both(
    answered: npt.NDArray[np.bool_], winner: npt.NDArray[np.int64] | None
) -> list[tuple[bool, int]]:
    """Return (answered, winner) of each row; without classes nothing is answered."""
    winners = np.zeros(len(answered), int) if winner is None else winner
    return list(zip(answered.tolist(), winners.tolist(), strict=True))


def _floats(values: npt.NDArray[np.float64], there: npt.NDArray[np.bool_]) -> pa.Array:
    return pa.array(values, pa.float64(), mask=~there)
