"""Tell what every cell answers on worse pictures, at every severity."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from faceoff.results.dataset_results import label
from faceoff.results.robustness import IN_WORDS, title_of
from faceoff.results.tables.table import Column, Row, Sources, Table, in_percent, percent, plain
from faceoff.scoring.robustness_records import Curve, LevelScores, Robustness, Variant

_SCORES = ("n", "accuracy", "coverage", "covered_accuracy", "confidence", "ece", "flips")
_TEST = ("difference", "low", "high", "p", "p_adjusted", "verdict")


def rows(sources: Sources) -> list[Row]:
    """Return a row per corruption, cell, mode and severity; severity 0 is the clean pictures."""
    return [
        row
        for found in sources.robustness
        for variant in found["variants"]
        for curve in variant["curves"]
        for row in _of_curve(found, variant, curve)
    ]


def _of_curve(found: Robustness, variant: Variant, curve: Curve) -> list[Row]:
    detector, _, model = curve["cell"].partition("/")
    about: Row = {
        "dataset": found["dataset"],
        "corruption": variant["name"],
        "made_by": found["made_by"],
        "title": title_of(found, variant),
        "detector": detector,
        "model": model,
        "cell": curve["cell"],
        "mode": curve["mode"],
    }
    if curve["clean"] is None:
        return [{**about, "severity": 0, "value": "", "reason": curve["reason"]}]
    clean: dict[str, Any] = {**curve["clean"], "not_applied": 0, "reason": None}
    return [
        {**about, "value": "clean", **_scores(clean, None)},
        *(
            {**about, "value": level["value"], **_scores(scores, scores["against_clean"])}
            for level, scores in zip(found["levels"], curve["levels"], strict=True)
        ),
    ]


def _scores(scores: LevelScores | dict[str, Any], test: Any) -> Row:
    told: dict[str, Any] = dict(scores)
    low, high = told["interval"]
    return {
        "severity": told["severity"],
        **{name: told[name] for name in _SCORES},
        "accuracy_low": low,
        "accuracy_high": high,
        "not_applied": told["not_applied"],
        **{f"against_clean_{name}": (test or {}).get(name) for name in _TEST},
        "reason": told["reason"],
    }


def lines(every: Sequence[Row]) -> list[Row]:
    """Return one printed line per corruption, cell and mode: from clean to the strongest."""
    printed = []
    for _, group in groupby(every, key=lambda row: (row["dataset"], row["title"], row["cell"],
                                                    row["mode"])):  # fmt: skip
        steps = [row for row in group if row.get("accuracy") is not None]
        if not steps:
            continue
        worst = steps[-1]
        lost = next((row for row in steps if row["against_clean_verdict"] == "worse"), None)
        printed.append(
            {
                **worst,
                "clean": steps[0]["accuracy"],
                "shown": "–" if lost is None else lost["value"],
            }
        )
    return printed


def _difference(row: Row) -> str:
    low, high = row["against_clean_low"], row["against_clean_high"]
    interval = "" if low is None else f" [{percent(low)}, {percent(high)}]"
    return f"{percent(row['against_clean_difference'])}{interval}"


TABLE = Table(
    rows=rows,
    lines=lines,
    needs=("robustness",),
    columns=[
        *plain("dataset"),
        Column(header="corruption", text=lambda row: str(row["title"])),
        Column(header="pipeline", text=lambda row: label(row["cell"])),
        Column(header="faces", text=lambda row: IN_WORDS[row["mode"]]),
        Column(header="clean %", text=in_percent("clean")),
        Column(header="strongest", text=lambda row: str(row["value"])),
        Column(header="accuracy %", text=in_percent("accuracy")),
        Column(header="difference, points", text=_difference, wide=True),
        Column(header="coverage %", text=in_percent("coverage"), wide=True),
        Column(header="flips %", text=in_percent("flips"), wide=True),
        Column(header="loss shown from", text=lambda row: str(row["shown"])),
    ],
)
