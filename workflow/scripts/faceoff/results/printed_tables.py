"""Rows of the results' tables as they look in print, rounded and with intervals: Markdown and LaTeX. The CSV files keep every digit."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from faceoff.results import latex
from faceoff.results.words import p_in_table

Row = dict[str, Any]
Printed = tuple[list[list[str]], list[str]]  # rows, headers

_ACCURACY, _MEAN_RANK = "accuracy % [95 % CI]", "mean rank"
_RANKED = (
    _ACCURACY,
    _MEAN_RANK,
)  # columns whose values are marked where they cannot be told from the best
# What is set in bold where it is the best of its dataset: table -> column -> (key of the row, whether less is better).
_BEST = {
    "accuracy": {
        _ACCURACY: ("accuracy", False),
        "UAR %": ("balanced_accuracy", False),
        "macro-F1 %": ("macro_f1", False),
    },
    "affect": {"CCC [95 % CI]": ("ccc", False)},
    "ranks": {_MEAN_RANK: ("mean_rank", True)},
}
# Columns that a page has no room for: the CSV has them, a dagger says more than a rank, and a note names the tests.
_TOO_WIDE = {
    "accuracy": {"rank", "covered %", "log loss", "ECE", "trained"},
    "comparisons": {"test", "detectable, points"},
}
# What Markdown would take for markup: names are text. A sign between blanks is none, and brackets make a link only before an opening one.
_MARKUP = re.compile(r"[\\`*_|~>]|[<&](?! )|\](?=[(\[])")
_PRINTED = 90  # characters of a reason
_TIED = "† not significantly different from the best"


def in_print(name: str, rows: Sequence[Row], note: str = "") -> tuple[str, str]:
    """The rows of the table of this name as (Markdown, LaTeX). `note`: a line that stands with the table.

    Values that cannot be told from the best of their column are marked, the best of each dataset are bold in LaTeX. Raises KeyError for another table.
    """
    shown, headers = _SHORT[name](rows)
    ranked = next((headers.index(header) for header in _RANKED if header in headers), None)
    tied = {
        (row, ranked)
        for row, values in enumerate(rows)
        if ranked is not None and values.get("tied_with_best")
    }
    return _markdown(shown, headers, note, tied), _latex(name, rows, shown, headers, note, tied)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f}"


def _with_interval(row: Mapping[str, Any], name: str) -> str:
    if row.get(name) is None:
        return "–"
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    return _percent(row[name]) + (
        f" [{_percent(low)}, {_percent(high)}]" if low is not None else ""
    )


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


def _short_accuracy(rows: Sequence[Row]) -> Printed:
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


def _short_per_class(rows: Sequence[Row]) -> Printed:
    headers = ["dataset", "detector", "model", "emotion", "n", "precision %", "recall %", "F1 %"]
    return [
        [
            row["dataset"],
            row["detector"],
            row["model"],
            row["emotion"],
            str(row["n"]),
            *(_percent(row[x]) for x in ("precision", "recall", "f1")),
        ]
        for row in rows
    ], headers


def _short_confusion(rows: Sequence[Row]) -> Printed:
    """One line per true class: what it was taken for."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        key = (row["dataset"], row["detector"], row["model"], row["truth"])
        if row["count"]:
            lines.setdefault(key, []).append(f"{row['predicted']} {row['count']}")
    return [[*key, ", ".join(taken)] for key, taken in lines.items()], [
        "dataset",
        "detector",
        "model",
        "truth",
        "taken for",
    ]


def _short_comparisons(rows: Sequence[Row]) -> Printed:
    headers = [
        "dataset",
        "a",
        "b",
        "difference, points [95 % CI]",
        "p",
        "Holm p",
        "test",
        "verdict",
        "detectable, points",
    ]
    return [
        [row["dataset"], row["a"], row["b"], _points(row), p_in_table(row["p"]), p_in_table(row["p_adjusted"]),
         row["test"], row["verdict"], _percent(row["minimum_detectable"])]
        for row in rows
    ], headers  # fmt: skip


def _short_decomposition(rows: Sequence[Row]) -> Printed:
    headers = [
        "dataset",
        "component",
        "variance, logit² [95 % CI]",
        "share %",
        "does it matter? p",
        "notes",
    ]
    return [
        [row["dataset"], row["component"], _number(row["variance"]) + ("" if row["low"] is None else f" [{_number(row['low'])}, {_number(row['high'])}]"),
         _percent(row["share"]), p_in_table(row["p"]), row["reason"]]
        for row in rows
    ], headers  # fmt: skip


def _short_ranks(rows: Sequence[Row]) -> Printed:
    headers = ["cell", _MEAN_RANK, "datasets", "critical difference", "Iman–Davenport p", "notes"]
    return [
        [row["cell"], _number(row["mean_rank"], 2), str(row["datasets"]),
         _number(row["critical_difference"], 2), p_in_table(row["p_f"]), "; ".join(filter(None, [row["reason"], row["left_out"]]))]
        for row in rows
    ], headers  # fmt: skip


def _short_cost(rows: Sequence[Row]) -> Printed:
    headers = [
        "dataset",
        "part",
        "members",
        "name",
        "accuracy % [95 % CI]",
        "ms per picture",
        "worth, points",
        "points per ms",
    ]
    return [
        [row["dataset"], row["part"], str(row["size"] or ""), row["name"], _with_interval(row, "accuracy"), _number(row["ms"], 2),
         _percent(row["worth"]), _percent(row["worth_per_ms"])]
        for row in rows
    ], headers  # fmt: skip


def _short_coverage(rows: Sequence[Row]) -> Printed:
    headers = ["dataset", "detector", "model", "n", "coverage %", "no face", "unreadable", "error"]
    return [
        [
            row["dataset"],
            row["detector"],
            row["model"],
            str(row["n"]),
            _percent(row["coverage"]),
            *(str(row[x]) for x in ("no_face", "unreadable", "error")),
        ]
        for row in rows
    ], headers


def _short_affect(rows: Sequence[Row]) -> Printed:
    headers = [
        "dataset",
        "detector",
        "model",
        "dimension",
        "n",
        "CCC [95 % CI]",
        "CCC within clips",
        "clips",
        "Pearson r",
        "RMSE",
        "sign agreement %",
        "coverage %",
    ]
    return [
        [
            *(row[name] for name in ("dataset", "detector", "model", "dimension")),
            str(row["n"]),
            _number(row["ccc"])
            + (
                ""
                if row["ccc_low"] is None
                else f" [{_number(row['ccc_low'])}, {_number(row['ccc_high'])}]"
            ),
            _number(row["ccc_within_clips"]),
            str(row["clips"]),
            *(_number(row[name]) for name in ("pearson", "rmse")),
            *(_percent(row[name]) for name in ("sign_agreement", "coverage")),
        ]
        for row in rows
    ], headers


def _short_speed(rows: Sequence[Row]) -> Printed:
    headers = [
        "dataset",
        "stage",
        "detector",
        "model",
        "images",
        "images/s",
        "p90 ms",
        "load s",
        "peak MiB",
    ]
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


def _short_latency(rows: Sequence[Row]) -> Printed:
    headers = [
        "dataset",
        "part",
        "detector",
        "model",
        "queries",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "offline/s",
        "notes",
    ]
    return [
        [*(row[name] for name in ("dataset", "part", "detector", "model")), str(row["queries"]),
         *(_number(row[name], 2) for name in ("p50_ms", "p90_ms", "p99_ms")), _number(row["offline_per_s"], 1),
         row["reason"] or (f"{row['failed']} pictures raised an error" if row["failed"] else "")]
        for row in rows
    ], headers  # fmt: skip


def _short_multiverse(rows: Sequence[Row]) -> Printed:
    """One line per pipeline: its range over the universes."""
    lines: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        lines.setdefault((row["dataset"], row["pipeline"]), []).append(row)
    shown = []
    for key, own in lines.items():
        values = [row["accuracy"] for row in own if row["accuracy"] is not None]
        home = next((row["accuracy"] for row in own if row["home"]), None)
        best = sum(row["best"] for row in own)
        shown.append(
            [
                *key,
                _percent(home),
                _percent(min(values, default=None)),
                _percent(max(values, default=None)),
                f"{best} of {len(own)}",
            ]
        )
    return shown, ["dataset", "pipeline", "this task %", "lowest %", "highest %", "best or tied in"]


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
    "latency": _short_latency,
    "cost": _short_cost,
}


def _markdown(
    rows: Sequence[Sequence[str]],
    headers: Sequence[str],
    note: str,
    tied: Collection[tuple[int, int]],
) -> str:
    """`tied`: cells (row, column) that get a trailing "="."""

    def line(values: Sequence[str]) -> str:
        return (
            "| "
            + " | ".join(_MARKUP.sub(r"\\\g<0>", " ".join(str(value).split())) for value in values)
            + " |"
        )

    marked = [
        [f"{value} =" if (row, column) in tied else value for column, value in enumerate(values)]
        for row, values in enumerate(rows)
    ]
    text = "\n".join([line(headers), "|" + " --- |" * len(headers), *map(line, marked)]) + "\n"
    return f"*{note}*\n\n{text}" if note else text


def _latex(
    name: str,
    rows: Sequence[Row],
    shown: Sequence[Sequence[str]],
    headers: Sequence[str],
    note: str,
    tied: Collection[tuple[int, int]],
) -> str:
    """The same for a paper: best of each dataset (and dimension) in bold, a dagger where a value cannot be told from the best."""

    def of_dataset(row: Row) -> tuple[Any, ...]:
        return row.get("dataset"), row.get("dimension")

    kept = [
        column for column, header in enumerate(headers) if header not in _TOO_WIDE.get(name, ())
    ]
    bold = {
        (row, kept.index(headers.index(header)))
        for header, (key, lowest) in _BEST.get(name, {}).items()
        for row in latex.best(
            [row | {key: None} if row.get("ranked") is False else row for row in rows],
            key,
            group=of_dataset,
            lowest=lowest,
        )
    }
    marked = {(row, kept.index(column)) for row, column in tied} - bold
    cells = [[_cut(values[column]) for column in kept] for values in shown]
    tests = ", ".join(sorted({row["test"] for row in rows if row.get("test")}))
    notes = [_TIED if marked else "", f"paired test: {tests}" if tests else "", note]
    return latex.table(
        [headers[column] for column in kept],
        cells,
        bold=bold,
        marked=marked,
        notes=[text for text in notes if text],
    )


def _cut(text: Any) -> str:
    return text if len(text := str(text)) <= _PRINTED else text[: _PRINTED - 1] + "…"
