"""Section: accuracy of every detector with every model, as a table of coloured cells.

Each cell leads to its pipeline's panel.
"""

from faceoff.report.part import NAME, REASON, Part, View, shade
from faceoff.results import dataset_results, words
from faceoff.results.dataset_results import Score, shorten

ANCHOR, TITLE, NAV = "heat", "Every detector × model pair", "Detector × model"


def view(part: Part) -> View | None:
    """Return a row of cells per detector, and why cells have no score.

    None for an unlabelled dataset, of which nothing is scored.
    """
    if part.unlabelled:
        return None
    dataset = part.dataset
    low, high = dataset_results.colour_scale(dataset.cells)
    rows = []
    for detector in dataset.detectors:
        cells = []
        for model in dataset.models:
            score = dataset.find(f"{detector}/{model}")
            cells.append(
                {
                    **_cell(score, low, high),
                    "id": part.ids.get(f"{detector}/{model}"),
                    "reason": shorten((score and score["reason"]) or "not scored", REASON),
                }
            )
        rows.append({"detector": shorten(detector, NAME), "cells": cells})
    reasons = [
        {
            "name": words.title_of(score),
            "state": score["state"],
            "reason": shorten(score["reason"] or "", REASON),
        }
        for score in dataset.leaderboard
        if score["state"] in {"skipped", "error"}
    ]
    return {
        "models": [shorten(model, NAME) for model in dataset.models],
        "rows": rows,
        "low": low,
        "high": high,
        "reasons": reasons,
        "files": part.links("heatmap"),
    }


def _cell(score: Score | None, low: float, high: float) -> View:
    """Return a cell's state, accuracy, half of its interval, and shade between `low` and `high`."""
    if score is None or not dataset_results.scored(score):
        # A face's detector and a voice's model make no pair.
        state = "absent" if score is None else "error" if score["state"] == "error" else "skipped"
        return {"state": state, "value": None, "half": None, "shade": 0}
    value = dataset_results.accuracy_of(score)
    left, right = dataset_results.interval(score, "accuracy")
    return {
        "state": "ok",
        "value": value,
        "half": (right - left) / 2 if words.is_number(left) and words.is_number(right) else None,
        "shade": shade((value - low) / (high - low)),
    }
