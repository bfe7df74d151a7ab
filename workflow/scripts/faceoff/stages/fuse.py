"""Stage 5: join the posteriors of several cells into one, frame by frame; same columns as predictions."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from faceoff import tables
from faceoff.crops import iou
from faceoff.emotions import SENTIMENT, order
from faceoff.faces import choose
from faceoff.fusion import RULES
from faceoff.protocols import Box

SAME_FACE = 0.4  # IoU from which two detectors' faces are the same (protocol §21)


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
    same = [[a is not None and b is not None and iou(a, b) >= SAME_FACE for b in boxes] for a in boxes]
    best = max(range(len(boxes)), key=lambda index: (sum(same[index]), -index), default=0)
    return [box is None or same[best][index] for index, box in enumerate(boxes)]


def write_fusion(members: Sequence[Path], faces: Sequence[Path], frames: Path, output: Path, spec: Mapping[str, Any]) -> None:
    """Fuse all frames at once (n × members × classes floats in memory) and stream the rows out."""
    voters = list(range(len(members))) if spec["allow_clones"] else one_per_lineage(spec["members"])
    names = [spec["members"][index] for index in voters]
    paths = [members[index] for index in voters]
    classes = order({emotion for path in paths for emotion in tables.classes_of(pq.read_schema(path))})
    keys, posteriors, problems = _read(paths, classes)
    if len({member["detector"] for member in names}) > 1:
        posteriors[~_same_face(names, faces, frames, len(keys), spec["policy"])] = np.nan
    fused = RULES[spec["rule"]].combine(posteriors) if classes else np.full((len(keys), 0), np.nan)
    schema = tables.predictions_schema(classes)
    tainted = [path for member in paths for path in tables.failed_files(member)]
    with tables.Writer(output, tables.with_failure(schema, [str(output), *tainted]) if tainted else schema) as writer:
        for index, key in enumerate(keys):
            row = dict(zip(("sample_id", "frame", "timestamp_s"), key, strict=True)) | {"face_id": 0}
            p = fused[index]
            if not classes or np.isnan(p).any():
                state, reason = problems[index]
                writer.write(row | {"face_id": -1, "success": 0, "state": state, "reason": f"no member has a prediction: {reason}"})
                continue
            winner = classes[int(p.argmax())]
            row |= {f"p_{emotion}": float(value) for emotion, value in zip(classes, p, strict=True)}
            row |= {"success": 1, "state": tables.OK, "emotion": winner, "confidence": float(p.max()), "sentiment": SENTIMENT.get(winner)}
            writer.write(row)


def _read(paths: Sequence[Path], classes: Sequence[str]) -> tuple[list[tuple[Any, ...]], np.ndarray, list[tuple[str, str | None]]]:
    """(keys, posteriors (members, n, k) with NaN where absent, (state, reason) of the first member for frames that nobody can read)."""
    keys: list[tuple[Any, ...]] = []
    problems: list[tuple[str, str | None]] = []
    posteriors = np.full((len(paths), tables.count(paths[0]), len(classes)), np.nan)
    for member, path in enumerate(paths):
        own = tables.classes_of(pq.read_schema(path))
        for index, row in enumerate(tables.rows(path)):
            key = (row["sample_id"], row["frame"], row["timestamp_s"])
            if member == 0:
                keys.append(key)
                problems.append((row["state"], row["reason"]))
            elif keys[index] != key:
                raise ValueError(f"{path}: row {index} is {key[:2]}, {paths[0]} has {keys[index][:2]}: members of a fusion must predict the same frames")
            if row["success"]:
                posteriors[member, index, [classes.index(emotion) for emotion in own]] = [row[f"p_{emotion}"] for emotion in own]
    return keys, posteriors, problems


def _same_face(names: Sequence[Mapping[str, Any]], faces: Sequence[Path], frames: Path, n: int, policy: str) -> np.ndarray:
    """(members, n) bool: whether each member looks at the face that is fused, from the boxes its detector gave the policy to choose from."""
    chosen: dict[str, list[Box | None]] = {}
    whole = {member["detector"] for member in names if member["whole_frame"]}
    sizes = [(row["width"], row["height"]) for row in tables.rows(frames, ["width", "height"])]
    for path in faces:
        found = []
        for (width, height), (_, rows) in zip(sizes, groupby(tables.rows(path), lambda row: (row["sample_id"], row["frame"])), strict=True):
            listed = list(rows)
            face = choose(listed, policy, width, height) if listed[0]["success"] else None
            found.append((face["x"], face["y"], face["w"], face["h"]) if face else None)
        chosen[path.stem] = found
    return np.array([agreed([None if m["detector"] in whole else chosen[m["detector"]][index] for m in names]) for index in range(n)]).T
