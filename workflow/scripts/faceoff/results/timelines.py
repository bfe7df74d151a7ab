"""Read predictions along a clip's time from a run's tables, for a figure of the clip."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path

import numpy as np

from faceoff.layout import Layout
from faceoff.results import run_folder
from faceoff.scoring.task import cell_name
from faceoff.spelling import suggestion
from faceoff.storage import parquet
from faceoff.storage.columns import classes_of


@dataclass(frozen=True)
class Timeline:
    """Hold a clip under one detector x model cell or fusion.

    posterior (t, k): NaN rows where there is no face; truth: the frames' own labels, if any.
    """

    sample_id: str
    emotions: tuple[str, ...]
    seconds: np.ndarray
    posterior: np.ndarray
    truth: tuple[str | None, ...] = field(default=())


def timelines(
    predictions: Path, frames: Path | None = None, samples: Sequence[str] = ()
) -> Iterator[Timeline]:
    """Yield the timeline of every sample with more than one frame, or of the named ones.

    They come in the table's order, streamed, one clip at a time. frames: the dataset's frames
    table, for what the dataset says of each moment.
    """
    emotions = classes_of(parquet.read_schema(predictions))
    columns = [f"p_{emotion}" for emotion in emotions]
    rows = parquet.rows(predictions, ["sample_id", "frame", "timestamp_s", "success", *columns])
    labels = (
        parquet.rows(frames, ["sample_id", "frame", "label"])
        if frames and frames.is_file()
        else None
    )
    said = groupby(labels, lambda row: row["sample_id"]) if labels else None
    for sample_id, group in groupby(rows, lambda row: row["sample_id"]):
        found = [row for row in group if row["timestamp_s"] is not None]
        truth = (
            {row["frame"]: row["label"] for row in next(said)[1]} if said else {}
        )  # both tables are in frame order
        if (samples and sample_id not in samples) or len(found) < 2:
            continue
        posterior = np.array(
            [
                [row[column] for column in columns] if row["success"] else [np.nan] * len(columns)
                for row in found
            ],
            float,
        )
        shown = tuple(truth.get(row["frame"]) for row in found)
        yield Timeline(
            sample_id,
            emotions,
            np.array([row["timestamp_s"] for row in found]),
            posterior,
            shown if any(shown) else (),
        )


def first_clips(
    folder: Path,
    cell: str | None = None,
    dataset: str | None = None,
    samples: Sequence[str] = (),
    most: int = 8,
) -> tuple[str, str, list[Timeline]]:
    """Return the clips of the run in this folder that a picture shows.

    They are (dataset, cell as detector/model or fusion/name, at most so many timelines), of the
    named cell and dataset; by default of the first fusion, else the first pair, that has clips of
    several frames. Cells that have left the run's configuration are passed over. Raises
    FileNotFoundError where there are none.
    """
    layout = Layout(str(folder))
    wanted = ["fusion/*", "*/*"] if cell is None else [cell]
    files = [
        path for name in wanted for path in layout.existing(layout.votes(dataset or "*", name))
    ]
    present = run_folder.belongs(folder)
    for path in files:
        if not present(path.relative_to(folder).parts[1], cell_name(path)):
            continue
        kind, found, *names = path.relative_to(folder).with_suffix("").parts
        shown = list(islice(timelines(path, Path(layout.frames(found)), samples), most))
        if shown:
            return found, "/".join(names if kind == "predictions" else (kind, *names)), shown
    named = f" by the name {' or '.join(samples)}" if samples else ""
    known = sorted({cell_name(path) for path in layout.all_votes()})
    if cell and known and not files:
        raise FileNotFoundError(f"{folder} has no cell {cell!r}{suggestion(cell, known)}")
    raise FileNotFoundError(
        f"{folder} holds no clip of several frames{named}"
        + (f" under {cell}" if cell else "")
        + "; run snakemake first, or look at `faceoff timeline --help`"
    )
