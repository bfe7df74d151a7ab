"""Compare tools between media: does one win on stills and another on video (protocol §48)?

Accuracies of different datasets are never compared. What is compared is a difference between two
pipelines on the one and on the other.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from scipy.special import ndtr, ndtri

from faceoff.results.dataset_results import accuracy_of, name_of, scored
from faceoff.scoring.records import Comparison, PairedComparison, Score
from faceoff.statistics.paired_tests import holm

_LEVEL = 0.95


@dataclass(frozen=True)
class OnMedium:
    """A pipeline on a dataset. tied: whether it is tied with the best; None: cannot be said."""

    pipeline: str
    dataset: str
    accuracy: float
    tied: bool | None


@dataclass(frozen=True)
class Interaction:
    """The difference A − B on video minus that on stills."""

    stills: str
    video: str
    a: str
    b: str
    on_stills: float
    on_video: float
    difference: float
    low: float
    high: float
    p: float
    p_adjusted: float

    @property
    def shown(self) -> bool:
        """Return whether the medium is shown to change the difference."""
        return self.p_adjusted < 1 - _LEVEL


def media(scores: Sequence[Score]) -> tuple[list[str], list[str]]:
    """Return the scored datasets of stills, and those of clips, sorted."""
    kinds = {score["dataset"]: bool(score.get("clips")) for score in scores if scored(score)}
    stills = sorted(name for name, moving in kinds.items() if not moving)
    return stills, sorted(name for name, moving in kinds.items() if moving)


def on_media(scores: Sequence[Score], comparisons: Sequence[Comparison]) -> list[OnMedium]:
    """Return every cell that is scored on stills and on video, on each of these datasets."""
    stills, video = media(scores)
    if not stills or not video:
        return []
    tied: dict[tuple[str, str], bool | None] = {
        (found["dataset"], place["name"]): place["tied_with_best"]
        for found in comparisons
        for place in found["ranking"]
    }
    cells = [score for score in scores if score["kind"] == "cell" and scored(score)]
    sets = [{name_of(cell) for cell in cells if cell["dataset"] in of} for of in (stills, video)]
    both = set.intersection(*sets)
    return [
        OnMedium(
            name_of(cell),
            cell["dataset"],
            accuracy_of(cell),
            tied.get((cell["dataset"], name_of(cell))),
        )
        for cell in sorted(cells, key=lambda cell: (name_of(cell), cell["dataset"]))
        if name_of(cell) in both
    ]


def interactions(scores: Sequence[Score], comparisons: Sequence[Comparison]) -> list[Interaction]:
    """Return every two cells on every two datasets of different media, one Holm family.

    SE = √(SE² + SE²) of the two paired differences, whose standard errors follow from their 95 %
    intervals; p by the normal distribution. It takes the datasets for independent, so data sets
    that show the same people are told apart less surely than it says. The largest change comes
    first.
    """
    stills, video = media(scores)
    pairs = {found["dataset"]: _pairs(found) for found in comparisons}
    raw = list(_raw(stills, video, pairs))
    adjusted = holm([p for *_, p in raw])
    found = [
        Interaction(*row, p_adjusted=float(value)) for row, value in zip(raw, adjusted, strict=True)
    ]
    return sorted(
        found, key=lambda row: (-abs(row.difference), row.stills, row.video, row.a, row.b)
    )


def _pairs(found: Comparison) -> dict[tuple[str, str], PairedComparison]:
    """Return the differences of every two cells, in either order of their names."""
    rows = [row for row in found["comparisons"] if row["family"] == "all pairs"]
    return {(row["a"], row["b"]): row for row in rows}


def _raw(
    stills: Sequence[str],
    video: Sequence[str],
    pairs: Mapping[str, Mapping[tuple[str, str], PairedComparison]],
) -> Iterator[tuple[str, str, str, str, float, float, float, float, float, float]]:
    z = float(ndtri((1 + _LEVEL) / 2))
    for still, moving in product(stills, video):
        for (a, b), on_stills in pairs.get(still, {}).items():
            on_video = pairs.get(moving, {}).get((a, b))
            if on_video is None:
                continue
            error = math.hypot(_error(on_stills, z), _error(on_video, z))
            if not error > 0:  # NaN too: without an interval there is no test
                continue
            change = on_video["difference"] - on_stills["difference"]
            p = float(2 * ndtr(-abs(change) / error))
            yield (
                still, moving, a, b, on_stills["difference"], on_video["difference"], change,
                change - z * error, change + z * error, p,
            )  # fmt: skip


def _error(row: PairedComparison, z: float) -> float:
    """Return the standard error of a difference, NaN where it has no interval."""
    if row["low"] is None or row["high"] is None:
        return float("nan")
    return (row["high"] - row["low"]) / (2 * z)
