"""Describe jobs as records: the plan writes them as JSON into a rule's params, stages read them.

The records are plain dataclasses, since the environments of the frameworks have no pydantic.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import msgspec

from faceoff.plugins.protocols import Align


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job of the workflow. code: the hash of the code that makes its output."""

    code: str = ""

    def to_json(self) -> str:
        """Return the job as JSON with sorted keys, so that the same job is the same text."""
        return json.dumps(msgspec.to_builtins(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a job. Raises ValueError naming the field that is missing or of another type."""
        return msgspec.convert(json.loads(text), cls)


@dataclass(frozen=True, kw_only=True)
class PluginJob:
    """A detector or model to load: where its class is, its card with the run's options, its files.

    batch: the number of pictures per call; None takes the number that the plug-in declares.

    read: size and modification time of each of the user's files that the plug-in reads.
    """

    name: str
    source: str
    class_name: str
    card: dict[str, Any]
    assets: dict[str, dict[str, Any]]
    device: str = "auto"
    precision: str = "float32"
    batch: int | None = None
    read: dict[str, list[int] | None] = field(default_factory=dict)

    def with_options(self, options: Mapping[str, Any]) -> "PluginJob":
        """Return the job with these options in the place of its card's."""
        card = {**self.card, "options": {**self.card["options"], **options}}
        return replace(self, card=card)


@dataclass(frozen=True, kw_only=True)
class CropJob:
    """The way from a detector's faces to a model's input.

    whole_frame: the detector gives no box, so the whole picture counts as the face.

    calibration: maps the detector's box to the canonical one; None leaves boxes as they are.

    margin, align: replace those of the model's crop specification; None keeps them.
    """

    policy: str
    whole_frame: bool = False
    calibration: Mapping[str, float] | None = None
    margin: float | None = None
    align: Align | None = None
