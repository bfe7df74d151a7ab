"""Read the members of a vote side by side, each with the face that it looks at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from faceoff.faces.chosen import ChosenFaces, calibrate_all, chosen_faces, look_at_same_face
from faceoff.fusion.face_conditions import of_face
from faceoff.fusion.member_votes import Votes
from faceoff.scoring.task import owners
from faceoff.storage import parquet
from faceoff.storage.votes import MemberRows, read_members


class Voter(Protocol):
    """A member of a vote.

    whole_frame: its detector gives no box; calibration: maps the box to the canonical face box.
    """

    @property
    def detector(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def whole_frame(self) -> bool: ...

    @property
    def calibration(self) -> Mapping[str, float] | None: ...


@dataclass(frozen=True)
class Tables:
    """The files of one dataset that a vote reads.

    members: their predictions; faces: one table per detector.
    """

    members: Sequence[Path]
    faces: Sequence[Path]
    frames: Path
    samples: Path


def read_votes(
    tables: Tables,
    voting: Sequence[Voter],
    classes: Sequence[str],
    policy: str,
    *,
    by_face: bool = False,
) -> tuple[MemberRows, Votes]:
    """Read the members' rows side by side; those who look at another face abstain (§21).

    policy: the face policy; by_face: the rule asks for the conditions of each member's face.
    """
    rows = read_members(tables.members, classes)
    several = len({member.detector for member in voting}) > 1
    conditions = None
    if several or by_face:
        size_table = parquet.read(*parquet.shards_of(tables.frames), columns=["width", "height"])
        sizes = np.column_stack([size_table[side].to_numpy() for side in ("width", "height")])
        chosen = {
            path.stem: chosen_faces(path, sizes, policy, ["landmarks"]) for path in tables.faces
        }
        if several and policy != "all":  # all faces are the same faces
            boxes = np.stack([_boxes(member, chosen, len(rows)) for member in voting])
            scores = np.stack([_scores(member, chosen, len(rows)) for member in voting])
            names = [member.name for member in voting]
            other_face = ~look_at_same_face(boxes, scores, names)
            rows.posteriors[other_face] = rows.affect[other_face] = np.nan
        if by_face:
            conditions = _conditions(voting, chosen, sizes)
    known = parquet.read(tables.samples, columns=["sample_id", "label", "subject"]).to_pylist()
    about = {row["sample_id"]: (row["label"], row["subject"]) for row in known}
    ids = rows.keys["sample_id"].to_pylist()
    labels = [about[sample][0] for sample in ids]
    space = space_of(tables.samples, classes)
    people = owners(ids, [about[sample][1] for sample in ids])
    return rows, Votes(
        samples=np.array(ids),
        people=people,
        posteriors=rows.posteriors,
        truth=_index(labels, classes),
        scored=_index(labels, space),
        space=tuple(_index(space, classes).tolist()),
        conditions=conditions,
    )


def space_of(samples: Path, classes: Sequence[str]) -> tuple[str, ...]:
    """Return the classes that a dataset is scored among; without a task, those of the members."""
    task = parquet.read_schema(samples).metadata or {}
    return tuple(parquet.task_of(samples)["space"]) if parquet.TASK in task else tuple(classes)


def _index(names: Sequence[str | None], among: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return (n,) the place of each name, -1 where it is not there."""
    place = {name: index for index, name in enumerate(among)}
    return np.array([-1 if name is None else place.get(name, -1) for name in names], np.int64)


def _boxes(member: Voter, chosen: Mapping[str, ChosenFaces], n: int) -> npt.NDArray[np.float64]:
    """Return (n, 4) the calibrated boxes that a member looks at; NaN for the whole frame.

    Detectors frame a face differently, so raw boxes of one face may overlap little (§9, §40).
    """
    if member.whole_frame:
        return np.full((n, 4), np.nan)
    return calibrate_all(chosen[member.detector].boxes, member.calibration)


def _scores(member: Voter, chosen: Mapping[str, ChosenFaces], n: int) -> npt.NDArray[np.float64]:
    """Return (n,) the detector's scores of the boxes; NaN for the whole frame."""
    return np.full(n, np.nan) if member.whole_frame else chosen[member.detector].scores


def _conditions(
    voting: Sequence[Voter],
    chosen: Mapping[str, ChosenFaces],
    sizes: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return (members, n, c) the conditions of the face that each member looks at."""
    rows = {detector: faces.as_rows() for detector, faces in chosen.items()}
    nothing = [None] * len(sizes)
    looked_at = [nothing if m.whole_frame else rows[m.detector] for m in voting]
    of_members = [
        [of_face(face, *size) for face, size in zip(faces, sizes.tolist(), strict=True)]
        for faces in looked_at
    ]
    return np.array(of_members)
