"""Say an analysis as the rows of frames.csv, which are OpenFace's where it has them."""

from collections.abc import Iterator, Mapping
from typing import Any

from faceoff.analysis.result import Analysis
from faceoff.faces import openface_columns, quality
from faceoff.storage import columns

_FIRST = ("frame", "face_id", "timestamp", "confidence", "success")
_WHOSE = ("track_id", "identity", "person", "x", "y", "w", "h", *quality.COLUMNS, "reliable")
_SIGNALS = (
    *("eye_openness", "blink", "mouth_openness", "talking"),
    *("age", "sex_male", "sex_female"),
)
_LAST = ("emotion", "emotion_confidence", "sentiment", "valence", "arousal", "state", "reason")
_BLINK = "AU45_c"


def headings(analysis: Analysis) -> list[str]:
    """Return the headings of frames.csv: OpenFace's where it has them, then all others."""
    names = analysis.table.schema.names
    units = analysis.unit_columns
    blinks = [_BLINK] if "blink" in names and "au_45" not in units else []
    return [
        *_FIRST,
        *(openface_columns.GAZE if "gaze_yaw" in names else ()),
        *(openface_columns.POSE if "pose_yaw" in names else ()),
        *(openface_columns.LANDMARKS if "landmarks" in names else ()),
        *[f"{columns.unit_name(name)}_r" for name in units],
        *[f"{columns.unit_name(name)}_c" for name in units],
        *blinks,
        *_WHOSE,
        *[name for name in (*columns.POSE, *columns.GAZE, *_SIGNALS) if name in names],
        *[name for name in names if name.startswith("p_")],
        *(("calibrated_confidence",) if analysis.temperature else ()),
        *(("steady_emotion", "steady_confidence") if analysis.rule else ()),
        *_LAST,
    ]


def rows(analysis: Analysis) -> Iterator[dict[str, Any]]:
    """Yield the rows of frames.csv as OpenFace 2 writes them: every frame, frames from 1.

    `confidence` is the detector's score, 0 where there is no face; OpenFace's numbers are 0 where
    they are unknown, as it writes them.
    """
    names = headings(analysis)
    thresholds = analysis.about["unit_thresholds"]
    frame = analysis.about["gaze_frame"]
    for row in analysis.frames.rows():
        told = {
            **row,
            "frame": row["frame"] + 1,
            "face_id": max(row["face_id"], 0),
            "confidence": row["score"] or 0.0,
            "emotion_confidence": row["confidence"],
            _BLINK: int(bool(row.get("blink"))),
            **_angles(row, frame),
            **_landmarks(row),
        }
        for name in [name for name in row if name.startswith("au_")]:
            unit, score = columns.unit_name(name), row[name] or 0.0
            told[f"{unit}_r"] = score
            told[f"{unit}_c"] = int(row[name] is not None and score >= thresholds[name])
        yield {name: told[name] for name in names}


def _angles(row: Mapping[str, Any], gaze_frame: str | None) -> dict[str, float]:
    found = dict.fromkeys((*openface_columns.POSE, *openface_columns.GAZE), 0.0)
    yaw, pitch, roll = (row.get(name) for name in columns.POSE)
    head: tuple[float, float, float] | None = None
    if yaw is not None and pitch is not None and roll is not None:
        head = yaw, pitch, roll
        found |= zip(openface_columns.POSE, openface_columns.pose(*head), strict=True)
    right, up = (row.get(name) for name in columns.GAZE)
    if right is not None and up is not None and (head or gaze_frame == "camera"):
        gaze = openface_columns.gaze(right, up, head if gaze_frame == "head" else None)
        found |= zip(openface_columns.GAZE, gaze, strict=True)
    return found


def _landmarks(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the 68 landmarks in pixels, to a hundredth, 0 where they are unknown."""
    points = row.get("landmarks") or []
    if len(points) != len(openface_columns.LANDMARKS):
        return dict.fromkeys(openface_columns.LANDMARKS, 0.0)
    ordered = [*points[::2], *points[1::2]]
    return {
        name: round(value, 2)
        for name, value in zip(openface_columns.LANDMARKS, ordered, strict=True)
    }
