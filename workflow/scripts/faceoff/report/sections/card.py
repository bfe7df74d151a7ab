"""Show what is known of the dataset: its terms, its origin, how its labels are spread."""

from collections.abc import Mapping
from typing import Any

from faceoff.report.part import Part, View
from faceoff.results.dataset_results import shorten

ANCHOR, TITLE, NAV = "card", "The data set", "Data set"


def view(part: Part) -> View:
    """Return what is known of the dataset, and how many samples each emotion has."""
    dataset, card = part.dataset, part.dataset.card
    task: Mapping[str, Any] = dataset.task or {}
    counts = [
        (part.emotion(row["emotion"]), row["n"])
        for score in dataset.ranked[:1]
        for row in score["per_class"]
    ]
    most = max((n for _, n in counts), default=0)
    return {
        "type": shorten(card.get("type") or task.get("type") or "–", 40),
        "title": shorten(card.get("title") or dataset.name, 200),
        "terms": shorten(card.get("terms") or "not stated", 300),
        "source": shorten(card.get("how_to_get") or "–", 300),
        "drawn": bool(card.get("drawn")),
        "version": shorten(task.get("version", "–"), 120),
        "n": task.get("n"),
        "hash": str(task.get("hash") or "–"),
        "labels": [
            {"emotion": emotion, "n": n, "width": round(100 * n / most, 1) if most else 0}
            for emotion, n in counts
        ],
    }
