"""Score the maps of a cell: are they truer than maps that know nothing of the model?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from faceoff.saliency.faithfulness import SCORES
from faceoff.saliency.maps import CONTROLS
from faceoff.statistics.arrays import Floats, Labels
from faceoff.statistics.intervals import cluster_interval
from faceoff.storage.columns import area_column

Row = Mapping[str, Any]
_OUTCOMES = {"right": True, "wrong": False}


def saliency_scores(rows: Sequence[Row], people: Labels) -> dict[str, Any]:
    """Return the mean areas with their intervals, and the paired differences to the controls.

    Parameters
    ----------
    rows
        n explained faces, as in the table of maps; one at least.
    people
        (n,) whose each face is: intervals are over people.

    Returns
    -------
    n, groups (number of people); areas: map or control -> deletion, insertion -> mean, low, high;
    gain: control -> deletion, insertion -> by how much the map is better, positive for both;
    outcomes: right, wrong -> n and the map's areas; sanity: the rank correlation with the maps of
    shuffled weights, None without any.
    """

    def column(name: str, kind: str) -> Floats:
        return np.array([row[area_column(name, kind)] for row in rows], np.float64)

    areas = {
        name: {kind: _mean(column(name, kind), people, (0.0, 1.0)) for kind in SCORES}
        for name in ("map", *CONTROLS)
    }
    gain = {
        name: {
            "deletion": _mean(column(name, "deletion") - column("map", "deletion"), people),
            "insertion": _mean(column("map", "insertion") - column(name, "insertion"), people),
        }
        for name in CONTROLS
    }
    correct = np.array([row["correct"] for row in rows], object)
    outcomes = {
        word: {"n": int((correct == outcome).sum())}
        | {
            kind: _mean(column("map", kind)[correct == outcome], people[correct == outcome])
            for kind in SCORES
        }
        for word, outcome in _OUTCOMES.items()
        if (correct == outcome).any()
    }
    told = np.array([row["sanity"] is not None for row in rows])
    known = np.array([row["sanity"] for row in rows if row["sanity"] is not None], np.float64)
    return {
        "n": len(rows),
        "groups": len(np.unique(people)),
        "areas": areas,
        "gain": gain,
        "outcomes": outcomes,
        "sanity": {"n": len(known), **_mean(known, people[told])} if len(known) else None,
    }


def _mean(
    values: Floats, people: Labels, bounds: tuple[float, float] = (-1.0, 1.0)
) -> dict[str, float]:
    found = cluster_interval(values, people, bounds=bounds)
    return {"mean": found.estimate, "low": found.low, "high": found.high}
