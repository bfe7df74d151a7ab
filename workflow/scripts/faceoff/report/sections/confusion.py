"""Section: a panel for every pipeline, unfolded by the heat map and the leaderboard.

It holds the confusion matrix, scores by emotion, calibration, coverage and faces.
"""

from collections.abc import Mapping
from typing import Any

from faceoff.report.part import Part, View, by_interest, shade
from faceoff.report.sections.calibration import reliability
from faceoff.results import dataset_results, words
from faceoff.results.dataset_results import Score, name_of, shorten
from faceoff.storage import columns

ANCHOR, TITLE, NAV = "confusion", "Every pipeline in detail", "In detail"


def view(part: Part) -> View | None:
    """Return a panel per scored pipeline, the one of most interest open; None without any."""
    if not part.dataset.ranked:
        return None
    return {
        "pipelines": [
            _pipeline(score, part, opened=place == 0)
            for place, score in enumerate(by_interest(part.dataset))
        ],
        "faces": bool(part.pictures),
        "speed": part.speed,
        "files": part.links("confusion"),
    }


def _pipeline(score: Score, part: Part, opened: bool) -> View:
    low, high = dataset_results.interval(score, "accuracy")
    matrix: list[View] = []
    space = dataset_results.task_of(score)["space"]
    for truth, counts in zip(space, score["confusion"], strict=True):
        total = sum(counts)
        cells = [
            {
                "count": count,
                "shade": shade(count / total) if total else 0,
                "right": column == len(matrix),
            }
            for column, count in enumerate(counts)
        ]
        matrix.append({"truth": part.emotion(truth), "n": total, "cells": cells})
    return {
        "id": part.ids[name_of(score)],
        "title": words.title_of(score),
        "open": opened,
        "accuracy": dataset_results.metric(score, "accuracy"),
        "low": low,
        "high": high,
        "space": [part.emotion(emotion) for emotion in space],
        "matrix": matrix,
        "per_class": [
            {**row, "emotion": part.emotion(row["emotion"])} for row in score["per_class"]
        ],
        "metrics": score["metrics"],
        "members": ", ".join(words.label_short(member) for member in score.get("members") or ()),
        "train_status": shorten(score.get("train_status") or "unknown", 40),
        "design_effect": score.get("design_effect"),
        "states": _states(score["counts"]),
        "reliability": reliability(score),
    }


def _states(counts: Mapping[str, Any]) -> list[View]:
    """Return how many samples ended in which state, and their shares in percent."""
    total = sum(counts.values())
    return [
        {
            "state": state,
            "count": counts[state],
            "width": round(100 * counts[state] / total, 2) if total else 0,
        }
        for state in columns.STATES
        if state in counts
    ]
