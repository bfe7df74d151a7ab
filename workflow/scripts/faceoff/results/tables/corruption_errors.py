"""Tell how each cell stands on worse pictures: mCE, relative mCE, half-point sizes."""

from itertools import groupby

from faceoff.results.dataset_results import label
from faceoff.results.robustness import CellErrors, errors_of
from faceoff.results.tables.table import Column, Row, Sources, Table, in_percent, plain, rounded


def rows(sources: Sources) -> list[Row]:
    """Return a row per dataset and cell, the smallest mCE first; each corruption has columns."""
    return [
        _row(dataset, errors)
        for dataset, files in groupby(sources.robustness, key=lambda found: found["dataset"])
        for errors in errors_of(list(files))
    ]


def _row(dataset: str, errors: CellErrors) -> Row:
    return {
        "dataset": dataset,
        "cell": errors.cell,
        "reference": errors.reference,
        "clean": errors.clean,
        "mce": errors.mce,
        "relative_mce": errors.mean_relative,
        "over": " ".join(errors.over),
        **{f"ce_{name}": value for name, value in errors.ce.items()},
        **{f"relative_ce_{name}": value for name, value in errors.relative.items()},
        **{f"half_point_px_{name}": side for name, (side, _) in errors.half_points.items()},
        **{f"half_point_reason_{name}": why for name, (_, why) in errors.half_points.items()},
    }


TABLE = Table(
    rows=rows,
    needs=("robustness",),
    columns=[
        *plain("dataset"),
        Column(header="pipeline", text=lambda row: label(row["cell"])),
        Column(header="clean %", text=in_percent("clean"), best="clean"),
        Column(header="mCE", text=rounded("mce"), best="mce", lowest=True),
        Column(header="relative mCE", text=rounded("relative_mce"), best="relative_mce",
               lowest=True),
        Column(header="reference", text=lambda row: label(row["reference"]), wide=True),
    ],
)  # fmt: skip
