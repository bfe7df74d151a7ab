"""Stage 9: the paper figures of a run, each in every format of the configuration, with the numbers it shows as CSV beside it."""

import csv
import io
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from faceoff.figures import (
    agreement,
    confusion,
    coverage,
    critical_difference,
    ensemble,
    fusion,
    heatmap,
    human,
    per_class,
    rejection,
    reliability,
)
from faceoff.figures import examples as faces
from faceoff.figures import multiverse as label_rules
from faceoff.figures.canvas import Drawn, save
from faceoff.results import dataset_results, figure_names
from faceoff.results.dataset_results import DatasetResults
from faceoff.results.words import LIMITED
from faceoff.storage import files

# What draws a dataset's figure of this kind.
DRAWERS = {
    figure_names.HEATMAP: heatmap.of_dataset,
    figure_names.CONFUSION: confusion.of_dataset,
    figure_names.FUSION: fusion.of_dataset,
    figure_names.ENSEMBLE: ensemble.of_dataset,
    figure_names.AGREEMENT: agreement.of_dataset,
    figure_names.PER_CLASS: per_class.of_dataset,
    figure_names.RELIABILITY: reliability.of_dataset,
    figure_names.REJECTION: rejection.of_dataset,
    figure_names.HUMAN: human.of_dataset,
}


def write_figures(
    scores: Sequence[Path],
    comparisons: Sequence[Path],
    examples: Sequence[Path],
    output: Path,
    spec: Mapping[str, Any],
    multiverse: Sequence[Path] = (),
) -> None:
    """Write the files that `figure_names.figure_files` lists into the folder `output`.

    examples: <dataset>.parquet, one per test dataset; multiverse: <dataset>.json of those that are asked for one.
    """
    config = spec["config"]
    wanted = figure_names.figure_names(config, spec["datasets"])
    pictures, universes = ({path.stem: path for path in paths} for paths in (examples, multiverse))
    found = dataset_results.read(scores, comparisons, spec, figure_names.test_datasets(config))
    for dataset in found:
        drawers = {
            **DRAWERS,
            figure_names.EXAMPLES: partial(
                faces.of_dataset,
                path=pictures.get(dataset.name),
                count=config["figures"]["examples"],
            ),
            figure_names.MULTIVERSE: partial(
                label_rules.of_dataset, path=universes.get(dataset.name)
            ),
        }
        for kind, draw in drawers.items():
            if f"{kind}-{dataset.name}" in wanted:
                _write(
                    output / f"{kind}-{dataset.name}",
                    draw(dataset),
                    config["figures"]["formats"],
                    [dataset],
                )
    for kind, draw in (
        (figure_names.COVERAGE, coverage.of_run),
        (figure_names.CRITICAL_DIFFERENCE, critical_difference.of_run),
    ):
        if kind in wanted:
            _write(output / kind, draw(found), config["figures"]["formats"], found)


def _write(
    stem: Path, drawn: Drawn, formats: Sequence[str], shown: Sequence[DatasetResults]
) -> None:
    """`shown`: the datasets in the figure; where one is limited, the figure is stamped, and of each row of the CSV it is said."""
    figure, rows = drawn
    limited = {dataset.name for dataset in shown if dataset.limited}
    save(figure, stem, formats, stamp=LIMITED if limited else "")
    rows = [
        {**row, "limited": row["dataset"] in limited if "dataset" in row else bool(limited)}
        for row in rows
    ]
    buffer = io.StringIO()
    writer = csv.DictWriter(
        buffer,
        list(dict.fromkeys(key for row in rows for key in row)) or ["empty"],
        lineterminator="\n",
    )
    writer.writeheader()
    writer.writerows(rows)
    files.write_text(stem.with_name(f"{stem.name}.csv"), buffer.getvalue())
