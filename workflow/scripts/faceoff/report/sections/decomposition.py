"""Section: what decides whether a face is read right.

It says how much is the detector, the crop, the model, the picture, and what they make together.
"""

from collections.abc import Mapping
from typing import Any

from faceoff.report.part import LABEL, REASON, Part, View
from faceoff.results.dataset_results import shorten

ANCHOR, TITLE, NAV = "decomposition", "What decides whether a face is read right?", "What decides"


def view(part: Part) -> View | None:
    """Return shares of the variance on the logit scale, and whether each factor matters.

    None where nothing could be told apart.
    """
    comparison = part.dataset.compared
    found, q = comparison.get("decomposition"), comparison.get("cochran_q")
    if not (found and found["components"]) and not q:
        return None
    parts: Mapping[str, Any] = found or {}
    components = [
        {**row, "name": shorten(row["name"], 60), "width": round(100 * (row["share"] or 0), 1)}
        for row in parts.get("components") or ()
    ]
    effects = [
        {**row, "factor": shorten(row["factor"], LABEL), "reason": shorten(row["reason"], REASON)}
        for row in parts.get("effects") or ()
    ]
    left_out = [
        (shorten(name, 60), shorten(reason, REASON))
        for name, reason in sorted((parts.get("left_out") or {}).items())
    ]
    return {"components": components, "effects": effects, "left_out": left_out, "q": q}
