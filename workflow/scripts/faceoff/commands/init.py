"""Write a first configuration for the user's own pictures and clips."""

import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from faceoff.commands.command_line import console, fail
from faceoff.storage import files

DETECTORS = ("whole", "mediapipe_short", "haar", "yunet")  # tried in this order by default
MODELS = ("faceoff_small", "fer", "geometry", "pd_best")


@dataclass(frozen=True)
class Folder:
    """The contents of a folder of pictures, or one picture or clip.

    classes: emotion of each sub-folder, None for a name that is no emotion.
    """

    path: Path
    pictures: int
    clips: int
    classes: dict[str, str | None]

    @property
    def looks_labelled(self) -> bool:
        """Return whether most sub-folders are named as emotions are."""
        named = sum(emotion is not None for emotion in self.classes.values())
        return named > 0 and 2 * named >= len(self.classes)


def init(
    folder: Annotated[
        Path | None,
        typer.Argument(help="folder with your pictures and clips, or one; asked for if absent"),
    ] = None,
    output: Annotated[Path, typer.Option("--output", help="configuration to write")] = Path(
        "faceoff.yaml"
    ),
    labelled: Annotated[
        bool | None,
        typer.Option(
            "--labelled/--unlabelled",
            help="whether sub-folders are named as emotions; default: looked up, then asked",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="name of the run; default: the folder's")
    ] = None,
    detectors: Annotated[
        list[str] | None,
        typer.Option("--detector", help="a face detector; may be repeated"),
    ] = None,
    models: Annotated[
        list[str] | None, typer.Option("--model", help="an emotion model; may be repeated")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="write over a file that is there")] = False,
) -> None:
    """Write a commented configuration for your own pictures, to run with `faceoff run`.

    It asks for what is not given, if it is called in a terminal.
    """
    asking = sys.stdin.isatty()
    if folder is None:
        if not asking:
            fail("name a folder with pictures or clips: faceoff init FOLDER")
        folder = Path(typer.prompt("Folder with your pictures and clips"))
    folder = folder.expanduser()
    if output.exists() and not force:
        fail(f"{output} is there already; --output names another file, --force writes over it")
    found = look_at(folder)
    if not folder.is_dir():
        labelled = False
    if labelled is None:
        labelled = found.looks_labelled
        if asking:
            labelled = typer.confirm(
                "Are its sub-folders named as emotions (labels)?", default=labelled
            )
    chosen = {
        "detector": _chosen("detector", detectors, DETECTORS),
        "model": _chosen("model", models, MODELS),
    }
    run = name or _run_name(folder)
    text = configuration(run, found, labelled, chosen["detector"], chosen["model"])
    _check(text)
    files.write_text(output, text)
    console.print(
        f"{output}: {found.pictures} pictures and {found.clips} clips, "
        f"{'labelled by their folders' if labelled else 'without labels'}; "
        f"{len(chosen['detector'])} detectors x {len(chosen['model'])} models",
        soft_wrap=True,
    )
    console.print(f"next: faceoff run {output}", highlight=False)


def _check(text: str) -> None:
    """Raise ValueError if the configuration is wrong, before anything is written."""
    import yaml

    from faceoff.plan.job_specs import Plan

    Plan(yaml.safe_load(text))


def look_at(folder: Path) -> Folder:
    """Count what lies in a folder, or look at one picture or clip.

    Raises FileNotFoundError if there is no such folder, or nothing in it, and ValueError for a file
    of another kind.
    """
    from faceoff import emotions
    from faceoff.datasets._files import files_below, of_the_system
    from faceoff.media.kinds import left_out, sample_kind

    if not folder.exists():
        raise FileNotFoundError(f"{folder}: there is no such folder")
    single = not folder.is_dir()
    if single and (reason := left_out(folder)):
        raise ValueError(
            f"{folder}: neither a folder nor a picture nor a clip, but {reason}; a table of "
            "pictures is a dataset of `type: table` (docs/configuration.md)"
        )
    files = [folder] if single else list(files_below(folder, hidden=False))
    kinds = Counter(sample_kind(path) for path in files if left_out(path) is None)
    if not kinds:
        heard = sum(left_out(path, sound=True) is None for path in files)
        more = f", only {heard} of sound: how voices are read is in docs/speech.md" if heard else ""
        raise FileNotFoundError(f"{folder}: no picture and no clip lies in it{more}")
    classes: dict[str, str | None] = {}
    for below in () if single else sorted(folder.iterdir()):
        if below.is_dir() and not of_the_system(below.name):
            try:
                classes[below.name] = emotions.canonical(below.name)
            except ValueError:
                classes[below.name] = None
    return Folder(folder, kinds["image"], kinds["video"], classes)


def _run_name(folder: Path) -> str:
    """Return the folder's name, in the letters that a run's name may have."""
    path = folder.resolve()
    name = path.name if path.is_dir() else path.stem
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_") or "mine"


def _chosen(kind: str, named: Sequence[str] | None, usual: Sequence[str]) -> list[str]:
    """Return the plug-ins that were named, else the usual ones that can run here."""
    from faceoff.assets import fetch
    from faceoff.plugins import registry

    if named:
        return [registry.get(kind, name).name for name in dict.fromkeys(named)]
    plugins = [registry.get(kind, name) for name in usual]
    ready = [
        plugin.name
        for plugin in plugins
        if plugin.skip() is None and all(map(fetch.is_there, plugin.assets.values()))
    ]
    return ready or fail(
        f"none of {', '.join(usual)} can run here; name one with --{kind}"
        f" (`faceoff {kind}s` lists them)"
    )


def configuration(
    run: str, found: Folder, labelled: bool, detectors: Sequence[str], models: Sequence[str]
) -> str:
    """Return the text of a commented configuration."""
    import yaml

    def scalar(value: object) -> str:
        return yaml.safe_dump(value, width=10_000, allow_unicode=True).removesuffix("...\n").strip()

    lines = [
        "# Faceoff: what to run. Start it with `faceoff run`, check it with `faceoff config`.",
        "# Every key that may stand here is in docs/reference.md.",
        f"run: {scalar(run)} # results go to results/{run}/",
        "",
        "datasets:",
        f"  {scalar(run)}:",
        "    type: folder",
        f"    path: {scalar(str(found.path.resolve()))}",
    ]
    if labelled:
        lines.append("    # Each sub-folder is a class: " + ", ".join(map(scalar, found.classes)))
        unknown = [name for name, emotion in found.classes.items() if emotion is None]
        if unknown:
            lines.append(
                "    # These names are no emotion; say what they are, or null for no label."
            )
            lines.append("    label_map:")
            lines += [f"      {scalar(name)}: null" for name in unknown]
    else:
        lines.append("    labelled: false # predicted, not scored; true: a sub-folder per emotion")
    if found.clips:
        lines.append("    fps: 5 # frames per second that are read from clips; 0: all of them")
    lines += ["", "# Every detector meets every model. `faceoff detectors` lists more."]
    lines += ["detectors:", *(f"  {name}: {{}}" for name in detectors)]
    lines += ["", "# `faceoff models` lists more; your own weights: docs/extend.md."]
    lines += ["models:", *(f"  {name}: {{}}" for name in models)]
    if len(detectors) * len(models) > 1:
        lines += [
            "",
            "# Votes of several pairs, compared with the best single one.",
            "fusions:",
            '  vote: {rule: soft_mean, members: ["*/*"]}',
        ]
    return "\n".join(lines) + "\n"
