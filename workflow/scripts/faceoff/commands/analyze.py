"""The command that analyses one's own videos, pictures and sound, without a configuration."""

from contextlib import closing
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer

from faceoff.analysis import DETECTOR, MODELS
from faceoff.commands.command_line import console, fail
from faceoff.inference.hardware import check_device
from faceoff.temporal import rule_list


def analyze(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…", help="videos, pictures, folders of them; with --speech also sound"
        ),
    ],
    detector: Annotated[
        str, typer.Option("--detector", help="face detector; see faceoff detectors")
    ] = DETECTOR,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help="emotion model or path of a card; may be repeated, several are fused; default: "
            f"{', '.join(MODELS)}",
        ),
    ] = None,
    signal: Annotated[
        list[str] | None,
        typer.Option("--signals", help="signal that measures each face; may be repeated"),
    ] = None,
    every: Annotated[int, typer.Option("--every", min=1, help="read every N-th frame")] = 1,
    fps: Annotated[
        float,
        typer.Option(
            "--fps",
            min=0,
            max=1000,
            show_default=False,
            help="read so many frames per second instead, none twice",
        ),
    ] = 0.0,
    start: Annotated[float, typer.Option("--start", help="first second that is read")] = 0.0,
    end: Annotated[float | None, typer.Option("--end", help="last second that is read")] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N")] = "auto",
    identities: Annotated[
        bool | None,
        typer.Option(
            help="join the tracks of one person; default: where face-api's networks are here",
            show_default=False,
        ),
    ] = None,
    people: Annotated[
        Path | None,
        typer.Option("--people", help="folder of pictures of people, named by file or subfolder"),
    ] = None,
    temporal: Annotated[
        str | None,
        typer.Option("--temporal", help=f"rule over time: {', '.join(rule_list.unlearned())}"),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration", help="score file of a run, whose temperature makes calibrated ones"
        ),
    ] = None,
    speech: Annotated[
        str | None,
        typer.Option(
            "--speech",
            help="model that reads the voice: a name of faceoff speech-models, or path of a card",
        ),
    ] = None,
    segmenter: Annotated[
        str | None,
        typer.Option(
            "--segmenter",
            help="what finds speech; default: the first of silero, energy that is here",
            show_default=False,
        ),
    ] = None,
    trained: Annotated[
        Path | None,
        typer.Option(
            "--trained",
            help="what the speech model has learnt, if it learns: a run's folder, or its .npz",
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, help="files that are analysed at once, by processes")
    ] = 1,
    out: Annotated[
        Path, typer.Option("--out", help="folder in which each file gets a folder")
    ] = Path("results/analysis"),
    json: Annotated[bool, typer.Option("--json", help="only analysis.json, timeline.json")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="only frames.csv, as OpenFace writes it")] = (
        False
    ),
    plot: Annotated[bool, typer.Option("--plot", help="only timeline.svg and .png")] = False,
    html: Annotated[bool, typer.Option("--html", help="only analysis.html")] = False,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="also overlay.mp4: the video with what was seen")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="analyse also what is finished already")
    ] = False,
) -> None:
    """Read the emotions of faces and voices in your own files, without a configuration.

    Files that cannot be read wholly are named with the reason, and the exit status is then 3.
    """
    for name, given in (("start", start), ("end", end or 0.0)):
        if not isfinite(given):
            fail(f"--{name} {given:g} is no number")
    check_device(device)
    if every > 1 and fps:
        fail("give --every or --fps, not both")
    if end is not None and end < start:
        fail(f"--end {end:g} is before --start {start:g}")
    joined = True if people is not None and identities is None else identities
    if people is not None and not joined:
        fail("people are named by their identities: give --people or --no-identities, not both")
    from faceoff.analysis import calibration as calibrations
    from faceoff.analysis import outputs, voice_choice
    from faceoff.analysis import people as whose
    from faceoff.analysis.pictures import files_of
    from faceoff.media.kinds import sample_kind

    asked = {"json": json, "csv": csv, "plot": plot, "html": html}
    kinds = [kind for kind in outputs.KINDS if asked[kind] or not any(asked.values())]
    kinds += ["overlay"] * overlay
    signals = [name for names in signal or [] for name in names.split(",")]
    models = model or list(MODELS)
    listens = voice_choice.choose(speech, segmenter, trained)
    heard = [] if listens is None else [listens.segmenter, listens.model]
    settings: dict[str, Any] = {
        "detector": detector, "models": models, "every": every, "fps": fps, "start_s": start,
        "end_s": end, "kinds": kinds,
        "identities": whose.state_of(joined), "people": whose.fingerprint(people),
        "temporal": temporal, "signals": signals,
        "plugins": [
            outputs.fingerprint(kind, name)
            for kind, names in (("detector", [detector]), ("model", models), ("signal", signals))
            for name in names
        ] + [outputs.fingerprint_of(plugin) for plugin in heard],
        "trained": listens and listens.fingerprint(),
        "calibration": calibration and asdict(calibrations.read(calibration, models)),
    }  # fmt: skip
    faulty = 0
    todo = outputs.folders_of(files_of(paths, outputs.is_result, sound=listens is not None), out)
    for path, folder in list(todo.items()):
        if not again and outputs.is_done(path, folder, settings):
            console.print(f"{folder}: finished before; --again does it anew", soft_wrap=True)
            del todo[path]
    if not todo:
        return
    out.mkdir(parents=True, exist_ok=True)  # an error comes before the reading
    from faceoff.analysis import batch

    options = {
        "detector": detector, "models": models, "every": every, "fps": fps, "device": device,
        "identities": identities, "people": people,
        "temporal": temporal, "signals": signals, "calibration": calibration,
        "speech": speech, "segmenter": segmenter, "trained": trained,
    }  # fmt: skip
    task = batch.Task(options, start, end, kinds, settings)
    with closing(batch.finished(todo, task, jobs)) as work:  # ends its processes
        for done in work:
            for line in [*done.lines, f"files in {done.folder}"]:
                console.print(line, soft_wrap=True, highlight=False, markup=False)
            if done.state != "ok":
                faulty += 1
                unheard = listens is None and sample_kind(done.path) == "audio"
                hint = "; --speech MODEL reads voices" if unheard else ""
                typer.echo(f"faceoff: {done.path}: {done.state}: {done.reason}{hint}", err=True)
    if faulty:
        raise typer.Exit(3)
