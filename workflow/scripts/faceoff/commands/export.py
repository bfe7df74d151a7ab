"""Commands that write a run for other programs: predictions, sound, a model card's block."""

from pathlib import Path
from typing import Annotated

import typer

from faceoff.commands.command_line import RunName, Strict, console, lacking
from faceoff.layout import Layout
from faceoff.results import run_folder
from faceoff.storage import files


def export(
    run: RunName,
    output: Annotated[Path, typer.Argument(help="file to write: .csv, .json, .jsonl or .parquet")],
    faces: Annotated[
        bool,
        typer.Option("--faces", help="every face with its box and landmarks, not the predictions"),
    ] = False,
    strict: Strict = False,
) -> None:
    """Write every prediction of a run, frame by frame with its time, as one table.

    It is a timeline of each clip for each detector, model and fusion.
    """
    from faceoff.results import exports

    folder = run_folder.run_folder(run)
    if faces:
        with lacking(run_folder.lacks(folder, Layout(str(folder)).faces("*", "*")), strict):
            tables = exports.write_faces(folder, output)
            console.print(f"{output}: faces of {tables} pairs of dataset and detector")
        return
    with lacking(run_folder.lacks_votes(folder), strict):
        cells = exports.write_predictions(folder, output)
        console.print(f"{output}: {cells} detector x model cells and fusions")


def export_audio(
    run: RunName,
    output: Annotated[
        Path, typer.Argument(help="folder to write the WAV files to, below it one per dataset")
    ],
    strict: Strict = False,
) -> None:
    """Write the sound of a run's clips (datasets with `audio: true`) as WAV files."""
    from faceoff.results.exports import write_sounds

    folder = run_folder.run_folder(run)
    with lacking(run_folder.lacks(folder, Layout(str(folder)).audio("*")), strict):
        for written, sounds, clips in write_sounds(folder, output):
            console.print(f"{written}: {sounds} of {clips} clips have sound")


def model_index(
    run: RunName,
    cell: Annotated[str, typer.Argument(help="detector/model or fusion/name")],
    name: Annotated[
        str | None, typer.Option("--name", help="the model's name on the Hub; default: the cell")
    ] = None,
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", help="only this dataset; may be repeated")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="write to this file instead of printing")
    ] = None,
    strict: Strict = False,
) -> None:
    """Write a cell's scores as the `model-index` block of a Hugging Face model card (YAML)."""
    from faceoff.results.model_index import as_yaml, model_index
    from faceoff.results.run_comparison.compare import read_run

    folder = run_folder.run_folder(run)
    with lacking(run_folder.lacks(folder, Layout(str(folder)).score("*", "*", "*")), strict):
        text = as_yaml(model_index(read_run(run), cell, name or cell, dataset or ()))
        if output:
            files.write_text(output, text)
        else:
            print(text, end="")
