"""Stage 8: all scores as tidy tables, each as CSV (every digit), Markdown and LaTeX (rounded, with intervals)."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faceoff import tables
from faceoff.stages.check import name_of

Row = dict[str, Any]

_CELL = ("dataset", "task", "n", "task_hash", "kind", "detector", "model", "cell")


def write_tables(scores: Sequence[Path], comparisons: Sequence[Path], timings: Sequence[Path], output: Path, spec: Mapping[str, Any]) -> None:
    """Write accuracy, per_class, confusion, comparisons, coverage, affect (valence and arousal) and speed. Rows are sorted, best first within a dataset."""
    cells = sorted((tables.read_json(path) for path in scores), key=_rank)
    paired = [tables.read_json(path) for path in sorted(comparisons)]
    made = {
        "accuracy": _accuracy(cells, {(c["dataset"], row["name"]): row for c in paired for row in c["ranking"]}),
        "per_class": [_about(cell) | per for cell in cells if cell["state"] == "ok" for per in cell["per_class"]],
        "confusion": _confusion(cells),
        "comparisons": [{"dataset": c["dataset"], **pair} for c in paired for pair in c["comparisons"]],
        "coverage": [_about(cell) | cell["counts"] | {"coverage": cell["metrics"]["coverage"]} for cell in cells if cell["state"] == "ok"],
        "affect": [_about(cell) | {"dimension": name} | values for cell in cells for name, values in sorted(cell.get("affect", {}).items())],
        "speed": _speed(timings),
    }
    limited = any(cell["task"] and cell["task"]["limited"] for cell in cells)
    for name, rows in made.items():
        columns = list(dict.fromkeys(column for row in rows for column in row)) or ["dataset"]
        tables.write_text(output / f"{name}.csv", _csv(rows, columns))
        shown, headers = _SHORT[name](rows)
        note = "limited: not for reporting" if limited else ""
        tables.write_text(output / f"{name}.md", _markdown(shown, headers, note))
        tables.write_text(output / f"{name}.tex", _latex(shown, headers, note))


def _rank(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    return (cell["dataset"], cell["state"] != "ok", -cell["metrics"]["accuracy"] if cell["state"] == "ok" else 0.0, name_of(cell))


def _about(cell: Mapping[str, Any]) -> Row:
    task = cell["task"] or {}
    fused = cell["kind"] == "fusion"
    detector, model = ("fusion", cell["fusion"]) if fused else (cell["detector"], cell["model"])
    values = (cell["dataset"], task.get("version"), task.get("n"), task.get("hash"), cell["kind"], detector, model, name_of(cell))
    return dict(zip(_CELL, values, strict=True))


def _accuracy(cells: Sequence[Mapping[str, Any]], ranking: Mapping[tuple[str, str], Row]) -> list[Row]:
    """`ranking`: (dataset, cell) -> how sure its place is; validation datasets are not ranked."""
    rows = []
    for cell in cells:
        row = _about(cell) | {"state": cell["state"], "reason": cell["reason"]}
        if cell["state"] == "ok":
            row |= {name: cell["metrics"][name] for name in sorted(cell["metrics"]) if name != "n"}
            for name, (low, high) in sorted(cell["intervals"].items()):
                row |= {f"{name}_low": low, f"{name}_high": high}
            row["design_effect"] = cell["design_effect"]
            place = ranking.get((cell["dataset"], name_of(cell)), {})
            row |= {name: place.get(name) for name in ("rank_low", "rank_high", "p_best", "tied_with_best")}
        row |= {"train_status": cell.get("train_status"), "circular": cell.get("circular"), "flags": "; ".join(cell.get("flags", ()))}
        row["limited"] = (cell["task"] or {}).get("limited")
        rows.append(row)
    return rows


def _confusion(cells: Sequence[Mapping[str, Any]]) -> list[Row]:
    rows = []
    for cell in cells:
        if cell["state"] == "ok":
            space = cell["task"]["space"]
            for truth, counts in zip(space, cell["confusion"], strict=True):
                rows += [_about(cell) | {"truth": truth, "predicted": name, "count": n} for name, n in zip([*space, "no_face"], counts, strict=True)]
    return rows


def _speed(timings: Sequence[Path]) -> list[Row]:
    rows = []
    for path in sorted(timings):
        timing = tables.read_json(path)
        if not timing.get("failed"):
            names = ("dataset", "stage", "detector", "model", "items", "items_per_s", "p90_ms", "load_s", "compute_s", "batch")
            rows.append({name: timing.get(name) for name in names})
    return rows


# -- how rows look in print ----------------------------------------------------------------------------------------


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f}"


def _with_interval(row: Mapping[str, Any], name: str) -> str:
    if row.get(name) is None:
        return "–"
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    return _percent(row[name]) + (f" [{_percent(low)}, {_percent(high)}]" if low is not None else "")


def _ranks(row: Mapping[str, Any]) -> str:
    """The 95 % interval of a rank."""
    low, high = row.get("rank_low"), row.get("rank_high")
    return "–" if low is None else str(low) if low == high else f"{low}–{high}"


def _points(row: Mapping[str, Any]) -> str:
    """A difference in percentage points with its interval, which too few clusters do not give."""
    limits = "" if row["low"] is None else f" [{100 * row['low']:+.2f}, {100 * row['high']:+.2f}]"
    return f"{100 * row['difference']:+.2f}{limits}"


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _short_accuracy(rows: Sequence[Row]) -> tuple[list[list[str]], list[str]]:
    headers = [
        "dataset",
        "detector",
        "model",
        "n",
        "accuracy % [95 % CI]",
        "rank",
        "covered %",
        "coverage %",
        "UAR %",
        "macro-F1 %",
        "log loss",
        "ECE",
        "trained",
        "notes",
    ]
    shown = [
        [
            *(row[name] for name in ("dataset", "detector", "model")),
            str(row["n"] or "–"),
            _with_interval(row, "accuracy") + (" =" if row.get("tied_with_best") else ""),
            _ranks(row),
            *(_percent(row.get(name)) for name in ("covered_accuracy", "coverage", "balanced_accuracy", "macro_f1")),
            *(_number(row.get(name)) for name in ("log_loss", "ece")),
            row["train_status"] or "–",
            row["reason"] or "; ".join(filter(None, [row["flags"], "circular" if row["circular"] else ""])),
        ]
        for row in rows
    ]  # fmt: skip
    return shown, headers


def _short_per_class(rows: Sequence[Row]) -> tuple[list[list[str]], list[str]]:
    headers = ["dataset", "detector", "model", "emotion", "n", "precision %", "recall %", "F1 %"]
    return [
        [row["dataset"], row["detector"], row["model"], row["emotion"], str(row["n"]), *(_percent(row[x]) for x in ("precision", "recall", "f1"))]
        for row in rows
    ], headers


def _short_confusion(rows: Sequence[Row]) -> tuple[list[list[str]], list[str]]:
    """One line per true class: what it was taken for."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        key = (row["dataset"], row["detector"], row["model"], row["truth"])
        if row["count"]:
            lines.setdefault(key, []).append(f"{row['predicted']} {row['count']}")
    return [[*key, ", ".join(taken)] for key, taken in lines.items()], ["dataset", "detector", "model", "truth", "taken for"]


def _short_comparisons(rows: Sequence[Row]) -> tuple[list[list[str]], list[str]]:
    headers = ["dataset", "a", "b", "difference, points [95 % CI]", "p", "Holm p", "test", "verdict"]
    return [
        [row["dataset"], row["a"], row["b"], _points(row), _number(row["p"], 4),
         _number(row["p_adjusted"], 4), row["test"], row["verdict"]]
        for row in rows
    ], headers  # fmt: skip


def _short_coverage(rows: Sequence[Row]) -> tuple[list[list[str]], list[str]]:
    headers = ["dataset", "detector", "model", "n", "coverage %", "no face", "unreadable", "error"]
    return [
        [row["dataset"], row["detector"], row["model"], str(row["n"]), _percent(row["coverage"]), *(str(row[x]) for x in ("no_face", "unreadable", "error"))]
        for row in rows
    ], headers


def _short_affect(rows: Sequence[Row]) -> tuple[list[list[str]], list[str]]:
    headers = ["dataset", "detector", "model", "dimension", "n", "CCC [95 % CI]", "CCC within clips", "Pearson r", "RMSE", "sign agreement %", "coverage %"]
    return [
        [
            *(row[name] for name in ("dataset", "detector", "model", "dimension")),
            str(row["n"]),
            _number(row["ccc"]) + ("" if row["ccc_low"] is None else f" [{_number(row['ccc_low'])}, {_number(row['ccc_high'])}]"),
            *(_number(row[name]) for name in ("ccc_within_clips", "pearson", "rmse")),
            *(_percent(row[name]) for name in ("sign_agreement", "coverage")),
        ]
        for row in rows
    ], headers


def _short_speed(rows: Sequence[Row]) -> tuple[list[list[str]], list[str]]:
    headers = ["dataset", "stage", "detector", "model", "images", "images/s", "p90 ms", "load s"]
    return [
        [
            row["dataset"],
            row["stage"],
            row["detector"],
            row["model"] or "",
            str(row["items"]),
            _number(row["items_per_s"], 1),
            _number(row["p90_ms"], 2),
            _number(row["load_s"], 2),
        ]
        for row in rows
    ], headers


_SHORT = {
    "accuracy": _short_accuracy,
    "per_class": _short_per_class,
    "confusion": _short_confusion,
    "comparisons": _short_comparisons,
    "coverage": _short_coverage,
    "affect": _short_affect,
    "speed": _short_speed,
}


def _csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _markdown(rows: Sequence[Sequence[str]], headers: Sequence[str], note: str) -> str:
    def line(values: Sequence[str]) -> str:
        return "| " + " | ".join(str(value).replace("|", "\\|").replace("\n", " ") for value in values) + " |"

    text = "\n".join([line(headers), "|" + " --- |" * len(headers), *map(line, rows)]) + "\n"
    return f"*{note}*\n\n{text}" if note else text


_LATEX = {"\\": r"\textbackslash{}", "%": r"\%", "&": r"\&", "_": r"\_", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
          "^": r"\textasciicircum{}", "–": "--"}  # fmt: skip


def _latex(rows: Sequence[Sequence[str]], headers: Sequence[str], note: str) -> str:
    """A booktabs table; every character of a name that TeX would read as a command is escaped."""

    def line(values: Sequence[str]) -> str:
        return " & ".join("".join(_LATEX.get(letter, letter) for letter in str(value)) for value in values) + r" \\"

    body = [r"\begin{tabular}{" + "l" * len(headers) + "}", r"\toprule", line(headers), r"\midrule", *map(line, rows), r"\bottomrule", r"\end{tabular}"]
    return "\n".join([f"% {note}", *body] if note else body) + "\n"
