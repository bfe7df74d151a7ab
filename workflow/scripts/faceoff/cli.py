"""Offer the package on the command line as `faceoff`.

The commands are in commands/, one module per family; this module registers them.
"""

import importlib.metadata
import io
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from faceoff.assets.asset import AssetError
from faceoff.commands import (
    analyze,
    compare,
    configuration,
    drawings,
    explain,
    export,
    init,
    join,
    listings,
    live,
    run,
    score,
    serve,
    show_run,
    train,
)
from faceoff.commands.command_line import fail
from faceoff.inference.hardware import DeviceError


class _Commands(TyperGroup):
    """Turn errors that a user can mend into one line each and exit 1, without a traceback.

    They are wrong names, configurations, devices and weights, and files that cannot be read or
    written.
    """

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except (OSError, ValueError, AssetError, DeviceError) as error:
            fail(error)


app = typer.Typer(cls=_Commands, no_args_is_help=True)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"faceoff {importlib.metadata.version('faceoff')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="print the version and exit"
        ),
    ] = False,
) -> None:
    """Compare pairs of face detector and emotion model. Begin with faceoff init, faceoff run."""
    if sys.getfilesystemencoding() == "ascii":  # a locale in which no file may be named "ä.png"
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, sys.orig_argv)
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks "×" shows "?"
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


_MORE = {"allow_extra_args": True, "ignore_unknown_options": True}  # for Snakemake
# In the order of the help.
app.command()(init.init)
app.command()(analyze.analyze)
app.command()(explain.explain)
app.command()(live.live)
app.command()(serve.serve)
app.command()(join.join)
app.command(context_settings=_MORE)(run.run)
app.command(context_settings=_MORE)(train.train)
app.command(context_settings=_MORE)(train.finetune)
app.command()(train.nets)
app.command()(show_run.leaderboard)
app.command()(compare.compare)
app.command(name="model-index")(export.model_index)
app.command()(listings.detectors)
app.command()(listings.models)
app.command()(listings.datasets)
app.command()(listings.signals)
app.command()(listings.segmenters)
app.command(name="speech-models")(listings.speech_models)
app.command()(listings.corruptions)
app.command(name="assets")(listings.list_assets)
app.command()(configuration.fetch)
app.command()(configuration.config)
app.command()(listings.card)
app.command()(listings.cards)
app.command(name="export-audio")(export.export_audio)
app.command()(export.export)
app.command()(show_run.timeline)
app.command()(show_run.report)
app.command()(score.score)
app.command()(configuration.validate)
app.command()(drawings.calibrate)
app.command(name="contact-sheet")(drawings.contact_sheet)
app.command(name="film-strip")(drawings.film_strip)
app.command(name="draw-ravdess")(drawings.draw_ravdess)

if __name__ == "__main__":
    app()
