"""Define a section of `corruptions`, and the variants that a list of options makes of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from faceoff.corruption import corruption_list
from faceoff.corruption.corruption_list import level_fault
from faceoff.plan.corruption_jobs import Value
from faceoff.plugins.options import Section
from faceoff.scoring.robustness_records import Mode
from faceoff.spelling import suggestion

if TYPE_CHECKING:
    KindName = str
else:
    KindName = Literal[corruption_list.names()]


class CorruptionConfig(Section):
    corruption: KindName | None = Field(
        None, description="what makes the pictures worse (`faceoff corruptions`); default: the key"
    )
    levels: list[Value] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="parameter of each severity, mild to strong; default: the published ones "
        "(docs/corruptions.md)",
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="options of the corruption; a list of choices makes a variant of each, and the "
        "report says whether these can be told apart",
    )
    of: list[str] = Field(
        default_factory=lambda: ["*/*"],
        min_length=1,
        description="cells that read the pictures, as detector/model globs",
    )
    datasets: list[str] = Field(
        default_factory=lambda: ["*"],
        min_length=1,
        description="test datasets whose pictures are made worse (globs)",
    )
    modes: list[Mode] = Field(
        default=["clean_crop", "detect_again"],
        min_length=1,
        description="clean_crop: crop the face that was found on the clean picture (the model "
        "alone); detect_again: find it on the worse picture (end to end)",
    )


@dataclass(frozen=True)
class Variant:
    """A corruption with one choice of its options. name: in file names, SECTION or SECTION.CHOICE.

    section: its key in the configuration; kind: what makes pictures worse; on: picture, box or
    clip; levels: parameters of the severities.
    """

    name: str
    section: str
    kind: str
    on: str
    levels: tuple[Value, ...]
    options: dict[str, Any]


def variants(name: str, section: CorruptionConfig) -> list[Variant]:
    """Return the variants of a section: one of each combination of options that are lists."""
    kind = section.corruption or name
    stated = corruption_list.stated(kind)
    levels = tuple(section.levels if section.levels is not None else stated["levels"])
    several = {key: value for key, value in section.options.items() if isinstance(value, list)}
    return [
        Variant(
            name=".".join((name, *map(str, choice))),
            section=name,
            kind=kind,
            on=stated["on"],
            levels=levels,
            options={**section.options, **dict(zip(several, choice, strict=True))},
        )
        for choice in product(*several.values())
    ]


def faults(name: str, section: CorruptionConfig) -> Iterator[str]:
    """Yield what is wrong with a section: the kind, its options and their choices, its levels."""
    where, kind = f"corruptions.{name}", section.corruption or name
    if kind not in corruption_list.names():
        near = suggestion(kind, corruption_list.names())
        yield f"{where}: no corruption {kind!r}{near}"
        return
    stated = corruption_list.stated(kind)
    known, choices = stated.get("options", {}), stated.get("choices", {})
    for key, value in section.options.items():
        if key not in known and key not in choices:
            near = suggestion(key, [*known, *choices]) if known or choices else "; it has none"
            yield f"{where}.options: {kind} has no option {key!r}{near}"
        elif key in choices:
            given = value if isinstance(value, list) else [value]
            for wrong in (each for each in given if each not in choices[key]):
                near = suggestion(str(wrong), choices[key])
                yield f"{where}.options.{key}: {wrong!r} is not valid{near}"
            if not given or len(set(map(str, given))) < len(given):
                yield f"{where}.options.{key}: name one choice or more, each once"
        elif not _alike(value, known[key]):
            kinds = {bool: "true or false", str: "a text"}
            expected = kinds.get(type(known[key]), "a number")
            yield f"{where}.options.{key}: {value!r} is not valid; expected {expected}"
    wrong = [fault for level in section.levels or () if (fault := level_fault(kind, level))]
    yield from (f"{where}.levels: {fault}" for fault in wrong)
    if not wrong and (order := _disorder(section.levels or [], stated)):
        yield f"{where}.levels: {order}"


def _disorder(levels: Sequence[Value], stated: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the order of levels that are numbers, None where nothing is.

    stated: what the corruption says of itself, with its own levels, mild to strong.
    """
    numbers = [level for level in levels if isinstance(level, float)]
    known = [level for level in stated["levels"] if isinstance(level, float)]
    if len(known) < 2:
        return None
    rising, neutral = known[-1] > known[0], stated.get("neutral")
    if neutral is not None and all(level <= neutral for level in numbers):
        rising = not rising
    if all(
        later != earlier and (later > earlier) == rising for earlier, later in pairwise(numbers)
    ):
        return None
    ordered = ", ".join(f"{level:g}" for level in sorted(set(numbers), reverse=not rising))
    return f"they go from mild to strong, each once: {ordered}"


def _alike(value: Any, default: Any) -> bool:
    """Return whether an option is of the type of its default; any number stands for any other."""
    number = isinstance(default, int | float) and not isinstance(default, bool)
    if number:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, type(default))
