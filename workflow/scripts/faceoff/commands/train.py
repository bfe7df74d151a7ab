"""Train networks, and fine-tune one on the user's own labelled folder."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faceoff.commands.command_line import ConfigPath, configuration_of, console, fail, plan_of

if TYPE_CHECKING:
    from faceoff.plan.job_specs import Plan

# Options of Snakemake by which jobs may run in other environments, where it looks itself.
_ELSEWHERE = {
    "--use-conda", "--software-deployment-method", "--deployment-method", "--deployment", "--sdm",
    "--profile", "--workflow-profile",
}  # fmt: skip


def train(
    context: typer.Context,
    path: ConfigPath = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="train only this network; may be repeated")
    ] = None,
) -> None:
    """Train the networks of a configuration, without scoring them; the rest goes to Snakemake.

    `faceoff run` trains them too, and scores them beside the other models.
    """
    path = configuration_of(context, path)
    plan = plan_of(path)
    if not plan.config.training:
        fail(f"{path}: no section `training`: nothing to train (docs/training.md)")
    names = only or list(plan.config.training)
    for name in names:
        if name not in plan.config.training:
            fail(f"{path}: no training {name!r}; there are {', '.join(plan.config.training)}")
    _check(plan, names, context.args)
    _train(path, plan, names, context.args)


def finetune(
    context: typer.Context,
    data: Annotated[
        Path, typer.Option("--data", help="folder with one sub-folder of pictures per class")
    ],
    weights: Annotated[
        str,
        typer.Option(
            "--weights",
            help="the network to begin from: an .onnx of `faceoff train`, or a card;"
            " default: the network in the package",
        ),
    ] = "faceoff_small",
    run: Annotated[str, typer.Option("--run", help="name of the run")] = "finetune",
    detector: Annotated[
        str, typer.Option("--detector", help="finds the faces; whole: pictures are faces")
    ] = "whole",
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="passes over the pictures")] = 20,
    freeze: Annotated[
        int, typer.Option("--freeze", min=0, help="first epochs, in which only the head learns")
    ] = 5,
    lr: Annotated[float, typer.Option("--lr", help="highest learning rate")] = 0.001,
    output: Annotated[
        Path | None, typer.Option("--output", help="configuration to write; default: RUN.yaml")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="write over a file that is there")] = False,
) -> None:
    """Go on training a network on your own labelled pictures, and score what that gains.

    60 % of the pictures train it, 20 % choose the epoch, 20 % test it beside the network that it
    was. It writes a configuration and trains and scores by it; `faceoff run` goes on with it.
    """
    import yaml

    from faceoff.commands.run import follow
    from faceoff.plan.job_specs import Plan
    from faceoff.storage import files

    path = output or Path(f"{run}.yaml")
    if path.exists() and not force:
        fail(f"{path} is there already: go on with `faceoff run {path}`, or --force writes it anew")
    if not data.is_dir():
        fail(f"{data}: no folder")
    given = _configuration(data, weights, run, detector)
    given["training"]["tuned"]["recipe"] = {
        **{"epochs": epochs, "freeze": min(freeze, epochs), "lr": lr, "warmup": 0.0},
        **{"ema": 0.98, "batch": 32, "select": "log_loss", "weight_decay": 0.01},
    }
    text = yaml.safe_dump(given, sort_keys=False, allow_unicode=True)
    plan = Plan(given)  # says what is wrong before anything is written
    _check(plan, ["tuned"], context.args)
    files.write_text(path, f"# Written by `faceoff finetune`; every key: docs/training.md.\n{text}")
    console.print(f"{path} says what is done; `faceoff run {path}` does it again", highlight=False)
    sys.stdout.flush()
    follow(path, context.args)


def _check(plan: "Plan", names: Sequence[str], more: Sequence[str]) -> None:
    """End the program if a network cannot be trained here, unless its jobs run elsewhere.

    more: what goes to Snakemake.
    """
    from faceoff.plan import preflight

    if not _ELSEWHERE & {word.partition("=")[0] for word in more}:
        try:
            for name in names:
                preflight.check_training(plan, name)
        except preflight.PreflightError as error:
            fail(error)


def _configuration(data: Path, weights: str, run: str, detector: str) -> dict[str, Any]:
    """Return the configuration of a fine-tuning, without its recipe."""
    from faceoff.assets import fetch
    from faceoff.inference.runtimes import onnx_metadata
    from faceoff.plan import trained_nets
    from faceoff.plugins import registry
    from faceoff.plugins.plugin import not_installed
    from faceoff.training.about import About

    if missing := not_installed(["onnxruntime"]):  # it reads what the file says of its network
        fail(f"python package 'onnxruntime' is not installed{trained_nets.cure(missing)}")
    models: dict[str, Any] = {}
    if weights.endswith(".onnx"):
        file = Path(weights).resolve()
        if not file.is_file():
            fail(f"{file}: no such file")
        start = str(file)
    else:
        file = fetch.fetch(registry.get("model", weights).assets["weights"])
        start, models = weights, {weights: {}}
    entry = onnx_metadata(file).get(About.KEY) if file.suffix == ".onnx" else None
    if entry is None:
        fail(f"{weights}: not trained by Faceoff, so nothing says how to go on with it")
    about = About.from_json(entry)
    parts = {"own-train": "train", "own-valid": "validation", "own": "test"}
    folder = {"type": "folder", "path": str(data.resolve()), "shares": [0.6, 0.2, 0.2]}
    datasets = {
        name: {**folder, "part": name.partition("-")[2] or "test", "role": role}
        for name, role in parts.items()
    }
    datasets["own"]["validation"] = "own-valid"
    return {
        "run": run,
        "datasets": datasets,
        "detectors": {detector: {}},
        "models": models or {"fer": {}},
        "training": {
            "tuned": {
                **{"net": about.net, "options": about.options, "margin": about.input["margin"]},
                **{"start": start, "data": "own-train", "validation": "own-valid"},
            }
        },
    }


def _train(path: Path, plan: "Plan", names: list[str], more: list[str]) -> None:
    """Run the workflow up to these networks, and print what they are."""
    from faceoff.commands import run_progress
    from faceoff.commands.run import snakemake

    targets = [
        plan.layout.training(file, name) for name in names for file in ("card.yaml", "curves.svg")
    ]
    command = snakemake(path, [*more, *targets])
    arguments = command[3:]
    place = arguments.index("--quiet") if "--quiet" in arguments else None
    if place is not None:
        del arguments[place : place + 2]
    sys.stdout.flush()
    status = run_progress.run(arguments)
    if status:
        raise typer.Exit(status)
    show(plan, names)


def show(plan: "Plan", names: list[str]) -> None:
    """Print a line for each trained network."""
    import yaml
    from rich.table import Table

    from faceoff.commands import plugin_listing

    table = Table(title="trained", title_justify="left")
    measures = {"accuracy": "validation accuracy %", "uar": "UAR %"}
    if any(plan.config.training[name].over_time for name in names):
        measures["ccc"] = "CCC x 100"
    for column in ("network", "parameters", *measures.values(), "epoch", "card"):
        table.add_column(column, overflow="fold")
    for name in names:
        card = plan.layout.training("card.yaml", name)
        with open(card, encoding="utf-8") as file:
            about = yaml.safe_load(file)["training"]
        score = about["validation"]
        table.add_row(
            f"{name}: {about['net']}",
            f"{about['parameters']:,}",
            *(f"{100 * score[key]:.2f}" if key in score else "–" for key in measures),
            str(score["epoch"]),
            card,
        )
    plugin_listing.show(table)


def nets() -> None:
    """List the networks that can be trained, and which packages they lack here."""
    from rich.table import Table

    from faceoff.commands import plugin_listing
    from faceoff.plan import trained_nets
    from faceoff.plugins.plugin import not_installed
    from faceoff.training import net_list, sequence_list

    table = Table(title="networks", title_justify="left")
    for column in ("net", "what", "input", "options", "here"):
        table.add_column(column, overflow="fold")
    lacking: dict[str, None] = {}

    def add(name: str, stated: Mapping[str, Any], reads: str) -> None:
        missing = not_installed((*trained_nets.MODULES, *stated.get("modules", ())))
        lacking.update(dict.fromkeys(missing))
        here = f"no: {', '.join(missing)}" if missing else "yes"
        table.add_row(name, stated["about"], reads, _options(stated), here)

    for name in (*net_list.names(), "timm:NAME", "torchvision:NAME"):
        stated = net_list.stated(name)
        size = "x".join(map(str, stated["input"]["size"]))
        colours = {1: "grey", 3: "RGB"}[stated["input"]["channels"]]
        add(name, stated, f"{size} {colours}")
    for name in sequence_list.names():
        add(name, sequence_list.stated(name), "frames of clips")
    plugin_listing.show(table)
    if lacking:
        names = ", ".join(lacking)
        print(f"not installed here: {names}{trained_nets.cure(list(lacking))}")


def _options(stated: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in stated["options"].items())
