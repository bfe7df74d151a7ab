"""Commands around the drawn faces: calibrate a detector on them, draw pictures and clips."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from faceoff.commands.command_line import Plugins, console, fail
from faceoff.plugins import registry
from faceoff.spelling import suggestion
from faceoff.storage import files


def calibrate(
    detector: Annotated[str, typer.Argument(help="name of a detector")],
    plugins: Plugins = None,
) -> None:
    """Fit a detector's box calibration on drawn faces and print it for its card.

    The faces are those of the posed training identities.
    """
    from faceoff.commands.calibrate import fit

    plugin = registry.get("detector", detector, tuple(plugins or ()))
    try:
        found, matched, drawn = fit(plugin)
    except ValueError as error:
        fail(f"{detector}: {error}")
    console.print(
        f"{detector}: {matched} of {drawn} faces matched",
        json.dumps({"calibration": found}),
        soft_wrap=True,
    )


def contact_sheet(
    output: Annotated[Path, typer.Argument(help="picture to write, .png or .jpg")],
    identities: Annotated[
        list[str] | None,
        typer.Option("--identity", help="a drawn person, e.g. test03; may be repeated"),
    ] = None,
) -> None:
    """Draw a contact sheet of the posed dataset: one person per row, one emotion per column."""
    from faceoff.drawing import identities as drawn_people
    from faceoff.drawing import scenes

    kind = picture_format(output)
    known = [name for split in drawn_people.COUNT for name in drawn_people.names(split)]
    for name in identities or ():
        if name not in known:
            fail(f"no drawn person {name!r}{suggestion(name, known)}")
    save_picture(
        scenes.contact_sheet(
            identities or ["test03", "test09", "test14", "test08", "test12", "test00"], tile=112
        ),
        output,
        kind,
        88,
    )


def film_strip(
    output: Annotated[Path, typer.Argument(help="picture to write, .png or .jpg")],
    talk: Annotated[
        bool, typer.Option("--talk", help="of posed_talk, with its sound; needs espeak-ng")
    ] = False,
) -> None:
    """Draw a film strip of the posed_video dataset: one clip of every kind per row."""
    from faceoff.drawing import film_strip as strips

    kind = picture_format(output)
    try:
        strip = (
            strips.talk_strip(strips.talk_examples())
            if talk
            else strips.film_strip(strips.examples())
        )
    except OSError as error:
        fail(str(error))
    save_picture(strip, output, kind, 82)


def draw_ravdess(
    output: Annotated[Path, typer.Argument(help="folder to write Actor_01/… to")],
    actors: Annotated[
        list[int] | None,
        typer.Option("--actor", min=1, max=24, help="only this actor; may be repeated"),
    ] = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="320 x 240 px and 2.6 s, three seconds of work per clip;"
            " default: 96 x 96 px and 0.6 s",
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="draw over clips of these names that are there already")
    ] = False,
) -> None:
    """Draw clips in RAVDESS's names and layout, spoken ones with sound.

    With them you can try a configuration of the ravdess dataset without the real clips.
    """
    from faceoff.datasets import ravdess
    from faceoff.drawing.ravdess import write_ravdess

    takes = [
        (clip.stem, clip.emotion, clip.intensity, clip.actor)
        for clip in ravdess.published("av", "speech")
    ]
    try:
        written = write_ravdess(
            output, takes, actors or None, size="full" if full else "tiny", overwrite=force
        )
    except FileExistsError as error:
        fail(f"{error}; --force draws over them" if not error.strerror else error)
    console.print(f"{output}: {len(written)} clips")


def picture_format(output: Path) -> str:
    """Return Pillow's name of the format that a file's suffix asks for.

    Ends the program for another suffix.
    """
    found = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}.get(output.suffix.lower())
    return found or fail(f"{output}: the suffix must be .png or .jpg")


def save_picture(pixels: Any, output: Path, kind: str, quality: int) -> None:
    """Write pixels as a picture of this format and quality."""
    from PIL import Image

    with files.atomic(output) as scratch:
        Image.fromarray(pixels).save(scratch, format=kind, quality=quality)
