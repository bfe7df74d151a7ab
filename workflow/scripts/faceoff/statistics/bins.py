"""Cut numbers into groups with names, and order the names."""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from faceoff.statistics.arrays import Floats

_NUMBER = re.compile(r"(under |up to )?([-−]?\d+(\.\d+)?)")


def thirds(values: Sequence[float] | Floats) -> list[float]:
    """Return up to two edges that cut values into thirds, each edge one of the values.

    Values that are often the same leave fewer parts, none of them empty.

    Parameters
    ----------
    values
        (n,) of which at least two differ.
    """
    ordered = np.sort(np.asarray(values, float))
    drawn = np.quantile(ordered, [1 / 3, 2 / 3], method="higher")
    edges = [float(edge) for edge in np.unique(drawn) if edge > ordered[0]]
    return edges or [float(ordered[ordered > ordered[0]][0])]


def octaves(values: Sequence[float] | Floats) -> list[float]:
    """Return the powers of two that lie between positive values; none where all share an octave.

    Parameters
    ----------
    values
        (n,) at least one, above 0.
    """
    low, high = np.floor(np.log2([np.min(values), np.max(values)])).astype(int)
    return [float(2.0**power) for power in range(low + 1, high + 1)]


def bin_names(edges: Sequence[float], unit: str = "") -> list[str]:
    """Return the names of the parts between rising edges: each part begins at its edge.

    unit: what follows a number, such as "°" or " px".
    """
    inner = [f"{low:g} to under {high:g}{unit}" for low, high in pairwise(edges)]
    return [f"under {edges[0]:g}{unit}", *inner, f"{edges[-1]:g}{unit} and over"]


def bin_of(values: Sequence[float] | Floats, edges: Sequence[float], unit: str = "") -> list[str]:
    """Return (n,) the name of the part that each value lies in. edges: rising, at least one."""
    names = bin_names(edges, unit)
    return [names[place] for place in np.searchsorted(edges, values, side="right")]


def level_order(level: str) -> tuple[float, bool, str]:
    """Return a sort key of a level: its first number, "under 13" before "13 and over".

    Levels without a number come last, by their letters.
    """
    found = _NUMBER.search(level)
    number = float(found[2].replace("−", "-")) if found else np.inf
    return number, not (found and found[1]), level
