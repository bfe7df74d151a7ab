"""The command that shows where a model looks on one's own pictures."""

from pathlib import Path
from typing import Annotated, Any

import typer

from faceoff.analysis import DETECTOR, MODELS
from faceoff.commands.command_line import console, fail
from faceoff.saliency.method_list import METHODS


def explain(
    paths: Annotated[
        list[Path], typer.Argument(metavar="IMAGE…", help="pictures, folders of them")
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help=f"emotion model or path of a card; may be repeated; default: {', '.join(MODELS)}",
        ),
    ] = None,
    detector: Annotated[
        str, typer.Option("--detector", help="face detector; see faceoff detectors")
    ] = DETECTOR,
    method: Annotated[
        list[str] | None,
        typer.Option("--method", help=f"{', '.join(METHODS)}; may be repeated; default: occlusion"),
    ] = None,
    emotion: Annotated[
        str | None,
        typer.Option("--emotion", help="class that is explained; default: the model's choice"),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option("--layer", help="convolution that Grad-CAM looks at; default: the last one"),
    ] = None,
    sanity: Annotated[
        bool, typer.Option("--sanity", help="also compare with the map of shuffled weights")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="of random masks and controls")] = 0,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N")] = "auto",
    output: Annotated[
        Path, typer.Option("--output", help="folder in which each picture gets a folder")
    ] = Path("results/explained"),
) -> None:
    """Show where a model looks on your own pictures, with the score of that map.

    Pictures without a face, and faces that are not explained, are named with the reason, and the
    exit status is then 3.
    """
    from faceoff.analysis import explaining, outputs
    from faceoff.analysis.pictures import files_of

    methods = method or ["occlusion"]
    explaining.check_methods(methods)
    pictures = outputs.folders_of(files_of(paths, leave=outputs.is_result), output)
    output.mkdir(parents=True, exist_ok=True)  # an error comes before the reading
    models = model or list(MODELS)
    explainer = explaining.Explainer(
        detector, models, methods, emotion=emotion, layer=layer, sanity=sanity, device=device,
        seed=seed,
    )  # fmt: skip
    settings: dict[str, Any] = {
        "detector": detector, "models": models, "methods": methods, "emotion": emotion,
        "layer": layer, "seed": seed,
    }  # fmt: skip
    faulty = 0
    for path, folder in pictures.items():
        found = []
        try:
            for explained in explainer.explain(path):
                found.append(explained)
                say = f"{path.name}: {explaining.line(explained)}"
                if explained.found is None:
                    faulty += 1
                    typer.echo(f"faceoff: {say}", err=True)
                else:
                    console.print(say, soft_wrap=True, highlight=False, markup=False)
        except ValueError as error:
            faulty += 1
            typer.echo(f"faceoff: {error}", err=True)
            continue
        outputs.begin(path, folder)
        explaining.write(found, folder, {"file": str(path), **settings})
        console.print(f"files in {folder}", soft_wrap=True, highlight=False, markup=False)
    if faulty:
        raise typer.Exit(3)
    if not pictures:
        fail("no picture to explain")
