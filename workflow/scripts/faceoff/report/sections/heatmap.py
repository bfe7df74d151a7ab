"""Accuracy of every detector with every model as a table of coloured cells; each leads to its pipeline's panel."""

from faceoff.report.part import NAME, REASON, Part, View, shade
from faceoff.results import dataset_results, words
from faceoff.results.dataset_results import shorten

ANCHOR, TITLE, NAV = "heat", "Every detector × model pair", "Detector × model"


def view(part: Part) -> View:
    dataset = part.dataset
    low, high = dataset_results.colour_scale(dataset.cells)
    rows = []
    for detector in dataset.detectors:
        cells = []
        for model in dataset.models:
            score = dataset.find(f"{detector}/{model}")
            good = score is not None and dataset_results.scored(score)
            value = dataset_results.metric(score, "accuracy") if good else None
            bounds = dataset_results.interval(score, "accuracy") if good else (None, None)
            half = (
                (bounds[1] - bounds[0]) / 2
                if words.is_number(bounds[0]) and words.is_number(bounds[1])
                else None
            )
            cells.append(
                {
                    "state": "ok"
                    if good
                    else "error"
                    if score is not None and score["state"] == "error"
                    else "skipped",
                    "value": value,
                    "half": half,
                    "shade": shade((value - low) / (high - low)) if good else 0,
                    "id": part.ids.get(f"{detector}/{model}"),
                    "reason": shorten((score or {}).get("reason") or "not scored", REASON),
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
    return {"models": [shorten(model, NAME) for model in dataset.models], "rows": rows, "low": low, "high": high, "reasons": reasons,
            "files": part.links("heatmap")}  # fmt: skip
