"""Section: published against measured accuracy (protocol §28).

A number is green, amber or red where a card's number is about these very samples, else not
comparable.
"""

from collections.abc import Mapping
from typing import Any

from faceoff.report.part import NAME, REASON, Part, View
from faceoff.results import dataset_results, words
from faceoff.results.dataset_results import shorten, task_of
from faceoff.scoring.records import Score

ANCHOR, TITLE, NAV = "published", "Published and measured", "Published"
AMBER = 0.002  # share of the samples by which the counts may differ


def view(part: Part) -> View | None:
    """Return a row per published number of a model of this run.

    Where it is about this task there is a row per pair. None where no card states any.
    """
    rows = []
    for name, card in sorted(part.models.items()):
        cells = [
            score
            for score in part.dataset.ranked
            if score["kind"] == "cell" and score["model"] == name
        ]
        for stated in card.get("published") or ():
            matching = [score for score in cells if comparable(stated, task_of(score))]
            for score in matching or cells[:1]:
                rows.append(_row(name, stated, score, bool(matching)))
    return {"rows": rows} if rows else None


def comparable(stated: Mapping[str, Any], task: Mapping[str, Any]) -> bool:
    """Return whether a published number is about these samples under this rule.

    It names the dataset's type and version, and its n is the same.
    """
    same = all(stated.get(key) == task[key] for key in ("type", "version", "n"))
    return same and not task["limited"] and "correct" in stated


def colour(published: int, measured: int, n: int) -> str:
    """Return 'green' for equal counts, 'amber' up to 0.2 % of n apart, else 'red'."""
    return (
        "green"
        if published == measured
        else "amber"
        if abs(published - measured) <= AMBER * n
        else "red"
    )


def _row(model: str, stated: Mapping[str, Any], score: Score, same: bool) -> View:
    measured, n = score["metrics"]["n_correct"], task_of(score)["n"]
    return {
        "model": shorten(model, NAME),
        "detector": shorten(score["detector"], NAME),
        "task": shorten(stated.get("task", ""), NAME),
        "note": shorten(stated.get("note", ""), REASON),
        "published": stated.get("accuracy"),
        "published_n": stated.get("n"),
        "measured": dataset_results.metric(score, "accuracy"),
        "difference": measured - stated["correct"] if same else None,
        "colour": colour(stated["correct"], measured, n) if same else "",
        "words": words.agreement(measured - stated["correct"], n)
        if same
        else "not comparable: other or unstated samples or rule",
    }
