"""Stage: measure how the detectors' boxes overlap, and how they lie on the true faces.

Only some datasets have true boxes.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, groupby
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces.choice import among, choose
from faceoff.faces.crops import calibrate, iou
from faceoff.plan.jobs import OverlapsJob
from faceoff.plugins.protocols import Box
from faceoff.statistics.limits import SAME_FACE
from faceoff.storage import files, parquet

ON_FACE = 0.5  # least IoU with a true box for a face to count as found (protocol §9)


def write_overlaps(frames: Path, faces: Sequence[Path], output: Path, job: OverlapsJob) -> None:
    """Write the overlaps of one dataset as JSON.

    Detectors that take the whole frame, and those that failed, are left out.

    `detectors`: the number of frames with a true face (`with_face`), of those on which the chosen,
    calibrated box lies on it (`on_face`), and of frames without a face in which the detector found
    one (`false_alarms`); null if the dataset has no boxes.

    `pairs`: the number of frames in which both, one or neither of two detectors found a face, the
    mean IoU over both (null if there is none), and how often both found the same face.
    """
    shown = list(parquet.rows(frames, ["width", "height", "boxes"]))
    chosen = {
        path.stem: list(_chosen(shown, path, job.policy))
        for path in sorted(faces)
        if path.stem in job.calibrations and not parquet.failed_files(path)
    }
    truth = [row["boxes"] for row in shown]
    files.write_json(
        output,
        {
            "dataset": job.dataset,
            "detectors": [
                {"detector": name, **_on_truth(found, truth, job.calibrations[name])}
                for name, found in chosen.items()
            ],
            "pairs": [
                {"a": a, "b": b, **_pair(chosen[a], chosen[b])} for a, b in combinations(chosen, 2)
            ],
        },
    )


def _chosen(frames: Sequence[Mapping[str, Any]], faces: Path, policy: str) -> Iterator[Box | None]:
    """Yield the box that the policy chooses in each frame, None if no face was found.

    Both tables are in frame order.
    """
    columns = ["sample_id", "frame", "success", "x", "y", "w", "h", "score", "main"]
    known = [name for name in columns if name in parquet.read_schema(faces).names]
    grouped = groupby(parquet.rows(faces, known), lambda row: (row["sample_id"], row["frame"]))
    for frame, (_, group) in zip(frames, grouped, strict=True):
        rows = list(group)
        allowed = among(rows, policy) if rows[0]["success"] else []
        if not allowed:
            yield None
            continue
        face = choose(allowed, policy, frame["width"], frame["height"])
        yield face["x"], face["y"], face["w"], face["h"]


def _pair(a: Sequence[Box | None], b: Sequence[Box | None]) -> dict[str, Any]:
    """Compare the boxes of two detectors, frame by frame."""
    overlaps = [iou(x, y) for x, y in zip(a, b, strict=True) if x and y]
    return {
        "frames": len(a),
        "both": len(overlaps),
        "only_a": sum(bool(x and not y) for x, y in zip(a, b, strict=True)),
        "only_b": sum(bool(y and not x) for x, y in zip(a, b, strict=True)),
        "neither": sum(not x and not y for x, y in zip(a, b, strict=True)),
        "mean_iou": float(np.mean(overlaps)) if overlaps else None,
        "same_face": sum(value >= SAME_FACE for value in overlaps),
    }


def _on_truth(
    found: Sequence[Box | None],
    truth: Sequence[list[Box] | None],
    calibration: Mapping[str, float] | None,
) -> dict[str, Any]:
    """Count the true boxes that a detector's chosen boxes hit; None if the dataset has no boxes."""
    if not any(truth):
        return dict.fromkeys(("with_face", "on_face", "false_alarms"))
    with_face = [(box, boxes) for box, boxes in zip(found, truth, strict=True) if boxes]
    hits = sum(
        any(iou(calibrate(box, calibration), true) >= ON_FACE for true in boxes)
        for box, boxes in with_face
        if box
    )
    alarms = sum(bool(box) for box, boxes in zip(found, truth, strict=True) if boxes == [])
    return {"with_face": len(with_face), "on_face": hits, "false_alarms": alarms}
