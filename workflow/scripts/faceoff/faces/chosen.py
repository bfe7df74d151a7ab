"""Choose the face of every frame of a faces table, column by column, and match the faces of several detectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from faceoff.statistics.limits import SAME_FACE
from faceoff.storage import parquet

_BLOCK = 4096  # frames whose boxes are compared at a time, so that memory stays flat
SIDES = ("x", "y", "w", "h")


@dataclass(frozen=True)
class ChosenFaces:
    """The face of each frame that a policy chooses. rows: (n,) its row in `table`, -1 without."""

    table: pa.Table
    rows: npt.NDArray[np.int64]

    @cached_property
    def boxes(self) -> npt.NDArray[np.float64]:
        """Return (n, 4) x, y, w, h in pixels of the frame, NaN without a face."""
        sides = np.column_stack([self.table[side].to_numpy() for side in SIDES]).astype(float)
        found = np.full((len(self.rows), 4), np.nan)
        found[self.rows >= 0] = sides[self.rows[self.rows >= 0]]
        return found

    def as_rows(self) -> list[dict[str, Any] | None]:
        """Return the rows of the faces table, None without a face."""
        taken = iter(self.table.take(self.rows[self.rows >= 0]).to_pylist())
        return [next(taken) if row >= 0 else None for row in self.rows]


def chosen_faces(
    faces: Path, sizes: npt.NDArray[np.float64], policy: str, columns: Sequence[str] = ()
) -> ChosenFaces:
    """Read the face that the policy chooses in each frame (protocol §8).

    sizes: (n, 2) width and height of the frames, in the order of the table; columns: more columns
    to read. Ties go to the higher score, then to the leftmost face. Raises ValueError for an
    unknown policy, or where the table is not about these frames.
    """
    named = dict.fromkeys(["sample_id", "frame", "success", *SIDES, "score", *columns])
    table = parquet.read(faces, columns=list(named))
    frame = _frame_of(table)
    if (len(frame) != 0 and frame[-1] + 1 != len(sizes)) or (len(frame) == 0) != (len(sizes) == 0):
        found = 0 if len(frame) == 0 else frame[-1] + 1
        raise ValueError(f"{faces} is about {found} frames, not {len(sizes)}")
    x, y, w, h = (table[side].to_numpy().astype(float) for side in SIDES)
    score = table["score"].to_numpy().astype(float)
    orders = {
        "largest": lambda: -(w * h),
        "most_confident": lambda: -score,
        "centre": lambda: (
            (x + w / 2 - sizes[frame, 0] / 2) ** 2 + (y + h / 2 - sizes[frame, 1] / 2) ** 2
        ),
    }
    if policy not in orders:
        raise ValueError(f"face policy {policy!r}; valid: {', '.join(orders)}")
    best_first = np.lexsort((x, -score, orders[policy](), frame))
    first = best_first[np.searchsorted(frame[best_first], np.arange(len(sizes)))]
    success = table["success"].to_numpy() == 1
    return ChosenFaces(table, np.where(success[first], first, -1) if len(sizes) else first)


def _frame_of(table: pa.Table) -> npt.NDArray[np.int64]:
    """Return (rows,) the place of each row's frame; rows of one frame stand together."""
    if table.num_rows == 0:
        return np.empty(0, np.int64)
    sample = table["sample_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    number = table["frame"].to_numpy()
    starts = (np.diff(sample) != 0) | (np.diff(number) != 0)
    return np.concatenate([[0], np.cumsum(starts)]).astype(np.int64)


def iou_of(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the intersection over union (…), 0–1, of boxes (…, 4); 0 where one is missing."""
    width = np.minimum(a[..., 0] + a[..., 2], b[..., 0] + b[..., 2]) - np.maximum(
        a[..., 0], b[..., 0]
    )
    height = np.minimum(a[..., 1] + a[..., 3], b[..., 1] + b[..., 3]) - np.maximum(
        a[..., 1], b[..., 1]
    )
    shared = width * height
    union = a[..., 2] * a[..., 3] + b[..., 2] * b[..., 3] - shared
    meet = (width > 0) & (height > 0)  # False for NaN
    return np.where(meet, shared / np.where(meet, union, 1.0), 0.0)


def look_at_same_face(boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return (members, n) bool: whether a member looks at the face that most members look at.

    boxes: (members, n, 4), NaN for a member without a box (whole frame, or no face), which always
    takes part. Ties go to the face of the earliest member.
    """
    members, n, _ = boxes.shape
    agrees = np.ones((members, n), bool)
    for start in range(0, n, _BLOCK):
        part = boxes[:, start : start + _BLOCK]
        same = iou_of(part[:, None], part[None, :]) >= SAME_FACE
        best = same.sum(axis=1).argmax(axis=0)  # the first of those that tie
        there = ~np.isnan(part[..., 0])
        agrees[:, start : start + _BLOCK] = ~there | same[best, :, np.arange(part.shape[1])].T
    return agrees
