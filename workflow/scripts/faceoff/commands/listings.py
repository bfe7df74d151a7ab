"""Commands that list what there is: detectors, models, datasets, signals, segmenters, corruptions,
weights, cards.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from faceoff.commands.command_line import Plugins, console, fail, plan_of
from faceoff.plugins import registry
from faceoff.storage import files


def detectors(plugins: Plugins = None) -> None:
    """List the face detectors and whether each can run here."""
    from faceoff.commands import plugin_listing

    plugin_listing.show(plugin_listing.detectors(plugins or ()))


def models(plugins: Plugins = None) -> None:
    """List the emotion models and whether each can run here."""
    from faceoff.commands import plugin_listing

    plugin_listing.show(plugin_listing.models(plugins or ()))


def datasets(plugins: Plugins = None) -> None:
    """List the datasets, their terms and how to get them."""
    from faceoff.commands import plugin_listing

    plugin_listing.show(plugin_listing.datasets(plugins or ()))


def signals(plugins: Plugins = None) -> None:
    """List the signals of faces (action units, head pose …) and whether each can run here."""
    from faceoff.commands import plugin_listing

    plugin_listing.show(plugin_listing.signals(plugins or ()))


def segmenters(plugins: Plugins = None) -> None:
    """List what finds speech in the sound of clips, and whether each can run here."""
    from faceoff.commands import plugin_listing

    plugin_listing.show(plugin_listing.segmenters(plugins or ()))


def speech_models(plugins: Plugins = None) -> None:
    """List the models of emotion in speech and whether each can run here."""
    from faceoff.commands import plugin_listing

    plugin_listing.show(plugin_listing.speech_models(plugins or ()))


def corruptions(
    as_json: Annotated[bool, typer.Option("--json", help="the same for programs")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="the table of docs/corruptions.md")
    ] = False,
) -> None:
    """List what makes pictures, boxes and clips worse, with severities and options."""
    from faceoff.commands import corruption_listing, plugin_listing

    if as_json:
        print(json.dumps(corruption_listing.rows(), indent=1, ensure_ascii=False))
    elif as_markdown:
        print(corruption_listing.markdown())
    else:
        plugin_listing.show(corruption_listing.table())


def list_assets(
    plugins: Plugins = None,
    needed_by: Annotated[
        Path | None,
        typer.Option(
            "--config", help="only what this configuration needs, with the archives of its datasets"
        ),
    ] = None,
    lines: Annotated[
        bool, typer.Option("--list", help="a line per file, its fields parted by tabs")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="the same for programs")] = False,
) -> None:
    """List every weight file with size, hash, licence, URL and where it was found.

    With this list you can fill a mirror (docs/assets.md).
    """
    from faceoff.commands import asset_listing

    rows = asset_listing.rows(
        asset_listing.users_in(plan_of(needed_by))
        if needed_by
        else asset_listing.users_of_all(plugins or ())
    )
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        for text in asset_listing.as_lines(rows) if lines else asset_listing.as_paragraphs(rows):
            print(text)


def card(
    model: Annotated[str, typer.Argument(help="a model at Hugging Face: hf:owner/name")],
    output: Annotated[
        Path | None, typer.Option("--output", help="card to write; default: NAME.yaml")
    ] = None,
) -> None:
    """Write the card of an image classifier at Hugging Face, pinned by commit and hashes.

    It needs the network; a run then fetches and verifies the files.
    """
    from faceoff.commands import hub_card

    path = output or Path(f"{model.rpartition('/')[2].lower()}.yaml")
    hub_card.write(model, path)
    console.print(f"{path}: written; name it as a model: `models: {{mine: {{model: {path}}}}}`")


def cards(
    write: Annotated[bool, typer.Option("--write", help="write docs/cards.md anew")] = False,
) -> None:
    """Print the cards of all plug-ins as Markdown.

    With --write they go into the documentation. This needs the full environment.
    """
    from faceoff.commands import card_page

    plugins = [plugin for plugin in registry.discover().values() if plugin.kind != "dataset"]
    try:
        text = card_page.page(plugins)
    except ModuleNotFoundError as error:
        fail(
            f"the cards need every plug-in, and python package {error.name!r} is not installed: "
            "`make full` installs it and .venv-full/bin/faceoff then runs; docs/cards.md has them"
        )
    if write:
        files.write_text(card_page.PATH, text)
        console.print(f"{card_page.PATH}: written")
    else:
        print(text, end="")
