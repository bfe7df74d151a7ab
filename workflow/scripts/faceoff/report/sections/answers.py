"""Section: what every pipeline answered, whether or not anyone knows the truth.

It is the page of an unlabelled dataset.
"""

from faceoff.report.part import LABEL, REASON, Part, View, shade
from faceoff.results import words
from faceoff.results.dataset_results import name_of, shorten, shorten_all

ANCHOR, TITLE, NAV = "answers", "What was answered", "Answers"


def view(part: Part) -> View | None:
    """Return the shares of the answers per pipeline, for a table coloured by share.

    None for a labelled dataset, where the leaderboard says more.
    """
    found = part.answers or {}
    rows = found.get("pipelines") or []
    if found.get("labelled", True) or not rows:
        return None
    classes = list(dict.fromkeys(emotion for row in rows for emotion in row["counts"]))
    shown = []
    for row in rows:
        answered = sum(row["counts"].values())
        shares = [
            row["counts"].get(emotion, 0) / answered if answered else None for emotion in classes
        ]
        cells = [
            {"share": share, "shade": shade(share) if share is not None else 0} for share in shares
        ]
        shown.append(
            {
                "title": words.label_short(row["name"]),
                "n": answered,
                "silent": found["n"] - answered,
                "cells": cells,
                "confidence": row["confidence"],
            }
        )
    pairs = [
        {**pair, "a": words.label_short(pair["a"]), "b": words.label_short(pair["b"])}
        for pair in sorted(
            found.get("agreement") or (),
            key=lambda pair: (-(pair["same"] or 0.0), pair["a"], pair["b"]),
        )
    ]
    answered = {row["name"] for row in rows}
    silent = [
        {
            "name": words.title_of(score),
            "state": score["state"],
            "reason": shorten(score["reason"] or "", REASON),
        }
        for score in part.dataset.leaderboard
        if score["state"] == "error" or name_of(score) not in answered
    ]
    return {
        "classes": shorten_all(classes, LABEL),
        "rows": shown,
        "n": found["n"],
        "pairs": pairs,
        "silent": silent,
    }
