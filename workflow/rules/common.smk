# Functions that the rules ask; the answers come from faceoff.workflow.Plan.
import os

from faceoff import workflow as house
from faceoff.report.names import TITLES, figure_names

archived = report  # a line that starts with "report(" would be read as Snakemake's keyword

house.prepare_environment()
USE_CONDA = any(method.name == "CONDA" for method in workflow.deployment_settings.deployment_method)
plan = house.stop(lambda: house.Plan(config, check_modules=not USE_CONDA))
R = plan.folder


wildcard_constraints:
    dataset=r"[a-z0-9_-]+(@\d+of\d+)?",
    detector=r"[a-z0-9_-]+",
    model=r"[a-z0-9_-]+",
    fusion=r"[a-z0-9_.-]+",
    table=r"[a-z_]+",


def start_run():
    """Take the run's lock and refuse to start when data or weights are missing."""
    global lock  # held until this process ends
    lock = house.stop(plan.lock)
    house.stop(plan.preflight)


def show_leaderboard():
    """Print the leaderboard once every cell has succeeded; a partial target (one table, say) may have made no score."""
    from faceoff import leaderboard

    if os.path.exists(f"{R}/check.ok") and os.environ.get("FACEOFF_LEADERBOARD") != "0":
        leaderboard.show(plan.config.run)


def script(name):
    """A rule's script, relative to the working directory: an absolute path would rerun everything when the tree moves."""
    return os.path.relpath(os.path.join(workflow.basedir, "workflow", "scripts", f"{name}.py"))


def env_of(kind):
    """The conda environment of the wildcard's detector or model, by its framework."""
    return lambda wildcards: f"../../envs/{plan.env(kind, getattr(wildcards, kind))}.yaml"


def trained_of(wildcards):
    """The trained parameters that a cell needs: none for models with fixed weights."""
    trainable = plan.config.models[wildcards.model].train
    return [f"{R}/trained/{wildcards.detector}/{wildcards.model}.npz"] if trainable else []


def training_file(stage):
    """A table of the dataset that the wildcard's model learns from."""

    def find(wildcards):
        dataset = plan.config.models[wildcards.model].train
        return (
            f"{R}/faces/{dataset}/{wildcards.detector}.parquet"
            if stage == "faces"
            else f"{R}/{stage}/{dataset}.parquet"
        )

    return find


def votes_of(what, validation=False):
    """A fusion's inputs: its members' predictions, the faces behind them (one file per detector), the frames and samples.

    With `validation`: the same of the dataset on which members are checked and trained rules fitted; nothing where folds serve.
    """

    def find(wildcards):
        dataset = plan.judged_on(wildcards.dataset) if validation else wildcards.dataset
        cells = plan.fusions[wildcards.fusion][1]
        if dataset is None:
            return []
        if what == "members":
            return [f"{R}/predictions/{dataset}/{detector}/{model}.parquet" for detector, model in cells]
        if what == "faces":
            return [
                f"{R}/faces/{dataset}/{detector}.parquet" for detector in sorted({detector for detector, _ in cells})
            ]
        return [f"{R}/{what}/{dataset}.parquet"]

    return find


def cell_predictions(wildcards):
    """A cell's predictions; none for a cell that is skipped here."""
    skipped = plan.skip(wildcards.detector, wildcards.model)
    return [] if skipped else [f"{R}/predictions/{wildcards.dataset}/{wildcards.detector}/{wildcards.model}.parquet"]


def validation_predictions(wildcards):
    """The validation predictions that choose the best single, where the dataset declares them."""
    validation = plan.config.datasets[wildcards.dataset].validation
    return plan.prediction_files(validation) + [f"{R}/samples/{validation}.parquet"] if validation else []


def spec(function, *names):
    """A rule's `spec`: a JSON text made by a method of the plan from these wildcards."""
    return lambda wildcards: getattr(plan, function)(*[getattr(wildcards, name) for name in names])


def figure_outputs():
    """The figures' files; one picture of each has its place and caption in `snakemake --report`."""
    shown = next(kind for kind in ("svg", "png", "pdf") if kind in plan.config.figures.formats)
    files = []
    for name in figure_names(plan.config.model_dump(mode="json")):
        kind, _, dataset = name.partition("-")
        for suffix in (*plan.config.figures.formats, "csv"):
            path = f"{R}/figures/{name}.{suffix}"
            caption = f"../report/{kind}.rst"
            labels = {"dataset": dataset or "all", "figure": TITLES[kind]}
            files.append(
                archived(path, caption=caption, category="Figures", labels=labels) if suffix == shown else path
            )
    return files


def table_outputs(*names):
    """The tables' files; the CSV of each is shown in `snakemake --report`."""
    caption = "../report/table.rst"
    shown = [
        archived(
            f"{R}/tables/{name}.csv",
            caption=caption,
            category="Tables",
            labels={"table": name},
        )
        for name in names
    ]
    return shown + [f"{R}/tables/{name}.{suffix}" for name in names for suffix in ("md", "tex")]
