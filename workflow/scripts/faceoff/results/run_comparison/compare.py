"""Compare two runs (another commit, weight or option): their results, and what made them.

Everything is B minus A and is computed from the prediction rows of both runs, on the same samples.
Runs are named by their folder; a cell is 'detector/model' or 'fusion/name'. Nothing is printed
here: terminal.py and page.py show a `Comparison`.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.layout import Layout
from faceoff.results import run_folder
from faceoff.results.dataset_results import name_of
from faceoff.scoring import metrics
from faceoff.scoring.task import SamplePosteriors, UnlabelledError, read_task, sample_posteriors
from faceoff.statistics import paired_tests
from faceoff.statistics.verdict import Verdict
from faceoff.storage import columns, files, parquet

FAMILY = "each cell of run B against the same cell of run A"  # the Holm family of one dataset
_NO_SCORE = "no result, although its configuration has this cell: it failed or was not run"


@dataclass(frozen=True)
class Run:
    """Hold a run's folder with what was scored.

    scores: dataset -> cell -> content of its score file; manifest: None where there is none.
    """

    folder: Path
    scores: Mapping[str, Mapping[str, Mapping[str, Any]]]
    manifest: Mapping[str, Any] | None

    @property
    def seed(self) -> int:
        """Return the run's seed, 0 where it is not known."""
        return ((self.manifest or {}).get("config") or {}).get("seed") or 0

    def configures(self, dataset: str, cell: str) -> bool:
        """Return whether the run's configuration names the parts of a cell."""
        return run_folder.configures((self.manifest or {}).get("config") or {}, dataset, cell)

    def samples(self, dataset: str) -> Path:
        """Return the table of a dataset's samples."""
        return Path(Layout(str(self.folder)).samples(dataset))

    def predictions(self, dataset: str, cell: str) -> Path:
        """Return the table of a cell's predictions."""
        return Path(Layout(str(self.folder)).votes(dataset, cell))


@dataclass(frozen=True)
class Side:
    """Hold a cell in one run.

    state: ok, skipped or error, with the reason; accuracy (0–1, end to end) and n_correct on the
    compared samples, None unless ok.
    """

    state: str
    reason: str | None
    accuracy: float | None = None
    n_correct: int | None = None


@dataclass(frozen=True)
class Affect:
    """Hold the concordance correlation of one dimension (valence, arousal) in both runs.

    With its interval and number of moments; None where it is undefined.
    """

    dimension: str
    ccc_a: float | None
    interval_a: tuple[float | None, float | None]
    n_a: int
    ccc_b: float | None
    interval_b: tuple[float | None, float | None]
    n_b: int


@dataclass(frozen=True)
class CellComparison:
    """Compare one cell in both runs.

    paired: the paired test of B − A with its interval, None where one of them has no accuracy or
    its predictions are gone (`note` says which); p_adjusted, verdict: after Holm over the dataset's
    cells; n: samples whose predictions were compared, 0 for a cell that has none in one of the
    runs; lost, gained, other: samples whose prediction changed from right to wrong, wrong to right,
    and otherwise, as all changes of unlabelled samples are; states: samples by change of state,
    e.g. 'ok → no_face'.
    """

    name: str
    a: Side
    b: Side
    n: int
    paired: paired_tests.PairedVerdict | None
    p_adjusted: float | None
    verdict: Verdict | None
    lost: int
    gained: int
    other: int
    states: Mapping[str, int]
    affect: Sequence[Affect]
    note: str | None = None

    @property
    def failed_in_b(self) -> bool:
        """Return whether it had a result in A and has none in B.

        Only where B was to make one.
        """
        return self.a.state == "ok" and self.b.state == "error"

    @property
    def compared(self) -> bool:
        """Return whether the predictions of every sample were looked at."""
        return self.n > 0

    @property
    def changed(self) -> bool:
        """Return whether a difference was found.

        False of a cell that was not compared says nothing about its predictions.
        """
        moved = any(
            (row.ccc_a, row.interval_a, row.n_a) != (row.ccc_b, row.interval_b, row.n_b)
            for row in self.affect
        )
        return bool(self.lost or self.gained or self.other or self.states or moved) or (
            self.a.state,
            self.a.reason,
        ) != (
            self.b.state,
            self.b.reason,
        )


@dataclass(frozen=True)
class CommonSamples:
    """Count the samples that two different tasks share.

    n: those with the same id and label; relabelled ones and those of one run only take no part.
    """

    n: int
    only_a: int
    only_b: int
    relabelled: int


@dataclass(frozen=True)
class DatasetComparison:
    """Compare one dataset of both runs.

    differs: what the tasks differ in, as (what, A, B); with differences the cells are compared only
    where `common` is set; hash: None where nothing is labelled; limited: the runs ("A", "B") that
    only had a subset of it, not for reporting (protocol §6).
    """

    name: str
    version: str
    n: int
    hash: str | None
    differs: Sequence[tuple[str, Any, Any]]
    common: CommonSamples | None
    cells: Sequence[CellComparison]
    only_a: Sequence[str]
    only_b: Sequence[str]
    limited: Sequence[str]

    @property
    def compared(self) -> bool:
        return not self.differs or bool(self.common and self.common.n)


@dataclass(frozen=True)
class Provenance:
    """Name one thing that made the results and differs.

    kind: commit, uncommitted changes, config, weights, versions; a value that a run lacks is None.
    """

    kind: str
    key: str
    a: Any
    b: Any


@dataclass(frozen=True)
class Comparison:
    """Run B against run A."""

    a: str
    b: str
    datasets: Sequence[DatasetComparison]
    only_a: Sequence[str]
    only_b: Sequence[str]
    provenance: Sequence[Provenance]
    notes: Sequence[str]

    @property
    def cells(self) -> list[CellComparison]:
        return [cell for dataset in self.datasets for cell in dataset.cells]

    @property
    def results_differ(self) -> bool | None:
        """Return whether a difference was found.

        None where none was, but a cell could not be compared.
        """
        partial = any(
            dataset.differs or dataset.only_a or dataset.only_b for dataset in self.datasets
        )
        if self.only_a or self.only_b or partial or any(cell.changed for cell in self.cells):
            return True
        return False if all(cell.compared for cell in self.cells) else None

    @property
    def worse(self) -> list[str]:
        """Return 'dataset: cell' of every cell that is significantly worse or failed in B."""
        return [
            f"{dataset.name}: {cell.name}"
            for dataset in self.datasets
            for cell in dataset.cells
            if cell.verdict == "worse" or cell.failed_in_b
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return every field, and what follows from them, for JSON.

        An undefined interval has null bounds, since JSON has no NaN.
        """
        found = dataclasses.asdict(self)
        for paired in (
            cell["paired"]
            for dataset in found["datasets"]
            for cell in dataset["cells"]
            if cell["paired"]
        ):
            paired |= {
                bound: None if np.isnan(paired[bound]) else paired[bound]
                for bound in ("low", "high")
            }
        return found | {
            "family": FAMILY,
            "results_differ": self.results_differ,
            "worse": self.worse,
        }


def read_run(name: str | Path) -> Run:
    """Read a run by its name below results/ or by the path of its folder.

    Raises FileNotFoundError without scores, ValueError for a damaged file or another layout.
    """
    folder = run_folder.run_folder(name)
    scores: dict[str, dict[str, Mapping[str, Any]]] = {}
    for path in run_folder.of_run(folder):
        score = files.read_json(path)
        scores.setdefault(score["dataset"], {})[name_of(score)] = score
    if not scores:
        raise FileNotFoundError(
            f"{folder}/scores holds no score; run snakemake first, or name another run"
        )
    return Run(folder, scores, run_folder.manifest_of(folder))


def compare_runs(a: Run, b: Run, *, common: bool = False) -> Comparison:
    """Compare every dataset that both runs scored.

    common: where the tasks differ, compare on the samples that both have. Raises FileNotFoundError
    where a samples table is gone, and ValueError where prediction rows do not fit their samples.
    """
    shared = [name for name in a.scores if name in b.scores]
    notes = [
        f"{run.folder} has no manifest.json: what made it is not known"
        for run in (a, b)
        if run.manifest is None
    ]
    for run in (a, b):
        notes += [f"{run.folder}: {line}" for line in run_folder.lacks_votes(run.folder)]
    if all(((run.manifest or {}).get("faceoff") or {}).get("dirty") for run in (a, b)):
        notes.append(
            "both runs were made with uncommitted changes: the commits do not say all of the code"
        )
    return Comparison(
        a=str(a.folder),
        b=str(b.folder),
        datasets=[_compare_dataset(name, a, b, common) for name in sorted(shared)],
        only_a=sorted(set(a.scores) - set(b.scores)),
        only_b=sorted(set(b.scores) - set(a.scores)),
        provenance=changed_provenance(a.manifest, b.manifest) if a.manifest and b.manifest else [],
        notes=notes,
    )


# ---------------------------------------------------------------- one dataset


@dataclass(frozen=True)
class _Samples:
    """Hold what both runs are judged on.

    ids (n); truth (n,) in `space`, None where nothing is labelled; clusters (n,) or None; info:
    what the samples table says of the task; hash: that of a labelled task; whole: all of them, not
    the common samples of two.
    """

    info: Mapping[str, Any]
    ids: tuple[str, ...]
    truth: np.ndarray | None = None
    clusters: np.ndarray | None = None
    hash: str | None = None
    whole: bool = True

    @property
    def space(self) -> tuple[str, ...]:
        return tuple(self.info["space"])

    def only(self, kept: np.ndarray) -> "_Samples":
        """Return the samples of these indices."""
        return _Samples(
            self.info,
            tuple(self.ids[index] for index in kept),
            None if self.truth is None else self.truth[kept],
            None if self.clusters is None else self.clusters[kept],
            whole=False,
        )


def _compare_dataset(name: str, a: Run, b: Run, common: bool) -> DatasetComparison:
    tasks = [_samples(run.samples(name)) for run in (a, b)]
    differs = _differences(*tasks)
    samples, shared = tasks[0], None
    if differs and common and all(task.hash for task in tasks) and tasks[0].space == tasks[1].space:
        kept, shared = _common(*tasks)
        samples = samples.only(kept)
    cells = []
    if not differs or (shared and shared.n):
        every = sorted({*a.scores[name], *b.scores[name]})
        names = [
            cell
            for cell in every
            if all(cell in run.scores[name] or run.configures(name, cell) for run in (a, b))
        ]
        cells = _adjusted([_compare_cell(name, cell, a, b, samples) for cell in names])
    compared = {cell.name for cell in cells}
    return DatasetComparison(
        name=name,
        version=tasks[0].info["version"],
        n=len(samples.ids),
        hash=tasks[0].hash,
        differs=differs,
        common=shared,
        cells=cells,
        only_a=sorted(set(a.scores[name]) - set(b.scores[name]) - compared),
        only_b=sorted(set(b.scores[name]) - set(a.scores[name]) - compared),
        limited=[side for side, task in zip("AB", tasks, strict=True) if task.info.get("limited")],
    )


def _samples(samples: Path) -> _Samples:
    """Read the labelled samples of a table; where nothing is labelled, all of them.

    Predictions, valence and arousal are then compared, but no accuracy.
    """
    if not samples.is_file():
        raise FileNotFoundError(
            f"{samples} is gone; a comparison needs the folders scores, samples, predictions and"
            " fusion of both runs"
        )
    try:
        task = read_task(samples)
    except UnlabelledError:
        return _Samples(
            parquet.task_of(samples),
            tuple(row["sample_id"] for row in parquet.rows(samples, ["sample_id"])),
        )
    return _Samples(task.info, task.ids, task.truth, task.clusters, task.hash)


def _differences(a: _Samples, b: _Samples) -> list[tuple[str, Any, Any]]:
    if not (a.hash and b.hash):
        if a.hash or b.hash:
            return [("labels", "some" if a.hash else "none", "some" if b.hash else "none")]
        alone = [set(a.ids) - set(b.ids), set(b.ids) - set(a.ids)]
        told_a, told_b = (
            f"{len(ids)} of its own, such as {min(ids)}" if ids else "none of its own"
            for ids in alone
        )
        return [("set of unlabelled samples", told_a, told_b)] if any(alone) else []
    found = [
        ("task version", a.info["version"], b.info["version"]),
        ("n", len(a.ids), len(b.ids)),
        ("hash", a.hash, b.hash),
    ]
    found.append(("label space", ", ".join(a.space), ", ".join(b.space)))
    # The hash covers ids, labels and space; a version alone (drawn anew, same samples) does not
    # make another task.
    return [row for row in found if row[1] != row[2]] if a.hash != b.hash else []


def _common(a: _Samples, b: _Samples) -> tuple[np.ndarray, CommonSamples]:
    """Return which samples both tasks have with the same label, and count them.

    They are (m,) indices into A.
    """
    if a.truth is None or b.truth is None:
        raise ValueError("samples without labels have no labels in common")
    truth, label_of = a.truth, dict(zip(b.ids, b.truth, strict=True))
    inside = [index for index, sample in enumerate(a.ids) if sample in label_of]
    kept = np.array(
        [index for index in inside if label_of[a.ids[index]] == truth[index]], dtype=np.int64
    )
    return kept, CommonSamples(
        len(kept), len(a.ids) - len(inside), len(b.ids) - len(inside), len(inside) - len(kept)
    )


def _compare_cell(dataset: str, cell: str, a: Run, b: Run, samples: _Samples) -> CellComparison:
    first, second = (run.scores[dataset].get(cell) for run in (a, b))
    scores = [first, second]
    sides = [
        Side("error", _NO_SCORE) if score is None else Side(score["state"], score["reason"])
        for score in scores
    ]
    # The score files' valence and arousal are of the whole task.
    affect: list[Affect] = []
    if samples.whole and first and second:
        affect = _affect(first.get("affect", {}), second.get("affect", {}))
    unpaired: dict[str, Any] = {
        "name": cell,
        "n": 0,
        "lost": 0,
        "gained": 0,
        "other": 0,
        "states": {},
        "affect": affect,
    }
    unpaired |= dict.fromkeys(("paired", "p_adjusted", "verdict"))
    if not all(map(_predicted, scores)):
        return CellComparison(a=sides[0], b=sides[1], **unpaired)
    paths = [run.predictions(dataset, cell) for run in (a, b)]
    gone = [str(path) for path in paths if not path.is_file()]
    if gone:
        return CellComparison(
            a=sides[0], b=sides[1], **unpaired, note=f"not compared: {' and '.join(gone)} gone"
        )
    found = [sample_posteriors(path, samples.ids) for path in paths]
    if samples.truth is None:
        moved = int(sum(one != other for one, other in zip(*map(_guesses, found), strict=True)))
        return CellComparison(
            a=sides[0],
            b=sides[1],
            **unpaired | {"other": moved, "states": _state_changes(*found), "n": len(samples.ids)},
        )
    predicted = [metrics.argmax(posteriors.in_space(samples.space)[0]) for posteriors in found]
    right = [guess == samples.truth for guess in predicted]
    moved = predicted[0] != predicted[1]
    changes = {
        "lost": int((right[0] & ~right[1]).sum()),
        "gained": int((~right[0] & right[1]).sum()),
        "other": int((moved & ~right[0] & ~right[1]).sum()),
    }
    paired = paired_tests.paired_verdict(right[1], right[0], clusters=samples.clusters, seed=a.seed)
    sides = [
        dataclasses.replace(side, accuracy=float(hit.mean()), n_correct=int(hit.sum()))
        for side, hit in zip(sides, right, strict=True)
    ]
    return CellComparison(
        a=sides[0],
        b=sides[1],
        **unpaired
        | changes
        | {"paired": paired, "states": _state_changes(*found), "n": len(samples.ids)},
    )


def _predicted(score: Mapping[str, Any] | None) -> bool:
    """Return whether the cell ran.

    Without labels it has no accuracy and is "skipped", but its score file has the key `affect`.
    """
    return score is not None and (
        score["state"] == "ok" or (score["state"] == "skipped" and "affect" in score)
    )


def _guesses(found: SamplePosteriors) -> list[str | None]:
    """Return the most probable of the model's own classes for each sample.

    None where there is no prediction.
    """
    return [
        None if index == metrics.NO_FACE else found.classes[index]
        for index in metrics.argmax(found.own)
    ]


def _state_changes(a: SamplePosteriors, b: SamplePosteriors) -> dict[str, int]:
    changes = Counter(
        f"{before} → {after}"
        for before, after in zip(a.states, b.states, strict=True)
        if before != after
    )
    return dict(sorted(changes.items()))


def _affect(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Affect]:
    def part(score: Mapping[str, Any]) -> tuple[Any, ...]:
        return score["ccc"], (score["ccc_low"], score["ccc_high"]), score["n"]

    return [
        Affect(name, *part(a[name]), *part(b[name]))
        for name in columns.DIMENSIONS
        if name in a and name in b
    ]


def _adjusted(cells: Sequence[CellComparison]) -> list[CellComparison]:
    """Return the cells with Holm's p over all that were tested, and the verdict then."""
    tested = [(cell, cell.paired) for cell in cells if cell.paired]
    found = {}
    corrected = paired_tests.holm([paired.p for _, paired in tested])
    for (cell, paired), p in zip(tested, corrected, strict=True):
        adjusted = None if np.isnan(p) else float(p)
        verdict = paired_tests.judge(
            paired.p, paired.difference, paired.low, paired.high, adjusted=adjusted
        )
        found[cell.name] = dataclasses.replace(cell, p_adjusted=adjusted, verdict=verdict)
    return [found.get(cell.name, cell) for cell in cells]


# ---------------------------------------------------------------- what made them


def changed_provenance(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Provenance]:
    """Return what two manifests differ in.

    It is the commit, keys of the configuration, sha256 of the weights, package versions; not host,
    time or the run's name.
    """
    code = [manifest.get("faceoff") or {} for manifest in (a, b)]
    weights = [
        {user: asset.get("sha256") for user, asset in (manifest.get("weights") or {}).items()}
        for manifest in (a, b)
    ]
    kinds = {
        "commit": [{"faceoff": part.get("commit")} for part in code],
        "uncommitted changes": [{"faceoff": part.get("dirty")} for part in code],
        "config": [
            _flat(
                {
                    key: value
                    for key, value in (manifest.get("config") or {}).items()
                    if key != "run"
                }
            )
            for manifest in (a, b)
        ],
        "weights": weights,
        "versions": [manifest.get("versions") or {} for manifest in (a, b)],
    }
    return [
        Provenance(kind, key, first.get(key), second.get(key))
        for kind, (first, second) in kinds.items()
        for key in sorted({*first, *second})
        if first.get(key) != second.get(key)
    ]


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested keys as 'outer.inner'.

    An empty mapping stays a value, since a key without options says that something runs.
    """
    found: dict[str, Any] = {}
    for key, item in value.items():
        found |= (
            _flat(item, f"{prefix}{key}.")
            if isinstance(item, Mapping) and item
            else {f"{prefix}{key}": item}
        )
    return found
