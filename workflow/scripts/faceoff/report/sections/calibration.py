"""Section: whether stated probabilities can be believed.

It shows calibration before and after temperature scaling, and what the Brier score is made of.
"""

from collections.abc import Mapping
from typing import Any

from faceoff.report.part import Part, View
from faceoff.results import words
from faceoff.results.dataset_results import Score, name_of, shorten

ANCHOR, TITLE, NAV = "calibration", "Can its probabilities be believed?", "Calibration"


def view(part: Part) -> View | None:
    """Return a row per pipeline with calibration, as ranked.

    None where no score has any (older results, or votes by majority alone).
    """
    scores = [
        (score, calibration)
        for score in part.dataset.ranked
        if (calibration := score.get("calibration"))
    ]
    rows = [
        {
            "title": words.title_of(score),
            "id": part.ids[name_of(score)],
            "temperature": calibration["temperature"],
            "before": calibration["before"],
            "after": calibration["after"],
        }
        for score, calibration in scores
    ]
    fitted_on = {calibration["fitted_on"] for _, calibration in scores}
    fitted = sorted({shorten(samples, 80) for samples in fitted_on if samples})
    return {"rows": rows, "fitted_on": ", ".join(fitted)} if rows else None


def reliability(score: Score) -> list[View]:
    """Return the bins of equal mass before and after scaling as points for a chart, in percent.

    It is empty without calibration.
    """
    found: Mapping[str, Any] = score.get("calibration") or {}
    points = []
    for stage in ("before", "after"):
        columns = ((found.get(stage) or {}).get("bins") or {}).get("mass") or {}
        for values in zip(
            *(
                columns.get(name, ())
                for name in ("confidence", "accuracy", "accuracy_low", "accuracy_high", "n")
            ),
            strict=True,
        ):
            confidence, accuracy, low, high = (
                None if value is None else round(100 * value, 1) for value in values[:4]
            )
            points.append(
                {
                    "stage": stage,
                    "confidence": confidence,
                    "accuracy": accuracy,
                    "low": low,
                    "high": high,
                    "n": values[4],
                }
            )
    return points
