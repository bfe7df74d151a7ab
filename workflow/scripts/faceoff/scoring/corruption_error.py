"""Condense accuracies under corruption to one number (protocol §53).

Conventions
-----------
errors
    1 − accuracy, of the severities of one corruption, in their order.
reference
    The same of the reference cell.
"""

import math
from collections.abc import Sequence
from itertools import pairwise


def corruption_error(errors: Sequence[float], reference: Sequence[float]) -> float | None:
    """Return CE = Σ_s E_s / Σ_s E_ref,s; None where the reference makes no error.

    Parameters
    ----------
    errors, reference
        (severities,) each.

    Raises
    ------
    ValueError
        If the lengths differ.

    References
    ----------
    Hendrycks & Dietterich (2019), Benchmarking neural network robustness to common corruptions and
    perturbations, ICLR.
    """
    if len(errors) != len(reference):
        raise ValueError(
            f"errors, reference: {len(errors)} and {len(reference)} severities given, expected as "
            "many"
        )
    total = sum(reference)
    return sum(errors) / total if total > 0 else None


def relative_corruption_error(losses: Sequence[float], reference: Sequence[float]) -> float | None:
    """Return Σ_s (E_s − E_clean) / Σ_s (E_ref,s − E_ref,clean).

    Parameters
    ----------
    losses, reference
        (severities,) errors less those of the same samples on the clean pictures.

    Returns
    -------
    None where the reference loses nothing, so that there is no loss to compare with.
    """
    if len(losses) != len(reference):
        raise ValueError(
            f"losses, reference: {len(losses)} and {len(reference)} severities given, expected as "
            "many"
        )
    lost = sum(reference)
    return sum(losses) / lost if lost > 0 else None


def mean_of(values: Sequence[float | None]) -> float | None:
    """Return the mean over corruptions; None where one of them is not known, or there is none."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def half_point(
    sides: Sequence[float], accuracies: Sequence[float], clean: float, chance: float
) -> tuple[float | None, str]:
    """Return the face side at which accuracy is midway between clean and chance.

    Parameters
    ----------
    sides
        (severities,) px, falling.
    accuracies
        (severities,) 0–1.
    clean, chance
        Accuracy on the clean pictures, and 1 / classes.

    Returns
    -------
    The side in px, linear in log₂ px between the two sizes that it lies between, and "". None with
    a reason where no two sizes enclose it: the first fall below the midpoint counts.

    Raises
    ------
    ValueError
        If the lengths differ or the sides do not fall.
    """
    if len(sides) != len(accuracies):
        raise ValueError(
            f"sides, accuracies: {len(sides)} and {len(accuracies)} given, expected as many"
        )
    if any(later >= earlier for earlier, later in pairwise(sides)):
        raise ValueError(f"sides: {list(sides)} given, expected falling ones")
    if clean <= chance:
        return None, "clean accuracy is not above chance"
    middle = (clean + chance) / 2
    for place, (side, accuracy) in enumerate(zip(sides, accuracies, strict=True)):
        if accuracy > middle:
            continue
        if place == 0:
            return None, f"above {side:g} px"
        before, above = sides[place - 1], accuracies[place - 1]
        share = (above - middle) / (above - accuracy)
        return 2 ** (math.log2(before) + share * (math.log2(side) - math.log2(before))), ""
    return None, "not reached"
