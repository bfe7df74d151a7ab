"""Put a small synthetic run on disk for the tests of figures and page."""

import base64
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.emotions import EMOTIONS
from faceoff.media import images
from faceoff.plan.aggregate_jobs import (
    CaptionsJob,
    FiguresJob,
    ReportJob,
    SpeedJob,
    TablesJob,
    limited_datasets,
    reported_datasets,
)
from faceoff.plan.figure_list import Contents, figure_files, figure_names, titles
from faceoff.scoring import calibration, rejection, subgroups
from faceoff.scoring.task import share_interval
from faceoff.stages import examples as examples_stage
from faceoff.storage import files, parquet

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
    overlaps: list[Path] = field(default_factory=list)
    answers: list[Path] = field(default_factory=list)
    tracks: list[Path] = field(default_factory=list)

    def jobs(self) -> "Jobs":
        """Return what the aggregate stages are told of this run."""
        return Jobs(self.spec)


class Jobs:
    """The jobs of the aggregate stages, made from a `spec` as the plan makes them."""

    def __init__(self, spec: dict[str, Any]):
        config, cards = spec["config"], spec["datasets"]
        names = reported_datasets(config)
        self.names = tuple(names)
        self.cards = {name: cards[name] for name in names}
        self.figure_names = figure_names(Contents.of(config, cards))
        limited = limited_datasets(config)
        self.tables = TablesJob(limited=limited)
        self.figures = FiguresJob(
            datasets=self.names,
            figures=self.figure_names,
            formats=tuple(config["figures"]["formats"]),
            examples=config["figures"]["examples"],
        )
        self.captions = CaptionsJob(
            run=config["run"],
            figures=self.figure_names,
            titles=titles(),
            limited=tuple(name for name in limited if name in names),
        )
        self.speed = SpeedJob(
            run=config["run"], title=config["report"]["title"], datasets=self.names
        )
        self.report = ReportJob(
            config=config,
            datasets=self.cards,
            titles=titles(),
            models=spec.get("models", {}),
            assets=spec.get("assets", {}),
            code=spec["code"],
        )

    @property
    def figure_files(self) -> list[str]:
        """Return the files of the figures."""
        return figure_files(self.figure_names, self.figures.formats)


def spec(
    datasets: dict[str, str],
    fusions: dict[str, Any] | None = None,
    formats: tuple[str, ...] = ("svg",),
    faces: bool = True,
) -> dict[str, Any]:
    """Return a configuration with the datasets' cards; datasets: name -> role."""
    return {
        "config": {
            "run": "test",
            "seed": 0,
            "plugins": [],
            "datasets": {
                name: {"role": role, "type": "posed", "limit": None}
                for name, role in datasets.items()
            },
            "detectors": {"whole": {}, "yunet": {}},
            "models": {"net": {}, "geometry": {}},
            "fusions": {"vote": {"rule": "soft_mean"}} if fusions is None else fusions,
            "faces": {"policy": "largest", "box": "calibrated"},
            "figures": {"formats": list(formats), "examples": 4},
            "report": {"title": "Faceoff", "faces": faces},
        },
        "datasets": {
            name: {
                "type": "posed",
                "role": role,
                "title": f"{name} title",
                "terms": "drawn: free for any use",
            }
            for name, role in datasets.items()
        },
        "code": "0123456789abcdef",
    }


def task(dataset: str, n: int = 210, **more: Any) -> dict[str, Any]:
    return {
        "name": dataset,
        "version": "posed-1",
        "type": "posed",
        "space": SPACE,
        "limited": False,
        "headline": True,
        "n": n,
        "hash": "f" * 64,
    } | more


def score(
    dataset: str,
    detector: str,
    model: str,
    accuracy: float = 0.6,
    fusion: str | None = None,
    **more: Any,
) -> dict[str, Any]:
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
        {
            "kind": "fusion",
            "fusion": fusion,
            "rule": "soft_mean",
            "members": ["whole/net", "yunet/net"],
        }
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
        "same_generator": False,
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
            "ceiling": 1.0,
            "log_loss_own": 1.0 - accuracy / 2,
        },
        "intervals": {
            name: [max(0, value - 0.06), min(1, value + 0.06)]
            for name in ("accuracy", "covered_accuracy", "balanced_accuracy", "macro_f1")
        },
        "design_effect": None,
        "per_class": [
            {
                "emotion": emotion,
                "n": each,
                "precision": right / max(1, int(predicted[i])),
                "recall": value,
                "f1": value,
                "predicted": int(predicted[i]),
            }
            for i, emotion in enumerate(SPACE)
        ],
        "confusion": confusion,
        "flags": [],
        "lacks": [],
        "clips": None,
        "ranked": True,
        "failed_files": [],
        **_trust(k * each, value),
    } | more


def _trust(n: int, accuracy: float) -> dict[str, Any]:
    """Calibration, rejection and groups of n synthetic samples, computed as a run does."""
    rng = np.random.default_rng(n)
    posterior = rng.dirichlet(np.full(len(SPACE), 0.6), n)
    predicted = posterior.argmax(axis=1)
    truth = np.where(rng.random(n) < accuracy, predicted, (predicted + 1) % len(SPACE))
    before = calibration.describe(truth, posterior, share_interval, seed=1)
    groups = [{"glasses": "round" if place % 3 else "none", "one": "level"} for place in range(n)]
    at = {
        "coverage": 0.9,
        "threshold": 0.4,
        "n": n,
        "accuracy": accuracy,
        "interval": [accuracy - 0.1, accuracy + 0.1],
        "outliers_rejected": None,
    }
    return {
        "calibration": {
            "fitted_on": "the other folds of 5",
            "temperature": 1.2,
            "temperatures": [1.2],
            "before": before,
            "after": before,
        },
        "rejection": {
            **rejection.describe(posterior.max(axis=1), predicted == truth),
            "at": [at],
            "outliers": None,
        },
        "human": None,
        "groups": subgroups.by_group(groups, predicted == truth, truth, None, space=SPACE, seed=0),
    }


def without_scores(
    dataset: str, detector: str, model: str, state: str, reason: str
) -> dict[str, Any]:
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
    return about | {
        "task": task(dataset),
        "counts": {"ok": 0, "no_face": 0, "unreadable": 0, "error": 210},
        "failed_files": [],
    }


def comparison(
    dataset: str,
    fusions: tuple[str, ...] = ("vote",),
    verdict: str = "better",
    difference: float = 0.05,
) -> dict[str, Any]:
    parts = {
        f"{part}{bound}": value
        for part in ("common", "recognition", "coverage")
        for bound, value in (("", 0.01), ("_low", -0.01), ("_high", 0.03))
    }
    others = {
        f"{score}_{part}": value
        for score in ("uar", "f1")
        for part, value in (
            ("difference", 0.04),
            ("low", 0.01),
            ("high", 0.07),
            ("p", 0.01),
            ("test", "jackknife t"),
        )
    }
    rows = [
        {
            "family": "fusions",
            "adjusted_by": "Holm",
            "n_common": 200,
            **parts,
            **others,
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
            "minimum_detectable": 0.06,
            "design_effect": None,
        }
        for name in fusions
    ]
    rows.append(
        {
            "family": "top",
            "adjusted_by": "range test",
            "n_common": 200,
            **parts,
            **others,
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
            "minimum_detectable": 0.07,
            "design_effect": None,
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
        "oracle": {
            **level,
            "accuracy": 0.9,
            "interval": [0.86, 0.94],
            "members": ["whole/net", "yunet/net"],
        },
        "effective_members": 1.8,
        "cochran_q": {"statistic": 9.1, "df": 1, "p": 0.003, "test": "chi-square"},
        "decomposition": {
            "components": [
                {"name": "detector", "variance": 0.2, "low": 0.01, "high": None, "share": 0.04},
                {"name": "sample", "variance": 1.5, "low": 1.1, "high": 2.0, "share": 0.3},
                {"name": "residual", "variance": 3.29, "low": None, "high": None, "share": 0.66},
            ],
            "effects": [{"factor": "detector", "levels": 2, "p": 0.001, "reason": ""}],
            "left_out": {"crop": "all pipelines have the same"},
        },
        "comparisons": rows,
        "clones": [["whole/net", "yunet/net"]],
        "variants": [],
        "subgroups": {
            "tests": [
                {
                    "pipeline": pipeline,
                    "group": "sex",
                    "source": "dataset",
                    "best": "female",
                    "best_n": 110,
                    "best_subjects": None,
                    "best_score": 0.72,
                    "worst": "male",
                    "worst_n": 100,
                    "worst_subjects": None,
                    "worst_score": 0.68,
                    "gap": 0.04,
                    "low": -0.02,
                    "high": 0.1,
                    "p": 0.2,
                    "p_adjusted": 0.4,
                    "verdict": "not shown",
                }
                for pipeline in ("best single", *(f"fusion/{name}" for name in fusions[:1]))
            ],
            "differences": [
                {"a": f"fusion/{name}", "b": "best single", "group": "sex", "p": 0.6}
                for name in fusions[:1]
            ],
            "measured": [],
        },
        "ensemble": {
            "curve": [
                {"size": 1, "added": "yunet/net", **level},
                {"size": 2, "added": "whole/net", **level, "accuracy": 0.72},
            ],
            "members": [
                {"name": "yunet/net", "leave_one_out": 0.04, "shapley": 0.4},
                {"name": "whole/net", "leave_one_out": -0.01, "shapley": 0.3},
            ],
            "order": [["yunet/net", "whole/net"]] * 5,
        },
        "ranking": [
            {
                "name": "yunet/net",
                "p_best": 0.8,
                "rank_low": 1,
                "rank_high": 2,
                "tied_with_best": True,
            }
        ],
        "pairs": [
            {
                "a": "whole/net",
                "b": "yunet/net",
                "disagreement": 0.2,
                "double_fault": 0.1,
                "q": 0.6,
                "kappa": 0.7,
                "kappa_low": 0.6,
                "kappa_high": 0.8,
                "agreement": 0.8,
            }
        ],
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
                        "image": {"bytes": images.encode(image), "path": "s.png"},
                    }
                )
    return rows


def overlaps(dataset: str, a: str = "haar", b: str = "yunet") -> dict[str, Any]:
    """An overlaps file's content."""
    pair = {
        "a": a,
        "b": b,
        "frames": 210,
        "both": 190,
        "only_a": 5,
        "only_b": 10,
        "neither": 5,
        "mean_iou": 0.71,
        "same_face": 188,
    }
    detectors = [{"detector": "yunet", "with_face": 200, "on_face": 180, "false_alarms": 3}]
    return {"dataset": dataset, "detectors": detectors, "pairs": [pair]}


def tracks(dataset: str, detector: str = "yunet", name: str = "ann") -> dict[str, Any]:
    """The content of a file with the scores of tracks: two kinds of clips, one clip shown."""
    shares = ("mota", "idf1", "hota", "deta", "assa", "identity_idf1", "identity_hota", "reentry")
    clusters = ("b3_precision", "b3_recall", "b3_f1", "b3_f1_all_one", "b3_f1_all_apart")
    values = dict.fromkeys((*shares, *clusters, "ari", "v_measure"), 0.875)
    values |= {"surplus": -0.25, "surplus_size": 0.25, "changes_per_minute": 3.5}
    counts = {"recognised": 3, "returns": 4, "switches": 2, "changes": 1}
    part = {"n": 8, "counts": counts, "values": values}
    empty = dict.fromkeys(values) | {"surplus": 1.0}
    return {
        "dataset": dataset,
        "detector": detector,
        "policy": "main_track",
        "state": "ok",
        "reason": None,
        "notes": [f"{name}: identities are tracks"],
        "parts": [
            {"kind": None, **part, "intervals": {key: [0.8, 0.9] for key in values}},
            {"kind": name, **part, "intervals": {}},
            {"kind": "still", **part, "values": empty, "intervals": {}},
        ],
        "clips": [],
        "strips": [
            {
                "sample_id": f"{name} walks",
                "kind": name,
                "start": 0.0,
                "end": 4.0,
                "people": [
                    {"name": name, "spans": [[0.0, 1.0], [3.0, 4.0]]},
                    {"name": "bob", "spans": [[0.0, 4.0]]},
                ],
                "identities": [
                    {"identity": 0, "spans": [[0.0, 1.0, 0], [1.0, 1.5, -1], [2.0, 4.0, 1]]},
                    {"identity": 1, "spans": []},
                ],
            }
        ],
    }


def answers(
    dataset: str, labelled: bool = True, clip: str = "walk.mp4", moments: int = 12
) -> dict[str, Any]:
    """An answers file's content: two pipelines, one clip with a moment without a face."""
    rng = np.random.default_rng(1)
    names = ("whole/net", "yunet/net")
    posteriors = {
        name: [[int(p) for p in 1000 * rng.dirichlet(np.ones(len(SPACE)))] for _ in range(moments)]
        for name in names
    }
    posteriors["yunet/net"][3] = None
    picture = base64.b64encode(images.encode(np.full((40, 60, 3), 90, np.uint8))).decode()
    return {
        "dataset": dataset,
        "n": 20,
        "labelled": labelled,
        "pipelines": [
            {"name": name, "counts": {SPACE[0]: 12, SPACE[1]: 6}, "confidence": 0.61}
            for name in names
        ],
        "agreement": [] if labelled else [{"a": names[0], "b": names[1], "n": 18, "same": 0.5}],
        "clips": [
            {
                "sample_id": clip,
                "label": SPACE[1] if labelled else None,
                "emotions": SPACE,
                "seconds": [place / 5 for place in range(moments)],
                "truth": [],
                "pipelines": posteriors,
                "frames": [picture if place % 2 == 0 else None for place in range(moments)],
            }
        ],
    }


def write_run(
    folder: Path,
    spec_: dict[str, Any],
    scores: list[dict[str, Any]],
    comparisons: list[dict[str, Any]],
    examples: dict[str, list[dict[str, Any]]],
) -> Run:
    """Put a run's files on disk."""
    paths = []
    for index, item in enumerate(scores):
        paths.append(folder / "scores" / item["dataset"] / f"{index}.json")
        files.write_json(paths[-1], item)
    compared = [folder / "comparisons" / f"{item['dataset']}.json" for item in comparisons]
    for path, item in zip(compared, comparisons, strict=True):
        files.write_json(path, item)
    pictures = [folder / "examples" / f"{dataset}.parquet" for dataset in examples]
    for path, rows in zip(pictures, examples.values(), strict=True):
        parquet.write_rows(path, examples_stage.SCHEMA, rows)
    return Run(folder, paths, compared, pictures, json.loads(json.dumps(spec_)))


def typical(
    folder: Path,
    formats: tuple[str, ...] = ("svg",),
    reason: str = "model net: licence not accepted",
) -> Run:
    """Return a run of two datasets, four cells each, two fusions and a validation dataset.

    In the first dataset one cell is skipped and one failed; the validation dataset must not be
    shown.
    """
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
        score("beta", "whole", "geometry", 0.2, flags=["collapsed onto one class"], ranked=False),
        score("beta", "yunet", "geometry", 0.3, circular=True, train_status="in-sample"),
        score("beta", "", "", 0.55, "vote"),
        score("beta", "", "", 0.54, "product"),
        score("valid", "whole", "net", 0.99),
    ]
    declared["config"]["datasets"]["beta"]["limit"] = 210
    for item in scores[6:12]:
        item["task"] |= {"headline": False, "limited": True}
    comparisons = [
        comparison("alpha", ("vote", "product")),
        comparison("beta", ("vote", "product"), "no difference", 0.001),
    ]
    run = write_run(
        folder,
        declared,
        scores,
        comparisons,
        {name: example_rows(["whole/net", "yunet/net"]) for name in ("alpha", "beta")},
    )
    run.spec["models"] = {
        "net": {"source": "a thesis", "published": [{"task": "alpha", "accuracy": 0.7, "n": 210}]},
        "geometry": {"source": None, "published": None},
    }
    for name in ("alpha", "beta"):
        run.overlaps.append(folder / "overlaps" / f"{name}.json")
        files.write_json(run.overlaps[-1], overlaps(name))
    for detector in ("haar", "yunet"):
        run.tracks.append(folder / "tracks" / "alpha" / f"{detector}.tracks.json")
        files.write_json(run.tracks[-1], tracks("alpha", detector))
    run.answers.append(folder / "answers" / "alpha.json")
    files.write_json(run.answers[-1], answers("alpha"))
    return run


def hostile(folder: Path) -> Run:
    """Return a run in which every name tries to be markup, a path or a wall of letters.

    So do labels, reasons and sample ids.
    """
    nasty = HOSTILE
    declared = spec({nasty: "test"})
    declared["config"]["report"]["title"] = nasty
    declared["datasets"][nasty] |= {"title": nasty, "terms": nasty, "how_to_get": nasty}
    declared["assets"] = {nasty: {"licence": nasty, "sha256": nasty}}
    declared["models"] = {
        nasty: {"source": nasty, "published": [{"task": nasty, "accuracy": 0.5, "note": nasty}]}
    }
    cell, fused = (
        score("alpha", nasty, nasty, 0.6, flags=[nasty], train_status=nasty),
        score("alpha", "", "", 0.7, nasty),
    )
    classes = [f"{nasty} {index}" for index in range(len(SPACE))]
    hostile_task = cell["task"] | {"name": nasty, "version": nasty, "space": classes}
    for item in (cell, fused):
        item |= {"dataset": nasty, "task": hostile_task}
        item["calibration"]["fitted_on"] = nasty
        for row, emotion in zip(item["per_class"], classes, strict=True):
            row["emotion"] = emotion
        for group in item["groups"]:
            group |= {
                "name": nasty,
                "best": nasty,
                "worst": nasty,
                "levels": [level | {"level": nasty} for level in group["levels"]],
            }
    failed = without_scores("alpha", "x", "y", "error", nasty) | {"dataset": nasty}
    compared = comparison("alpha", (nasty,)) | {
        "dataset": nasty,
        "task": hostile_task,
        "clones": [[nasty, nasty]],
    }
    compared["best_single"] |= {"name": f"{nasty}/{nasty}", "how": nasty[:200]}
    rows = [
        row | {"cell": f"{nasty}/{nasty}", "truth": nasty, "predicted": nasty, "sample_id": nasty}
        for row in example_rows(["a/b"])
    ]
    told = answers(nasty, labelled=False, clip=nasty) | {
        "agreement": [{"a": nasty, "b": nasty, "n": 3, "same": 0.4}]
    }
    told["clips"][0] |= {"label": nasty, "emotions": classes, "truth": [nasty] * 12}
    told["pipelines"] = [{"name": f"{nasty}/{nasty}", "counts": {nasty: 3}, "confidence": 0.4}]
    for path, item in (
        ("scores/0.json", cell),
        ("scores/1.json", fused),
        ("scores/2.json", failed),
        ("comparisons/0.json", compared),
        ("overlaps/0.json", overlaps(nasty, nasty, "b")),
        ("answers/0.json", told),
        ("tracks/0.json", tracks(nasty, nasty, nasty)),
    ):
        files.write_json(folder / path, item)
    parquet.write_rows(folder / "examples" / "0.parquet", examples_stage.SCHEMA, rows)
    found = {
        name: sorted((folder / name).iterdir())
        for name in ("scores", "comparisons", "examples", "overlaps", "answers", "tracks")
    }
    return Run(folder, spec=json.loads(json.dumps(declared)), **found)
