"""Commands that show what a finished run found: leaderboard, report page, clips over time."""

from pathlib import Path
from typing import Annotated

import typer

from faceoff.commands.command_line import RunName, Strict, console, fail, lacking
from faceoff.results import run_folder


def leaderboard(
    run: RunName = "demo",
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", help="only this dataset; may be repeated")
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv", help="write the same rows, every digit, to this file instead of printing them"
        ),
    ] = None,
    strict: Strict = False,
) -> None:
    """Print a run's leaderboard and where its report is."""
    from faceoff.results.leaderboard import lacks, read, show, write_csv

    with lacking(lacks(run_folder.run_folder(run)), strict, said=csv is None):
        if csv is None:
            show(run, dataset or ())
        else:
            console.print(f"{csv}: {write_csv(read(run, dataset or ()), csv)} rows")


def report(
    run: RunName,
    output: Annotated[Path, typer.Option("--output", help="page to write")] = Path("report.html"),
    faces: Annotated[
        bool | None,
        typer.Option(
            "--faces/--no-faces", help="with or without pictures of faces; default: as configured"
        ),
    ] = None,
    strict: Strict = False,
) -> None:
    """Write a finished run's page again elsewhere.

    For example without pictures of faces, to hand it on.
    """
    from faceoff.stages.report import write_again

    folder = run_folder.run_folder(run)
    with lacking(run_folder.lacks(folder, str(folder / "*")), strict):
        write_again(folder, output, faces)
        size = output.stat().st_size / 1e6
        console.print(f"{output}: {size:.1f} MB", soft_wrap=True, highlight=False)


def timeline(
    run: RunName,
    output: Annotated[Path, typer.Argument(help="picture to write: .svg, .pdf or .png")],
    cell: Annotated[
        str | None,
        typer.Option(
            "--cell",
            help="detector/model or fusion/name; default: the first fusion, else the first pair",
        ),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="default: the first one with clips")
    ] = None,
    sample: Annotated[
        list[str] | None, typer.Option("--sample", help="only this clip; may be repeated")
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, max=40, help="clips shown at most")] = 8,
    strict: Strict = False,
) -> None:
    """Draw each clip's probabilities over time, with the moments that have no face."""
    from faceoff.figures import canvas
    from faceoff.figures import timeline as drawing
    from faceoff.results.dataset_results import label, shorten
    from faceoff.results.timelines import first_clips

    if output.suffix not in {".svg", ".pdf", ".png"}:
        fail(f"{output}: the suffix must be .svg, .pdf or .png")
    folder = run_folder.run_folder(run)
    with lacking(run_folder.lacks_votes(folder), strict):
        found, name, clips = first_clips(folder, cell, dataset, sample or (), most)
        panels = [{**vars(clip), "title": shorten(clip.sample_id, 80)} for clip in clips]
        canvas.save(drawing.draw(panels), output.with_suffix(""), [output.suffix[1:]])
        console.print(f"{output}: {len(clips)} clips of {found} under {label(name)}")
