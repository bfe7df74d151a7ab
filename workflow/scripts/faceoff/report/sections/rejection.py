"""Section: what a pipeline is worth that may say "not sure".

It shows risk against coverage, and what is rejected of samples that are no emotion at all.
"""

from faceoff.report.part import Part, View
from faceoff.results import words
from faceoff.results.dataset_results import label, name_of, shorten_all

ANCHOR, TITLE, NAV = "rejection", "What if it may say “not sure”?", "Not sure"
_CURVES = 6  # pipelines in the chart


def view(part: Part) -> View | None:
    """Return a row per pipeline with its accuracy at some coverages, and the leading curves.

    None where no score has them.
    """
    scores = [score for score in part.dataset.ranked if score.get("rejection")]
    if not scores:
        return None
    rows = [
        {
            "title": words.title_of(score),
            "id": part.ids[name_of(score)],
            "accuracy": score["metrics"]["accuracy"],
            "at": [
                {**step, "reached": words.further(step, score["rejection"]["n"])}
                for step in score["rejection"]["at"]
            ],
            "aurc": score["rejection"]["aurc"],
            "e_aurc": score["rejection"]["e_aurc"],
            "outliers": score["rejection"]["outliers"],
        }
        for score in scores
    ]
    drawn = [score for score in scores[:_CURVES] if score["rejection"]["curve"]["coverage"]]
    titles = shorten_all(
        [label(name_of(score)) for score in drawn], 70
    )  # the chart tells its lines apart by them
    curves = [
        {
            "title": title,
            "points": [
                [round(100 * x, 1), round(100 * y, 2)]
                for x, y in zip(curve["coverage"], curve["risk"], strict=True)
            ],
        }
        for title, curve in zip(
            titles, (score["rejection"]["curve"] for score in drawn), strict=True
        )
    ]
    return {
        "rows": rows,
        "curves": curves,
        "coverages": [step["coverage"] for step in scores[0]["rejection"]["at"]],
        "outliers": any(row["outliers"] for row in rows),
    }
