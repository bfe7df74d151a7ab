"""Scores over frames of every pipeline and rule over time, and what the rule changes."""

from typing import Any

from faceoff.results.dataset_results import label
from faceoff.results.tables.table import Column, Row, Sources, Table, in_percent, plain
from faceoff.results.words import number, p_in_table
from faceoff.scoring.time_records import FrameScores, OverTime, OverTimePipeline, OverTimeTest

_PLAIN = (
    "n", "accuracy", "uar", "uar_collar", "accuracy_collar", "without_state", "false_alarms",
    "switches_per_minute", "flicker", "talking_accuracy", "silent_accuracy",
)  # fmt: skip


def rows(sources: Sources) -> list[Row]:
    """Return a row per pipeline, with its scores and, of a rule, its test against the bare one."""
    return [
        {
            "dataset": found["dataset"],
            "pipeline": pipe["name"],
            "of": pipe["of"] or "",
            "state": pipe["state"],
            "reason": pipe["reason"] or found["reason"] or "",
            **_learnt(pipe),
            **_scores(pipe["scores"]),
            **_course(pipe),
            **_test(found, pipe),
        }
        for found in sources.over_time
        for pipe in found["pipelines"]
    ]


def _learnt(pipe: OverTimePipeline) -> Row:
    learnt = pipe["learnt"]
    constants = learnt["constants"] if learnt else {}
    return {
        "rule": learnt["rule"] if learnt else "",
        "causal": learnt["causal"] if learnt else True,
        "constants": " ".join(f"{name}={value:g}" for name, value in sorted(constants.items())),
        "chosen_on": learnt["chosen_on"] if learnt else "",
    }


def _scores(scores: FrameScores | None) -> Row:
    told: dict[str, Any] = dict(scores or {})
    lag, segments = told.get("lag") or {}, told.get("segmental_f1") or {}
    row = {name: told.get(name) for name in _PLAIN}
    row["uar_low"], row["uar_high"] = told.get("uar_interval") or (None, None)
    row |= {f"lag_{name}": lag.get(name) for name in ("changes", "hit_rate", "median_s", "mean_s")}
    return row | {f"segmental_f1_{iou}": value for iou, value in segments.items()}


def _course(pipe: OverTimePipeline) -> Row:
    course = pipe["course"] or {}
    return {
        f"{moment}_{name}": value
        for moment, errors in course.items()
        for name, value in (
            ("median_s", errors["median_s"]),
            *((f"within_{limit}_s", share) for limit, share in errors["within"].items()),
        )
    }


def _test(found: OverTime, pipe: OverTimePipeline) -> Row:
    test: OverTimeTest | dict[str, Any] = next(
        (test for test in found["tests"] if test["a"] == pipe["name"]), {}
    )
    kept = ("difference", "low", "high", "p", "p_adjusted", "verdict")
    return {f"against_bare_{name}": test.get(name) for name in kept}


def _verdict(row: Row) -> str:
    return row["against_bare_verdict"] or ""


TABLE = Table(
    rows=rows,
    needs=("over_time",),
    columns=[
        *plain("dataset"),
        Column(header="pipeline", text=lambda row: label(row["pipeline"])),
        Column(header="UAR %", text=in_percent("uar"), best="uar"),
        Column(header="with collar %", text=in_percent("uar_collar")),
        Column(header="flicker/min", text=lambda row: number(row["flicker"], 0)),
        Column(header="lag s", text=lambda row: number(row["lag_median_s"])),
        Column(header="followed %", text=in_percent("lag_hit_rate")),
        Column(header="F1@0.5 %", text=in_percent("segmental_f1_0.5")),
        Column(header="p", text=lambda row: p_in_table(row["against_bare_p_adjusted"])),
        Column(header="against bare", text=_verdict, wide=True),
    ],
)
