"""The command that serves pipelines over HTTP and WebSockets."""

from pathlib import Path
from typing import Annotated

import typer

from faceoff.analysis import DETECTOR, MODELS
from faceoff.commands.command_line import console, fail
from faceoff.plugins.plugin import not_installed


def serve(
    detector: Annotated[
        list[str] | None,
        typer.Option("--detector", help=f"face detector; may be repeated; default: {DETECTOR}"),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help=f"emotion model or path of a card; may be repeated; default: {', '.join(MODELS)}",
        ),
    ] = None,
    signal: Annotated[
        list[str] | None,
        typer.Option("--signals", help="signal that measures each face; may be repeated"),
    ] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N")] = "auto",
    host: Annotated[
        str, typer.Option("--host", help="address; any but this machine's own asks for a token")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any free one")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            envvar="FACEOFF_TOKEN",
            help="what clients have to send; the variable keeps it out of the list of processes",
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            envvar="FACEOFF_TOKEN_FILE",
            help="file that holds the token alone, as a secret of a container does",
        ),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option("--origin", help="other address whose pages may ask; may be repeated"),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", help="folder for the pictures that are read; default: none is kept"),
    ] = None,
    max_mb: Annotated[
        float, typer.Option("--max-mb", min=0.001, help="megabytes of a request")
    ] = 64.0,
    max_megapixels: Annotated[
        float, typer.Option("--max-megapixels", min=0.001, max=100, help="of a picture")
    ] = 40.0,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, help="seconds until a request is answered")
    ] = 30.0,
) -> None:
    """Serve pairs of detectors and models on http://127.0.0.1:8000: a page, REST, a WebSocket."""
    from faceoff.live.settings import MODULES, Limits, Settings

    if missing := not_installed(MODULES):
        fail(
            f"serve: python package {missing[0]!r} is not installed: `pip install "
            "'faceoff[live]'`, or `make live`"
        )
    body = round(max_mb * 1e6)
    limits = Limits(
        body=body, bodies=max(Limits.bodies, 2 * body), pixels=round(max_megapixels * 1e6),
        request_s=timeout,
    )  # fmt: skip
    settings = Settings(
        detectors=tuple(detector or [DETECTOR]), models=tuple(model or MODELS),
        signals=tuple(name for names in signal or [] for name in names.split(",")),
        device=device, host=host, port=port, token=_token(token, token_file), keep=keep,
        origins=tuple(origin or []), limits=limits,
    )  # fmt: skip
    from faceoff.live.serving import serve as serve_until_stopped

    def say(address: str) -> None:
        said = f"serving on {address} once the networks are loaded; Ctrl-C ends it"
        console.print(said, soft_wrap=True, highlight=False)

    serve_until_stopped(settings, say)


def _token(given: str | None, file: Path | None) -> str | None:
    """Return the token, None without one. Raises OSError for a file that cannot be read."""
    if file is None:
        return given or None
    if given:
        fail("give --token or --token-file (FACEOFF_TOKEN, FACEOFF_TOKEN_FILE), not both")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        fail(f"{file}: no text: give a file that holds the token alone")
    return text.strip() or fail(f"{file}: the file holds no token")
