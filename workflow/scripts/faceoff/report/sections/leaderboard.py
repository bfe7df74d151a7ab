"""Section: every pipeline's scores in one table.

The browser sorts, searches and filters it, and switches columns on and off.
"""

from collections.abc import Mapping
from typing import Any

from faceoff.report.part import NAME, REASON, Part, View, bar
from faceoff.results import dataset_results, words
from faceoff.results.dataset_results import DatasetResults, name_of, shorten
from faceoff.scoring.metric_list import shown_in
from faceoff.scoring.records import Score

ANCHOR, TITLE, NAV = "board", "Leaderboard", "Leaderboard"


_KINDS = {"cell": "pair", "fusion": "fusion", "temporal": "over time"}
_FILTERS = {"pair": "pairs", "fusion": "fusions", "over time": "over time"}
# Accuracy has a column of its own, with its interval.
COLUMNS = tuple(metric for metric in shown_in("report") if metric.key != "accuracy")


def view(part: Part) -> View | None:
    """Return a row per pipeline, and what the table can be filtered by.

    None for an unlabelled dataset, of which nothing is scored.
    """
    if part.unlabelled:
        return None
    dataset = part.dataset
    low, high = _axis(dataset)
    rows = _rows(dataset, part.ids, low, high)
    return {
        "columns": COLUMNS,
        "terms": _terms(rows),
        "train_status": words.TRAIN_STATUS,
        "rows": rows,
        "low": low,
        "high": high,
        "detectors": [shorten(name, NAME) for name in dataset.detectors],
        "models": [shorten(name, NAME) for name in dataset.models],
        "kinds": _kinds(dataset),
    }


def _kinds(dataset: DatasetResults) -> list[tuple[str, str]]:
    """Return (kind, title) of the kinds of pipelines, by which the table is filtered."""
    there = {_KINDS[score["kind"]] for score in dataset.scores}
    return [(kind, title) for kind, title in _FILTERS.items() if kind in there]


def _terms(rows: list[View]) -> list[tuple[str, str]]:
    """Return (word, meaning) of the tags that these rows have."""
    return [
        (word, meaning)
        for word, meaning, there in (
            (
                "best single",
                "the detector and model to use alone, chosen without looking at the samples that "
                "it is scored on",
                any(row["chosen"] for row in rows),
            ),
            (
                "tied with best",
                "these samples do not show that it is worse than the first",
                any(row["place"] and row["place"]["tied_with_best"] for row in rows),
            ),
            (
                "fusion",
                "several pairs of detector and model that vote",
                any(row["kind"] == "fusion" for row in rows),
            ),
            (
                "over time",
                "a rule reads the answers of this pipeline over time",
                any(row["kind"] == "over time" for row in rows),
            ),
            (
                "circular",
                "it follows the recipe by which the faces were drawn: its score there says nothing",
                any("circular" in row["flags"] for row in rows),
            ),
        )
        if there
    ]


def _axis(dataset: DatasetResults) -> tuple[float, float]:
    """Return the ends of the bars: all intervals, in whole tens of percent."""
    ends = [
        end
        for score in dataset.ranked
        for end in (
            dataset_results.metric(score, "accuracy"),
            *dataset_results.interval(score, "accuracy"),
        )
    ]
    return dataset_results.tens([end for end in ends if words.is_number(end)])


def _rows(dataset: DatasetResults, ids: Mapping[str, str], start: float, end: float) -> list[View]:
    rows, rank = [], 0
    places = {row["name"]: row for row in dataset.compared.get("ranking") or ()}
    for score in dataset.leaderboard:
        good = dataset_results.scored(score)
        ranked = good and dataset_results.ranked(score)
        rank += ranked
        low, high = dataset_results.interval(score, "accuracy")
        metrics: Mapping[str, Any] = score.get("metrics") or {}
        rows.append(
            {
                "rank": rank if ranked else None,
                "place": places.get(name_of(score)),
                "id": ids.get(name_of(score)),
                "kind": _KINDS[score["kind"]],
                **_parts(score),
                **_columns(score),
                "members": ", ".join(
                    words.label_short(member) for member in score.get("members") or ()
                ),
                "chosen": name_of(score) == dataset.chosen_single,
                "state": "ok" if good else score["state"] if score["state"] != "ok" else "empty",
                "reason": shorten(
                    score.get("reason") or ("no sample to score" if not good else ""), REASON
                ),
                "metrics": {
                    name: metrics.get(name)
                    for name in ("accuracy", *(column.key for column in COLUMNS))
                },
                "low": low,
                "high": high,
                "bar": bar(metrics.get("accuracy"), (low, high), start, end),
                "train_status": shorten(score.get("train_status") or "unknown", 40),
                "flags": [shorten(flag, 120) for flag in score.get("flags") or ()]
                + words.kinship(score),
                "lacks": words.lacks(score.get("lacks") or (), metrics.get("ceiling")),
            }
        )
    return rows


def _columns(score: Score) -> View:
    """Return what stands under detector and model, and the rule."""
    detector, model = dataset_results.columns_of(score)
    rule = ""
    if score["kind"] == "fusion":
        detector, rule = words.pairs(score), words.rule(score.get("rule", ""))
    elif score["kind"] == "temporal":
        name, of = score["temporal"].partition(".")[0], score["of"].partition("/")
        detector, model = of[0], f"{of[2]}, {name}"
        rule = words.temporal_rule(score.get("rule", ""))
    return {"detector": shorten(detector, NAME), "model": shorten(model, NAME), "rule": rule}


def _parts(score: Score) -> View:
    """Return the detectors and models in a pipeline, by which the table is filtered."""
    cells = dataset_results.cells_of(score)
    return {
        "detectors": sorted({shorten(detector, NAME) for detector, _ in cells}),
        "models": sorted({shorten(model, NAME) for _, model in cells}),
    }
