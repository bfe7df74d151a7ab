# Functions that the rules ask; the answers come from faceoff.plan.job_specs.Plan.
import functools
import json
import os
import re
import sys

from faceoff.plan import preflight
from faceoff.plan.config import load
from faceoff.plan.figure_list import figure_files, titles
from faceoff.plan.job_specs import Plan

archived = report  # a line that starts with "report(" would be read as Snakemake's keyword

preflight.prepare_environment()
USE_CONDA = any(method.name == "CONDA" for method in workflow.deployment_settings.deployment_method)
# Of a key that stands twice, Snakemake has kept the last one without a word.
preflight.stop(lambda: [load(path) for path in workflow.configfiles])
plan = preflight.stop(lambda: Plan(config, check_modules=not USE_CONDA))
R = plan.folder
# Which datasets a job works on as a whole or by shard, and which are gathered from shards: no file has two rules that make it.
WORKED, GATHERED = plan.patterns()
GATHERED_FRAMES = re.compile(rf"{re.escape(R)}/frames/(?P<dataset>{GATHERED})\.parquet")
# Snakemake gives a job's libraries as many threads as the job has cores; a job that only asks for cores to be alone says otherwise.
ONE_THREAD = "OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMEXPR_NUM_THREADS=1 VECLIB_MAXIMUM_THREADS=1"


wildcard_constraints:
    dataset=r"[a-z0-9_-]+",
    detector=r"[a-z0-9_-]+",
    model=r"[a-z0-9_-]+",
    fusion=r"[a-z0-9_.-]+",
    table=r"[a-z_]+",


def start_run():
    """Take the run's lock and refuse to start when data or weights are missing."""
    global lock  # held until this process ends
    lock = preflight.stop(lambda: preflight.lock(plan))
    preflight.stop(lambda: preflight.check(plan))


def show_leaderboard():
    """Print the leaderboard once every cell has succeeded; a partial target (one table, say) may have made no score."""
    from faceoff.results import leaderboard

    if os.path.exists(f"{R}/check.ok") and os.environ.get("FACEOFF_LEADERBOARD") != "0":
        try:
            leaderboard.show(plan.config.run)
        except ValueError as error:  # an older version wrote the rest of the folder
            print(error, file=sys.stderr)


def script(name):
    """Return a rule's script, relative to the working directory: an absolute path would rerun everything when the tree moves.

    Its age does not count: the hash of the code is in each rule's params, and a changed comment reruns nothing.
    """
    return ancient(
        os.path.relpath(os.path.join(workflow.basedir, "workflow", "scripts", f"{name}.py"))
    )


def env_of(kind):
    """The conda environment of the wildcard's detector or model, by its framework."""
    return lambda wildcards: f"../../envs/{plan.env(kind, getattr(wildcards, kind))}.yaml"


def memory(base_mb, per_mb=0, *tables):
    """A job's `mem_mb`: a base, and so much for each MB of the named inputs, which it holds in memory; doubled by each further attempt."""
    return lambda wildcards, input, attempt: int(
        (base_mb + per_mb * sum(_bytes(input[name]) for name in tables) / 1e6) * 2 ** (attempt - 1)
    )


def runtime(base_minutes, per_gb=0):
    """A job's `runtime` in minutes: a base, and so many for each GB that it reads; doubled by each further attempt."""
    return lambda wildcards, input, attempt: int(
        (base_minutes + (per_gb * _bytes(input) / 1e9 if per_gb else 0)) * 2 ** (attempt - 1)
    )


def _bytes(files):
    """Size of a file or of a list of them; `input.size_mb` would start an event loop for every job, a third of the planning of 10,000."""
    return _size(files) if isinstance(files, str) else sum(map(_size, files))


def _size(path):
    """Size of a file, with that of the shards' frames where it only names them."""
    file, named = os.stat(path), GATHERED_FRAMES.fullmatch(path)
    return file.st_size + (_shards_size(named["dataset"], file.st_mtime_ns) if named else 0)


@functools.cache
def _shards_size(dataset, made):
    """Size of the frames of a dataset's shards. They are asked for by every job; `made`: when they were gathered, since another run of theirs has other sizes."""
    return sum(
        os.path.getsize(f"{R}/frames/{shard}.parquet") for shard in plan.shard_names(dataset)
    )


def all_cores(wildcards):
    """Every core that the run has; on a cluster, where jobs have cores of their own, one."""
    return workflow.resource_settings.cores or 1


def gpus_of(kind):
    """How many GPUs a job of the wildcard's detector or model asks for."""
    return lambda wildcards: plan.gpus(kind, getattr(wildcards, kind))


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
            return [
                f"{R}/predictions/{dataset}/{detector}/{model}.parquet" for detector, model in cells
            ]
        if what == "faces":
            return [
                f"{R}/faces/{dataset}/{detector}.parquet"
                for detector in sorted({detector for detector, _ in cells})
            ]
        return [f"{R}/{what}/{dataset}.parquet"]

    return find


def cell_predictions(wildcards):
    """A cell's predictions; none for a cell that is skipped here."""
    skipped = plan.skip(wildcards.detector, wildcards.model)
    return (
        []
        if skipped
        else [f"{R}/predictions/{wildcards.dataset}/{wildcards.detector}/{wildcards.model}.parquet"]
    )


def validation_predictions(wildcards):
    """The validation predictions that choose the best single, where the dataset declares them."""
    validation = plan.config.datasets[wildcards.dataset].validation
    return (
        plan.prediction_files(validation) + [f"{R}/samples/{validation}.parquet"]
        if validation
        else []
    )


def held_out_predictions(wildcards):
    """A cell's or fusion's predictions of the validation dataset and that dataset's samples; none where there is none or the cell is skipped."""
    validation = plan.config.datasets[wildcards.dataset].validation
    fusion = wildcards.get("fusion")
    if validation is None or (fusion is None and plan.skip(wildcards.detector, wildcards.model)):
        return []
    place = (
        f"fusion/{validation}/{fusion}"
        if fusion
        else f"predictions/{validation}/{wildcards.detector}/{wildcards.model}"
    )
    return [f"{R}/{place}.parquet", f"{R}/samples/{validation}.parquet"]


def spec(function, *names):
    """A rule's `spec`: a JSON text made by a method of the plan from these wildcards; a shard is told what its dataset is."""
    return lambda wildcards: getattr(plan, function)(
        *[getattr(wildcards, name).partition("@")[0] for name in names]
    )


def shards_of(pattern):
    """The files of all shards of the wildcard's dataset, in order. `pattern` has {shard} and the wildcards."""
    return lambda wildcards: [
        pattern.format(shard=shard, **dict(wildcards.items()))
        for shard in plan.shard_names(wildcards.dataset)
    ]


def figure_outputs():
    """The figures' files; one picture of each has its place and caption in `snakemake --report`."""
    formats, title_of = plan.config.figures.formats, titles()
    shown = next(kind for kind in ("svg", "png", "pdf") if kind in formats)
    files = []
    for file in figure_files(plan.figure_names(), formats):
        name, _, suffix = file.rpartition(".")
        kind, _, dataset = name.partition("-")
        path = f"{R}/figures/{file}"
        caption = f"../report/{kind}.rst"
        labels = {"dataset": dataset or "all", "figure": title_of[kind]}
        files.append(
            archived(path, caption=caption, category="Figures", labels=labels)
            if suffix == shown
            else path
        )
    return files


def caption_files():
    """The captions of all figures and tables; that of the whole archive is no one's."""
    folder = os.path.join(workflow.basedir, "workflow", "report")
    return [
        os.path.relpath(os.path.join(folder, name))
        for name in sorted(os.listdir(folder))
        if name != "workflow.rst"
    ]


def table_outputs():
    """The tables' files; the CSV of each has its place and caption in `snakemake --report`."""
    names = plan.table_names()
    shown = [
        archived(
            f"{R}/tables/{name}.csv",
            caption=f"../report/table_{name}.rst",
            category="Tables",
            labels={"table": name},
        )
        for name in names
    ]
    return shown + [f"{R}/tables/{name}.{suffix}" for name in names for suffix in ("md", "tex")]
