"""Valence and arousal: how well continuous ratings are followed."""

from faceoff.report.part import Part, View
from faceoff.results import words

ANCHOR, TITLE, NAV = "affect", "Valence and arousal", "Valence, arousal"


def view(part: Part) -> View | None:
    """Return a row per pipeline that reads valence or arousal, best CCC first."""
    rows: list[View] = [
        {"title": words.title_of(score), "dimension": name, **values}
        for score in part.dataset.leaderboard
        for name, values in sorted((score.get("affect") or {}).items(), reverse=True)
    ]
    rows.sort(
        key=lambda row: (
            row["dimension"] != "valence",
            -(row["ccc"] if words.is_number(row["ccc"]) else -2),
        )
    )
    return {"rows": rows} if rows else None
