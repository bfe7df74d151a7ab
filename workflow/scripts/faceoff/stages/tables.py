"""Stage 8: all scores as tidy tables, each as CSV (every digit), Markdown and LaTeX (rounded, with intervals)."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faceoff.results import latency
from faceoff.results.across_datasets import rank_across
from faceoff.results.dataset_results import name_of, ranked
from faceoff.results.printed_tables import Row, in_print
from faceoff.results.throughput import per_picture
from faceoff.results.words import LIMITED, share_reached
from faceoff.scoring import multiverse as universes
from faceoff.storage import files

_CELL = ("dataset", "task", "n", "task_hash", "kind", "detector", "model", "cell")


def write_tables(
    scores: Sequence[Path],
    comparisons: Sequence[Path],
    timings: Sequence[Path],
    output: Path,
    spec: Mapping[str, Any],
    multiverse: Sequence[Path] = (),
    latencies: Sequence[Path] = (),
) -> None:
    """Write accuracy, per_class, confusion, comparisons, decomposition, ranks (over datasets), coverage, affect (valence and arousal), speed and cost.

    Rows are sorted, best first within a dataset; each says at its end whether its dataset (of ranks: one of them) is limited. `multiverse`, `latencies`: the
    files of those stages, where the run asks for them; without any there is no such table.
    """
    limited = {
        name for name, section in spec["config"]["datasets"].items() if section["limit"] is not None
    }
    cells = sorted((files.read_json(path) for path in scores), key=_rank)
    paired = [files.read_json(path) for path in sorted(comparisons)]
    measured = [
        timing for timing in map(files.read_json, sorted(timings)) if not timing.get("failed")
    ]
    tested = {comparison["dataset"] for comparison in paired}
    made = {
        "accuracy": _accuracy(
            cells,
            {(c["dataset"], row["name"]): row for c in paired for row in c["ranking"]},
            {(c["dataset"], row["variant"]): row for c in paired for row in c["variants"]},
        ),
        "per_class": [
            _about(cell) | per
            for cell in cells
            if cell["state"] == "ok"
            for per in cell["per_class"]
        ],
        "confusion": _confusion(cells),
        "comparisons": [
            {"dataset": c["dataset"], **pair} for c in paired for pair in c["comparisons"]
        ],
        "decomposition": [row for c in paired for row in _decomposition(c)],
        "ranks": _ranks_across([cell for cell in cells if cell["dataset"] in tested]),
        "coverage": [
            _about(cell) | cell["counts"] | {"coverage": cell["metrics"]["coverage"]}
            for cell in cells
            if cell["state"] == "ok"
        ],
        "affect": [
            _about(cell) | {"dimension": name} | values
            for cell in cells
            for name, values in sorted(cell.get("affect", {}).items())
        ],
        "speed": _speed(measured),
        "cost": [row for c in paired for row in _cost(c, measured)],
    }
    if multiverse:
        found = [files.read_json(path) for path in sorted(multiverse)]
        made["multiverse"] = [
            {"dataset": entry["dataset"], **row} for entry in found for row in universes.rows(entry)
        ]
    if latencies:
        made["latency"] = latency.rows(map(files.read_json, sorted(latencies)), cells)
    for name, rows in made.items():
        rows = [
            {
                **row,
                "limited": not limited.isdisjoint(
                    [row["dataset"]] if "dataset" in row else row["on"].split("; ")
                ),
            }
            for row in rows
        ]
        columns = list(dict.fromkeys(column for row in rows for column in row)) or ["dataset"]
        files.write_text(output / f"{name}.csv", _csv(rows, columns))
        markdown, latex = in_print(
            name, rows, LIMITED if any(row["limited"] for row in rows) else ""
        )
        files.write_text(output / f"{name}.md", markdown)
        files.write_text(output / f"{name}.tex", latex)


def _rank(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        cell["dataset"],
        cell["state"] != "ok",
        not ranked(cell),
        -cell["metrics"]["accuracy"] if cell["state"] == "ok" else 0.0,
        name_of(cell),
    )


def _about(cell: Mapping[str, Any]) -> Row:
    task = cell["task"] or {}
    fused = cell["kind"] == "fusion"
    detector, model = ("fusion", cell["fusion"]) if fused else (cell["detector"], cell["model"])
    values = (
        cell["dataset"],
        task.get("version"),
        task.get("n"),
        task.get("hash"),
        cell["kind"],
        detector,
        model,
        name_of(cell),
    )
    return dict(zip(_CELL, values, strict=True))


def _accuracy(
    cells: Sequence[Mapping[str, Any]],
    ranking: Mapping[tuple[str, str], Row],
    variants: Mapping[tuple[str, str], Row],
) -> list[Row]:
    """(dataset, cell) -> how sure its place is, and of a model of reduced precision whether it may stand for the original; not on validation datasets."""
    rows = []
    for cell in cells:
        row = _about(cell) | {"state": cell["state"], "reason": cell["reason"]}
        if cell["state"] == "ok":
            row |= {name: cell["metrics"][name] for name in sorted(cell["metrics"]) if name != "n"}
            for name, (low, high) in sorted(cell["intervals"].items()):
                row |= {f"{name}_low": low, f"{name}_high": high}
            row["design_effect"] = cell["design_effect"]
            row["ranked"] = ranked(cell)
            row |= _trust(cell)
            place = ranking.get((cell["dataset"], name_of(cell)), {})
            row |= {
                name: place.get(name)
                for name in ("rank_low", "rank_high", "p_best", "tied_with_best")
            }
        row |= {
            "train_status": cell.get("train_status"),
            "circular": cell.get("circular"),
            "flags": "; ".join(cell.get("flags", ())),
        }
        variant = variants.get((cell["dataset"], name_of(cell)))
        if variant and variant["faults"]:
            row["flags"] = "; ".join(
                filter(
                    None,
                    [row["flags"], f"may not stand for {variant['original']}", *variant["faults"]],
                )
            )
        rows.append(row)
    return rows


def _trust(cell: Mapping[str, Any]) -> Row:
    """What temperature scaling, the reject option and people's votes add to a cell's scores; None where a cell has no such part."""
    calibration, rejection, human = (
        cell.get(part) or {} for part in ("calibration", "rejection", "human")
    )
    at = rejection.get("at") or ()
    after, outliers = calibration.get("after") or {}, rejection.get("outliers") or {}
    return {
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


def _confusion(cells: Sequence[Mapping[str, Any]]) -> list[Row]:
    rows = []
    for cell in cells:
        if cell["state"] == "ok":
            space = cell["task"]["space"]
            for truth, counts in zip(space, cell["confusion"], strict=True):
                rows += [
                    _about(cell) | {"truth": truth, "predicted": name, "count": n}
                    for name, n in zip([*space, "no_face"], counts, strict=True)
                ]
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
    return rows + [
        {"dataset": comparison["dataset"], "component": name, **nothing, "reason": why}
        for name, why in sorted(found["left_out"].items())
    ]


def _ranks_across(cells: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Mean rank over the test datasets of every cell and fusion that all of them scored; `tied_with_best`: within the critical difference."""
    standing = rank_across(cells)
    if standing is None:
        return []
    ranks = standing.ranks
    best = ranks.mean_rank.min()
    rows = []
    for name, rank in sorted(
        zip(standing.names, ranks.mean_rank.tolist(), strict=True),
        key=lambda pair: (pair[1], pair[0]),
    ):
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
            "flagged": "; ".join(standing.flagged),
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
    paid = per_picture(timings)

    def cost(cells: Sequence[str]) -> float | None:
        jobs = {(comparison["dataset"], *cell.split("/")) for cell in cells}
        found = [paid.get(job) for job in sorted(jobs | {job[:2] for job in jobs})]
        return None if None in found else 1000 * sum(found)

    rows = []
    for step in ensemble["curve"]:
        # Each fold has an ensemble of its own: their mean cost.
        costs = [cost(order[: step["size"]]) for order in ensemble["order"]]
        ms = None if None in costs else sum(costs) / len(costs)
        low, high = step["interval"]
        rows.append({"dataset": comparison["dataset"], "part": "curve", "size": step["size"], "name": step["added"],
                     "accuracy": step["accuracy"], "accuracy_low": low, "accuracy_high": high, "ms": ms, "worth": None, "worth_per_ms": None})  # fmt: skip
    for member in ensemble["members"]:
        worth, ms = (
            member["leave_one_out"] if member["shapley"] is None else member["shapley"],
            cost([member["name"]]),
        )
        rows.append({"dataset": comparison["dataset"], "part": "member", "size": None, "name": member["name"], "accuracy": None, "accuracy_low": None,
                     "accuracy_high": None, "ms": ms, "worth": worth, "worth_per_ms": None if worth is None or not ms else worth / ms})  # fmt: skip
    return rows


def _csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
