"""Stage 9: draw the paper figures of a run, in every format, with the numbers they show as CSV."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from faceoff.figures.canvas import Drawn, save
from faceoff.figures.paper_figure import load
from faceoff.plan.aggregate_jobs import FiguresJob
from faceoff.results import dataset_results
from faceoff.results.dataset_results import DatasetResults
from faceoff.results.words import LIMITED
from faceoff.storage import csv_text


def write_figures(
    scores: Sequence[Path],
    comparisons: Sequence[Path],
    examples: Sequence[Path],
    output: Path,
    job: FiguresJob,
    multiverse: Sequence[Path] = (),
    over_time: Sequence[Path] = (),
    tracks: Sequence[Path] = (),
    robustness: Sequence[Path] = (),
    synchrony: Sequence[Path] = (),
) -> None:
    """Write the files of the job's figures into the folder `output`.

    examples: <dataset>.parquet, one per test dataset; multiverse, over_time: <dataset>.json of the
    datasets that are scored under every label rule, and over time; tracks: of the datasets whose
    people are known <dataset>/<detector>.tracks.json; robustness: <dataset>/<corruption>.json;
    synchrony: <dataset>/synchrony/<detector>/<signal>.json.
    """
    pictures, universes, courses = (
        {path.stem: path for path in paths} for paths in (examples, multiverse, over_time)
    )
    found = {
        dataset.name: dataclasses.replace(
            dataset,
            examples=pictures.get(dataset.name),
            examples_shown=job.examples,
            multiverse=universes.get(dataset.name),
            over_time=courses.get(dataset.name),
            tracks=sorted(path for path in tracks if path.parent.name == dataset.name),
            robustness=sorted(path for path in robustness if path.parent.name == dataset.name),
            synchrony=sorted(path for path in synchrony if path.parents[2].name == dataset.name),
        )
        for dataset in dataset_results.read(scores, comparisons, job.datasets)
    }
    for name in job.figures:
        kind, _, dataset_name = name.partition("-")
        figure = load(kind)
        if figure.of_run:
            shown = list(found.values())
            drawn = figure.of_run(shown)
        elif figure.of_dataset:
            shown = [found[dataset_name]]
            drawn = figure.of_dataset(shown[0])
        else:
            raise ValueError(f"figures/{kind}.py: FIGURE has neither of_dataset nor of_run")
        _write(output / name, drawn, job.formats, shown)


def _write(
    stem: Path, drawn: Drawn, formats: Sequence[str], shown: Sequence[DatasetResults]
) -> None:
    """Write a figure and its CSV.

    shown: the datasets in the figure; where one is limited, the figure is stamped and each row of
    the CSV says so.
    """
    figure, rows = drawn
    limited = {dataset.name for dataset in shown if dataset.limited}
    save(figure, stem, formats, stamp=LIMITED if limited else "")
    rows = [
        {**row, "limited": row["dataset"] in limited if "dataset" in row else bool(limited)}
        for row in rows
    ]
    columns = list(dict.fromkeys(key for row in rows for key in row)) or ["empty"]
    csv_text.write(stem.with_name(f"{stem.name}.csv"), columns, rows)
