"""Stage 9: the paper figures of a run, each in every format of the configuration, with the numbers it shows as CSV beside it."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faceoff import figures, tables
from faceoff.media import decode_image
from faceoff.report import names, results
from faceoff.report.results import DatasetResults, label, name_of, shorten

Row = dict[str, Any]
_PANELS = 6  # confusion matrices in one figure: more would be too small to read
_BARS = 6  # pipelines per emotion
_WORTH = 16  # pairs whose worth to a vote is drawn


def write_figures(scores: Sequence[Path], comparisons: Sequence[Path], examples: Sequence[Path], output: Path, spec: Mapping[str, Any]) -> None:
    """Write the files that `names.figure_files` lists into the folder `output`. `examples`: <dataset>.parquet, one per test dataset."""
    config = spec["config"]
    found = results.read(scores, comparisons, spec, names.test_datasets(config))
    wanted = names.figure_names(config)
    pictures = {path.stem: path for path in examples}
    for dataset in found:
        made = {
            names.HEATMAP: lambda dataset=dataset: heatmap(dataset),
            names.CONFUSION: lambda dataset=dataset: confusion(dataset),
            names.FUSION: lambda dataset=dataset: fusion(dataset),
            names.ENSEMBLE: lambda dataset=dataset: ensemble(dataset),
            names.PER_CLASS: lambda dataset=dataset: per_class(dataset),
            names.EXAMPLES: lambda dataset=dataset: example_faces(dataset, pictures.get(dataset.name), config["figures"]["examples"]),
        }
        for kind, make in made.items():
            if f"{kind}-{dataset.name}" in wanted:
                _write(output / f"{kind}-{dataset.name}", *make(), config["figures"]["formats"])
    _write(output / names.COVERAGE, *coverage(found), config["figures"]["formats"])


def heatmap(dataset: DatasetResults) -> tuple[Any, list[Row]]:
    cells = {}
    rows = []
    for score in dataset.cells:
        low, high = results.interval(score, "accuracy")
        state = "ok" if results.scored(score) else "error" if score["state"] == "error" else "skipped"
        value = results.metric(score, "accuracy") if state == "ok" else None
        cells[shorten(score["detector"], 24), shorten(score["model"], 24)] = {"state": state, "value": value, "low": low, "high": high}
        rows.append(
            {
                "detector": score["detector"],
                "model": score["model"],
                "state": score["state"],
                "accuracy": value,
                "low": low,
                "high": high,
                "reason": score["reason"],
            }
        )
    detectors, models = ([shorten(name, 24) for name in group] for group in (dataset.detectors, dataset.models))
    return figures.heatmap(detectors, models, cells, results.colour_scale(dataset.cells)), rows


def confusion(dataset: DatasetResults) -> tuple[Any, list[Row]]:
    """The chosen best single and as many fusions as fit; the page and tables/confusion.csv have every pair."""
    chosen = dataset.shown(singles=1)[:_PANELS]
    panels, rows = [], []
    for score in chosen:
        accuracy = 100 * score["metrics"]["accuracy"]
        panels.append({"title": f"{shorten(label(name_of(score)), 26)}: {accuracy:.1f} %", "matrix": score["confusion"]})
        for truth, counts in zip(dataset.space, score["confusion"], strict=True):
            rows += [
                {"pipeline": name_of(score), "truth": truth, "predicted": name, "count": n} for name, n in zip([*dataset.space, "no_face"], counts, strict=True)
            ]
    return figures.confusion(panels, dataset.space), rows


def fusion(dataset: DatasetResults) -> tuple[Any, list[Row]]:
    levels = []
    for level in dataset.levels:
        suffix = f": {label(level['name'])}" if level["kind"] in {"best_single", "hindsight"} else " (fusion)" if level["kind"] == "fusion" else ""
        levels.append({**level, "title": shorten(level["title"] + suffix, 56)})
    tests = [{**row, "title": shorten(row["a"].removeprefix("fusion/"), 56)} for row in dataset.fusion_tests]
    rows = [
        {"part": "level", "name": level["name"] or level["title"], "kind": level["kind"], "value": level["value"], "low": level["low"], "high": level["high"]}
        for level in dataset.levels
    ]
    rows += [
        {
            "part": "difference",
            "name": test["a"],
            "kind": f"minus {test['b']}",
            "value": test["difference"],
            "low": test["low"],
            "high": test["high"],
            "p": test["p"],
            "p_adjusted": test["p_adjusted"],
            "verdict": test["verdict"],
        }
        for test in dataset.fusion_tests
    ]
    return figures.fusion_vs_single(levels, tests), rows


def ensemble(dataset: DatasetResults) -> tuple[Any, list[Row]]:
    """The curve of greedy selection, and the pairs that are worth most to a vote of all."""
    found = (dataset.comparison or {}).get("ensemble") or {"curve": [], "members": []}
    curve = [{**step, "low": step["interval"][0], "high": step["interval"][1]} for step in found["curve"]]
    key = "shapley" if any(member["shapley"] is not None for member in found["members"]) else "leave_one_out"
    worth = sorted((member for member in found["members"] if member[key] is not None), key=lambda member: (-member[key], member["name"]))
    rows = [{"part": "curve", "name": step["added"], **{name: step[name] for name in ("size", "accuracy", "low", "high")}} for step in curve]
    rows += [{"part": "member", "name": member["name"], "leave_one_out": member["leave_one_out"], "shapley": member["shapley"]} for member in worth]
    shown = [{"title": shorten(label(member["name"]), 44), "value": member[key]} for member in worth[:_WORTH]]
    return figures.ensemble(curve, shown, key), rows


def per_class(dataset: DatasetResults) -> tuple[Any, list[Row]]:
    chosen = dataset.shown(singles=3)[:_BARS]
    series = [
        {
            "title": shorten(label(name_of(score)), 36),
            "fusion": score["kind"] == "fusion",
            **{key: [row[key] for row in score["per_class"]] for key in ("recall", "f1", "n")},
        }
        for score in chosen
    ]
    rows = [
        {"pipeline": name_of(score), **{key: row[key] for key in ("emotion", "n", "precision", "recall", "f1")}}
        for score in chosen
        for row in score["per_class"]
    ]
    return figures.per_class(dataset.space, series), rows


def example_faces(dataset: DatasetResults, path: Path | None, count: int) -> tuple[Any, list[Row]]:
    """Faces of the best single cell: `count` right and `count` wrong ones."""
    found = list(tables.rows(path)) if path else []
    cells = [name_of(score) for score in dataset.shown(singles=len(dataset.cells)) if score["kind"] == "cell"]
    best = next((cell for cell in cells if any(row["cell"] == cell for row in found)), None)
    chosen = [row for correct in (True, False) for row in [row for row in found if row["cell"] == best and row["correct"] == correct][:count]]
    items = [
        {**row, "image": decode_image(row["image"]["bytes"]), "truth": shorten(row["truth"], 16), "predicted": shorten(row["predicted"], 16)} for row in chosen
    ]
    return figures.examples(items), [{key: row[key] for key in ("cell", "sample_id", "truth", "predicted", "confidence", "correct")} for row in chosen]


def coverage(found: Sequence[DatasetResults]) -> tuple[Any, list[Row]]:
    panels = [
        {
            "title": shorten(dataset.name, 60),
            "rows": [{**row, "detector": shorten(row["detector"], 24), "reason": shorten(row["reason"] or "", 90)} for row in dataset.coverage],
        }
        for dataset in found
    ]
    return figures.coverage(panels), [{"dataset": dataset.name, **row} for dataset in found for row in dataset.coverage]


def _write(stem: Path, figure: Any, rows: Sequence[Row], formats: Sequence[str]) -> None:
    figures.save(figure, stem, formats)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(dict.fromkeys(key for row in rows for key in row)) or ["empty"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    tables.write_text(stem.with_name(f"{stem.name}.csv"), buffer.getvalue())
