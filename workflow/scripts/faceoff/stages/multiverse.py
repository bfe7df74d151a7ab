"""Every pipeline's predictions under every label rule that the dataset knows: does the ranking hang on how votes became labels?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.plan.jobs import DatasetJob
from faceoff.plugins.label_rules import Universe, in_space
from faceoff.plugins.open_dataset import open_dataset
from faceoff.plugins.protocols import MultiverseDataset
from faceoff.scoring import metrics
from faceoff.scoring.multiverse import over, swapped
from faceoff.scoring.task import UnlabelledError, cell_name, read_task, sample_posteriors
from faceoff.statistics.intervals import wilson
from faceoff.storage import columns, files, parquet


def write_multiverse(
    samples: Path, predictions: Sequence[Path], output: Path, job: DatasetJob
) -> None:
    """Write one dataset's multiverse as JSON. `predictions`: of every cell and fusion; failed ones (error rows only) take no part.

    Raises ValueError when the dataset has no method `universes`.
    """
    dataset, _ = open_dataset(job.source, job.class_name, job.options, job.seed)
    if not isinstance(dataset, MultiverseDataset):
        raise ValueError(
            f"dataset {job.dataset}: its plug-in {job.type!r} knows one label rule only; remove 'multiverse: true'"
        )
    info, ids = (
        parquet.task_of(samples),
        [row["sample_id"] for row in parquet.rows(samples, ["sample_id"])],
    )
    names, predicted = [], []
    for path in predictions:
        cell = sample_posteriors(path, ids)
        if any(state != columns.ERROR for state in cell.states):
            names.append(cell_name(path))
            predicted.append(metrics.argmax(cell.in_space(info["space"])[0]))
    try:
        described = read_task(samples).describe()
    except UnlabelledError:
        described = None
    universes = list(dataset.universes())
    found = [_scored(universe, names, predicted, ids, info["space"]) for universe in universes]
    home = _home(universes, dataset, info["space"])
    for entry in found:
        entry["swapped"] = (
            None
            if home is None
            else swapped(np.array(entry["accuracy"]), np.array(found[home]["accuracy"]))
        )
    files.write_json(
        output,
        {
            "dataset": job.dataset,
            "task": described,
            "pipelines": names,
            "home": home,
            "universes": found,
        },
    )


def _home(universes: Sequence[Universe], dataset: Any, space: Sequence[str]) -> int | None:
    """The place of the run's own label rule; None where no universe has its labels.

    Found by all samples of the dataset: among those that `part` and `limit` leave, several rules may say the same.
    """
    own = [
        (sample.sample_id, frozenset({sample.label}))
        for sample in dataset.samples()
        if sample.label in space
    ]
    return next(
        (
            place
            for place, universe in enumerate(universes)
            if own and in_space(universe, space) == own
        ),
        None,
    )


def _scored(
    universe: Universe,
    names: Sequence[str],
    predicted: Sequence[np.ndarray],
    ids: Sequence[str],
    space: Sequence[str],
) -> dict[str, Any]:
    """n, and for every pipeline n_correct, accuracy and its Wilson interval; `best`: the most accurate pipeline, all of them where several tie."""
    rows = over(universe, ids, space)
    n = len(rows.sample)
    counts = [int(rows.correct(choice).sum()) for choice in predicted]
    intervals = [wilson(count, n) for count in counts]
    return {
        "name": universe.name,
        "factors": dict(universe.factors),
        "n": n,
        "n_correct": counts,
        "accuracy": [interval.estimate for interval in intervals],
        "low": [interval.low for interval in intervals],
        "high": [interval.high for interval in intervals],
        "best": [name for name, count in zip(names, counts, strict=True) if count == max(counts)]
        if n
        else [],
    }
