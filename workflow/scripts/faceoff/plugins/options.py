"""Base of the options that a dataset plug-in declares, and their types."""

import os
import re
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
DEFAULT_DATA = "./data"
_DEFAULT_VARIABLES = {"FACEOFF_DATA": DEFAULT_DATA}


_LONGEST_NAME = 64  # characters: a file's name joins several names and may have 255 bytes


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(
            "names are lower-case letters, digits, '-' and '_', as they become file names"
        )
    if len(value) > _LONGEST_NAME:
        raise ValueError(
            f"names have at most {_LONGEST_NAME} characters, as they become file names"
        )
    return value


def expand(value: str) -> str:
    """Replace `${NAME}` by the environment variable, and `~` at the start by the home folder.

    FACEOFF_DATA defaults to ./data. Raises ValueError for any other variable that is not set.
    """

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        setting = os.environ.get(name) or _DEFAULT_VARIABLES.get(name)
        if setting is None:
            raise ValueError(f"environment variable {name} is not set")
        return setting

    return os.path.expanduser(_VARIABLE.sub(replace, value))


def _expanded(value: Any) -> Any:
    return Path(expand(str(value))) if isinstance(value, str | Path) else value


def _shares(value: tuple[float, float, float]) -> tuple[float, float, float]:
    if sum(value) <= 0:
        raise ValueError("one of the shares must be above 0")
    return value


Share = Annotated[float, Field(ge=0)]
Name = Annotated[str, AfterValidator(_name)]
DataPath = Annotated[Path, BeforeValidator(_expanded)]
Shares = Annotated[tuple[Share, Share, Share], AfterValidator(_shares)]
# strict: 1.0 is all of it, not one sample
Limit = Annotated[int, Field(ge=1, strict=True)] | Annotated[float, Field(gt=0, le=1)]


class Section(BaseModel):
    """Base of every section: unknown keys are errors, numbers are finite."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def rising(edges: list[float]) -> list[float]:
    """Return the edges of bins. Raises ValueError unless each is above the one before it."""
    if any(low >= high for low, high in pairwise(edges)):
        raise ValueError("the edges of bins have to rise, as in [13, 18, 65]")
    return edges


class GroupsFile(Section):
    """A table of text cells that says to which groups each sample belongs."""

    path: DataPath = Field(
        description="a table with a row per sample and a column per attribute, such as age: text "
        "cells separated by commas, semicolons, tabs or bars (CSV), also compressed by gzip"
    )
    id: str = Field("sample_id", description="the column with the sample ids")
    columns: list[str] | dict[str, str] | None = Field(
        None,
        description="the columns to read, or attribute: column to rename them; default: all",
    )
    bins: dict[str, Annotated[list[float], Field(min_length=1), AfterValidator(rising)]] = Field(
        default_factory=dict,
        description="attribute: rising edges that cut its numbers into groups, as age: [13, 18]; "
        "default: thirds, where a column has more than 12 numbers",
    )
    encoding: str | None = Field(
        None,
        description="encoding of the table, such as latin-1; default: UTF-8, or UTF-16 where the "
        "file is that",
    )
    predicted_by: str | None = Field(
        None,
        description="what predicted the attributes, if nobody looked: their names are then marked "
        "(predicted)",
    )

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str | None) -> str | None:
        return known_encoding(name)


def known_encoding(name: str | None) -> str | None:
    """Return the name of an encoding. Raises ValueError for one that Python does not have."""
    try:
        "".encode(name or "utf-8")
    except LookupError as error:
        raise ValueError(f"{error}; such as utf-8, cp1252, latin-1, shift_jis") from None
    return name


def _listed(value: Any) -> Any:
    """Return a path, a file's section or a list of them as a list of sections."""
    values = value if isinstance(value, list) else [value]
    return [{"path": each} if isinstance(each, str | Path) else each for each in values]


class DatasetConfig(Section):
    """Keys that every dataset has; each plug-in adds its own."""

    type: str | None = Field(None, description="the dataset plug-in; default: the key itself")
    role: Literal["test", "validation", "train"] = Field(
        "test",
        description="test: scored; validation: chooses the best single; train: only trains models",
    )
    validation: Name | None = Field(
        None,
        description="the dataset of this run (role: validation) on which the best single is chosen",
    )
    space: str | list[str] | None = Field(
        None,
        description="label space of the scores: basic8, basic7, basic6 or a list; default: the "
        "dataset's own",
    )
    fps: float = Field(
        5.0, ge=0, le=1000, description="frames per second sampled from videos; 0 takes every frame"
    )
    every: int | None = Field(
        None, ge=1, description="take every n-th frame of videos instead of a fixed rate"
    )
    jpeg: int | None = Field(
        None,
        ge=1,
        le=100,
        description="store sampled video frames as JPEG of this quality; default: losslessly",
    )
    audio: bool = Field(
        False,
        description="extract the clips' sound, 16 kHz mono WAV, to audio/<dataset>.parquet; the "
        "files of sound in a folder are samples, too",
    )
    part: Literal["train", "valid", "test"] | None = Field(
        None, description="keep one of three parts that share no subject, cut by a seeded hash"
    )
    shares: Shares = Field(
        (0.7, 0.2, 0.1), description="shares of the subjects in the parts train, valid and test"
    )
    limit: Limit | None = Field(
        None,
        description="stratified, seeded subset (count or share); stamps every output 'not for "
        "reporting'",
    )
    groups_from: Annotated[list[GroupsFile], BeforeValidator(_listed)] = Field(
        default_factory=list,
        description="tables with further groups of the samples, by sample id: a path, a mapping, "
        "or a list of them",
    )
    multiverse: bool = Field(
        False,
        description="score the same predictions under every label rule that the plug-in knows "
        "(ferplus, with keep: all)",
    )
    shards: Annotated[int, Field(ge=1, le=1000)] | Literal["auto"] = Field(
        1,
        description="cut frames, faces and predictions into this many independent jobs each; "
        "auto: by the number of pictures and clips; same results",
    )
