"""What a pipeline is worth that may say "not sure": risk against coverage, and what is rejected of samples that are no emotion at all."""

from faceoff.report import words
from faceoff.report.part import Part, View
from faceoff.report.results import name_of

ANCHOR, TITLE, NAV = "rejection", "What if it may say “not sure”?", "Not sure"
_CURVES = 6  # pipelines in the chart


def view(part: Part) -> View | None:
    """A row per pipeline with its accuracy at some coverages, and the curves of the leading ones; None where no score has them."""
    scores = [score for score in part.dataset.ranked if score.get("rejection")]
    if not scores:
        return None
    rows = [
        {
            "title": words.title_of(score),
            "id": part.ids[name_of(score)],
            "accuracy": score["metrics"]["accuracy"],
            "at": score["rejection"]["at"],
            "aurc": score["rejection"]["aurc"],
            "e_aurc": score["rejection"]["e_aurc"],
            "outliers": score["rejection"]["outliers"],
        }
        for score in scores
    ]
    curves = [
        {"title": words.title_of(score), "points": [[round(100 * x, 1), round(100 * y, 2)] for x, y in zip(curve["coverage"], curve["risk"], strict=True)]}
        for score in scores[:_CURVES]
        for curve in [score["rejection"]["curve"]]
        if curve["coverage"]
    ]
    return {
        "rows": rows,
        "curves": curves,
        "coverages": [step["coverage"] for step in scores[0]["rejection"]["at"]],
        "outliers": any(row["outliers"] for row in rows),
    }
