"""The command that reads a camera, a video or a stream while it runs."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from faceoff.analysis import DETECTOR, MODELS
from faceoff.commands.command_line import console, fail
from faceoff.inference.hardware import check_device

_RULE = "ema"


def live(
    source: Annotated[
        str,
        typer.Argument(
            help="a camera (0, /dev/video0), a video, or an address (rtsp://…, http://…)"
        ),
    ] = "0",
    pipeline: Annotated[
        list[str] | None,
        typer.Option(
            "--pipeline",
            help=f"DETECTOR/MODEL; may be repeated; default: {DETECTOR}/{MODELS[0]}",
        ),
    ] = None,
    signal: Annotated[
        list[str] | None,
        typer.Option("--signals", help="signal that measures each face; may be repeated"),
    ] = None,
    temporal: Annotated[
        str, typer.Option("--temporal", help="rule over time that looks at no later frame, or none")
    ] = _RULE,
    every: Annotated[
        float, typer.Option("--every", min=0, help="seconds between two frames that are read")
    ] = 0.0,
    fast: Annotated[
        bool, typer.Option("--fast", help="read every frame of a video, as fast as it goes")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save", help="new folder for the JSON and CSV that faceoff analyze writes, at the end"
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="print a line of JSON per frame")] = False,
    window: Annotated[
        bool, typer.Option("--window", help="show the picture in a window of OpenCV, too")
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, help="seconds that a stream may be silent")
    ] = 10.0,
    retries: Annotated[
        int, typer.Option("--retries", min=0, help="attempts in a row to connect again")
    ] = 8,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N")] = "auto",
) -> None:
    """Read the emotions of faces before a camera, in a video or in a stream, while it runs.

    Ctrl-C ends it. A source that broke off is named with the reason; the exit status is then 3.
    """
    check_device(device)
    pairs = [_pair(name) for name in pipeline or [f"{DETECTOR}/{MODELS[0]}"]]
    from faceoff.live.sources import SourceError, Stream, source_of

    found = source_of(source)
    if fast and isinstance(found, Stream):
        fail("--fast is for files: a camera or an address gives its frames at its own pace")
    from faceoff.live import terminal
    from faceoff.live import window as windows
    from faceoff.live.session import Settings, watch
    from faceoff.live.watching import Watched

    settings = Settings(
        pairs=pairs, device=device, temporal=None if temporal == "none" else temporal,
        signals=tuple(name for names in signal or [] for name in names.split(",")),
        every_s=every, fast=fast, save=save, timeout_s=timeout, retries=retries,
    )  # fmt: skip
    name = found.name
    with ExitStack() as stack:
        shown = windows.Window(f"faceoff live {name}") if window else None
        if shown is not None:
            stack.callback(shown.close)
        in_place = terminal.Block(console, name) if console.is_terminal and not json else None
        if in_place is not None:
            stack.enter_context(in_place)

        gone: list[BrokenPipeError] = []  # who read the lines has ended; what was read is saved

        def show(frame: Watched) -> bool:
            if in_place is not None:
                in_place.show(frame.told)
            elif not gone:
                try:
                    typer.echo((terminal.json_line if json else terminal.line)(frame.told))
                except BrokenPipeError as error:
                    gone.append(error)
            if gone:
                return True
            if shown is None or frame.image is None:
                return False
            return shown.show(windows.drawn(frame.image, frame.rows))

        try:
            ended = watch(found, settings, show)
        except SourceError as error:
            fail(error)
    if gone:
        raise gone[0]
    for line in ended.lines:
        typer.echo(line, err=json)  # so that the lines before are all JSON
    if ended.lost:
        typer.echo(f"faceoff: {name}: {ended.lost}", err=True)
        raise typer.Exit(3)


def _pair(name: str) -> tuple[str, str]:
    """Return detector and model of a pipeline's name; end the program for another form."""
    detector, slash, model = name.partition("/")
    if not (detector and slash and model):
        fail(f"--pipeline {name!r}: give DETECTOR/MODEL, as in {DETECTOR}/{MODELS[0]}")
    return detector, model
