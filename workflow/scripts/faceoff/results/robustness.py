"""Condense what a dataset's cells lose on worse pictures, for tables, figures and the page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from faceoff.scoring.corruption_error import corruption_error, mean_of, relative_corruption_error
from faceoff.scoring.robustness_records import Curve, LevelScores, Mode, Robustness, Variant

MODES: tuple[Mode, ...] = ("clean_crop", "detect_again")
IN_WORDS = {"clean_crop": "clean crop", "detect_again": "end to end"}


@dataclass(frozen=True)
class Shown:
    """Hold a variant of a corruption, with the file that it is from."""

    of: Robustness
    variant: Variant

    @property
    def name(self) -> str:
        """Return its name in the results."""
        return self.variant["name"]

    @property
    def title(self) -> str:
        """Return its title with its choice of options: 'resolution (cubic)'."""
        return title_of(self.of, self.variant)

    @cached_property
    def curves(self) -> dict[str, dict[Mode, Curve]]:
        """Return the sound curves of every cell, by mode."""
        found: dict[str, dict[Mode, Curve]] = {}
        for curve in self.variant["curves"]:
            if curve["state"] == "ok" and curve["clean"]:
                found.setdefault(curve["cell"], {})[curve["mode"]] = curve
        return found

    def end_to_end(self, cell: str) -> Curve | None:
        """Return a cell's curve with the faces found again.

        Of a cell whose detector does not look at pictures, or of a corruption that only moves
        boxes, it is that with the clean crop.
        """
        modes = self.curves.get(cell, {})
        return modes.get("detect_again") or modes.get("clean_crop")


def title_of(found: Robustness, variant: Variant) -> str:
    """Return a variant's name as people read it: 'resolution (cubic)'."""
    choice = variant["name"].removeprefix(found["corruption"]).lstrip(".")
    return f"{found['corruption']} ({choice.replace('.', ', ')})" if choice else variant["name"]


def shown(found: Sequence[Robustness]) -> list[Shown]:
    """Return every variant of a dataset's files, in their order."""
    return [Shown(file, variant) for file in found for variant in file["variants"]]


def cells_of(variants: Sequence[Shown]) -> list[str]:
    """Return the cells of all variants, the most accurate on clean pictures first."""
    clean: dict[str, float] = {}
    for each in variants:
        for cell, modes in each.curves.items():
            for curve in modes.values():
                if curve["clean"] and curve["clean"]["accuracy"] is not None:
                    clean.setdefault(cell, curve["clean"]["accuracy"])
    return sorted(clean, key=lambda cell: (-clean[cell], cell))


@dataclass(frozen=True)
class CellErrors:
    """Say how a cell stands on worse pictures, end to end.

    clean: accuracy on clean pictures; ce, relative: variant -> corruption error against the
    reference cell, None where it is not defined; mce, mean_relative: their means over the
    corruptions in `over`, the variants of one counting as one; half_points: variant -> px, with the
    reason where there is none.
    """

    cell: str
    reference: str
    clean: float
    ce: Mapping[str, float | None]
    relative: Mapping[str, float | None]
    mce: float | None
    mean_relative: float | None
    over: Sequence[str]
    half_points: Mapping[str, tuple[float | None, str]]


def errors_of(found: Sequence[Robustness]) -> list[CellErrors]:
    """Return the errors of every cell of a dataset, the smallest mCE first (protocol §53).

    The reference is the cell that is most accurate on the clean pictures. Means are over the
    corruptions that every cell was asked to read, so that they compare.
    """
    variants = shown(found)
    cells = cells_of(variants)
    asked = [
        {curve["cell"] for variant in file["variants"] for curve in variant["curves"]}
        for file in found
    ]
    common = [file for file, named in zip(found, asked, strict=True) if named >= set(cells)]
    made = [_errors(cell, cells[0], common, variants) for cell in cells]
    return sorted(made, key=lambda row: (row.mce is None, row.mce or 0.0, row.cell))


def _errors(
    cell: str, reference: str, common: Sequence[Robustness], variants: Sequence[Shown]
) -> CellErrors:
    """Return the errors of a cell. common: the corruptions over which means are taken."""
    ce: dict[str, float | None] = {}
    relative: dict[str, float | None] = {}
    half: dict[str, tuple[float | None, str]] = {}
    clean = 0.0
    for each in variants:
        own, other = each.end_to_end(cell), each.end_to_end(reference)
        ce[each.name], relative[each.name] = _ratios(own, other)
        if own is not None:
            clean = _accuracy(own)
            if each.of["pixels"]:
                half[each.name] = own["half_point"], own["half_point_reason"]
    sections = [[variant["name"] for variant in file["variants"]] for file in common]
    mce, mean_relative = (
        mean_of([mean_of([by_variant[name] for name in names]) for names in sections])
        for by_variant in (ce, relative)
    )
    over = [file["corruption"] for file in common]
    return CellErrors(cell, reference, clean, ce, relative, mce, mean_relative, over, half)


def _accuracy(curve: Curve) -> float:
    accuracy = curve["clean"]["accuracy"] if curve["clean"] else None
    return 0.0 if accuracy is None else accuracy


def _ratios(own: Curve | None, other: Curve | None) -> tuple[float | None, float | None]:
    """Return CE and relative CE over the severities at which both have a score.

    What is lost is lost of the same samples: sizes above a face's own leave samples out.
    """
    if own is None or other is None:
        return None, None
    both = [
        (a, b)
        for a, b in zip(own["levels"], other["levels"], strict=True)
        if a["accuracy"] is not None and b["accuracy"] is not None
    ]
    if not both:
        return None, None
    errors, losses = (
        [[of(level) for level in side] for side in zip(*both, strict=True)]
        for of in (_error, _lost)
    )
    return corruption_error(*errors), relative_corruption_error(*losses)


def _error(level: LevelScores) -> float:
    return 1 - (level["accuracy"] or 0.0)


def _lost(level: LevelScores) -> float:
    """Return the accuracy on the clean pictures less that at a severity, on the same samples."""
    return -level["against_clean"]["difference"] if level["against_clean"] else 0.0


def strongest(curve: Curve) -> LevelScores | None:
    """Return the strongest severity at which a curve has a score, None without any."""
    known = [level for level in curve["levels"] if level["accuracy"] is not None]
    return known[-1] if known else None


def value_at(found: Robustness, severity: int | None) -> str:
    """Return the parameter of a severity in words, '–' for none."""
    return "–" if severity is None else found["levels"][severity - 1]["value"]


def lines(variant: Shown) -> Iterator[tuple[str, Mode, Curve]]:
    """Yield cell, mode and curve of every sound curve of a variant."""
    for cell, modes in variant.curves.items():
        for mode in MODES:
            if mode in modes:
                yield cell, mode, modes[mode]


def drawn_and_best(variants: Sequence[Shown], most: int) -> tuple[list[Shown], list[str]]:
    """Return the variants that have curves, and at most so many cells to show, the best first."""
    drawn = [each for each in variants if each.curves]
    return drawn, cells_of(drawn)[:most]
