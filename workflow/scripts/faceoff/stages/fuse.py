"""Stage 5: join the posteriors of several cells into one, frame by frame; same columns as predictions."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.emotions import SENTIMENT, order
from faceoff.faces.choice import choose
from faceoff.faces.crops import iou
from faceoff.fusion import rule_list
from faceoff.fusion.class_order import best_class_permutation
from faceoff.fusion.face_conditions import of_face
from faceoff.fusion.rule import Rule, cross_fit, top
from faceoff.plugins.protocols import Box
from faceoff.scoring.task import WEIGHTS, folds_for, owners
from faceoff.statistics.limits import SAME_FACE
from faceoff.storage import columns, parquet
from faceoff.storage.columns import DIMENSIONS

SUM_TOLERANCE = 1e-3  # of a row's probabilities: single precision and rounded tables stay within it


def one_per_lineage(members: Sequence[Mapping[str, Any]]) -> list[int]:
    """Indices of the members that vote: the first of each (detector, lineage), as clones would count twice (protocol §22)."""
    seen: set[tuple[str, str]] = set()
    kept = []
    for index, member in enumerate(members):
        key = (member["detector"], member["lineage"])
        if key not in seen:
            seen.add(key)
            kept.append(index)
    return kept


def agreed(boxes: Sequence[Box | None]) -> list[bool]:
    """Which members look at the face that most of them look at; members without a box (whole frame) always take part.

    Ties go to the face of the earliest member.
    """
    same = [
        [a is not None and b is not None and iou(a, b) >= SAME_FACE for b in boxes] for a in boxes
    ]
    best = max(range(len(boxes)), key=lambda index: (sum(same[index]), -index), default=0)
    return [box is None or same[best][index] for index, box in enumerate(boxes)]


@dataclass(frozen=True)
class Votes:
    """What the members say of one dataset's frames. `posteriors` (members, n, k), NaN where a member abstains or lacks the class.

    truth: (n,) class index, -1 where the sample has no label among the classes; people: (n,) the subject, else the sample, of each frame;
    problems: (n,) (state, reason) of the first member, for frames that nobody can read; affect: (n, 2) mean valence and arousal of the members that read them;
    conditions: (members, n, c) of the face that each member looks at (`conditions.of_face`), NaN for the whole frame.
    """

    keys: list[tuple[Any, ...]]
    posteriors: np.ndarray
    truth: np.ndarray
    people: np.ndarray
    problems: list[tuple[str, str | None]]
    affect: np.ndarray = field(default_factory=lambda: np.empty((0, len(DIMENSIONS))))
    conditions: np.ndarray | None = None


def write_fusion(
    members: Sequence[Path],
    faces: Sequence[Path],
    frames: Path,
    samples: Path,
    output: Path,
    spec: Mapping[str, Any],
    validation_members: Sequence[Path] = (),
    validation_faces: Sequence[Path] = (),
    validation_frames: Path | None = None,
    validation_samples: Path | None = None,
) -> None:
    """Fuse all frames at once (n × members × classes floats in memory) and stream the rows out.

    A trained rule is fitted on the validation dataset where there is one, else cross-fitted over folds that keep each subject together (protocol §20).
    Raises ValueError when a member's class order is doubtful (see `refuse_doubtful_order`).
    """
    voters = list(range(len(members))) if spec["allow_clones"] else one_per_lineage(spec["members"])
    voting = {**spec, "members": [spec["members"][index] for index in voters]}
    paths = [members[index] for index in voters]
    classes = order(
        {emotion for path in paths for emotion in columns.classes_of(parquet.read_schema(path))}
    )
    votes = _read(paths, faces, frames, samples, classes, voting)
    held_out, judges = (
        None,
        [validation_members[index] for index in voters] if validation_members else [],
    )
    if judges:
        held_out = _read(
            judges, validation_faces, validation_frames, validation_samples, classes, voting
        )
        if classes and not (held_out.truth >= 0).any():
            print(
                f"{validation_samples.stem} has no label among the classes {', '.join(classes)}: the other folds judge and teach instead"
            )
            held_out = None
    if spec["check_order"]:
        refuse_doubtful_order(
            votes if held_out is None else held_out,
            held_out is None,
            [f"{m['detector']}/{m['model']}" for m in voting["members"]],
            classes,
            spec["seed"],
        )
    rule = rule_list.get(spec["rule"])
    rule = rule if spec["top"] is None else top(rule, spec["top"])
    fused = (
        fuse(rule, votes, held_out, spec["seed"])
        if classes
        else np.full((len(votes.keys), 0), np.nan)
    )
    # A rule that learnt from a failed member's silence is not the rule that was asked for.
    tainted = [
        path
        for member in (*paths, *(judges if rule.learns or spec["check_order"] else ()))
        for path in parquet.failed_files(member)
    ]
    schema = columns.predictions_schema(classes)
    weights = learnt_weights(rule, votes if held_out is None else held_out) if classes else None
    if weights is not None:
        named = {
            f"{m['detector']}/{m['model']}": weight
            for m, weight in zip(voting["members"], weights.tolist(), strict=True)
        }
        schema = schema.with_metadata({**(schema.metadata or {}), WEIGHTS: json.dumps(named)})
    with parquet.Writer(
        output, parquet.with_failure(schema, [str(output), *tainted]) if tainted else schema
    ) as writer:
        for key, p, felt, problem in zip(
            votes.keys, fused, votes.affect, votes.problems, strict=True
        ):
            writer.write(_row(key, p, felt, problem, classes))


def refuse_doubtful_order(
    votes: Votes, by_folds: bool, names: Sequence[str], classes: Sequence[str], seed: int
) -> None:
    """Stop when renaming a member's classes would make it much better (protocol §23): a wrong label map hides well inside a fusion.

    A sample counts once, however many frames it has. With `by_folds` each fold is judged by the other ones; else all labelled samples
    (of the validation dataset) judge. Raises ValueError naming the member and the order that fits.
    """
    samples, first, of_frame = np.unique(
        [key[0] for key in votes.keys], return_index=True, return_inverse=True
    )
    truth, people = votes.truth[first], votes.people[first]
    known = truth >= 0
    parts = [known] if known.any() else []
    if by_folds:
        folds = folds_for(truth[known], people[known], seed)
        parts = (
            []
            if folds is None
            else [np.flatnonzero(known)[folds != fold] for fold in np.unique(folds)]
        )
    for name, posterior in zip(names, votes.posteriors, strict=True):
        present = ~np.isnan(posterior).all(axis=1)
        total = np.zeros((len(samples), len(classes)))
        np.add.at(
            total, of_frame[present], np.nan_to_num(posterior[present])
        )  # a class that the member lacks has p = 0
        total[np.bincount(of_frame[present], minlength=len(samples)) == 0] = np.nan
        for part in parts:
            found = best_class_permutation(truth[part], total[part])
            if found.suspicious:
                renamed = ", ".join(
                    f"{classes[a]} is {classes[b]}"
                    for a, b in enumerate(found.permutation)
                    if a != b
                )
                raise ValueError(
                    f"{name}: the declared order of its classes is doubtful: it would be right on {100 * found.gain:.1f} points more if {renamed}; "
                    "correct `emotions` in its card, or set check_order: false for this fusion"
                )


def fuse(rule: Rule, votes: Votes, held_out: Votes | None, seed: int) -> np.ndarray:
    """(n, k) fused posterior. Frames without a label are fused by the rule fitted on all labelled ones: they taught it nothing."""
    if rule.combine is not None:
        return rule.combine(votes.posteriors)
    if held_out is not None:
        known = held_out.truth >= 0
        return rule.learn(
            held_out.posteriors[:, known], held_out.truth[known], _of(held_out, known)
        )(votes.posteriors, votes.conditions)
    known = votes.truth >= 0
    taught, truth = votes.posteriors[:, known], votes.truth[known]
    fused = np.full(votes.posteriors.shape[1:], np.nan)
    folds = folds_for(truth, votes.people[known], seed)
    if folds is None:
        raise ValueError(
            "a rule that learns needs samples of at least two subjects, or a `validation` dataset"
        )
    fused[known] = cross_fit(rule, taught, truth, folds, _of(votes, known))
    if not known.all():
        fused[~known] = rule.learn(taught, truth, _of(votes, known))(
            votes.posteriors[:, ~known], _of(votes, ~known)
        )
    return fused


def learnt_weights(rule: Rule, votes: Votes) -> np.ndarray | None:
    """Return the members' weights (members,) that the rule learns from all labelled frames, None of a rule without.

    Where the rule is cross-fitted, each fold's own weights differ a little from them.
    """
    known = votes.truth >= 0
    if rule.weights is None:
        return None
    return rule.weights(votes.posteriors[:, known], votes.truth[known])


def _of(votes: Votes, chosen: np.ndarray) -> np.ndarray | None:
    """The conditions of these samples."""
    return None if votes.conditions is None else votes.conditions[:, chosen]


def _row(
    key: tuple[Any, ...],
    p: np.ndarray,
    affect: np.ndarray,
    problem: tuple[str, str | None],
    classes: Sequence[str],
) -> dict[str, Any]:
    row = dict(zip(("sample_id", "frame", "timestamp_s"), key, strict=True))
    if not classes or np.isnan(p).any():
        state, reason = problem
        return row | {
            "face_id": -1,
            "success": 0,
            "state": state,
            "reason": f"no member has a prediction: {reason}",
        }
    winner = classes[int(p.argmax())]
    row |= {f"p_{emotion}": float(value) for emotion, value in zip(classes, p, strict=True)}
    verdict = {"emotion": winner, "confidence": float(p.max()), "sentiment": SENTIMENT.get(winner)}
    verdict |= {
        name: float(value)
        for name, value in zip(DIMENSIONS, affect, strict=True)
        if np.isfinite(value)
    }
    return row | {"face_id": 0, "success": 1, "state": columns.OK} | verdict


def _read(
    paths: Sequence[Path],
    faces: Sequence[Path],
    frames: Path,
    samples: Path,
    classes: Sequence[str],
    spec: Mapping[str, Any],
) -> Votes:
    """Read the members' rows side by side. Raises ValueError when they are not about the same frames, each once, or a row is no probability distribution."""
    keys: list[tuple[Any, ...]] = []
    problems: list[tuple[str, str | None]] = []
    posteriors = np.full((len(paths), parquet.count(paths[0]), len(classes)), np.nan)
    affect = np.full((*posteriors.shape[:2], len(DIMENSIONS)), np.nan)
    for member, path in enumerate(paths):
        own = columns.classes_of(parquet.read_schema(path))
        if parquet.count(path) != posteriors.shape[1]:
            raise ValueError(
                f"{path}: {parquet.count(path)} rows, {paths[0]} has {posteriors.shape[1]}: members of a fusion must predict the same frames"
            )
        for index, row in enumerate(parquet.rows(path)):
            key = (row["sample_id"], row["frame"], row["timestamp_s"])
            if member == 0:
                keys.append(key)
                problems.append((row["state"], row["reason"]))
            elif keys[index] != key:
                raise ValueError(
                    f"{path}: row {index} is {key[:2]}, {paths[0]} has {keys[index][:2]}: members of a fusion must predict the same frames"
                )
            if row["success"]:
                posteriors[member, index, [classes.index(emotion) for emotion in own]] = [
                    row[f"p_{emotion}"] for emotion in own
                ]
                affect[member, index] = [
                    np.nan if row[name] is None else row[name] for name in DIMENSIONS
                ]
        total = np.nansum(posteriors[member], axis=1)
        wrong = np.flatnonzero(
            (np.abs(total - 1) > SUM_TOLERANCE) & ~np.isnan(posteriors[member]).all(axis=1)
        )
        if len(wrong):
            raise ValueError(
                f"{path}: the probabilities of {keys[wrong[0]][:2]} sum to {total[wrong[0]]:.4f}, expected 1; predict this cell again"
            )
    if len(set(keys)) < len(keys):
        twice = next(key for key, count in Counter(keys).items() if count > 1)
        raise ValueError(
            f"{paths[0]}: {twice[:2]} stands there {Counter(keys)[twice]} times, expected each frame once"
        )
    several, by_face = (
        len({member["detector"] for member in spec["members"]}) > 1,
        rule_list.get(spec["rule"]).by_face,
    )
    conditions = None
    if several or by_face:
        sizes = [(row["width"], row["height"]) for row in parquet.rows(frames, ["width", "height"])]
        looked_at = _faces(spec["members"], faces, sizes, spec["policy"])
    if several:
        other_face = ~_same_face(looked_at)
        posteriors[other_face] = affect[other_face] = np.nan
    if by_face:
        conditions = np.array(
            [
                [of_face(face, *size) for face, size in zip(found, sizes, strict=True)]
                for found in looked_at
            ]
        )
    known = {
        row["sample_id"]: row for row in parquet.rows(samples, ["sample_id", "label", "subject"])
    }
    labels = [known[key[0]]["label"] for key in keys]
    truth = np.array([classes.index(label) if label in classes else -1 for label in labels])
    people = owners([key[0] for key in keys], [known[key[0]]["subject"] for key in keys])
    read = np.isfinite(affect)
    mean = np.where(
        read.any(axis=0), np.nansum(affect, axis=0) / np.maximum(read.sum(axis=0), 1), np.nan
    )
    return Votes(keys, posteriors, truth, people, problems, mean, conditions)


def _faces(
    members: Sequence[Mapping[str, Any]],
    faces: Sequence[Path],
    sizes: Sequence[tuple[int, int]],
    policy: str,
) -> list[list[Mapping[str, Any] | None]]:
    """Of each member, the face of every frame that the policy chose among its detector's; None where there is none, or the member sees the whole frame."""
    chosen: dict[str, list[Mapping[str, Any] | None]] = {}
    for path in faces:
        found = []
        for (width, height), (_, rows) in zip(
            sizes,
            groupby(parquet.rows(path), lambda row: (row["sample_id"], row["frame"])),
            strict=True,
        ):
            listed = list(rows)
            found.append(choose(listed, policy, width, height) if listed[0]["success"] else None)
        chosen[path.stem] = found
    nothing: list[Mapping[str, Any] | None] = [None] * len(sizes)
    return [nothing if member["whole_frame"] else chosen[member["detector"]] for member in members]


def _same_face(looked_at: Sequence[Sequence[Mapping[str, Any] | None]]) -> np.ndarray:
    """(members, n) bool: whether each member looks at the face that is fused."""
    boxes = [
        [(face["x"], face["y"], face["w"], face["h"]) if face else None for face in found]
        for found in looked_at
    ]
    return np.array([agreed(of_frame) for of_frame in zip(*boxes, strict=True)]).T
