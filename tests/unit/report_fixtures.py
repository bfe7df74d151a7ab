"""A small synthetic run on disk (scores, comparisons, examples, spec) for the tests of figures and page."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceoff import tables
from faceoff.emotions import EMOTIONS
from faceoff.media import encode_png
from faceoff.stages import examples as examples_stage

HOSTILE = "<script>alert(1)</script> \"'&$x^2$ ../../etc\x07\n" + "A" * 10_000
SPACE = list(EMOTIONS[:7])


@dataclass
class Run:
    """Paths of a synthetic run, as the stages get them."""

    folder: Path
    scores: list[Path]
    comparisons: list[Path]
    examples: list[Path]
    spec: dict[str, Any]


def spec(datasets: dict[str, str], fusions: dict[str, Any] | None = None, formats: tuple[str, ...] = ("svg",), faces: bool = True) -> dict[str, Any]:
    """An aggregate spec as `Plan.aggregate_spec` makes it; datasets: name -> role."""
    return {
        "config": {
            "run": "test",
            "seed": 0,
            "plugins": [],
            "datasets": {name: {"role": role, "type": "posed", "limit": None} for name, role in datasets.items()},
            "detectors": {"whole": {}, "yunet": {}},
            "models": {"net": {}, "geometry": {}},
            "fusions": {"vote": {"rule": "soft_mean"}} if fusions is None else fusions,
            "faces": {"policy": "largest", "box": "calibrated"},
            "figures": {"formats": list(formats), "examples": 4},
            "report": {"title": "Faceoff", "faces": faces},
        },
        "datasets": {name: {"type": "posed", "role": role, "title": f"{name} title", "terms": "drawn: free for any use"} for name, role in datasets.items()},
        "code": "0123456789abcdef",
    }


def task(dataset: str, n: int = 210, **more: Any) -> dict[str, Any]:
    return {"name": dataset, "version": "posed-1", "type": "posed", "space": SPACE, "limited": False, "headline": True, "n": n, "hash": "f" * 64} | more


def score(dataset: str, detector: str, model: str, accuracy: float = 0.6, fusion: str | None = None, **more: Any) -> dict[str, Any]:
    """A score file's content; `fusion` makes it a fusion's."""
    random.seed(f"{dataset}{detector}{model}{fusion}")
    k, each = len(SPACE), 30
    right, lost = round(each * accuracy), 2
    confusion = [[0] * (k + 1) for _ in range(k)]
    for row in range(k):
        confusion[row][row] = right
        confusion[row][k] = lost
        for _ in range(each - right - lost):
            confusion[row][random.choice([c for c in range(k) if c != row])] += 1
    predicted = np.sum(confusion, axis=0)
    about = (
        {"kind": "fusion", "fusion": fusion, "rule": "soft_mean", "members": ["whole/net", "yunet/net"]}
        if fusion
        else {"kind": "cell", "detector": detector, "model": model, "lineage": model}
    )
    value = right / each
    return {
        "dataset": dataset,
        **about,
        "task": task(dataset, n=k * each),
        "state": "ok",
        "reason": None,
        "train_status": "cross-corpus",
        "circular": False,
        "counts": {"ok": k * (each - lost), "no_face": k * lost, "unreadable": 0, "error": 0},
        "metrics": {
            "accuracy": value,
            "covered_accuracy": right / (each - lost),
            "coverage": 1 - lost / each,
            "balanced_accuracy": value,
            "macro_f1": value,
            "weighted_f1": value,
            "log_loss": 1.1 - accuracy / 2,
            "brier": 0.4,
            "ece": 0.05,
            "ece_mass": 0.05,
            "top2": 0.8,
            "n": k * each,
            "n_covered": k * (each - lost),
            "n_correct": k * right,
            "strict_accuracy": value,
            "mass_outside": 0.0,
        },
        "intervals": {name: [max(0, value - 0.06), min(1, value + 0.06)] for name in ("accuracy", "covered_accuracy", "balanced_accuracy", "macro_f1")},
        "design_effect": None,
        "per_class": [
            {"emotion": emotion, "n": each, "precision": right / max(1, int(predicted[i])), "recall": value, "f1": value, "predicted": int(predicted[i])}
            for i, emotion in enumerate(SPACE)
        ],
        "confusion": confusion,
        "flags": [],
        "failed_files": [],
    } | more


def without_scores(dataset: str, detector: str, model: str, state: str, reason: str) -> dict[str, Any]:
    """A skipped or failed cell's score file."""
    about = {
        "dataset": dataset,
        "kind": "cell",
        "detector": detector,
        "model": model,
        "lineage": model,
        "train_status": "unknown",
        "circular": False,
        "state": state,
        "reason": reason,
    }
    if state == "skipped":
        return about | {"task": None, "failed_files": []}
    return about | {"task": task(dataset), "counts": {"ok": 0, "no_face": 0, "unreadable": 0, "error": 210}, "failed_files": []}


def comparison(dataset: str, fusions: tuple[str, ...] = ("vote",), verdict: str = "better", difference: float = 0.05) -> dict[str, Any]:
    rows = [
        {
            "family": "headline",
            "a": f"fusion/{name}",
            "b": "best single",
            "difference": difference,
            "low": difference - 0.03,
            "high": difference + 0.03,
            "p": 0.004,
            "p_exact": 0.005,
            "p_adjusted": None if verdict == "too few clusters" else 0.0123,
            "test": "mid-p McNemar",
            "verdict": verdict,
            "n": 210,
        }
        for name in fusions
    ]
    rows.append(
        {
            "family": "headline",
            "a": "whole/net",
            "b": "yunet/net",
            "difference": -0.1,
            "low": -0.15,
            "high": -0.05,
            "p": 0.001,
            "p_exact": 0.001,
            "p_adjusted": 0.0002,
            "test": "mid-p McNemar",
            "verdict": "worse",
            "n": 210,
        }
    )
    level = {"accuracy": 0.7, "n_correct": 147, "interval": [0.64, 0.76]}
    return {
        "dataset": dataset,
        "task": task(dataset),
        "best_single": {
            "how": "chosen on the other folds of 5",
            "name": "yunet/net",
            "choices": [{"fold": fold, "cell": "yunet/net"} for fold in range(5)],
            **level,
        },
        "hindsight": {"name": "yunet/net", **level},
        "oracle": {**level, "accuracy": 0.9, "interval": [0.86, 0.94], "members": ["whole/net", "yunet/net"]},
        "effective_members": 1.8,
        "comparisons": rows,
        "clones": [["whole/net", "yunet/net"]],
        "ensemble": {
            "curve": [{"size": 1, "added": "yunet/net", **level}, {"size": 2, "added": "whole/net", **level, "accuracy": 0.72}],
            "members": [{"name": "yunet/net", "leave_one_out": 0.04, "shapley": 0.4}, {"name": "whole/net", "leave_one_out": -0.01, "shapley": 0.3}],
        },
        "ranking": [{"name": "yunet/net", "p_best": 0.8, "rank_low": 1, "rank_high": 2, "tied_with_best": True}],
        "pairs": [{"a": "whole/net", "b": "yunet/net", "disagreement": 0.2, "q": 0.6, "kappa": 0.7, "agreement": 0.8}],
    }


def example_rows(cells: list[str], count: int = 4) -> list[dict[str, Any]]:
    rows = []
    for cell in cells:
        for correct in (True, False):
            for index in range(count):
                shade = (37 * index + 90 * correct + 11 * len(cell)) % 256
                image = np.full((96, 96, 3), shade, np.uint8)
                image[30:66, 30:66] = (200, 160, 255 - shade)
                rows.append(
                    {
                        "cell": cell,
                        "sample_id": f"s{index}",
                        "truth": SPACE[index],
                        "predicted": SPACE[index if correct else index + 1],
                        "confidence": 0.5 + index / 20,
                        "correct": correct,
                        "image": {"bytes": encode_png(image), "path": "s.png"},
                    }
                )
    return rows


def write_run(
    folder: Path, spec_: dict[str, Any], scores: list[dict[str, Any]], comparisons: list[dict[str, Any]], examples: dict[str, list[dict[str, Any]]]
) -> Run:
    """Put a run's files on disk."""
    paths = []
    for index, item in enumerate(scores):
        paths.append(folder / "scores" / item["dataset"] / f"{index}.json")
        tables.write_json(paths[-1], item)
    compared = [folder / "comparisons" / f"{item['dataset']}.json" for item in comparisons]
    for path, item in zip(compared, comparisons, strict=True):
        tables.write_json(path, item)
    pictures = [folder / "examples" / f"{dataset}.parquet" for dataset in examples]
    for path, rows in zip(pictures, examples.values(), strict=True):
        tables.write_rows(path, examples_stage.SCHEMA, rows)
    return Run(folder, paths, compared, pictures, json.loads(json.dumps(spec_)))


def typical(folder: Path, formats: tuple[str, ...] = ("svg",), reason: str = "model net: licence not accepted") -> Run:
    """Two datasets, four cells each (one skipped, one failed in the first), two fusions, and a validation dataset that must not be shown."""
    fusions = {"vote": {"rule": "soft_mean"}, "product": {"rule": "product"}}
    declared = spec({"alpha": "test", "beta": "test", "valid": "validation"}, fusions, formats)
    scores = [
        score("alpha", "whole", "net", 0.6),
        score("alpha", "yunet", "net", 0.7),
        without_scores("alpha", "whole", "geometry", "skipped", reason),
        without_scores("alpha", "yunet", "geometry", "error", f"Segmentation fault: {reason}"),
        score("alpha", "", "", 0.75, "vote"),
        score("alpha", "", "", 0.72, "product"),
        score("beta", "whole", "net", 0.5),
        score("beta", "yunet", "net", 0.55),
        score("beta", "whole", "geometry", 0.2, flags=["collapsed onto one class"]),
        score("beta", "yunet", "geometry", 0.3, circular=True, train_status="in-sample"),
        score("beta", "", "", 0.55, "vote"),
        score("beta", "", "", 0.54, "product"),
        score("valid", "whole", "net", 0.99),
    ]
    for item in scores[6:12]:
        item["task"] |= {"headline": False, "limited": True}
    comparisons = [comparison("alpha", ("vote", "product")), comparison("beta", ("vote", "product"), "no difference", 0.001)]
    return write_run(folder, declared, scores, comparisons, {name: example_rows(["whole/net", "yunet/net"]) for name in ("alpha", "beta")})
