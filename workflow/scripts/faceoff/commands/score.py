"""The command that scores a file of posteriors."""

from pathlib import Path
from typing import Annotated

import typer

from faceoff.commands.command_line import check_dataset, console, fail, plan_of
from faceoff.storage import files


def score(
    predictions: Annotated[
        Path,
        typer.Argument(
            help="CSV, Parquet or JSON: a row per sample with its id and a probability per emotion"
        ),
    ],
    path: Annotated[
        Path, typer.Option("--config", help="a configuration that has the dataset")
    ] = Path("config.yaml"),
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", help="which of its datasets; default: its only test dataset"),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            help="key=value as of the model `recorded`, such as id=file or columns.anger=ang",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="also write every digit as JSON")
    ] = None,
) -> None:
    """Score anyone's posteriors against a dataset's frozen task.

    It needs no detector and no model, and gives the same metrics and intervals as a run.
    """
    import tempfile

    from faceoff.commands.score_file import options_of, score_file, show

    plan = plan_of(path)
    names = plan.datasets("test")
    if dataset is None and len(names) > 1:
        fail(f"{path} has several test datasets; name one with --dataset: {', '.join(names)}")
    name = dataset or names[0]
    check_dataset(name, plan, path)
    with tempfile.TemporaryDirectory() as scratch:
        found = score_file(
            predictions, plan.samples_job(name), options_of(options or ()), Path(scratch)
        )
    if output:
        files.write_json(output, found)
    show(found, predictions, console)
