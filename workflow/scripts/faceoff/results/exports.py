"""Write what a run holds for other programs: predictions as one CSV, the sound of clips as WAV."""

import csv
from collections.abc import Iterator
from pathlib import Path

from faceoff.layout import Layout
from faceoff.results import run_folder
from faceoff.scoring.task import cell_name
from faceoff.storage import parquet
from faceoff.storage.columns import OK
from faceoff.storage.files import atomic

_ABOUT = ("dataset", "detector", "model")


def write_predictions(folder: Path, output: Path) -> int:
    """Write every prediction of the run in this folder, a row per frame, to a CSV file.

    Cells that have left its configuration are left out. Returns the number of cells and fusions.
    Raises FileNotFoundError without predictions.
    """
    present = run_folder.belongs(folder)
    files = []
    layout = Layout(str(folder))
    for path in layout.existing(layout.predictions("*", "*", "*"), layout.fusion("*", "*")):
        dataset = path.relative_to(folder).parts[1]
        if "@" not in dataset and present(
            dataset, cell_name(path)
        ):  # a shard's rows stand in its dataset's file too
            files.append(path)
    if not files:
        raise FileNotFoundError(
            f"{folder} holds no predictions of its present configuration; run snakemake first,"
            " or name another run"
        )
    columns = [
        *_ABOUT,
        *dict.fromkeys(name for path in files for name in parquet.read_schema(path).names),
    ]
    with atomic(output) as scratch, open(scratch, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for path in files:
            parts = path.relative_to(folder).with_suffix("").parts
            cell = dict(
                zip(
                    _ABOUT,
                    parts[1:] if parts[0] == "predictions" else (parts[1], "fusion", parts[2]),
                    strict=True,
                )
            )
            writer.writerows(cell | row for row in parquet.rows(path))
    return len(files)


def write_sounds(folder: Path, output: Path) -> Iterator[tuple[Path, int, int]]:
    """Write the sound of the clips of the run in this folder as WAV files.

    Yields for one dataset after the other (its folder, clips with sound, clips). Raises
    FileNotFoundError without sound.
    """
    layout = Layout(str(folder))
    files = layout.existing(layout.audio("*"))
    if not files:
        raise FileNotFoundError(
            f"{folder}/audio holds no sound: set `audio: true` for a dataset and run snakemake"
        )
    for path in files:
        number = 0
        for row in parquet.rows(path):
            if row["state"] != OK:
                continue
            target = output / path.stem / (_file_name(row["sample_id"]) + ".wav")
            with atomic(target) as scratch:
                scratch.write_bytes(row["audio"]["bytes"])
            number += 1
        yield output / path.stem, number, parquet.count(path)


def _file_name(sample_id: str) -> str:
    """Return an id, which may hold any character, as a file name of its own.

    "/", "%" and a leading "." are written as in URLs (RFC 3986 §2.1: %2F, %25, %2E).
    """
    name = sample_id.replace("%", "%25").replace("/", "%2F")
    return "%2E" + name[1:] if name.startswith(".") else name
