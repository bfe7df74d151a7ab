"""Divide samples into groups by what a run measures of their faces (`groups` of a configuration).

A group that nobody looked at is as good as its predictor. Where a level is right with probability p
and the other with q, a gap between them shrinks to (p + q − 1) times itself, if guessing wrong has
nothing to do with reading wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from faceoff.statistics.arrays import Floats
from faceoff.statistics.bins import bin_of, octaves, thirds

Edges = Callable[[Floats], list[float]]

# Chardon, Cretois & Hourseau (1991), Skin colour typology and suntanning pathways, International
# Journal of Cosmetic Science 13: very light > 55° > light > 41° > intermediate > 28° > tan > 10° >
# brown > −30° > dark. A value at an edge belongs below it.
TONE_EDGES = (-30.0, 10.0, 28.0, 41.0, 55.0)
TONES = (
    "dark, up to -30°",
    "brown, -30° to 10°",
    "tan, 10° to 28°",
    "intermediate, 28° to 41°",
    "light, 41° to 55°",
    "very light, over 55°",
)
_SEXES = ("female", "male")


@dataclass(frozen=True)
class Measure:
    """A number of a face or a sample that divides samples.

    about: what it is; of: what has it; columns: of a signal or the box, or the dataset's name for
    it; signals: the plug-ins that have these columns, the best first; number: the columns' arrays
    as one (n,); edges: what cuts the numbers, or how edges follow from them; unit: what follows a
    number.
    """

    about: str
    of: Literal["signal", "box", "dataset"]
    columns: tuple[str, ...]
    signals: tuple[str, ...]
    number: Callable[..., Floats]
    edges: tuple[float, ...] | Edges
    unit: str = ""


def _as_it_is(values: Floats) -> Floats:
    return values


def _share_male(male: Floats, female: Floats) -> Floats:
    return male / (male + female)


def _side(width: Floats, height: Floats) -> Floats:
    side: Floats = np.sqrt(width * height)
    return side


def _whole_thirds(values: Floats) -> list[float]:
    """Return edges near thirds that are whole numbers; the thirds themselves where those fail."""
    edges = thirds(values)
    whole = sorted({float(round(edge)) for edge in edges})
    inside = [edge for edge in whole if values.min() < edge <= values.max()]
    return inside if len(inside) == len(edges) else edges


_POSES = ("sixdrepnet", "landmarker", "iris", "mesh")
MEASURES: Mapping[str, Measure] = {
    "age": Measure("years", "signal", ("age",), ("age_sex",), _as_it_is, (13.0, 20.0, 60.0)),
    "sex": Measure(
        "the likelier one", "signal", ("sex_male", "sex_female"), ("age_sex",), _share_male, ()
    ),
    "yaw": Measure(
        "how far the head is turned, to either side",
        "signal",
        ("pose_yaw",),
        _POSES,
        np.abs,
        (30.0, 60.0),
        "°",
    ),
    "skin_tone": Measure(
        "individual typology angle of the cheeks",
        "signal",
        ("ita",),
        ("skin_tone",),
        _as_it_is,
        TONE_EDGES,
    ),
    "light": Measure(
        "lightness L* of the face, in thirds",
        "signal",
        ("lightness",),
        ("skin_tone",),
        _as_it_is,
        _whole_thirds,
    ),
    "face_size": Measure(
        "side of the box in pixels, by octave", "box", ("w", "h"), (), _side, octaves, " px"
    ),
    "intensity": Measure(
        "the dataset's own number, in thirds", "dataset", ("intensity",), (), _as_it_is, thirds
    ),
}


def levels(name: str, values: Floats, edges: Sequence[float] = ()) -> tuple[list[str | None], str]:
    """Return the level of each sample, None where it is unknown, and a line about the cut.

    Parameters
    ----------
    name
        Of a measure.
    values
        (n,) the measure's number of each sample, NaN where it is unknown.
    edges
        Rising ones in the place of the measure's own.
    """
    measure, known = MEASURES[name], np.isfinite(values)
    found: list[str | None] = [None] * len(values)
    own = values[known]
    if not len(own):
        return found, "known of no sample"
    note = ""
    if name == "sex":
        named = [_SEXES[int(share >= 0.5)] for share in own]
    elif name == "skin_tone" and not edges:
        named = [TONES[place] for place in np.searchsorted(TONE_EDGES, own, side="left")]
    else:
        cut, note = _edges(measure, own, edges)
        if not cut:
            return found, note
        named = bin_of(own, cut, measure.unit)
    for place, level in zip(np.flatnonzero(known), named, strict=True):
        found[place] = level
    return found, note


def _edges(measure: Measure, values: Floats, given: Sequence[float]) -> tuple[Sequence[float], str]:
    """Return what cuts a measure's numbers, and a line about it where the numbers decide."""
    if given:
        return given, ""
    if not callable(measure.edges):
        return measure.edges, ""
    cut = measure.edges(values) if np.ptp(values) > 0 else []
    if not cut:
        return [], "all samples are of one level"
    return cut, "cut at " + " and ".join(f"{edge:.4g}" for edge in cut)
