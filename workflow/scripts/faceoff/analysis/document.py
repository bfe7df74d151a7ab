"""Say an analysis as one JSON document, which schema.json describes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa

from faceoff.analysis.voice import Voice
from faceoff.faces import emfacs, quality
from faceoff.statistics.arrays import Bools, Ints
from faceoff.storage import columns

VERSION = "1.2"
# Ekman, Friesen and Hager 2002.
_UNITS = {
    "01": "inner brow raiser", "02": "outer brow raiser", "04": "brow lowerer",
    "05": "upper lid raiser", "06": "cheek raiser", "07": "lid tightener", "09": "nose wrinkler",
    "10": "upper lip raiser", "12": "lip corner puller", "14": "dimpler",
    "15": "lip corner depressor", "16": "lower lip depressor", "17": "chin raiser",
    "18": "lip pucker", "20": "lip stretcher", "22": "lip funneler", "23": "lip tightener",
    "24": "lip pressor", "25": "lips part", "26": "jaw drop", "27": "mouth stretch",
    "28": "lip suck", "43": "eyes closed", "45": "blink",
}  # fmt: skip
_INTENSITIES = ("absent", "trace", "slight", "marked", "severe", "maximum")
# A unit of a model is active from intensity 1 of 0-5, which FACS calls a trace and OpenFace 2 takes
# as its least.
ACTIVE = 1.0


def head(
    name: str,
    about: Mapping[str, Any],
    first: Mapping[str, Any],
    summary: Mapping[str, Any],
    episodes: list[dict[str, Any]],
    voice: Voice | None,
) -> dict[str, Any]:
    """Return the document without its frames: what was done, the video, episodes, voice, summary.

    name: of the source; about: how it was analysed; first: row of the table, empty if it has none.
    """
    return {
        "analysis_metadata": {"schema_version": VERSION, **about},
        "video_metadata": {
            "name": name,
            "width": first.get("width"),
            "height": first.get("height"),
            "frames": summary["frames"],
            "duration_s": summary["duration_s"],
        },
        "summary_statistics": summary,
        "episodes": episodes,
        "speech": None if voice is None else _speech(voice),
    }


def _speech(voice: Voice) -> dict[str, Any]:
    seconds, shares = voice.shares()
    return {
        "segmenter": voice.segmenter,
        "model": voice.model,
        "trained": voice.trained,
        "emotions": list(voice.emotions),
        "state": voice.state,
        "reason": voice.reason or None,
        "start_s": voice.start_s,
        "duration_s": voice.duration_s,
        "speech_s": seconds,
        "shares": shares,
        "segments": [
            {
                "start_s": row["start_s"],
                "end_s": row["end_s"],
                "speaker": row["speaker"],
                **affect(row, voice.emotions),
            }
            for row in voice.spoken()
        ],
    }


def affect_columns(emotions: Sequence[str]) -> list[str]:
    """Return the columns of a voice's segments or frames that say what was heard."""
    chances = [f"p_{name}" for name in emotions]
    return ["success", "state", "reason", "emotion", "confidence", *chances, *columns.DIMENSIONS]


def affect(row: Mapping[str, Any], emotions: Sequence[str]) -> dict[str, Any]:
    """Return what a row of a voice's segments or frames says."""
    read = bool(row["success"])
    named = read and row["emotion"] is not None
    return {
        "state": row["state"],
        "reason": row["reason"],
        "emotion": row["emotion"] if read else None,
        "confidence": row["confidence"] if read else None,
        "probabilities": {name: row[f"p_{name}"] for name in emotions} if named else None,
        "valence": row["valence"] if read else None,
        "arousal": row["arousal"] if read else None,
    }


def frames(
    rows: Iterable[Mapping[str, Any]], thresholds: Mapping[str, float], voice: Voice | None
) -> Iterator[dict[str, Any]]:
    """Yield each frame with its faces and, where it was heard, what the voice says then.

    rows: of the table, in order; thresholds: as of `units`.
    """
    heard = (
        iter(()) if voice is None else (affect(row, voice.emotions) for row in voice.at_frames())
    )
    for number, group in groupby(rows, key=lambda row: row["frame"]):
        faces = list(group)
        yield {
            "frame": number,
            "timestamp": faces[0]["timestamp"],
            "faces": [_face(row, thresholds) for row in faces if row["face_id"] >= 0],
            "voice": next(heard, None),
        }


def moments(table: pa.Table, rows: Ints, seen: Bools, calibrated: bool) -> Iterator[dict[str, Any]]:
    """Yield each moment of a timeline without a rule. rows, seen: of `summary.main_face`."""
    accuracy = "calibrated_confidence" if calibrated else "confidence"
    names = ["timestamp", accuracy, "emotion", "sentiment"]
    shown = table.select(names).take(rows).to_batches(max_chunksize=1024)
    each = (row for batch in shown for row in batch.to_pylist())
    for row, there in zip(each, seen, strict=True):
        yield {
            "timestamp": row["timestamp"],
            "accuracy": row[accuracy] if there else None,
            "emotion": row["emotion"] if there else None,
            "sentiment": row["sentiment"] if there else None,
            "episode": None,
        }


def _face(row: Mapping[str, Any], thresholds: Mapping[str, float]) -> dict[str, Any]:
    read = bool(row["success"])
    measured = dict(units(row, thresholds))
    signals = {name: row[name] for name in _SIGNALS if row.get(name) is not None}
    face: dict[str, Any] = {
        "face_id": row["face_id"],
        "track_id": row["track_id"],
        "identity": row["identity"],
        "person": row["person"],
        "box": None if row["x"] is None else {side: row[side] for side in "xywh"},
        "detection_score": row["score"],
        "quality": None if row["face_size"] is None else _quality(row),
        "state": row["state"],
        "reason": row["reason"],
        "expression": None,
        "steady_expression": None
        if row["steady_emotion"] is None
        else {"emotion": row["steady_emotion"], "confidence": row["steady_confidence"]},
        "valence_arousal": None,
        "signals": signals or None,
        "action_units": measured or None,
    }
    if read and row["emotion"] is not None:
        probabilities = {
            name.removeprefix("p_"): row[name] for name in row if name.startswith("p_")
        }
        face["expression"] = {
            "emotion": row["emotion"],
            "confidence": row["confidence"],
            "calibrated_confidence": row["calibrated_confidence"],
            "sentiment": row["sentiment"],
            "probabilities": probabilities,
            "intensities": _intensities(probabilities, measured),
        }
    if read and row["valence"] is not None and row["arousal"] is not None:
        face["valence_arousal"] = {
            "valence": row["valence"],
            "arousal": row["arousal"],
            "quadrant": quadrant(row["valence"], row["arousal"]),
        }
    return face


def _intensities(
    probabilities: Mapping[str, float | None], measured: Mapping[str, Mapping[str, Any]]
) -> dict[str, float] | None:
    """Return the intensity of each emotion whose units are measured; None without units."""
    if not measured:
        return None
    known = {name: share for name, share in probabilities.items() if share is not None}
    return emfacs.intensities(known, {name: told["score"] for name, told in measured.items()})


def _quality(row: Mapping[str, Any]) -> dict[str, Any]:
    measured = {name: row[name] for name in quality.COLUMNS}
    return {**measured, "reliable": bool(row["reliable"])}


def quadrant(valence: float, arousal: float) -> str:
    """Return the quadrant of the circumplex (Russell 1980): a value of 0 counts as positive."""
    mood = "positive" if valence >= 0 else "negative"
    return f"{mood}_{'activated' if arousal >= 0 else 'deactivated'}"


_SIGNALS = (
    *columns.POSE, *columns.GAZE, "eye_openness", "blink", "mouth_openness", "talking",
    "age", "sex_male", "sex_female",
)  # fmt: skip


def units(
    row: Mapping[str, Any], thresholds: Mapping[str, float]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each action unit of a face: its score 0-5, whether it is active, and both in words.

    thresholds: of each column of a unit, the score from which it is active.
    """
    for name, score in row.items():
        if not name.startswith("au_") or score is None:
            continue
        number = name.removeprefix("au_")
        yield (
            f"AU{number.upper()}",
            {
                "score": score,
                "active": score >= thresholds[name],
                "description": _UNITS.get(number[:2]),
                "intensity": _INTENSITIES[min(5, max(0, int(score)))],
            },
        )
