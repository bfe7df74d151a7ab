"""Read the faces of clips beside the people that their dataset knows."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces.choice import SIDES, among, choose
from faceoff.faces.chosen import calibrate_all
from faceoff.scoring.clip_tracks import FollowedClip
from faceoff.scoring.tracks import TrackedFrame
from faceoff.statistics.overlap import iou_of
from faceoff.storage import parquet

_FRAME = ["sample_id", "frame", "timestamp_s", "width", "height", "boxes", "identities"]
_FACE = ["sample_id", "frame", "success", *SIDES, "score", "track_id", "identity", "main"]


def followed_clips(
    frames: Path,
    faces: Path,
    kinds: Mapping[str, str],
    policy: str,
    calibration: Mapping[str, float] | None,
) -> Iterator[FollowedClip]:
    """Yield every clip in which some frame's people are known, with the faces that were followed.

    Frames without that truth are left out. Both tables are in frame order.

    kinds: sample -> what happens in it; policy: that chooses one face of each frame; calibration:
    the map from the detector's box to the canonical one, which is that of the truth.
    """
    rows = groupby(parquet.rows(faces, _FACE), lambda row: (row["sample_id"], row["frame"]))
    both = zip(parquet.rows(frames, _FRAME), (list(group) for _, group in rows), strict=True)
    for sample, group in groupby(both, lambda pair: str(pair[0]["sample_id"])):
        known = [
            (frame, [face for face in found if face["track_id"] is not None])
            for frame, found in group
            if frame["identities"] is not None and frame["timestamp_s"] is not None
        ]
        if known:
            yield _clip(sample, known, kinds.get(sample), policy, calibration)


def _clip(
    sample: str,
    known: list[tuple[dict[str, Any], list[dict[str, Any]]]],
    kind: str | None,
    policy: str,
    calibration: Mapping[str, float] | None,
) -> FollowedClip:
    numbers: dict[str, int] = {}
    frames, identities, chosen = [], [], []
    for frame, faces in known:
        truth = [numbers.setdefault(name, len(numbers)) for name in frame["identities"]]
        boxes = np.array(frame["boxes"], float).reshape(-1, 1, 4)
        found = np.array([[face[side] for side in SIDES] for face in faces], float).reshape(-1, 4)
        overlap = iou_of(boxes, calibrate_all(found, calibration)[None])
        tracks = np.array([face["track_id"] for face in faces], np.int64)
        frames.append(TrackedFrame(np.array(truth, np.int64), tracks, overlap))
        identities.append(np.array([face["identity"] for face in faces], np.int64))
        allowed = among(faces, policy) if faces else []
        best = choose(allowed, policy, frame["width"], frame["height"]) if allowed else None
        chosen.append(None if best is None else faces.index(best))
    seconds = np.array([frame["timestamp_s"] for frame, _ in known])
    return FollowedClip(sample, kind, seconds, tuple(numbers), frames, identities, chosen)
