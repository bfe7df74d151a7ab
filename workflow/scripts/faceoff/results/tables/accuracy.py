"""Accuracy and every other metric of each cell and fusion, best first."""

from collections.abc import Mapping
from typing import Any

from faceoff.results import words
from faceoff.results.dataset_results import interval, name_of, ranked
from faceoff.results.tables.table import (
    Column,
    Row,
    Sources,
    Table,
    about,
    in_percent,
    percent_with_interval,
    plain,
    rounded,
)
from faceoff.results.words import share_reached
from faceoff.scoring.metric_list import BY_KEY, Metric, shown_in
from faceoff.scoring.records import Place, Score, Variant

Key = tuple[str, str]  # dataset, cell


def rows(sources: Sources) -> list[Row]:
    """Return a row per cell and fusion.

    On test datasets a row also says how sure its place is, and of a model of reduced precision
    whether it may stand for the original.
    """
    ranking = {
        (found["dataset"], row["name"]): row
        for found in sources.comparisons
        for row in found["ranking"]
    }
    variants = {
        (found["dataset"], row["variant"]): row
        for found in sources.comparisons
        for row in found["variants"]
    }
    return [_row(cell, ranking, variants) for cell in sources.cells]


def _row(cell: Score, ranking: Mapping[Key, Place], variants: Mapping[Key, Variant]) -> Row:
    key = (cell["dataset"], name_of(cell))
    row = about(cell) | {"state": cell["state"], "reason": cell["reason"]}
    if cell["state"] == "ok":
        metrics: Mapping[str, Any] = cell["metrics"]
        row |= {name: metrics[name] for name in sorted(metrics) if name != "n"}
        for name in sorted(cell["intervals"]):
            row[f"{name}_low"], row[f"{name}_high"] = interval(cell, name)
        row["lacks"] = " ".join(cell.get("lacks", ()))
        row["design_effect"] = cell["design_effect"]
        mean = cell.get("fold_mean")
        row["fold_mean"] = mean["accuracy"] if mean else None
        row["ranked"] = ranked(cell)
        row |= _trust(cell)
        place: Mapping[str, Any] = ranking.get(key) or {}
        for name in ("rank_low", "rank_high", "p_best", "tied_with_best"):
            row[name] = place.get(name)
    variant = variants.get(key)
    faults = variant["faults"] if variant else ()
    warnings = [f"may not stand for {variant['original']}", *faults] if variant and faults else []
    return row | {
        "train_status": cell.get("train_status"),
        "circular": cell.get("circular"),
        "same_generator": cell.get("same_generator"),
        "flags": "; ".join(filter(None, ["; ".join(cell.get("flags", ())), *warnings])),
    }


def _trust(cell: Score) -> Row:
    """Return what temperature scaling, the reject option and people's votes add to a cell's scores.

    None where a cell has no such part.
    """
    calibration: Mapping[str, Any] = cell.get("calibration") or {}
    rejection: Mapping[str, Any] = cell.get("rejection") or {}
    human: Mapping[str, Any] = cell.get("human") or {}
    at = rejection.get("at") or ()
    after, outliers = calibration.get("after") or {}, rejection.get("outliers") or {}
    before = calibration.get("before") or {}
    return {
        **{name: before.get(name) for name in ("ece_noise", "ece_noise_95")},
        "temperature": calibration.get("temperature"),
        **{f"{name}_after": after.get(name) for name in ("log_loss", "brier", "ece", "ece_mass")},
        **{name: rejection.get(name) for name in ("aurc", "e_aurc")},
        **{f"accuracy_at_{round(100 * step['coverage'])}": step["accuracy"] for step in at},
        **{
            f"reached_at_{round(100 * step['coverage'])}": share_reached(step, rejection["n"])
            for step in at
        },
        "outlier_auroc": outliers.get("auroc"),
        "cross_entropy_votes": human.get("cross_entropy"),
        "kl_votes": human.get("kl"),
        **{
            name: human.get(name)
            for name in ("one_person", "accuracy_as_tagger", "as_tagger_over_one_person")
        },
    }


def _ranks(row: Row) -> str:
    """Return the 95 % interval of a rank."""
    low, high = row.get("rank_low"), row.get("rank_high")
    return "–" if low is None else str(low) if low == high else f"{low}–{high}"


def _notes(row: Row) -> str:
    circular = " and ".join(words.kinship(row))
    lacks = words.lacks(row.get("lacks", "").split(), row.get("ceiling"))
    return row["reason"] or "; ".join(filter(None, [row["flags"], circular, lacks]))


# Over all samples, so that the best of a dataset is best of the same.
_BEST = ("balanced_accuracy", "macro_f1")
_WIDE = ("covered_accuracy", "log_loss", "ece")


def _column(metric: Metric) -> Column:
    """Return the column of a metric that is printed without its interval."""
    return Column(
        header=metric.with_unit,
        text=in_percent(metric.key) if metric.scale == "share" else rounded(metric.key),
        best=metric.key if metric.key in _BEST else None,
        wide=metric.key in _WIDE,
    )


TABLE = Table(
    rows=rows,
    columns=[
        *plain("dataset", "detector", "model"),
        Column(header="n", text=lambda row: str(row["n"] or "–")),
        Column(
            header=f"{BY_KEY['accuracy'].with_unit} [95 % CI]",
            text=percent_with_interval("accuracy"),
            marks_ties=True,
            best="accuracy",
        ),
        Column(header="rank", text=_ranks, wide=True),
        *(_column(metric) for metric in shown_in("print") if metric.key != "accuracy"),
        Column(header="trained", text=lambda row: row["train_status"] or "–", wide=True),
        Column(header="notes", text=_notes),
    ],
)
