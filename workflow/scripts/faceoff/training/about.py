"""Define what a trained network's file says of itself."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

Equal = tuple[str, list[int]]


@dataclass(frozen=True, kw_only=True)
class About:
    """Say how to build a network again, and what it reads and answers.

    net, options: of `net_list`; input: as in a model card; classes: of its logits, in order;
    equal: weight -> the tensor of the file with the same numbers, and the weight's shape.
    """

    KEY: ClassVar[str] = "faceoff"  # of the entry in the file's metadata

    net: str
    options: dict[str, Any]
    input: dict[str, Any]
    classes: list[str]
    equal: dict[str, Equal] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the entry's text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "About":
        """Read the entry's text. Raises ValueError for text of another kind."""
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(f"trained by another version of Faceoff ({error})") from None
