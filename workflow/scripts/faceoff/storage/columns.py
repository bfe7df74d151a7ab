"""Define the columns of every table that Faceoff writes."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

OK, NO_FACE, UNREADABLE, ERROR = "ok", "no_face", "unreadable", "error"
NO_SPEECH = "no_speech"  # of a voice, as no_face is of a face
STATES = (OK, NO_FACE, NO_SPEECH, UNREADABLE, ERROR)
NOT_APPLIED = "not_applied"  # of a picture that a corruption could not make worse


# The states of faces, which every score counts. A voice's rows say NO_SPEECH in place of NO_FACE.
OUTCOMES = (OK, NO_FACE, UNREADABLE, ERROR)


def outcomes(counts: Mapping[str, Any]) -> dict[str, int]:
    """Return the counts by `OUTCOMES`; a voice without speech found nothing, as without a face."""
    found = {state: counts.get(state) or 0 for state in OUTCOMES}
    found[NO_FACE] += counts.get(NO_SPEECH) or 0
    return found


def counted(states: Iterable[str]) -> dict[str, int]:
    """Count the rows in each state; those of a voice only where there are some."""
    counts = Counter(states)
    return {state: counts[state] for state in STATES if counts[state] or state != NO_SPEECH}


_KEY = [
    pa.field("sample_id", pa.string(), nullable=False),
    pa.field("frame", pa.int32(), nullable=False),
    pa.field("timestamp_s", pa.float64()),
]
_STATE = [pa.field("state", pa.string(), nullable=False), pa.field("reason", pa.string())]
DIMENSIONS = ("valence", "arousal")  # both −1 … 1
_AFFECT = [pa.field(name, pa.float64()) for name in DIMENSIONS]
# Faces that the dataset itself knows: boxes x, y, w, h and landmarks x1, y1, … x5, y5 of each.
_GIVEN = [
    pa.field("boxes", pa.list_(pa.list_(pa.float64()))),
    pa.field("landmarks", pa.list_(pa.list_(pa.float64()))),
]
# What a clip's annotation says of each of these boxes: who it is, what is shown, whether it speaks.
PEOPLE = [
    pa.field("identities", pa.list_(pa.string())),
    pa.field("emotions", pa.list_(pa.string())),
    pa.field("talking", pa.list_(pa.bool_())),
]

SAMPLES = pa.schema([
    pa.field("sample_id", pa.string(), nullable=False),
    pa.field("kind", pa.string(), nullable=False),
    pa.field("path", pa.string(), nullable=False),
    pa.field("label", pa.string()),
    pa.field("votes", pa.list_(pa.float64())),
    *_AFFECT,
    pa.field("subject", pa.string()),
    pa.field("split", pa.string(), nullable=False),
    pa.field("groups", pa.map_(pa.string(), pa.string())),
    *_GIVEN,
])  # fmt: skip


# The groups that a run's measurements divide samples into, and metadata: JSON, what made them.
GROUPS = pa.schema([
    pa.field("sample_id", pa.string(), nullable=False),
    pa.field("groups", pa.map_(pa.string(), pa.string())),
])  # fmt: skip
MEASURED = b"faceoff_groups"


def _hugging_face(media: str, feature: Mapping[str, Any], fields: Sequence[pa.Field]) -> pa.Schema:
    """Return a schema of these fields and, last, a column of encoded bytes.

    The schema's metadata describe it so that Hugging Face `datasets` decodes it as this feature.
    """

    def described(kind: pa.DataType) -> dict[str, Any]:
        if pa.types.is_list(kind):
            return {"feature": described(kind.value_type), "_type": "Sequence"}
        return {"dtype": {"double": "float64"}.get(str(kind), str(kind)), "_type": "Value"}

    features = {field.name: described(field.type) for field in fields} | {media: dict(feature)}
    column = pa.field(
        media, pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
    )
    return pa.schema(
        [*fields, column], metadata={"huggingface": json.dumps({"info": {"features": features}})}
    )


FRAMES = _hugging_face(
    "image",
    {"_type": "Image"},
    [
        *_KEY,
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        *_STATE,
        pa.field("sha256", pa.string()),
        pa.field("label", pa.string()),
        *_AFFECT,
        *_GIVEN,
        *PEOPLE,
    ],
)

# The sound of clips. part: 0, 1, … of a long clip, whose parts follow on one another.
AUDIO = _hugging_face(
    "audio",
    {"sampling_rate": 16_000, "_type": "Audio"},
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("part", pa.int32(), nullable=False),
        pa.field("start_s", pa.float64()),
        pa.field("duration_s", pa.float64()),
        pa.field("sampling_rate", pa.int32()),
        *_STATE,
        # Who speaks when, where the dataset knows: a number or name for each utterance.
        pa.field("starts_s", pa.list_(pa.float64())),
        pa.field("ends_s", pa.list_(pa.float64())),
        pa.field("speakers", pa.list_(pa.string())),
        pa.field("voice_emotions", pa.list_(pa.string())),
    ],
)

_SEGMENT = [
    pa.field("sample_id", pa.string(), nullable=False),
    pa.field("segment", pa.int32(), nullable=False),
    pa.field("start_s", pa.float64()),
    pa.field("end_s", pa.float64()),
    pa.field("speaker", pa.string()),
    pa.field("success", pa.int8(), nullable=False),
    *_STATE,
]
# Stretches of speech, on the clock of the clip's frames. segment: 0, 1, …; −1: none in this clip.
SEGMENTS = pa.schema([*_SEGMENT, pa.field("score", pa.float64())])


def speech_schema(emotions: Sequence[str]) -> pa.Schema:
    """Return the schema of what a speech model with these classes reads of each segment."""
    return pa.schema([
        *_SEGMENT,
        *[pa.field(f"p_{emotion}", pa.float64()) for emotion in emotions],
        pa.field("emotion", pa.string()),
        pa.field("confidence", pa.float64()),
        pa.field("sentiment", pa.string()),
        *_AFFECT,
    ])  # fmt: skip


FACES = pa.schema([
    *_KEY,
    pa.field("face_id", pa.int32(), nullable=False),
    pa.field("n_faces", pa.int32(), nullable=False),
    pa.field("success", pa.int8(), nullable=False),
    *_STATE,
    *[pa.field(name, pa.float64()) for name in ("x", "y", "w", "h", "score")],
    pa.field("landmarks", pa.list_(pa.float64())),  # x1, y1, … x5, y5
])  # fmt: skip

# Faces that are followed. track_id, identity: numbers within a clip, by first appearance; main:
# whether it is the clip's main person. All are null where there is no face, and in stills.
TRACKED_FACES = pa.schema([
    *FACES,
    pa.field("track_id", pa.int32()),
    pa.field("identity", pa.int32()),
    pa.field("main", pa.bool_()),
])  # fmt: skip


# What a model's last layer reads of the chosen face of each frame.
FEATURES = pa.schema([
    *_KEY,
    pa.field("face_id", pa.int32(), nullable=False),
    pa.field("success", pa.int8(), nullable=False),
    *_STATE,
    pa.field("embedding", pa.list_(pa.float32())),
])  # fmt: skip


POSE, GAZE = ("pose_yaw", "pose_pitch", "pose_roll"), ("gaze_yaw", "gaze_pitch")
LISTS = ("landmarks", "embedding")  # columns of signals with several numbers a face


def signals_schema(names: Sequence[str]) -> pa.Schema:
    """Return the schema of a table of signals with these columns: a row for each face row."""
    many, one = pa.list_(pa.float32()), pa.float64()
    return pa.schema([
        *_KEY,
        pa.field("face_id", pa.int32(), nullable=False),
        pa.field("success", pa.int8(), nullable=False),
        *_STATE,
        *[pa.field(name, many if name in LISTS else one) for name in names],
    ])  # fmt: skip


def area_column(name: str, kind: str) -> str:
    """Return the column of an area under a curve: map_deletion."""
    return f"{name}_{kind}"


_MAPS, _AREAS = ("map", "random", "centre"), ("deletion", "insertion")
# A row per explained face. heat: the map, laid on a face upright; upright: that face as a picture;
# face, overlay: pictures of the face, and of the map over it.
SALIENCY = pa.schema([
    pa.field("sample_id", pa.string(), nullable=False),
    pa.field("truth", pa.string()),
    pa.field("predicted", pa.string()),
    pa.field("correct", pa.bool_()),
    *_STATE,
    pa.field("emotion", pa.string()),
    pa.field("probability", pa.float64()),
    *[pa.field(area_column(name, kind), pa.float64()) for name in _MAPS for kind in _AREAS],
    pa.field("sanity", pa.float64()),
    pa.field("heat", pa.list_(pa.float32())),
    pa.field("upright", pa.binary()),
    pa.field("face", pa.binary()),
    pa.field("overlay", pa.binary()),
])  # fmt: skip


def unit_column(unit: str) -> str:
    """Return the column of an action unit: au_12l for AU12L."""
    return f"au_{unit.removeprefix('AU').lower()}"


def unit_name(column: str) -> str:
    """Return the action unit of a column: AU12L for au_12l."""
    return f"AU{column.removeprefix('au_').upper()}"


def true_faces_schema(units: Sequence[str]) -> pa.Schema:
    """Return the schema of the true faces of a dataset that knows these units.

    face: 0 is the largest of a frame; x, y, w, h in pixels; units 0–5; angles in degrees, the gaze
    in the frame of the head.
    """
    numbers = ["x", "y", "w", "h", *map(unit_column, units), *POSE, *GAZE]
    return pa.schema([
        *_KEY,
        pa.field("face", pa.int32(), nullable=False),
        *[pa.field(name, pa.float64()) for name in numbers],
    ])  # fmt: skip


def predictions_schema(emotions: Sequence[str], aus: Sequence[str] = ()) -> pa.Schema:
    """Return the schema of a predictions (or fusion) table for these classes and action units."""
    return pa.schema([
        *_KEY,
        pa.field("face_id", pa.int32(), nullable=False),
        pa.field("success", pa.int8(), nullable=False),
        *_STATE,
        *[pa.field(f"p_{emotion}", pa.float64()) for emotion in emotions],
        pa.field("emotion", pa.string()),
        pa.field("confidence", pa.float64()),
        pa.field("sentiment", pa.string()),
        *_AFFECT,
        *[pa.field(unit_column(au), pa.float64()) for au in aus],
    ])  # fmt: skip


# 1 … n of a corruption; null in the rows that stand for a failed job.
SEVERITY = pa.field("severity", pa.int8())


def with_severity(schema: pa.Schema) -> pa.Schema:
    """Return a schema whose rows are of one severity of a corruption."""
    return schema.append(SEVERITY)


# Metadata of a table of states over time: JSON, what its rule was told (time_records.Learnt).
LEARNT_OVER_TIME = b"faceoff_over_time"


def classes_of(schema: pa.Schema) -> tuple[str, ...]:
    """Return the emotions that a predictions table has columns for, in their order."""
    return tuple(name.removeprefix("p_") for name in schema.names if name.startswith("p_"))
