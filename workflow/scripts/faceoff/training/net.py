"""Describe a network that can be trained, and check what its options are given.

Each network has a module of its own in `nets/` that ends with `NET = Net(...)`; `net_list.py` finds
them. Sequence networks in `sequence_nets/` are described in the same way.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class Net:
    """A network, its options and the pictures that it reads.

    Attributes
    ----------
    build
        Called as build(classes=…, channels=…, size=(height, width), **options) with all options;
        of a sequence network as build(classes=…, features=…, **options). It returns a module whose
        parameters come from PyTorch's global seed.
    about
        One sentence on what it is.
    options
        Its options and their defaults, literals. An option takes values of its default's type; one
        that is None takes text.
    input
        What it reads, in the keys of a model card's `input`; empty for a sequence network. Users
        may change size and channels.
    sizes
        Option -> its value -> the size that goes with it, where that is another than `input` has.
    head
        The name of the submodule that turns features into logits.
    modules
        The python packages that it needs beside PyTorch, a literal.
    """

    build: "Callable[..., nn.Module]"
    about: str
    options: Mapping[str, Any]
    head: str
    input: Mapping[str, Any] = field(default_factory=dict)
    sizes: Mapping[str, Mapping[str, list[int]]] = field(default_factory=dict)
    modules: tuple[str, ...] = ()


def check_range(option: str, value: float, least: float, most: float | None = None) -> None:
    """Raise ValueError if an option's value lies outside its range, both ends included."""
    if value < least or (most is not None and value > most):
        allowed = f"at least {least}" if most is None else f"{least} to {most}"
        raise ValueError(f"option {option!r} is {value}; allowed: {allowed}")


def check_choice(option: str, value: Any, valid: tuple[Any, ...]) -> None:
    """Raise ValueError if an option's value is none of these."""
    if value not in valid:
        raise ValueError(f"option {option!r} is {value!r}; valid: {', '.join(map(str, valid))}")


def wrong_type(value: Any, default: Any) -> str | None:
    """Return which kind of value an option takes, if it is given another; else None."""
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "true or false"
    if isinstance(default, int):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return None if whole else "a whole number"
    if isinstance(default, float):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return None if number else "a number"
    if isinstance(default, list):
        right = isinstance(value, list | tuple) and len(value) > 0
        if right and not any(wrong_type(item, default[0]) for item in value):
            return None
        return f"a list such as {default}"
    if default is None and value is None:
        return None
    return None if isinstance(value, str) else "text"
