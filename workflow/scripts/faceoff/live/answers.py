"""Define what clients send and get, with examples, as OpenAPI shows it."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

_ROW: JsonDict = {
    "frame": 0, "timestamp": 0.0, "face_id": 0, "success": 1, "state": "ok", "x": 49.8, "y": 76.9,
    "w": 117.9, "h": 117.9, "score": 0.95, "p_neutral": 0.89, "p_happiness": 0.01,
    "emotion": "neutral", "confidence": 0.89, "sentiment": "neutral",
}  # fmt: skip
_READ: JsonDict = {"state": "ok", "reason": None, "rows": [_ROW]}
_GREY = (  # one grey pixel as PNG
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg=="
)
_PIPELINE = "mediapipe_short/faceoff_small"


class Problem(BaseModel):
    """Why something was not done."""

    model_config = ConfigDict(json_schema_extra={"example": {"error": "no base64"}})
    error: str


class Upload(BaseModel):
    """Pictures as base64, with or without `data:…;base64,` before it; or one video."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"pictures": [_GREY]}})
    pictures: list[str] = Field(min_length=1)


class Read(BaseModel):
    """Hold what a pipeline sees in one source.

    rows: those of `faceoff analyze`, docs/analyze.md describes their columns; document: the
    analysis.json of `faceoff analyze`, where it was asked for instead.
    """

    model_config = ConfigDict(json_schema_extra={"example": _READ})
    state: str
    reason: str | None
    rows: list[dict[str, Any]] | None = None
    document: dict[str, Any] | None = None


class Picture(BaseModel):
    """One picture. results: by pipeline."""

    width: int
    height: int
    results: dict[str, Read]


class Answer(BaseModel):
    """Hold what is seen in the pictures of a request, in its order."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"pictures": [{"width": 240, "height": 240, "results": {_PIPELINE: _READ}}]}
        }
    )
    pictures: list[Picture]


class JobState(BaseModel):
    """A video that is read. state: waiting, running, done, failed or cancelled.

    frames: that were read so far, of all pipelines; total: of all that there are, as far as the
    file says it; result: by pipeline, once it is done.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "5b0c…", "state": "running", "reason": None, "frames": 120, "total": 250,
                "result": None,
            }
        }
    )  # fmt: skip
    id: str
    state: str
    reason: str | None
    frames: int
    total: int | None
    result: dict[str, Read] | None = None


class PipelineInfo(BaseModel):
    """A pipeline that is served."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": _PIPELINE, "detector": "mediapipe_short", "model": "faceoff_small",
                "emotions": ["neutral", "happiness"],
            }
        }
    )  # fmt: skip
    name: str
    detector: str
    model: str
    emotions: list[str]


class PipelineList(BaseModel):
    """All pipelines that are served; the first one reads where none is named."""

    pipelines: list[PipelineInfo]


class Health(BaseModel):
    """Say whether the server works. waiting: pictures that wait for the networks."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"state": "ok", "version": "0.1.0", "waiting": 0}}
    )
    state: str
    version: str
    waiting: int
