"""Action units, blinks, head pose and gaze: how well they are measured."""

from collections.abc import Iterator, Mapping
from typing import Any

from faceoff.results.tables.table import (
    Column,
    Row,
    Sources,
    Table,
    in_percent,
    number_with_interval,
    plain,
    rounded,
)

_KINDS = ("blink", "pose", "gaze")
# Of units, and of angles: every row has all columns.
_UNIT = (
    *("positives", "base_rate", "f1", "f1_low", "f1_high", "covered_f1", "always_positive"),
    *("mcc", "pr_auc", "icc", "pearson", "mae"),
)
_ANGLE = (
    *("coverage", "error", "error_low", "error_high", "median"),
    *("within_5", "within_10", "within_20"),
    *(f"{what}_{axis}" for what in ("mae", "slope", "r") for axis in ("yaw", "pitch", "roll")),
)


def rows(sources: Sources) -> list[Row]:
    """Return a row per signal and what it measures, where the dataset knows the truth."""
    return [
        {
            "dataset": score["dataset"],
            "detector": score["detector"],
            "signal": score["signal"],
            "what": what,
            "n": values["n"],
            **{name: values.get(name) for name in (*_UNIT, *_ANGLE)},
        }
        for score in sources.signals
        for what, values in _measures(score)
    ]


def _measures(score: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from sorted(score.get("action_units", {}).items())
    yield from ((kind, score[kind]) for kind in _KINDS if kind in score)


TABLE = Table(
    rows=rows,
    columns=[
        *plain("dataset", "detector", "signal", "what", "n"),
        Column(header="F1 [95 % CI]", text=number_with_interval("f1"), best="f1"),
        Column(header="F1 of always", text=rounded("always_positive")),
        Column(header="F1 where read", text=rounded("covered_f1"), wide=True),
        Column(header="MCC", text=rounded("mcc")),
        Column(header="PR-AUC", text=rounded("pr_auc"), wide=True),
        Column(header="ICC(3,1)", text=rounded("icc")),
        Column(header="error ° [95 % CI]", text=number_with_interval("error"), lowest=True),
        Column(header="within 10° %", text=in_percent("within_10")),
        Column(header="slope of yaw", text=rounded("slope_yaw"), wide=True),
        Column(header="slope of pitch", text=rounded("slope_pitch"), wide=True),
    ],
    needs=("signals",),
)
