"""Define what the file of a trained network says of itself."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Self

Equal = tuple[str, list[int]]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry in the metadata of a network's file. KEY: its name there."""

    KEY: ClassVar[str]

    def to_json(self) -> str:
        """Return the entry's text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the entry's text. Raises ValueError for text of another kind."""
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(f"trained by another version of Faceoff ({error})") from None


@dataclass(frozen=True, kw_only=True)
class About(Entry):
    """Say how to build a network again, and what it reads and answers.

    net, options: of `net_list`; input: as in a model card; classes: of its logits, in order;
    equal: weight -> the tensor of the file with the same numbers, and the weight's shape.
    """

    KEY: ClassVar[str] = "faceoff"

    net: str
    options: dict[str, Any]
    input: dict[str, Any]
    classes: list[str]
    equal: dict[str, Equal] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ClipAbout(Entry):
    """Say what a network over time reads and answers.

    net, options: of `sequence_list`; inputs: the numbers that it reads of each frame, by name;
    classes, affect: of its outputs, in order: logits of classes, then valence, arousal; window:
    most frames that it reads as one stretch; time_steps: it also reads the seconds since the frame
    before; causal: whether a frame's answer depends on no later frame; step_s: median seconds from
    frame to frame that it learnt from.
    """

    KEY: ClassVar[str] = "faceoff_clips"

    net: str
    options: dict[str, Any]
    inputs: list[str]
    classes: list[str]
    affect: list[str]
    window: int
    time_steps: bool
    causal: bool
    step_s: float | None
