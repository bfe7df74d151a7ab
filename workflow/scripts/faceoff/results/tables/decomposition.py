"""Variance of being right, by detector, crop, model, sample and what they make together."""

from collections.abc import Mapping
from typing import Any

from faceoff.results.tables.table import Column, Row, Sources, Table, in_percent, number, plain
from faceoff.results.words import p_in_table

_EMPTY = dict.fromkeys(("variance", "low", "high", "share", "levels", "p"))


def rows(sources: Sources) -> list[Row]:
    """Return a row per component, with p of the hypothesis that its levels make no difference."""
    return [row for found in sources.comparisons for row in _of_dataset(found)]


def _of_dataset(comparison: Mapping[str, Any]) -> list[Row]:
    nothing: dict[str, Any] = {"components": [], "effects": [], "left_out": {}}
    found = comparison.get("decomposition") or nothing
    effects = {effect["factor"]: effect for effect in found["effects"]}
    made: list[Row] = []
    for component in found["components"]:
        effect = effects.get(component["name"], {})
        made.append(
            {
                "dataset": comparison["dataset"],
                "component": component["name"],
                **{name: component[name] for name in ("variance", "low", "high", "share")},
                "levels": effect.get("levels"),
                "p": effect.get("p"),
                "reason": effect.get("reason", ""),
            }
        )
    return made + [
        {"dataset": comparison["dataset"], "component": name, **_EMPTY, "reason": why}
        for name, why in sorted(found["left_out"].items())
    ]


def _variance(row: Row) -> str:
    limits = "" if row["low"] is None else f" [{number(row['low'])}, {number(row['high'])}]"
    return number(row["variance"]) + limits


TABLE = Table(
    rows=rows,
    columns=[
        *plain("dataset", "component"),
        Column(header="variance, logit² [95 % CI]", text=_variance),
        Column(header="share %", text=in_percent("share")),
        Column(header="does it matter? p", text=lambda row: p_in_table(row["p"])),
        Column(header="notes", text=lambda row: row["reason"]),
    ],
)
