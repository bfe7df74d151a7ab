"""Labels in the user's own words: keys of the datasets that read them."""

from functools import cached_property
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from faceoff import emotions
from faceoff.plugins.options import DatasetConfig


class OwnLabels(DatasetConfig):
    """Keys of a dataset whose labels are words of the user's.

    A list in `space` declares classes that are no emotions.
    """

    label_map: dict[str, str | None] = Field(
        default_factory=dict,
        description="label as written (of a folder: its name) -> emotion or class of your own in "
        "`space`, or null for 'no emotion'",
    )

    @field_validator("label_map", mode="before")
    @classmethod
    def _written_keys(cls, given: Any) -> Any:
        """Return the map with numbers as text. Raises ValueError for what YAML made of a word."""
        if not isinstance(given, dict):
            return given
        for key in given:
            if key is None or isinstance(key, bool):
                raise ValueError(
                    f"YAML reads a key as {str(key).lower()}: put the label as written in quotes, "
                    "such as 'no' or 'null'"
                )
        return {
            str(key) if isinstance(key, int | float) else key: value for key, value in given.items()
        }

    @model_validator(mode="after")
    def _known_classes(self) -> Self:
        for written in self.label_map:
            self.label(written)
        return self

    @cached_property
    def _declared(self) -> tuple[str, ...]:
        return emotions.space(self.space) if self.space is not None else ()

    def label(self, written: str) -> str | None:
        """Return the class of a label, None for 'no emotion'.

        Raises ValueError with the nearest known label.
        """
        return emotions.canonical(written, self.label_map, self._declared)
