"""The command that joins timelines of a face, a voice and a text."""

from pathlib import Path
from typing import Annotated

import typer

from faceoff.commands.command_line import console, fail


def join(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="timelines, as timeline.json of analyze")
    ],
    weight: Annotated[
        list[float] | None,
        typer.Option("--weight", help="of each file, in their order; default: all alike"),
    ] = None,
    how: Annotated[
        str, typer.Option("--how", help="vote: weighted mean; product: weighted geometric mean")
    ] = "vote",
    temporal: Annotated[
        str | None,
        typer.Option("--temporal", help="rule over time for the state, such as contrast"),
    ] = None,
    step: Annotated[
        float | None,
        typer.Option(
            "--step", help="seconds between moments; default: as statements begin and end"
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="JSON file")] = Path("joined.json"),
) -> None:
    """Join timelines of several channels by their time stamps, and say how they go together."""
    from faceoff.analysis import timelines

    for path in paths:
        if not path.is_file():
            fail(f"{path}: no such file")
        if paths.count(path) > 1:
            fail(f"{path} is given twice")
    read = {
        name: timelines.read(path)
        for name, path in zip(timelines.names_of(paths), paths, strict=True)
    }
    found = timelines.join(read, weight, how=how, rule=temporal, step_s=step)
    timelines.write(found, out)
    for episode in found["episodes"]:
        line = f"{episode['start']:8.2f} – {episode['end']:.2f} s  {episode['emotion']}"
        console.print(line, highlight=False)
    for pair in found["synchrony"]:
        known = [point for point in pair["curve"] if point["agreement"] is not None]
        if known:
            peak = max(known, key=lambda point: (point["agreement"], -abs(point["shift_s"])))
            console.print(
                f"{pair['channel']} agrees best with {pair['against']} shifted by "
                f"{peak['shift_s']:+.1f} s ({peak['agreement']:.2f})",
                highlight=False, markup=False,
            )  # fmt: skip
    console.print(f"file: {out}", soft_wrap=True, highlight=False, markup=False)
