"""report.html: one self-contained page. This module turns results into plain rows for the template; the template holds all HTML.

Nothing here depends on the time, the host or the order of files, so the same results give the same bytes. Every text reaches the page through
Jinja's autoescape; only page.css and page.js, which are ours, are inserted as they are.
"""

import base64
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup, escape

from faceoff import tables
from faceoff.report import names, results, words
from faceoff.report.results import DatasetResults, Score, name_of, shorten

_HERE = Path(__file__).parent
_NAME, _REASON = 60, 400  # characters shown of a name and of a reason
_BARS = 6  # pipelines in the per-class table
_FACES = 8  # cells in the gallery; more would make the page heavy
View = dict[str, Any]


def render(
    found: Sequence[DatasetResults], examples: Mapping[str, Path], figures_folder: Path, manifest: Path | None, output: Path, spec: Mapping[str, Any]
) -> str:
    """The page's HTML. `examples`: dataset name -> its examples table; `output` is where the page will lie, for relative links."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "percent": words.percent,
        "number": words.number,
        "span": words.span,
        "p_value": words.p_value,
        "short": shorten,
        "breakable": _breakable,
    }
    config = spec["config"]
    return environment.get_template("template.html.j2").render(
        title=shorten(config["report"]["title"], 120),
        run=shorten(config["run"], _NAME),
        datasets=[_dataset(index, dataset, examples.get(dataset.name), figures_folder, output, config) for index, dataset in enumerate(found)],
        provenance=_provenance(found, manifest, output, spec),
        coverage_figure=_files(names.COVERAGE, figures_folder, output, config),
        train_status=words.TRAIN_STATUS,
        faces=config["report"]["faces"],
        css=Markup((_HERE / "page.css").read_text(encoding="utf-8")),
        js=Markup((_HERE / "page.js").read_text(encoding="utf-8")),
    )


def _breakable(name: str) -> Markup:
    """A name that may wrap after '_' and '.', so that narrow columns do not cut words."""
    return Markup(str(escape(name)).replace("_", "_<wbr>").replace(".", ".<wbr>"))


def _dataset(index: int, dataset: DatasetResults, examples: Path | None, figures_folder: Path, output: Path, config: Mapping[str, Any]) -> View:
    key = f"d{index}"
    ids = {name_of(score): f"{key}-c{place}" for place, score in enumerate(dataset.ranked)}
    sentence, more = words.verdict(dataset)
    files = {
        kind: _files(f"{kind}-{dataset.name}", figures_folder, output, config)
        for kind in (names.HEATMAP, names.CONFUSION, names.FUSION, names.ENSEMBLE, names.PER_CLASS, names.EXAMPLES)
    }
    low, high = _accuracy_axis(dataset)
    return {
        "key": key,
        "name": shorten(dataset.name, _NAME),
        "title": shorten(dataset.card.get("title") or dataset.name, 120),
        "terms": shorten(dataset.card.get("terms") or "not stated", 300),
        "task": dataset.task,
        "version": shorten((dataset.task or {}).get("version", ""), 120),
        "caveats": words.caveats(dataset),
        "verdict": sentence,
        "more": more,
        "leaderboard": _leaderboard(dataset, ids, low, high),
        "axis": {"low": low, "high": high},
        "heat": _heat(dataset, ids),
        "levels": _levels(dataset),
        "tests": _tests(dataset.fusion_tests),
        "ensemble": _ensemble(dataset),
        "single_tests": _tests(dataset.single_tests),
        "clones": [[words.label_short(name) for name in pair] for pair in (dataset.comparison or {}).get("clones") or []],
        "pairs": _pairs(dataset),
        "pipelines": [_pipeline(score, ids[name_of(score)], opened=place == 0) for place, score in enumerate(_by_interest(dataset))],
        "per_class": _per_class(dataset),
        "affect": _affect(dataset),
        "coverage": _coverage(dataset),
        "gallery": _gallery(dataset, examples),
        "files": files,
    }


def _ensemble(dataset: DatasetResults) -> View | None:
    """The steps of greedy selection, with bars on a common axis."""
    curve = ((dataset.comparison or {}).get("ensemble") or {}).get("curve") or []
    if not curve:
        return None
    bounds = [bound for step in curve for bound in (step["accuracy"], *step["interval"]) if words.is_number(bound)]
    low, high = results.tens(bounds)
    steps = [
        {**step, "added": words.label_short(step["added"]), "low": step["interval"][0], "high": step["interval"][1],
         "bar": _bar(step["accuracy"], *step["interval"], low, high)}
        for step in curve
    ]  # fmt: skip
    return {"low": low, "high": high, "steps": steps}


def _affect(dataset: DatasetResults) -> list[View]:
    """Valence and arousal of every pipeline that reads them, best CCC first."""
    rows = [
        {"title": words.title_of(score), "dimension": name, **values}
        for score in dataset.leaderboard
        for name, values in sorted((score.get("affect") or {}).items(), reverse=True)
    ]
    return sorted(rows, key=lambda row: (row["dimension"] != "valence", -(row["ccc"] if words.is_number(row["ccc"]) else -2)))


def _accuracy_axis(dataset: DatasetResults) -> tuple[float, float]:
    """Ends of the leaderboard's bars: all intervals, in whole tens of percent."""
    bounds = [
        bound for score in dataset.ranked for bound in (results.metric(score, "accuracy"), *results.interval(score, "accuracy")) if words.is_number(bound)
    ]
    return results.tens(bounds)


def _bar(value: float | None, low: float | None, high: float | None, start: float, end: float) -> View | None:
    """Places of an interval and its point on an axis from start to end, in percent of its length."""
    if not words.is_number(value) or end <= start:
        return None

    def place(x: float) -> float:
        return round(100 * min(1.0, max(0.0, (x - start) / (end - start))), 2)

    bounded = words.is_number(low) and words.is_number(high)
    left, right = (place(low), place(high)) if bounded else (place(value), place(value))
    return {"point": place(value), "left": left, "width": round(right - left, 2)}


def _leaderboard(dataset: DatasetResults, ids: Mapping[str, str], start: float, end: float) -> list[View]:
    rows, rank = [], 0
    places = {row["name"]: row for row in (dataset.comparison or {}).get("ranking") or ()}
    for score in dataset.leaderboard:
        good = results.scored(score)
        ranked = good and not score.get("flags")
        rank += ranked
        low, high = results.interval(score, "accuracy")
        metrics = score.get("metrics") or {}
        fused = score["kind"] == "fusion"
        rows.append(
            {
                "rank": rank if ranked else None,
                "place": places.get(name_of(score)),
                "id": ids.get(name_of(score)),
                "fusion": fused,
                "detector": words.pairs(score) if fused else shorten(score["detector"], _NAME),
                "model": shorten(score["fusion"] if fused else score["model"], _NAME),
                "rule": words.rule(score.get("rule", "")) if fused else "",
                "members": ", ".join(words.label_short(member) for member in score.get("members") or ()),
                "chosen": name_of(score) == dataset.chosen_single,
                "state": "ok" if good else score["state"] if score["state"] != "ok" else "empty",
                "reason": shorten(score.get("reason") or ("no sample to score" if not good else ""), _REASON),
                "metrics": {
                    name: metrics.get(name) for name in ("accuracy", "covered_accuracy", "coverage", "balanced_accuracy", "macro_f1", "log_loss", "ece")
                },
                "low": low,
                "high": high,
                "bar": _bar(metrics.get("accuracy"), low, high, start, end),
                "train_status": shorten(score.get("train_status") or "unknown", 40),
                "flags": [shorten(flag, 120) for flag in score.get("flags") or ()] + (["circular"] if score.get("circular") else []),
            }
        )
    return rows


def _heat(dataset: DatasetResults, ids: Mapping[str, str]) -> View:
    low, high = results.colour_scale(dataset.cells)
    rows = []
    for detector in dataset.detectors:
        cells = []
        for model in dataset.models:
            score = dataset.find(f"{detector}/{model}")
            good = score is not None and results.scored(score)
            value = results.metric(score, "accuracy") if good else None
            bounds = results.interval(score, "accuracy") if good else (None, None)
            half = (bounds[1] - bounds[0]) / 2 if words.is_number(bounds[0]) and words.is_number(bounds[1]) else None
            cells.append(
                {
                    "state": "ok" if good else "error" if score is not None and score["state"] == "error" else "skipped",
                    "value": value,
                    "half": half,
                    "shade": _shade((value - low) / (high - low)) if good else 0,
                    "id": ids.get(f"{detector}/{model}"),
                    "reason": shorten((score or {}).get("reason") or "not scored", _REASON),
                }
            )
        rows.append({"detector": shorten(detector, _NAME), "cells": cells})
    reasons = [
        {"name": words.title_of(score), "state": score["state"], "reason": shorten(score["reason"] or "", _REASON)}
        for score in dataset.leaderboard
        if score["state"] in {"skipped", "error"}
    ]
    return {"models": [shorten(model, _NAME) for model in dataset.models], "rows": rows, "low": low, "high": high, "reasons": reasons}


def _shade(share: float) -> int:
    """A share as whole percent of the colour scale."""
    return round(100 * min(1.0, max(0.0, share)))


def _levels(dataset: DatasetResults) -> list[View]:
    levels = dataset.levels
    bounds = [level[key] for level in levels for key in ("value", "low", "high") if words.is_number(level[key])]
    start, end = (min(bounds), max(bounds)) if bounds else (0.0, 1.0)
    pad = 0.04 * (end - start) or 0.05
    rows = []
    for level in levels:
        bar = _bar(level["value"], level["low"], level["high"], start - pad, end + pad)
        name = words.label_short(level["name"]) if level["kind"] in {"best_single", "hindsight"} else ""
        rows.append({**level, "title": shorten(level["title"], _NAME), "name": name, "bar": bar})
    return rows


def _tests(tests: Sequence[Mapping[str, Any]]) -> View:
    bounds = [test[key] for test in tests for key in ("difference", "low", "high") if words.is_number(test[key])]
    start, end = min([0.0, *bounds]), max([0.0, *bounds])
    pad = 0.06 * (end - start) or 0.01
    rows = [
        {
            **test,
            "title": words.label_short(test["a"].removeprefix("fusion/")),
            "against": words.label_short(test["b"]),
            "bar": _bar(test["difference"], test["low"], test["high"], start - pad, end + pad),
        }
        for test in tests
    ]
    zero = _bar(0.0, None, None, start - pad, end + pad)
    return {"rows": rows, "zero": zero["point"] if zero else 50}


def _pairs(dataset: DatasetResults) -> list[View]:
    """The most alike pairs first: they add least to a vote."""
    pairs = sorted((dataset.comparison or {}).get("pairs") or [], key=lambda pair: (-(pair["agreement"] or 0.0), pair["a"], pair["b"]))
    return [{**pair, "a": words.label_short(pair["a"]), "b": words.label_short(pair["b"])} for pair in pairs[:12]]


def _by_interest(dataset: DatasetResults) -> list[Score]:
    """Every scored pipeline: the chosen best single first, then as ranked."""
    first = [score for score in dataset.ranked if name_of(score) == dataset.chosen_single]
    return first + [score for score in dataset.ranked if score not in first]


def _pipeline(score: Score, key: str, opened: bool) -> View:
    low, high = results.interval(score, "accuracy")
    space = score["task"]["space"]
    matrix = []
    for truth, counts in zip(space, score["confusion"], strict=True):
        total = sum(counts)
        cells = [{"count": count, "shade": _shade(count / total) if total else 0, "right": column == len(matrix)} for column, count in enumerate(counts)]
        matrix.append({"truth": shorten(truth, 24), "n": total, "cells": cells})
    return {
        "id": key,
        "title": words.title_of(score),
        "open": opened,
        "accuracy": results.metric(score, "accuracy"),
        "low": low,
        "high": high,
        "space": [shorten(emotion, 24) for emotion in space],
        "matrix": matrix,
        "per_class": [{**row, "emotion": shorten(row["emotion"], 24)} for row in score["per_class"]],
        "metrics": score["metrics"],
        "design_effect": score.get("design_effect"),
        "counts": score["counts"],
    }


def _per_class(dataset: DatasetResults) -> View:
    chosen = dataset.shown(singles=3)[:_BARS]
    rows = []
    for place, emotion in enumerate(dataset.space if chosen else []):
        lines = [score["per_class"][place] for score in chosen]
        cells = [
            {"recall": line["recall"], "f1": line["f1"], "width": round(100 * line["recall"], 1) if words.is_number(line["recall"]) else 0} for line in lines
        ]
        rows.append({"emotion": shorten(emotion, 24), "n": lines[0]["n"], "cells": cells})
    return {"columns": [{"title": words.title_of(score), "fusion": score["kind"] == "fusion"} for score in chosen], "rows": rows}


def _coverage(dataset: DatasetResults) -> list[View]:
    rows = []
    for row in dataset.coverage:
        total = sum(row[state] for state in tables.STATES)
        widths = {state: round(100 * row[state] / total, 2) if total else 0 for state in tables.STATES}
        rows.append(
            {
                **row,
                "detector": shorten(row["detector"], _NAME),
                "reason": shorten(row["reason"] or "", _REASON),
                "total": total,
                "widths": widths,
                "share": row[tables.OK] / total if total else None,
            }
        )
    return rows


def _gallery(dataset: DatasetResults, path: Path | None) -> list[View]:
    """Example faces of the leading cells, inside the page as data: URIs."""
    by_cell: dict[str, list[dict[str, Any]]] = {}
    for row in tables.rows(path) if path else ():
        by_cell.setdefault(row["cell"], []).append(row)
    order = [name_of(score) for score in _by_interest(dataset) if name_of(score) in by_cell][:_FACES]
    gallery = []
    for cell in order:
        faces = [
            {
                "src": "data:image/png;base64," + base64.b64encode(row["image"]["bytes"]).decode("ascii"),
                "truth": shorten(row["truth"], 24),
                "predicted": shorten(row["predicted"], 24),
                "confidence": row["confidence"],
                "sample": shorten(row["sample_id"], 80),
                "correct": row["correct"],
            }
            for row in by_cell[cell]
        ]
        gallery.append(
            {"title": words.label_short(cell), "right": [face for face in faces if face["correct"]], "wrong": [face for face in faces if not face["correct"]]}
        )
    return gallery


def _files(stem: str, folder: Path, output: Path, config: Mapping[str, Any]) -> list[View]:
    """Relative links to a figure's files, those that exist."""
    files = [folder / f"{stem}.{suffix}" for suffix in (*config["figures"]["formats"], "csv")]
    return [{"format": file.suffix[1:].upper(), "href": _relative(file, output)} for file in files if _exists(file)]


def _exists(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # a name too long for the file system
        return False


def _relative(file: Path, output: Path) -> str:
    return quote(os.path.relpath(file, output.parent))


def _provenance(found: Sequence[DatasetResults], manifest: Path | None, output: Path, spec: Mapping[str, Any]) -> View:
    """What made these results, without time, host or speed, which differ between runs with equal results."""
    made = tables.read_json(manifest) if manifest else {}
    return {
        "code": spec["code"],
        "commit": (made.get("faceoff") or {}).get("commit"),
        "seed": spec["config"].get("seed"),
        "versions": sorted((made.get("versions") or {}).items()),
        "weights": sorted(
            (shorten(user, _NAME), shorten(asset.get("licence") or "–", 80), str(asset.get("sha256") or "–")) for user, asset in spec.get("assets", {}).items()
        ),
        "config": json.dumps(spec["config"], indent=2, sort_keys=True, ensure_ascii=False),
        "manifest": _relative(manifest, output) if manifest else None,
        "tasks": [
            {
                "name": shorten(dataset.name, _NAME),
                "version": shorten((dataset.task or {}).get("version", "–"), 120),
                "n": (dataset.task or {}).get("n"),
                "space": ", ".join(shorten(emotion, 24) for emotion in dataset.space) or "–",
                "hash": str((dataset.task or {}).get("hash") or "–"),
                "terms": shorten(dataset.card.get("terms") or "not stated", 300),
                "source": shorten(dataset.card.get("how_to_get") or "–", 300),
            }
            for dataset in found
        ],
    }
