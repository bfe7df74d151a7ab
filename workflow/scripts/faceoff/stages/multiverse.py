"""Stage: score every pipeline's predictions under every label rule that the dataset knows.

The file shows whether the ranking depends on how votes became labels.
"""

from collections.abc import Sequence
from pathlib import Path

from faceoff.plan.jobs import DatasetJob
from faceoff.plugins.open_dataset import open_dataset
from faceoff.plugins.protocols import MultiverseDataset
from faceoff.scoring import metrics
from faceoff.scoring.multiverse import multiverse
from faceoff.scoring.task import UnlabelledError, cell_name, owners, read_task, sample_posteriors
from faceoff.storage import columns, files, parquet


def write_multiverse(
    samples: Path, predictions: Sequence[Path], output: Path, job: DatasetJob
) -> None:
    """Write one dataset's multiverse as JSON.

    predictions: of every cell and fusion; failed ones (error rows only) take no part.

    Raises ValueError when the dataset has no method `universes`.
    """
    dataset, _ = open_dataset(job.source, job.class_name, job.options, job.seed)
    if not isinstance(dataset, MultiverseDataset):
        raise ValueError(
            f"dataset {job.dataset}: its plug-in {job.type!r} knows one label rule only; "
            "remove 'multiverse: true'"
        )
    space = parquet.task_of(samples)["space"]
    about = list(parquet.rows(samples, ["sample_id", "subject"]))
    ids, subjects = ([row[key] for row in about] for key in ("sample_id", "subject"))
    people = owners(ids, subjects) if any(subjects) else None
    predicted = {}
    for path in predictions:
        cell = sample_posteriors(path, ids)
        if any(state != columns.ERROR for state in cell.states):
            predicted[cell_name(path)] = metrics.argmax(cell.in_space(space)[0])
    try:
        task = read_task(samples).describe()
    except UnlabelledError:
        task = None
    # Compare the rules on the whole dataset: several of them may agree on the samples that `part`
    # and `limit` leave.
    labels = [(sample.sample_id, sample.label) for sample in dataset.samples()]
    universes = list(dataset.universes())
    found = multiverse(job.dataset, task, universes, labels, predicted, ids, space, people)
    files.write_json(output, found)
