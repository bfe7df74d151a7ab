"""Hold the label rules of a dataset that has several.

A universe is one way of making the labels (Steegen et al. 2016).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Universe:
    """One way of making the labels of a dataset.

    factors: choice -> option, with the same keys in all universes of a dataset.

    rows: (sample id, labels that count as right). An id may have several rows, because several rows
    of a table may name one picture.
    """

    factors: Mapping[str, str]
    rows: tuple[tuple[str, frozenset[str]], ...]

    @property
    def name(self) -> str:
        """Return the chosen options, joined by commas."""
        return ", ".join(self.factors.values())


def in_space(universe: Universe, space: Sequence[str]) -> list[tuple[str, frozenset[str]]]:
    """Return the rows that have a label in the space (protocol §12), in their order."""
    return [(sample, labels) for sample, labels in universe.rows if not labels.isdisjoint(space)]
