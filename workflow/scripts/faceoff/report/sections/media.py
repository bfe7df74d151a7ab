"""Stills against video: which tools win on which medium, and does the medium change the order?"""

from collections.abc import Sequence
from dataclasses import asdict

from faceoff.report.part import NAME, View
from faceoff.results import words
from faceoff.results.dataset_results import DatasetResults, shorten
from faceoff.results.stills_and_video import interactions, media, on_media

ANCHOR, TITLE = "media", "Stills against video"
_ROWS = 12


def view(found: Sequence[DatasetResults]) -> View | None:
    """Return each pair on each medium, and the largest changes; None without both media."""
    scores = [score for dataset in found for score in dataset.scores]
    comparisons = [dataset.comparison for dataset in found if dataset.comparison]
    placed = on_media(scores, comparisons)
    if len({row.pipeline for row in placed}) < 2:
        return None
    stills, video = media(scores)
    value = {(row.pipeline, row.dataset): row for row in placed}
    changes = interactions(scores, comparisons)
    return {
        "columns": [(shorten(name, NAME), "stills") for name in stills]
        + [(shorten(name, NAME), "video") for name in video],
        "rows": [
            {
                "title": words.label_short(name),
                "cells": [value.get((name, dataset)) for dataset in (*stills, *video)],
            }
            for name in dict.fromkeys(row.pipeline for row in placed)
        ],
        "changes": [
            {
                **asdict(row),
                "a": words.label_short(row.a),
                "b": words.label_short(row.b),
                "stills": shorten(row.stills, NAME),
                "video": shorten(row.video, NAME),
                "shown": row.shown,
            }
            for row in changes[:_ROWS]
        ],
        "tested": len(changes),
        "shown": sum(row.shown for row in changes),
    }
