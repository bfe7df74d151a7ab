"""Recall and F1 by emotion of the pipelines that matter most."""

from faceoff.report.part import Part, View
from faceoff.results import words

ANCHOR, TITLE, NAV = "classes", "By emotion", "By emotion"
_COLUMNS = 6  # pipelines side by side


def view(part: Part) -> View | None:
    """Return recall and F1 of each emotion for the leading pipelines; None without scores."""
    chosen = part.dataset.shown(singles=3)[:_COLUMNS]
    if not chosen:
        return None
    rows = []
    for place, emotion in enumerate(part.dataset.space):
        lines = [score["per_class"][place] for score in chosen]
        cells = [
            {
                "recall": line["recall"],
                "f1": line["f1"],
                "width": round(100 * line["recall"], 1) if words.is_number(line["recall"]) else 0,
            }
            for line in lines
        ]
        rows.append({"emotion": part.emotion(emotion), "n": lines[0]["n"], "cells": cells})
    columns = [
        {"title": words.title_of(score), "fusion": score["kind"] == "fusion"} for score in chosen
    ]
    return {"columns": columns, "rows": rows, "files": part.links("per_class")}
