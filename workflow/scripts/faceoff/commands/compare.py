"""The command that compares two runs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from faceoff.commands.command_line import console, fail
from faceoff.storage import files


def compare(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A", help="the run to compare with: its name in results/, or its folder"
        ),
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="the run that is judged")],
    output: Annotated[
        Path | None, typer.Option("--output", help="also write one self-contained HTML file")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="print everything, every digit, as JSON")
    ] = False,
    common: Annotated[
        bool,
        typer.Option("--common", help="where the tasks differ, compare the samples that both have"),
    ] = False,
    fail_on_worse: Annotated[
        bool,
        typer.Option(
            "--fail-on-worse",
            help="exit 1 when a cell is significantly worse or failed in B, or none is judged",
        ),
    ] = False,
) -> None:
    """Compare two runs cell by cell, on the same samples, with paired tests.

    It also says what differs in what made them (docs/compare.md).
    """
    from faceoff.results.run_comparison import compare as run_comparison
    from faceoff.results.run_comparison import page, terminal

    found = run_comparison.compare_runs(
        run_comparison.read_run(a), run_comparison.read_run(b), common=common
    )
    if output:
        files.write_text(output, page.render(found))
    if as_json:
        print(json.dumps(found.as_dict(), indent=1, sort_keys=True, allow_nan=False))
    else:
        terminal.show(found, console)
    if fail_on_worse and (
        found.worse
        or not (any(cell.paired for cell in found.cells) or found.results_differ is False)
    ):
        fail(
            "worse in B: " + "; ".join(found.worse)
            if found.worse
            else "nothing could be compared, or nothing has labels to judge it by"
        )
