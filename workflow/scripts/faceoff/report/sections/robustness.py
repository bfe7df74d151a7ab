"""Where it breaks: what every cell loses on worse pictures, and whether a vote helps there."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from faceoff.report.part import NAME, REASON, Part, View
from faceoff.results import words
from faceoff.results.dataset_results import shorten, tens
from faceoff.results.robustness import (
    IN_WORDS,
    Shown,
    drawn_and_best,
    errors_of,
    shown,
    strongest,
    title_of,
    value_at,
)
from faceoff.scoring.robustness_records import Curve, Robustness, ToldApart, Vote
from faceoff.storage import parquet

ANCHOR, TITLE, NAV = "robustness", "Where it breaks", "Worse pictures"

_CELLS = 5  # of a chart
_WIDTH, _HEIGHT = 200.0, 120.0  # of a chart, in its own units


def view(part: Part) -> View | None:
    """Return charts, a strip of one face, errors, votes and tests; None without corruptions."""
    found: Sequence[Robustness] = [*part.robustness]  # type: ignore[list-item]
    scored = [file for file in found if file["state"] == "ok"]
    if not found:
        return None
    variants = shown(scored)
    drawn, best = drawn_and_best(variants, _CELLS)
    top = _top(drawn, best)
    chance = 1 / len(part.dataset.space) if part.dataset.space else None
    return {
        "reasons": [
            {"title": shorten(file["corruption"], NAME), "reason": shorten(file["reason"], REASON)}
            for file in found
            if file["reason"]
        ],
        "failed": [*_failed(variants)],
        "strip": _strip(part, variants),
        "legend": [words.label_short(cell) for cell in best],
        "top": top,
        "charts": [_chart(each, best, chance, top) for each in drawn],
        "errors": _errors(scored),
        "losses": [*_losses(drawn)],
        "votes": [row for each in drawn for row in _votes(each)],
        "grids": [*_grids(scored, best)],
        "both": any(len(modes) > 1 for each in drawn for modes in each.curves.values()),
        "told_apart": [row for file in scored for row in _told_apart(file)],
        "files": part.links("robustness"),
        "vote_files": part.links("vote_margin"),
    }


def _failed(variants: Sequence[Shown]) -> list[View]:
    return [
        {
            "title": f"{shorten(each.title, NAME)}, {words.label_short(curve['cell'])}",
            "reason": shorten(curve["reason"] or "", REASON),
        }
        for each in variants
        for curve in each.variant["curves"]
        if curve["state"] == "error"
    ]


def _strip(part: Part, variants: Sequence[Shown]) -> View | None:
    """Return one face under every corruption, a row each; None where no face may be shown."""
    if part.strip is None:
        return None
    clean: View | None = None
    rows: dict[str, list[View]] = {}
    for row in parquet.rows(part.strip):
        face = {
            "value": row["value"],
            "reason": shorten(row["reason"] or "", REASON),
            "src": _source(row["image"]["bytes"]),
        }
        if row["corruption"] is None:
            clean = face
        else:
            rows.setdefault(row["corruption"], []).append(face)
    if clean is None:
        return None
    named = {each.name: each.title for each in variants}
    return {
        "clean": clean,
        "rows": [
            {"title": shorten(named.get(name, name), NAME), "faces": faces}
            for name, faces in rows.items()
        ],
    }


def _source(picture: bytes | None) -> str:
    if picture is None:
        return ""
    return f"data:image/webp;base64,{base64.b64encode(picture).decode()}"


def _top(drawn: Sequence[Shown], best: Sequence[str]) -> float:
    """Return the accuracy at the upper edge of all charts, whole tens of percent."""
    seen = [
        accuracy
        for each in drawn
        for cell in best
        for curve in each.curves.get(cell, {}).values()
        for scores in (curve["clean"], *curve["levels"])
        if scores and (accuracy := scores["accuracy"]) is not None
    ]
    return max(0.1, tens(seen)[1])


def _chart(each: Shown, best: Sequence[str], chance: float | None, top: float) -> View:
    """Return the lines of a chart: accuracy from 0 to `top` upwards, severity to the right."""
    levels = each.of["levels"]
    lines = []
    for place, cell in enumerate(best):
        for mode, curve in each.curves.get(cell, {}).items():
            alone = "detect_again" not in each.curves[cell]
            lines.append(
                {
                    "colour": place,
                    "broken": mode == "clean_crop" and not alone,
                    "points": _points(curve, len(levels), top),
                    "title": f"{words.label_short(cell)}, {IN_WORDS[mode]}",
                }
            )
    return {
        "title": shorten(each.title, NAME),
        "lines": lines,
        "chance": None if chance is None else round(_HEIGHT * (1 - chance / top), 1),
        "first": levels[0]["value"],
        "last": levels[-1]["value"],
        "width": _WIDTH,
        "height": _HEIGHT,
    }


def _points(curve: Curve, severities: int, top: float) -> str:
    """Return the points of a line as SVG writes them; a severity without a score is left out."""
    clean = curve["clean"]
    steps = [(0, clean["accuracy"] if clean else None)]
    steps += [(scores["severity"], scores["accuracy"]) for scores in curve["levels"]]
    return " ".join(
        f"{_WIDTH * severity / severities:.1f},{_HEIGHT * (1 - accuracy / top):.1f}"
        for severity, accuracy in steps
        if accuracy is not None
    )


def _errors(found: Sequence[Robustness]) -> View | None:
    """Return mCE and half-point sizes of every cell; None where nothing is scored."""
    errors = errors_of(found)
    if not errors:
        return None
    sized = list(dict.fromkeys(name for row in errors for name in row.half_points))
    titles = {each.name: each.title for each in shown(found)}
    return {
        "reference": words.label_short(errors[0].reference),
        "over": ", ".join(shorten(name, NAME) for name in errors[0].over),
        "sized": [shorten(titles[name], NAME) for name in sized],
        "rows": [
            {
                "title": words.label_short(row.cell),
                "clean": row.clean,
                "mce": row.mce,
                "relative": row.mean_relative,
                "half": [_half(row.half_points.get(name)) for name in sized],
            }
            for row in errors
        ],
    }


def _half(found: tuple[float | None, str] | None) -> str:
    if found is None:
        return "–"
    side, why = found
    return why if side is None else f"{words.number(side, 0)} px"


def _losses(drawn: Sequence[Shown]) -> list[View]:
    """Return, for every corruption and cell, what is lost at the strongest severity, and since."""
    rows = []
    for each in drawn:
        for cell, modes in each.curves.items():
            curve = each.end_to_end(cell)
            worst = strongest(curve) if curve else None
            if curve is None or worst is None or curve["clean"] is None:
                continue
            test: Mapping[str, Any] = worst["against_clean"] or {}
            rows.append(
                {
                    "corruption": shorten(each.title, NAME),
                    "title": words.label_short(cell),
                    "clean": curve["clean"]["accuracy"],
                    "value": value_at(each.of, worst["severity"]),
                    "accuracy": worst["accuracy"],
                    "low": worst["interval"][0],
                    "high": worst["interval"][1],
                    "difference": test.get("difference"),
                    "difference_low": test.get("low"),
                    "difference_high": test.get("high"),
                    "verdict": test.get("verdict"),
                    "coverage": worst["coverage"],
                    "flips": worst["flips"],
                    "sure": _overconfidence(curve["clean"]),
                    "sure_worst": _overconfidence(worst),
                    "detection": _detection(each, cell, worst["severity"])
                    if len(modes) > 1
                    else None,
                    "point": value_at(each.of, curve["point_lost"]),
                    "shown": value_at(each.of, curve["shown"]),
                    "not_applied": worst["not_applied"],
                }
            )
    return rows


def _overconfidence(scores: Mapping[str, Any]) -> float | None:
    """Return mean confidence minus accuracy over the answers, None without answers."""
    confidence, accuracy = scores["confidence"], scores["covered_accuracy"]
    return None if confidence is None or accuracy is None else confidence - accuracy


def _detection(each: Shown, cell: str, severity: int) -> Mapping[str, Any] | None:
    return next(
        (
            share
            for share in each.variant["detection"]
            if share["cell"] == cell and share["severity"] == severity
        ),
        None,
    )


def _votes(each: Shown) -> list[View]:
    rows = []
    for vote in each.variant["votes"]:
        if len(vote["margins"]) < 2:
            continue
        rows.append(
            {
                "corruption": shorten(each.title, NAME),
                "mode": IN_WORDS[vote["mode"]],
                "members": len(vote["members"]),
                "clean": vote["margins"][0],
                "worst": vote["margins"][-1],
                "value": value_at(each.of, vote["margins"][-1]["severity"]),
                "growth": vote["growth"],
                "sentence": _sentence(vote),
            }
        )
    return rows


def _sentence(vote: Vote) -> str:
    """Say whether the margin grows."""
    growth = vote["growth"]
    if growth is None:
        return "no picture at the strongest severity"
    return {"better": "it grows", "worse": "it shrinks"}.get(growth["verdict"], growth["verdict"])


def _grids(found: Sequence[Robustness], best: Sequence[str]) -> Iterator[View]:
    """Yield the accuracies of a cell by variant and severity, of corruptions with variants."""
    for file in found:
        variants = shown([file])
        for cell in best if len(variants) > 1 else ():
            rows = [
                {"title": shorten(each.title, NAME), "levels": curve["levels"]}
                for each in variants
                if (curve := each.end_to_end(cell))
            ]
            if rows:
                yield {
                    "corruption": shorten(file["corruption"], NAME),
                    "title": words.label_short(cell),
                    "values": [level["value"] for level in file["levels"]],
                    "rows": rows,
                }


def _told_apart(file: Robustness) -> list[View]:
    """Return, for each cell and mode, at how many severities variants are told apart."""
    titles = {variant["name"]: title_of(file, variant) for variant in file["variants"]}
    named: dict[tuple[str, str], list[ToldApart]] = {}
    for row in file["told_apart"]:
        named.setdefault((row["cell"], row["mode"]), []).append(row)
    found = []
    for (cell, mode), tests in named.items():
        widest = max(tests, key=lambda test: (test["spread"], -test["severity"]))
        found.append(
            {
                "title": words.label_short(cell),
                "mode": IN_WORDS[mode],
                "shown": sum(test["shown"] for test in tests),
                "of": len(tests),
                "where": ", ".join(test["value"] for test in tests if test["shown"]),
                "spread": widest["spread"],
                "value": widest["value"],
                "best": shorten(titles[widest["best"]], NAME),
                "worst": shorten(titles[widest["worst"]], NAME),
                "p": widest["p_adjusted"],
            }
        )
    return found
