"""Stage 8: all scores as tidy tables, each as CSV (every digit), Markdown and LaTeX (rounded, with intervals)."""

import csv
import io
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from faceoff import latex, tables, universes
from faceoff.across import rank_across
from faceoff.stages.check import name_of

Row = dict[str, Any]

_CELL = ("dataset", "task", "n", "task_hash", "kind", "detector", "model", "cell")


def write_tables(
    scores: Sequence[Path], comparisons: Sequence[Path], timings: Sequence[Path], output: Path, spec: Mapping[str, Any], multiverse: Sequence[Path] = ()
) -> None:
    """Write accuracy, per_class, confusion, comparisons, decomposition, ranks (over datasets), coverage, affect (valence and arousal), speed and cost.

    Rows are sorted, best first within a dataset. `multiverse`: the files of the datasets that are asked for one; without any there is no such table.
    """
    cells = sorted((tables.read_json(path) for path in scores), key=_rank)
    paired = [tables.read_json(path) for path in sorted(comparisons)]
    measured = [timing for timing in map(tables.read_json, sorted(timings)) if not timing.get("failed")]
    tested = {comparison["dataset"] for comparison in paired}
    made = {
        "accuracy": _accuracy(
            cells,
            {(c["dataset"], row["name"]): row for c in paired for row in c["ranking"]},
            {(c["dataset"], row["variant"]): row for c in paired for row in c["variants"]},
        ),
        "per_class": [_about(cell) | per for cell in cells if cell["state"] == "ok" for per in cell["per_class"]],
        "confusion": _confusion(cells),
        "comparisons": [{"dataset": c["dataset"], **pair} for c in paired for pair in c["comparisons"]],
        "decomposition": [row for c in paired for row in _decomposition(c)],
        "ranks": _ranks_across([cell for cell in cells if cell["dataset"] in tested]),
        "coverage": [_about(cell) | cell["counts"] | {"coverage": cell["metrics"]["coverage"]} for cell in cells if cell["state"] == "ok"],
        "affect": [_about(cell) | {"dimension": name} | values for cell in cells for name, values in sorted(cell.get("affect", {}).items())],
        "speed": _speed(measured),
        "cost": [row for c in paired for row in _cost(c, measured)],
    }
    if multiverse:
        found = [tables.read_json(path) for path in sorted(multiverse)]
        made["multiverse"] = [{"dataset": entry["dataset"], **row} for entry in found for row in universes.rows(entry)]
    limited = any(cell["task"] and cell["task"]["limited"] for cell in cells)
    for name, rows in made.items():
        columns = list(dict.fromkeys(column for row in rows for column in row)) or ["dataset"]
        tables.write_text(output / f"{name}.csv", _csv(rows, columns))
        shown, headers = _SHORT[name](rows)
        note = "limited: not for reporting" if limited else ""
        ranked = next((headers.index(header) for header in _RANKED if header in headers), None)
        tied = {(row, ranked) for row, values in enumerate(rows) if ranked is not None and values.get("tied_with_best")}
        tables.write_text(output / f"{name}.md", _markdown(shown, headers, note, tied))
        tables.write_text(output / f"{name}.tex", _latex(name, rows, shown, headers, note, tied))


def _rank(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    return (cell["dataset"], cell["state"] != "ok", -cell["metrics"]["accuracy"] if cell["state"] == "ok" else 0.0, name_of(cell))


def _about(cell: Mapping[str, Any]) -> Row:
    task = cell["task"] or {}
    fused = cell["kind"] == "fusion"
    detector, model = ("fusion", cell["fusion"]) if fused else (cell["detector"], cell["model"])
    values = (cell["dataset"], task.get("version"), task.get("n"), task.get("hash"), cell["kind"], detector, model, name_of(cell))
    return dict(zip(_CELL, values, strict=True))


def _accuracy(cells: Sequence[Mapping[str, Any]], ranking: Mapping[tuple[str, str], Row], variants: Mapping[tuple[str, str], Row]) -> list[Row]:
    """(dataset, cell) -> how sure its place is, and of a model of reduced precision whether it may stand for the original; not on validation datasets."""
    rows = []
    for cell in cells:
        row = _about(cell) | {"state": cell["state"], "reason": cell["reason"]}
        if cell["state"] == "ok":
            row |= {name: cell["metrics"][name] for name in sorted(cell["metrics"]) if name != "n"}
            for name, (low, high) in sorted(cell["intervals"].items()):
                row |= {f"{name}_low": low, f"{name}_high": high}
            row["design_effect"] = cell["design_effect"]
            row |= _trust(cell)
            place = ranking.get((cell["dataset"], name_of(cell)), {})
            row |= {name: place.get(name) for name in ("rank_low", "rank_high", "p_best", "tied_with_best")}
        row |= {"train_status": cell.get("train_status"), "circular": cell.get("circular"), "flags": "; ".join(cell.get("flags", ()))}
        variant = variants.get((cell["dataset"], name_of(cell)))
        if variant and variant["faults"]:
            row["flags"] = "; ".join(filter(None, [row["flags"], f"may not stand for {variant['original']}", *variant["faults"]]))
        row["limited"] = (cell["task"] or {}).get("limited")
        rows.append(row)
    return rows


def _trust(cell: Mapping[str, Any]) -> Row:
    """What temperature scaling, the reject option and people's votes add to a cell's scores; None where a cell has no such part."""
    calibration, rejection, human = (cell.get(part) or {} for part in ("calibration", "rejection", "human"))
    after, outliers = calibration.get("after") or {}, rejection.get("outliers") or {}
    return {
        "temperature": calibration.get("temperature"),
        **{f"{name}_after": after.get(name) for name in ("log_loss", "brier", "ece", "ece_mass")},
        **{name: rejection.get(name) for name in ("aurc", "e_aurc")},
        **{f"accuracy_at_{round(100 * step['coverage'])}": step["accuracy"] for step in rejection.get("at") or ()},
        "outlier_auroc": outliers.get("auroc"),
        "cross_entropy_votes": human.get("cross_entropy"),
        "kl_votes": human.get("kl"),
        "human_ceiling": human.get("ceiling"),
        **{name: human.get(name) for name in ("accuracy_over_ceiling", "accuracy_as_tagger")},
    }


def _confusion(cells: Sequence[Mapping[str, Any]]) -> list[Row]:
    rows = []
    for cell in cells:
        if cell["state"] == "ok":
            space = cell["task"]["space"]
            for truth, counts in zip(space, cell["confusion"], strict=True):
                rows += [_about(cell) | {"truth": truth, "predicted": name, "count": n} for name, n in zip([*space, "no_face"], counts, strict=True)]
    return rows


def _speed(timings: Sequence[Mapping[str, Any]]) -> list[Row]:
    names = ("dataset", "stage", "detector", "model", "items", "items_per_s", "p90_ms", "load_s", "compute_s", "wall_s", "batch", "shards", "threads",
             "device", "peak_rss_mib", "peak_vram_mib", "energy_j")  # fmt: skip
    return [{name: timing.get(name) for name in names} for timing in timings]


def _decomposition(comparison: Mapping[str, Any]) -> list[Row]:
    """Variance components of being right, each factor with the p of the hypothesis that its levels make no difference at all."""
    found = comparison.get("decomposition") or {"components": [], "effects": [], "left_out": {}}
    effects = {effect["factor"]: effect for effect in found["effects"]}
    rows = []
    for component in found["components"]:
        effect = effects.get(component["name"], {})
        rows.append({"dataset": comparison["dataset"], "component": component["name"],
                     **{name: component[name] for name in ("variance", "low", "high", "share")},
                     "levels": effect.get("levels"), "p": effect.get("p"), "reason": effect.get("reason", "")})  # fmt: skip
    nothing = dict.fromkeys(("variance", "low", "high", "share", "levels", "p"))
    return rows + [{"dataset": comparison["dataset"], "component": name, **nothing, "reason": why} for name, why in sorted(found["left_out"].items())]


def _ranks_across(cells: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Mean rank over the test datasets of every cell and fusion that all of them scored; `tied_with_best`: within the critical difference."""
    standing = rank_across(cells)
    if standing is None:
        return []
    ranks = standing.ranks
    best = ranks.mean_rank.min()
    rows = []
    for name, rank in sorted(zip(standing.names, ranks.mean_rank.tolist(), strict=True), key=lambda pair: (pair[1], pair[0])):
        rows.append({
            "cell": name,
            "mean_rank": rank,
            "datasets": ranks.datasets,
            "critical_difference": _finite(ranks.critical_difference),
            "tied_with_best": None if ranks.reason else rank - best <= ranks.critical_difference,
            "chi2": _finite(ranks.chi2),
            "p": _finite(ranks.p),
            "f": _finite(ranks.f),
            "p_f": _finite(ranks.p_f),
            "on": "; ".join(standing.datasets),
            "left_out": "; ".join(f"{dataset}: {why}" for dataset, why in sorted(standing.left_out.items())),
            "reason": ranks.reason,
        })  # fmt: skip
    return rows


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _cost(comparison: Mapping[str, Any], timings: Sequence[Mapping[str, Any]]) -> list[Row]:
    """What accuracy costs in time: the curve of greedy selection and each member's worth, in ms per picture; members share their detector's time.

    Apart from the ensemble's figure, as times differ from run to run.
    """
    ensemble = comparison.get("ensemble")
    if not ensemble:
        return []
    paid: dict[tuple[str, ...], float] = {}
    for timing in timings:
        if timing["dataset"] == comparison["dataset"] and timing.get("items_per_s"):
            user = (timing["detector"], timing["model"]) if timing.get("model") else (timing["detector"],)
            paid[user] = 1000 / timing["items_per_s"]

    def cost(cells: Sequence[str]) -> float | None:
        users = {tuple(cell.split("/")) for cell in cells}
        found = [paid.get(user) for user in sorted(users | {user[:1] for user in users})]
        return None if None in found else sum(found)

    rows = []
    for step in ensemble["curve"]:
        # Each fold has an ensemble of its own: their mean cost.
        costs = [cost(order[: step["size"]]) for order in ensemble["order"]]
        ms = None if None in costs else sum(costs) / len(costs)
        low, high = step["interval"]
        rows.append({"dataset": comparison["dataset"], "part": "curve", "size": step["size"], "name": step["added"],
                     "accuracy": step["accuracy"], "accuracy_low": low, "accuracy_high": high, "ms": ms, "worth": None, "worth_per_ms": None})  # fmt: skip
    for member in ensemble["members"]:
        worth, ms = member["leave_one_out"] if member["shapley"] is None else member["shapley"], cost([member["name"]])
        rows.append({"dataset": comparison["dataset"], "part": "member", "size": None, "name": member["name"], "accuracy": None, "accuracy_low": None,
                     "accuracy_high": None, "ms": ms, "worth": worth, "worth_per_ms": None if worth is None or not ms else worth / ms})  # fmt: skip
    return rows


# -- how rows look in print ----------------------------------------------------------------------------------------


_ACCURACY, _MEAN_RANK = "accuracy % [95 % CI]", "mean rank"
_RANKED = (_ACCURACY, _MEAN_RANK)  # columns whose values are marked where they cannot be told from the best


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


def _p(value: float | None) -> str:
    return "< 0.0001" if value is not None and value < 0.0001 else _number(value, 4)


def _short_accuracy(rows: Sequence[Row]) -> tuple[list[list[str]], list[str]]:
    headers = [
        "dataset",
        "detector",
        "model",
        "n",
        _ACCURACY,
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
            _with_interval(row, "accuracy"),
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
    headers = ["dataset", "a", "b", "difference, points [95 % CI]", "p", "Holm p", "test", "verdict", "detectable, points"]
    return [
        [row["dataset"], row["a"], row["b"], _points(row), _p(row["p"]), _p(row["p_adjusted"]),
         row["test"], row["verdict"], _percent(row["minimum_detectable"])]
        for row in rows
    ], headers  # fmt: skip


def _short_decomposition(rows: Sequence[Row]) -> tuple[list[list[str]], list[str]]:
    headers = ["dataset", "component", "variance, logit² [95 % CI]", "share %", "does it matter? p", "notes"]
    return [
        [row["dataset"], row["component"], _number(row["variance"]) + ("" if row["low"] is None else f" [{_number(row['low'])}, {_number(row['high'])}]"),
         _percent(row["share"]), _p(row["p"]), row["reason"]]
        for row in rows
    ], headers  # fmt: skip


def _short_ranks(rows: Sequence[Row]) -> tuple[list[list[str]], list[str]]:
    headers = ["cell", _MEAN_RANK, "datasets", "critical difference", "Friedman p", "notes"]
    return [
        [row["cell"], _number(row["mean_rank"], 2), str(row["datasets"]),
         _number(row["critical_difference"], 2), _p(row["p"]), "; ".join(filter(None, [row["reason"], row["left_out"]]))]
        for row in rows
    ], headers  # fmt: skip


def _short_cost(rows: Sequence[Row]) -> tuple[list[list[str]], list[str]]:
    headers = ["dataset", "part", "members", "name", "accuracy % [95 % CI]", "ms per picture", "worth, points", "points per ms"]
    return [
        [row["dataset"], row["part"], str(row["size"] or ""), row["name"], _with_interval(row, "accuracy"), _number(row["ms"], 2),
         _percent(row["worth"]), _percent(row["worth_per_ms"])]
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
    headers = ["dataset", "stage", "detector", "model", "images", "images/s", "p90 ms", "load s", "peak MiB"]
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
            _number(row["peak_rss_mib"], 0),
        ]
        for row in rows
    ], headers


def _short_multiverse(rows: Sequence[Row]) -> tuple[list[list[str]], list[str]]:
    """One line per pipeline: its range over the universes."""
    lines: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        lines.setdefault((row["dataset"], row["pipeline"]), []).append(row)
    shown = []
    for key, own in lines.items():
        values = [row["accuracy"] for row in own if row["accuracy"] is not None]
        home = next((row["accuracy"] for row in own if row["home"]), None)
        best = sum(row["best"] for row in own)
        shown.append([*key, _percent(home), _percent(min(values, default=None)), _percent(max(values, default=None)), f"{best} of {len(own)}"])
    return shown, ["dataset", "pipeline", "this task %", "lowest %", "highest %", "best in"]


_SHORT = {
    "multiverse": _short_multiverse,
    "accuracy": _short_accuracy,
    "per_class": _short_per_class,
    "confusion": _short_confusion,
    "comparisons": _short_comparisons,
    "decomposition": _short_decomposition,
    "ranks": _short_ranks,
    "coverage": _short_coverage,
    "affect": _short_affect,
    "speed": _short_speed,
    "cost": _short_cost,
}


def _csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _markdown(rows: Sequence[Sequence[str]], headers: Sequence[str], note: str, tied: Collection[tuple[int, int]]) -> str:
    """`tied`: cells (row, column) that get a trailing "="."""

    def line(values: Sequence[str]) -> str:
        return "| " + " | ".join(str(value).replace("|", "\\|").replace("\n", " ") for value in values) + " |"

    marked = [[f"{value} =" if (row, column) in tied else value for column, value in enumerate(values)] for row, values in enumerate(rows)]
    text = "\n".join([line(headers), "|" + " --- |" * len(headers), *map(line, marked)]) + "\n"
    return f"*{note}*\n\n{text}" if note else text


# What is set in bold where it is the best of its dataset: table -> column -> (key of the row, whether less is better).
_BEST = {
    "accuracy": {_ACCURACY: ("accuracy", False), "UAR %": ("balanced_accuracy", False), "macro-F1 %": ("macro_f1", False)},
    "affect": {"CCC [95 % CI]": ("ccc", False)},
    "ranks": {_MEAN_RANK: ("mean_rank", True)},
}
# Columns that a page has no room for: the CSV has them, a dagger says more than a rank, and a note names the tests.
_TOO_WIDE = {"accuracy": {"rank", "covered %", "log loss", "ECE", "trained"}, "comparisons": {"test", "detectable, points"}}
_PRINTED = 90  # characters of a reason
_TIED = "† not significantly different from the best"


def _latex(name: str, rows: Sequence[Row], shown: Sequence[Sequence[str]], headers: Sequence[str], note: str, tied: Collection[tuple[int, int]]) -> str:
    """The same for a paper: best of each dataset (and dimension) in bold, a dagger where a value cannot be told from the best."""

    def of_dataset(row: Row) -> tuple[Any, ...]:
        return row.get("dataset"), row.get("dimension")

    kept = [column for column, header in enumerate(headers) if header not in _TOO_WIDE.get(name, ())]
    bold = {
        (row, kept.index(headers.index(header)))
        for header, (key, lowest) in _BEST.get(name, {}).items()
        for row in latex.best(rows, key, group=of_dataset, lowest=lowest)
    }
    marked = {(row, kept.index(column)) for row, column in tied} - bold
    cells = [[_cut(values[column]) for column in kept] for values in shown]
    tests = ", ".join(sorted({row["test"] for row in rows if row.get("test")}))
    notes = [_TIED if marked else "", f"paired test: {tests}" if tests else "", note]
    return latex.table([headers[column] for column in kept], cells, bold=bold, marked=marked, notes=[text for text in notes if text])


def _cut(text: Any) -> str:
    return text if len(text := str(text)) <= _PRINTED else text[: _PRINTED - 1] + "…"
