"""`faceoff`: what the workflow's package offers on the command line besides the workflow itself."""

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from typer.core import TyperGroup

from faceoff.assets.asset import AssetError
from faceoff.plugins import registry
from faceoff.results import run_folder
from faceoff.spelling import suggestion
from faceoff.storage import files

if TYPE_CHECKING:
    from faceoff.plan.job_specs import Plan


class _Commands(TyperGroup):
    """Whatever command meets a wrong name, configuration or weights file, or a file that cannot be read or written, ends with a line, not with a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except (OSError, ValueError, AssetError) as error:
            _fail(error)


app = typer.Typer(cls=_Commands, no_args_is_help=True, add_completion=False)
console = Console()
RunName = Annotated[str, typer.Argument(help="the run: its name in results/, or its folder")]
Plugins = Annotated[
    list[Path] | None, typer.Option("--plugins", help="folder with more plug-ins; may be repeated")
]


def _fail(reason: object) -> NoReturn:
    """End the program with a reason, which may have several lines."""
    if isinstance(reason, OSError) and reason.strerror:
        reason = f"{reason.filename}: {reason.strerror}" if reason.filename else reason.strerror
    for line in str(reason).splitlines():
        print(f"faceoff: {line}", file=sys.stderr)
    raise typer.Exit(1)


def _plan(path: Path) -> "Plan":
    """The plan of a configuration file; ends the program with the reason when it is wrong."""
    from faceoff.plan import config as configuration
    from faceoff.plan.job_specs import Plan

    raw = configuration.load(path)
    try:
        return Plan(raw)
    except (OSError, ValueError) as error:
        _fail(f"{path}:\n{error}")


def _check_dataset(name: str, plan: "Plan", path: Path) -> None:
    """End the program where a configuration has no dataset of this name."""
    if name not in plan.datasets():
        _fail(
            f"{path}: no dataset {name!r} in this configuration{suggestion(name, plan.datasets())}"
        )


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
    """Faceoff: face detector x emotion model, compared. Run the workflow itself with snakemake."""


@app.command()
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
) -> None:
    """Print a run's leaderboard and where its report is."""
    from faceoff.results.leaderboard import read, show, write_csv

    if csv is None:
        show(run, dataset or ())
    else:
        console.print(f"{csv}: {write_csv(read(run, dataset or ()), csv)} rows")


@app.command()
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
    """Compare two runs cell by cell, paired, on the same samples, and say what differs in what made them (docs/compare.md)."""
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
        _fail(
            "worse in B: " + "; ".join(found.worse)
            if found.worse
            else "nothing could be compared, or nothing has labels to judge it by"
        )


@app.command(name="model-index")
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
) -> None:
    """A cell's scores as the `model-index` block of a Hugging Face model card (YAML)."""
    from faceoff.results.model_index import as_yaml, model_index
    from faceoff.results.run_comparison.compare import read_run

    text = as_yaml(model_index(read_run(run), cell, name or cell, dataset or ()))
    if output:
        files.write_text(output, text)
    else:
        print(text, end="")


@app.command()
def detectors(plugins: Plugins = None) -> None:
    """List the face detectors and whether each can run here."""
    from faceoff.commands import plugin_listing

    plugin_listing.show(plugin_listing.detectors(plugins or ()))


@app.command()
def models(plugins: Plugins = None) -> None:
    """List the emotion models and whether each can run here."""
    from faceoff.commands import plugin_listing

    plugin_listing.show(plugin_listing.models(plugins or ()))


@app.command()
def datasets(plugins: Plugins = None) -> None:
    """List the datasets, their terms and how to get them."""
    from faceoff.commands import plugin_listing

    plugin_listing.show(plugin_listing.datasets(plugins or ()))


@app.command(name="assets")
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
    """List every weight file with size, hash, licence, URL and where it was found, e.g. to fill a mirror (docs/assets.md)."""
    from faceoff.commands import asset_listing

    rows = asset_listing.rows(
        asset_listing.users_in(_plan(needed_by))
        if needed_by
        else asset_listing.users_of_all(plugins or ())
    )
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        for text in asset_listing.as_lines(rows) if lines else asset_listing.as_paragraphs(rows):
            print(text)


@app.command()
def fetch(
    path: Annotated[Path, typer.Argument(help="a configuration")] = Path("config.yaml"),
) -> None:
    """Fetch all that a run needs and may be downloaded, weights and datasets, e.g. on a login node before the jobs run without a network."""
    from faceoff.plan import preflight

    try:
        preflight.check(_plan(path), every_weight=True)
    except preflight.PreflightError as error:
        _fail(str(error))
    console.print(f"{path}: everything is here")


@app.command()
def config(
    path: Annotated[Path, typer.Argument(help="the configuration to check")] = Path("config.yaml"),
    write: Annotated[
        bool,
        typer.Option(
            "--write",
            help="write its comments anew; of the repository's own, the JSON schema and docs/reference.md too",
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="with --write: even where comments of your own are lost")
    ] = False,
) -> None:
    """Check a configuration; with --write, write every key into it, each under its generated comment."""
    from faceoff.commands import reference_page
    from faceoff.plan import config as configuration

    _plan(path)
    own = path.resolve() == configuration.OWN
    if write:
        text = configuration.commented(configuration.load(path))
        generated = set(configuration.comments(text))
        lost = [
            comment
            for comment in configuration.comments(path.read_text(encoding="utf-8"))
            if comment not in generated
        ]
        if lost and not (own or force):
            _fail(
                f"{path}: --write would delete {len(lost)} comments, the first is {lost[0]!r}; --force writes it all the same"
            )
        files.write_text(path, text)
    if write and own:
        files.write_text(
            configuration.SCHEMA,
            json.dumps(configuration.schema(), indent=1, sort_keys=True) + "\n",
        )
        files.write_text(reference_page.PATH, reference_page.page())
    console.print(f"{path}: valid")


@app.command()
def cards(
    write: Annotated[bool, typer.Option("--write", help="write docs/cards.md anew")] = False,
) -> None:
    """Print what the cards of all detectors and models say, as Markdown; with --write, into the documentation. It needs the full environment."""
    from faceoff.commands import card_page

    text = card_page.page(
        plugin for plugin in registry.discover().values() if plugin.kind != "dataset"
    )
    if write:
        files.write_text(card_page.PATH, text)
        console.print(f"{card_page.PATH}: written")
    else:
        print(text, end="")


@app.command(name="export-audio")
def export_audio(
    run: RunName,
    output: Annotated[
        Path, typer.Argument(help="folder to write the WAV files to, below it one per dataset")
    ],
) -> None:
    """Write the sound of a run's clips (datasets with `audio: true`) as WAV files."""
    from faceoff.results.exports import write_sounds

    for folder, sounds, clips in write_sounds(run_folder.run_folder(run), output):
        console.print(f"{folder}: {sounds} of {clips} clips have sound")


@app.command()
def export(
    run: RunName,
    output: Annotated[Path, typer.Argument(help="CSV file to write")],
) -> None:
    """Write every prediction of a run, frame by frame with its time, as one CSV: a timeline of each clip for each detector, model and fusion."""
    from faceoff.results.exports import write_predictions

    console.print(
        f"{output}: {write_predictions(run_folder.run_folder(run), output)} detector x model cells and fusions"
    )


@app.command()
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
) -> None:
    """Draw each clip's probabilities over time, with the moments that have no face."""
    from faceoff.figures import canvas
    from faceoff.figures import timeline as drawing
    from faceoff.results.dataset_results import label, shorten
    from faceoff.results.timelines import first_clips

    if output.suffix not in {".svg", ".pdf", ".png"}:
        _fail(f"{output}: the suffix must be .svg, .pdf or .png")
    try:
        found, name, clips = first_clips(
            run_folder.run_folder(run), cell, dataset, sample or (), most
        )
    except FileNotFoundError as error:
        _fail(f"{error}; run snakemake first, or look at `faceoff timeline --help`")
    panels = [{**vars(clip), "title": shorten(clip.sample_id, 80)} for clip in clips]
    canvas.save(drawing.draw(panels), output.with_suffix(""), [output.suffix[1:]])
    console.print(f"{output}: {len(clips)} clips of {found} under {label(name)}")


@app.command()
def report(
    run: RunName,
    output: Annotated[Path, typer.Option("--output", help="page to write")] = Path("report.html"),
    faces: Annotated[
        bool | None,
        typer.Option(
            "--faces/--no-faces", help="with or without pictures of faces; default: as configured"
        ),
    ] = None,
) -> None:
    """Render a finished run's page again elsewhere, e.g. without pictures of faces to hand it on."""
    from faceoff.stages.report import write_again

    write_again(run_folder.run_folder(run), output, faces)
    console.print(
        f"{output}: {output.stat().st_size / 1e6:.1f} MB", soft_wrap=True, highlight=False
    )


@app.command()
def score(
    predictions: Annotated[
        Path,
        typer.Argument(
            help="CSV, Parquet or JSON: a row per sample with its id and a probability per emotion"
        ),
    ],
    path: Annotated[
        Path, typer.Option("--config", help="a configuration that has the dataset")
    ] = Path("config.yaml"),
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", help="which of its datasets; default: its only test dataset"),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            help="key=value as of the model `recorded`, such as id=file or columns.anger=ang",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="also write every digit as JSON")
    ] = None,
) -> None:
    """Score anyone's posteriors against a dataset's frozen task: no detector, no model, the same metrics and intervals as in a run."""
    import tempfile

    from faceoff.commands.score_file import options_of, score_file, show

    plan = _plan(path)
    names = plan.datasets("test")
    if dataset is None and len(names) > 1:
        _fail(f"{path} has several test datasets; name one with --dataset: {', '.join(names)}")
    name = dataset or names[0]
    _check_dataset(name, plan, path)
    with tempfile.TemporaryDirectory() as scratch:
        found = score_file(
            predictions, plan.samples_job(name), options_of(options or ()), Path(scratch)
        )
    if output:
        files.write_json(output, found)
    show(found, predictions, console)


@app.command()
def validate(
    path: Annotated[Path, typer.Argument(help="a configuration")] = Path("config.yaml"),
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", help="only this dataset; may be repeated")
    ] = None,
) -> None:
    """Look a configuration's datasets over: counts, missing and unreadable files, duplicates, label conflicts, pictures and people that two of them share.

    Of a dataset with `part` or `limit`, only the samples that these leave. Says what a published dataset has and this copy lacks.
    Exits 1 when a dataset cannot be opened, is incomplete or holds an unreadable file.
    """
    from faceoff.commands import audit
    from faceoff.plugins.open_dataset import selected
    from faceoff.progress import track

    plan = _plan(path)
    names = dataset or plan.datasets()
    for name in names:
        _check_dataset(name, plan, path)
    try:
        opened = {name: plan.open(name) for name in names}
    except (OSError, ValueError) as error:
        _fail(f"{path}: {error}")
    chosen = {
        name: selected(source, plan.config.datasets[name], plan.config.seed)
        for name, source in opened.items()
    }
    audits = [
        audit.audit(name, source, track(chosen[name], name)) for name, source in opened.items()
    ]
    audit.show(
        str(path), audits, {name: source.version for name, source in opened.items()}, console
    )
    if any(found.unreadable or found.missing for found in audits):
        raise typer.Exit(1)


@app.command()
def calibrate(
    detector: Annotated[str, typer.Argument(help="name of a detector")],
    plugins: Plugins = None,
) -> None:
    """Fit a detector's box calibration on drawn faces (posed, train identities) and print it for its card."""
    from faceoff.commands.calibrate import fit

    plugin = registry.get("detector", detector, tuple(plugins or ()))
    try:
        found, matched, drawn = fit(plugin)
    except ValueError as error:
        _fail(f"{detector}: {error}")
    console.print(
        f"{detector}: {matched} of {drawn} faces matched",
        json.dumps({"calibration": found}),
        soft_wrap=True,
    )


@app.command(name="contact-sheet")
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

    kind = _picture_format(output)
    known = [name for split in drawn_people.COUNT for name in drawn_people.names(split)]
    for name in identities or ():
        if name not in known:
            _fail(f"no drawn person {name!r}{suggestion(name, known)}")
    _save_picture(
        scenes.contact_sheet(
            identities or ["test03", "test09", "test14", "test08", "test12", "test00"], tile=112
        ),
        output,
        kind,
        88,
    )


@app.command(name="film-strip")
def film_strip(
    output: Annotated[Path, typer.Argument(help="picture to write, .png or .jpg")],
) -> None:
    """Draw a film strip of the posed_video dataset: one clip of every kind per row."""
    from faceoff.drawing import film_strip as strips

    kind = _picture_format(output)
    _save_picture(strips.film_strip(strips.examples()), output, kind, 82)


@app.command(name="draw-ravdess")
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
            help="320 x 240 px and 2.6 s, three seconds of work per clip; default: 96 x 96 px and 0.6 s",
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="draw over clips of these names that are there already")
    ] = False,
) -> None:
    """Draw clips in RAVDESS's names and layout, spoken ones with sound, to try a configuration of the ravdess dataset without the real clips."""
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
        _fail(f"{error}; --force draws over them" if not error.strerror else error)
    console.print(f"{output}: {len(written)} clips")


def _picture_format(output: Path) -> str:
    """Pillow's name of the format that a file's suffix asks for; ends the program for another one."""
    found = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}.get(output.suffix.lower())
    return found or _fail(f"{output}: the suffix must be .png or .jpg")


def _save_picture(pixels: Any, output: Path, kind: str, quality: int) -> None:
    from PIL import Image

    with files.atomic(output) as scratch:
        Image.fromarray(pixels).save(scratch, format=kind, quality=quality)


if __name__ == "__main__":
    app()
