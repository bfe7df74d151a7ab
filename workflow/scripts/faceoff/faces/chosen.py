"""Choose the faces of a whole table, column by column, and match those of several detectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from faceoff.faces import crops
from faceoff.faces.choice import SIDES, rank
from faceoff.statistics.limits import SAME_FACE
from faceoff.statistics.overlap import iou_of
from faceoff.storage import parquet

_BLOCK = 4096  # frames whose boxes are compared at a time, so that memory stays flat


@dataclass(frozen=True)
class ChosenFaces:
    """The face that a policy chooses in each frame.

    table: the faces table, or some of its columns.

    rows: (n,) the place of the face in `table`, -1 without a face.
    """

    table: pa.Table
    rows: npt.NDArray[np.int64]

    @cached_property
    def boxes(self) -> npt.NDArray[np.float64]:
        """Return (n, 4) x, y, w, h in pixels of the frame, NaN without a face."""
        return np.column_stack([self._of_frames(side) for side in SIDES])

    @cached_property
    def scores(self) -> npt.NDArray[np.float64]:
        """Return (n,) the detector's scores, NaN without a face or a score."""
        return self._of_frames("score")

    def _of_frames(self, column: str) -> npt.NDArray[np.float64]:
        """Return (n,) a column of the table for the chosen faces, NaN without a face."""
        values = self.table[column].to_numpy().astype(float)
        found = np.full(len(self.rows), np.nan)
        found[self.rows >= 0] = values[self.rows[self.rows >= 0]]
        return found

    def as_rows(self) -> list[dict[str, Any] | None]:
        """Return the rows of the faces table, None without a face."""
        taken = iter(self.table.take(self.rows[self.rows >= 0]).to_pylist())
        return [next(taken) if row >= 0 else None for row in self.rows]


def chosen_faces(
    faces: Path, sizes: npt.NDArray[np.float64], policy: str, columns: Sequence[str] = ()
) -> ChosenFaces:
    """Read the faces that the policy chooses, one in each frame (protocol §8).

    sizes: (n, 2) width and height of the frames, in the order of the table.

    columns: further columns to read. The choice is the same as that of `choice.choose`. Raises
    ValueError for an unknown policy, or if the table has another number of frames.
    """
    tracked = ["main"] if "main" in parquet.read_schema(faces).names else []
    named = dict.fromkeys(["sample_id", "frame", "success", *SIDES, "score", *tracked, *columns])
    table = parquet.read(faces, columns=list(named))
    frame = frame_of(table)
    count = int(frame[-1]) + 1 if len(frame) else 0
    if count != len(sizes):
        raise ValueError(f"{faces} is about {count} frames, not {len(sizes)}")
    values = {name: table[name].to_numpy().astype(float) for name in (*SIDES, "score")}
    order = rank(policy, values, sizes[frame, 0], sizes[frame, 1])
    success = table["success"].to_numpy() == 1
    if tracked and policy == "main_track":
        success &= table["main"].fill_null(True).to_numpy()
    # Faces that the policy may not choose come last.
    best_first = np.lexsort((values["x"], -values["score"], order, ~success, frame))
    first = best_first[np.searchsorted(frame[best_first], np.arange(count))]
    return ChosenFaces(table, np.where(success[first], first, -1))


def frame_of(table: pa.Table) -> npt.NDArray[np.int64]:
    """Return the number of each row's frame (rows,); the rows of one frame stand together."""
    if table.num_rows == 0:
        return np.empty(0, np.int64)
    sample = table["sample_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    number = table["frame"].to_numpy()
    starts = (np.diff(sample) != 0) | (np.diff(number) != 0)
    return np.concatenate([[0], np.cumsum(starts)]).astype(np.int64)


def calibrate_all(
    boxes: npt.NDArray[np.float64], calibration: Mapping[str, float] | None
) -> npt.NDArray[np.float64]:
    """Map raw boxes (n, 4) to canonical face boxes, as `crops.calibrate` does one."""
    if not calibration:
        return boxes
    return np.column_stack(crops.calibrate(tuple(boxes.T), calibration))


def look_at_same_face(
    boxes: npt.NDArray[np.float64],
    scores: npt.NDArray[np.float64],
    names: Sequence[str],
) -> npt.NDArray[np.bool_]:
    """Return (members, n): whether a member looks at the face that most members look at.

    Ties go to the box with the higher detector score, then to the member whose name comes first
    (protocol §40), so that the order of members does not matter.

    Parameters
    ----------
    boxes
        (members, n, 4), NaN for a member without a box (whole frame, or no face), which always
        takes part.
    scores
        (members, n) the detectors' scores, NaN where there is none.
    names
        Of the members.
    """
    members, n, _ = boxes.shape
    agrees = np.ones((members, n), bool)
    by_name = np.argsort(names, kind="stable")
    known = np.where(np.isnan(scores), -np.inf, scores)
    for start in range(0, n, _BLOCK):
        part, score = boxes[:, start : start + _BLOCK], known[:, start : start + _BLOCK]
        same = iou_of(part[:, None], part[None, :]) >= SAME_FACE
        votes = same.sum(axis=1)
        leads = votes == votes.max(axis=0)
        leads &= score == np.where(leads, score, -np.inf).max(axis=0)
        best = by_name[leads[by_name].argmax(axis=0)]
        there = ~np.isnan(part[..., 0])
        agrees[:, start : start + _BLOCK] = ~there | same[best, :, np.arange(part.shape[1])].T
    return agrees
