"""Over time: what rules over time change, and what a whole clip tells that a frame does not."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from faceoff.report.part import NAME, REASON, Part, View
from faceoff.results import words
from faceoff.results.dataset_results import shorten
from faceoff.results.over_time import families, rule_name
from faceoff.scoring.time_records import OverTime, OverTimePipeline, Policy

ANCHOR, TITLE, NAV = "over-time", "Over time", "Over time"


def view(part: Part) -> View | None:
    """Return the scores of frames, the decisions for clips, and the frame rates; None without."""
    found: OverTime | None = part.over_time  # type: ignore[assignment]
    if not found or not found["pipelines"]:
        return None
    tests = {test["a"]: test for test in found["tests"]}
    rows = [
        _row(pipe, tests.get(pipe["name"]), bare=pipe["of"] is None)
        for family in families(found)
        for pipe in (family.bare, *family.rules)
    ]
    return {
        "rows": rows,
        "reason": found["reason"],
        "frames": found["frames"],
        "clips": found["clips"],
        "people": found["people"],
        "switches": found["switches_per_minute"],
        "speech": any(row["talking"] is not None for row in rows),
        "constants": [_constants(pipe) for pipe in found["pipelines"] if pipe["learnt"]],
        "failed": [
            {"title": words.label_short(pipe["name"]), "reason": shorten(pipe["reason"], REASON)}
            for pipe in found["pipelines"]
            if pipe["reason"]
        ],
        "policies": _policies(found["policies"]),
        "rates": _rates(found),
        "files": part.links("over_time"),
    }


def _row(pipe: OverTimePipeline, test: Mapping[str, Any] | None, *, bare: bool) -> View:
    scores: Mapping[str, Any] = pipe["scores"] or {}
    return {
        "bare": bare,
        "title": words.label_short(pipe["name"]) if bare else shorten(rule_name(pipe), NAME),
        "notes": ", ".join(_notes(pipe)),
        **{key: scores[key] for key in ("uar", "uar_collar", "accuracy", "flicker")},
        "low": scores["uar_interval"][0],
        "high": scores["uar_interval"][1],
        "lag": scores["lag"]["median_s"],
        "followed": scores["lag"]["hit_rate"],
        "segmental": scores["segmental_f1"]["0.5"],
        "false_alarms": scores["false_alarms"],
        "onset": _median(pipe, "onset"),
        "offset": _median(pipe, "offset"),
        "talking": scores["talking_accuracy"],
        "silent": scores["silent_accuracy"],
        "test": test,
    }


def _notes(pipe: OverTimePipeline) -> Iterator[str]:
    """Yield the title of a rule whose name does not say it, and whether it sees the future."""
    if pipe["learnt"]:
        title = words.temporal_rule(pipe["learnt"]["rule"])
        if title.casefold() != rule_name(pipe).replace("_", " "):
            yield title
        if not pipe["learnt"]["causal"]:
            yield "sees the future"


def _median(pipe: OverTimePipeline, moment: str) -> float | None:
    return pipe["course"][moment]["median_s"] if pipe["course"] else None


def _constants(pipe: OverTimePipeline) -> View:
    learnt: Mapping[str, Any] = pipe["learnt"] or {}
    return {
        "title": words.label_short(pipe["name"]),
        "constants": ", ".join(f"{key} {value:g}" for key, value in learnt["constants"].items())
        or "none",
        "chosen_on": shorten(learnt["chosen_on"], NAME),
        "tried": len(learnt["tried"]),
    }


def _policies(rows: Sequence[Policy]) -> View | None:
    """Return the accuracy of clips by pipeline and policy, beside that of single frames."""
    if not rows:
        return None
    named: dict[str, dict[str, Any]] = {}
    for row in rows:
        rule = row["policy"].removeprefix("mean of temporal/").partition(".")[0]
        own = row["policy"].startswith("mean of temporal/")
        line = named.setdefault(row["name"], {"frames": row["frames"], "n": row["n"]})
        line[f"mean of {rule}" if own else row["policy"]] = row
    columns = list(dict.fromkeys(key for line in named.values() for key in line))
    columns = [column for column in columns if column not in ("frames", "n")]
    return {
        "columns": [shorten(column, NAME) for column in columns],
        "rows": [
            {
                "title": words.label_short(name),
                "frames": line["frames"],
                "n": line["n"],
                "cells": [line.get(column) for column in columns],
            }
            for name, line in named.items()
        ],
    }


def _rates(found: OverTime) -> View | None:
    """Return the accuracy of clips by pipeline and frames per second."""
    rates = sorted({row["fps"] for row in found["rates"]})
    if len(rates) < 2:
        return None
    value = {(row["name"], row["fps"]): row["accuracy"] for row in found["rates"]}
    names = dict.fromkeys(row["name"] for row in found["rates"])
    return {
        "columns": [f"{rate:g}" for rate in rates],
        "rows": [
            {"title": words.label_short(name), "cells": [value[name, rate] for rate in rates]}
            for name in names
        ],
    }
