# Functions that the rules call. They ask the plan and its layout.
import functools
import json
import os
import re
import sys

from faceoff.layout import timing_of
from faceoff.plan import job_server, preflight, run_state
from faceoff.plan.config_files import load
from faceoff.plan.figure_list import figure_files, titles
from faceoff.plan.job_specs import Plan


def one_of(names):
    """Return a regular expression that matches one of these names, or nothing."""
    return "|".join(names) or "(?!)"


archived = report  # Snakemake reads a line that starts with "report(" as its keyword

preflight.prepare_environment()
USE_CONDA = any(method.name == "CONDA" for method in workflow.deployment_settings.deployment_method)
# Snakemake silently keeps the last of two duplicate keys; read the files again to detect them.
preflight.stop(lambda: [load(path) for path in workflow.configfiles])
plan = preflight.stop(lambda: Plan(config, check_modules=not USE_CONDA))
preflight.limit_jobs(plan)
layout = plan.layout
lock = None
jobs_from = None  # the process that starts them, where one does
# What a detector finds is followed first, where the run tracks.
detected = layout.detections if plan.config.tracking else layout.faces
# Jobs work on a dataset as a whole or by shard, then gather the shards. So one rule makes a file.
WORKED, GATHERED = plan.patterns()
ON_PICTURES, OF_FEATURES, OF_FRAMES = map(one_of, plan.training_kinds())
BY_FRAME, OVER_TIME = map(one_of, plan.model_kinds())
GATHERED_FRAMES = re.compile(
    re.escape(layout.frames("DATASET")).replace("DATASET", f"(?P<dataset>{GATHERED})")
)
# Snakemake gives a job's libraries as many threads as the job has cores. A job that asks for all
# cores only to be alone overrides this.
_LIBRARIES = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")
ONE_THREAD = " ".join(f"{name}_NUM_THREADS=1" for name in _LIBRARIES) + " VECLIB_MAXIMUM_THREADS=1"


wildcard_constraints:
    dataset=r"[a-z0-9_-]+",
    detector=r"[a-z0-9_-]+",
    model=r"[a-z0-9_-]+",
    fusion=r"[a-z0-9_.-]+",
    temporal=r"[a-z0-9_.-]+",
    signal=r"[a-z0-9_-]+",
    segmenter=one_of(plan.config.segmenters),
    speech_model=one_of(plan.config.speech_models),
    corruption=r"[a-z0-9_.-]+",
    mode=r"clean_crop|detect_again",
    training=r"[a-z0-9_-]+",
    table=r"[a-z_]+",


def products(wildcards):
    """Return every file that a user reads. A run first removes those that are damaged.

    Snakemake asks for this list before it looks at any other file.
    """
    runs = workflow.executor_plugin is not None and not (workflow.dryrun or workflow.touch)
    if runs and workflow.is_main_process:
        take_lock()
        for path in run_state.remove_damaged(plan):
            then = (
                "it is made again"
                if path in plan.products()
                else "removed; a job that needs it makes it again"
            )
            print(f"faceoff: {path} was damaged or changed: {then}", file=sys.stderr)
    return plan.products()


def take_lock():
    """Take the run's lock, which this process holds until it ends."""
    global lock
    if lock is None:
        lock = preflight.stop(lambda: preflight.lock(plan))


def start_run():
    """Take the run's lock, refuse to start when data or weights are missing, note what is to do."""
    take_lock()
    preflight.stop(lambda: preflight.check(plan))
    if workflow.touch:
        return
    jobs = [job for job in workflow.dag.jobs if job.output]
    pending = [job.output for job in workflow.dag.needrun_jobs() if job.output]
    run_state.begin(plan, len(jobs), [[str(path) for path in outputs] for outputs in pending])
    start_jobs()


def start_jobs():
    """Let short jobs on this machine start from one process.

    Rules with a benchmark start their own, as it measures a process.
    """
    global jobs_from
    here = workflow.is_main_process and workflow.executor_plugin.common_settings.local_exec
    if here and not USE_CONDA:
        rules = [rule for rule in workflow.rules if rule.input.get("script")]
        measured = [rule.input.script for rule in rules if rule.benchmark]
        jobs_from = job_server.start({rule.input.script for rule in rules} - {*measured})


def stop_jobs():
    """End the process that jobs start from."""
    if jobs_from is not None:
        jobs_from.stop()


def end_run():
    """Note what the run made and print the leaderboard."""
    stop_jobs()
    run_state.end(plan)
    show_leaderboard(layout.check)


def show_failures():
    """Print the leaderboard with the cells that failed; none where jobs of all cells failed."""
    stop_jobs()
    show_leaderboard(layout.failed)


def show_leaderboard(condition):
    """Print the leaderboard where this file is there; a part of a run may have no score."""
    from faceoff.results import leaderboard

    if workflow.logger_manager.queue_listener:
        workflow.logger_manager.queue_listener.queue.join()
        for handler in workflow.logger_manager.get_log_handlers():
            handler.flush()  # `faceoff run` ends its bar
    if os.path.exists(condition) and os.environ.get("FACEOFF_LEADERBOARD") != "0":
        try:
            leaderboard.show(plan.config.run)
        except (OSError, ValueError) as error:  # of an older version, or scores are missing
            print(error, file=sys.stderr)


def script(name):
    """Return a rule's script, relative to the working directory.

    An absolute path would rerun everything when the tree moves. `ancient` ignores the script's age:
    each rule's params have the hash of the code, so a changed comment reruns nothing.
    """
    return ancient(
        os.path.relpath(os.path.join(workflow.basedir, "workflow", "scripts", f"{name}.py"))
    )


def spec(job, *names):
    """Return a rule's `spec`: the plan's method `job`, called with these wildcards, as JSON.

    A shard gets the spec of its dataset. The result is a function, as Snakemake would take braces
    in a text for wildcards.
    """
    return lambda wildcards: getattr(plan, job)(
        *(getattr(wildcards, name).partition("@")[0] for name in names)
    ).to_json()


def code_spec(name):
    """Return the `spec` that holds the hash of a script's code, where there are no settings."""
    return lambda wildcards: plan.code_job(name).to_json()


def about(wildcards):
    """Return the wildcards as JSON: what a failed job was about."""
    return json.dumps(dict(wildcards.items()))


def env_of(kind):
    """Return the conda environment of the wildcard's detector or model, by its framework."""
    return lambda wildcards: f"../../envs/{plan.env(kind, getattr(wildcards, kind))}.yaml"


def memory(base_mb, per_mb=0, *tables):
    """Return a job's `mem_mb`: a base, and `per_mb` for each MB of the inputs that it holds.

    Each further attempt doubles it.
    """
    return lambda wildcards, input, attempt: int(
        (base_mb + per_mb * sum(_bytes(input[name]) for name in tables) / 1e6) * 2 ** (attempt - 1)
    )


def runtime(base_minutes, per_gb=0):
    """Return a job's `runtime` in minutes: a base, and `per_gb` for each GB that it reads.

    Each further attempt doubles it.
    """
    return lambda wildcards, input, attempt: int(
        (base_minutes + (per_gb * _bytes(input) / 1e9 if per_gb else 0)) * 2 ** (attempt - 1)
    )


def _bytes(files):
    """Return the size of a file or of a list of them.

    `input.size_mb` would start an event loop for every job, a third of the planning of 10,000.
    """
    return _size(files) if isinstance(files, str) else sum(map(_size, files))


def _size(path):
    """Return the size of a file; add the shards' frames where the file only names them."""
    file, named = os.stat(path), GATHERED_FRAMES.fullmatch(path)
    return file.st_size + (_shards_size(named["dataset"], file.st_mtime_ns) if named else 0)


@functools.cache
def _shards_size(dataset, made):
    """Return the size of the frames of a dataset's shards, which every job asks for.

    made: the time of gathering, since the shards of another run have other sizes.
    """
    return sum(os.path.getsize(layout.frames(shard)) for shard in plan.shard_names(dataset))


def all_cores(wildcards):
    """Return every core of the run; one on a cluster, where jobs have cores of their own."""
    return workflow.resource_settings.cores or 1


def gpus_of(kind):
    """Return how many GPUs a job of the wildcard's detector or model asks for."""
    return lambda wildcards: plan.gpus(kind, getattr(wildcards, kind))


def trained_of(wildcards):
    """Return what a cell's model has learnt in this run; none for models with fixed weights."""
    detector, model = wildcards.detector, wildcards.model
    if plan.training(model):
        return [layout.network(plan.model(model)[1].name)]
    return learnt_behind(detector, model)


def trained_speech_of(wildcards):
    """Return what a speech model has learnt in this run; none for fixed weights."""
    return learnt_behind(wildcards.segmenter, wildcards.speech_model)


def learnt_behind(front, model):
    """Return what a model has learnt behind a detector or segmenter; none for fixed weights."""
    return [layout.trained(front, model)] if plan.learns_from(model) else []


def learnt_tables(key):
    """Return samples, frames and faces of the dataset that a training names by this key.

    In the place of faces a network over time may read what a model says of them.
    """

    def find(wildcards):
        preflight.stop(lambda: preflight.check_training(plan, wildcards.training))
        section = plan.config.training[wildcards.training]
        dataset, detector = getattr(section, key), plan.training_detector(wildcards.training)
        read = layout.faces(dataset, detector)
        if section.features:
            read = plan.read_by(section, dataset, detector)
        return [layout.samples(dataset), layout.frames(dataset), read]

    return find


def clips_read(wildcards):
    """Return the table that a network over time reads of a dataset."""
    return plan.clip_source(wildcards.dataset, wildcards.detector, wildcards.model)


def faces_again(wildcards):
    """Return the faces that are found on worse pictures; none where clean ones are cropped."""
    if wildcards.mode == "clean_crop":
        return []
    names = wildcards.dataset, wildcards.corruption, wildcards.detector
    return [layout.corrupted_faces(*names)]


def reader_of(wildcards):
    """Return the network of this run that reads frames for a network over time, if it is one."""
    name = plan.model(wildcards.model)[1].name
    if plan.over_time(wildcards.model):
        return [layout.training("frames.onnx", name)]
    return [layout.network(name)] if plan.training(wildcards.model) else []


def pictures_apart(wildcards):
    """Return the frames of the datasets whose pictures a network must not learn."""
    return [layout.frames(dataset) for dataset in plan.held_apart(wildcards.training)]


def training_threads(wildcards):
    """Return the cores that a training asks for."""
    section = plan.config.training[wildcards.training]
    return section.threads * section.processes


def training_gpus(wildcards):
    """Return how many GPUs a training asks for."""
    processes = plan.config.training[wildcards.training].processes
    return processes if plan.config.device.startswith("cuda") else 0


def training_file(stage):
    """Return a table of the dataset that the wildcard's model learns from."""
    fronts = {"faces": "detector", "segments": "segmenter"}

    def find(wildcards):
        model = wildcards.get("model") or wildcards.speech_model
        names = [getattr(wildcards, fronts[stage])] if stage in fronts else []
        return getattr(layout, stage)(plan.learns_from(model), *names)

    return find


def measured_faces(what):
    """Return an input of the scores of signals: `faces` or `signals`; none for a skipped one."""

    def find(wildcards):
        names = wildcards.detector, wildcards.signal
        if plan.signal_skip(*names):
            return []
        if what == "faces":
            return [layout.faces(wildcards.dataset, wildcards.detector)]
        return [layout.signals(wildcards.dataset, *names)]

    return find


def votes_of(what, validation=False):
    """Return inputs of a fusion: `members` (predictions), `faces` (by detector), frames, samples.

    With `validation`, return those of the dataset that checks members and fits trained rules;
    return nothing where folds serve.
    """

    def find(wildcards):
        dataset = plan.judged_on(wildcards.dataset) if validation else wildcards.dataset
        cells = plan.fusions[wildcards.fusion][1]
        if dataset is None:
            return []
        if what == "members":
            return [layout.predictions(dataset, *cell) for cell in cells]
        if what == "faces":
            detectors = sorted({front for front, _ in cells if front in plan.config.detectors})
            return [layout.faces(dataset, detector) for detector in detectors]
        return [getattr(layout, what)(dataset)]

    return find


def measured_groups(wildcards):
    """Return the groups that the run measures of the wildcard's dataset; nothing without any."""
    return plan.group_files(wildcards.dataset)


def cell_predictions(wildcards):
    """Return a cell's predictions; none for a cell that is skipped here."""
    dataset, *cell = wildcards.dataset, wildcards.detector, wildcards.model
    return [] if plan.skip(*cell) else [layout.predictions(dataset, *cell)]


def validation_predictions(wildcards):
    """Return the validation predictions that choose the best single, where there are any."""
    validation = plan.config.datasets[wildcards.dataset].validation
    if validation is None:
        return []
    return [*plan.prediction_files(validation), layout.samples(validation)]


def held_out_predictions(wildcards):
    """Return the predictions of a cell or fusion on the validation dataset, and its samples.

    Return nothing where there is no validation dataset or the cell is skipped.
    """
    validation = plan.config.datasets[wildcards.dataset].validation
    if validation is None:
        return []
    if wildcards.get("fusion"):
        return [layout.fusion(validation, wildcards.fusion), layout.samples(validation)]
    cell = wildcards.detector, wildcards.model
    if plan.skip(*cell):
        return []
    return [layout.predictions(validation, *cell), layout.samples(validation)]


def read_over_time(wildcards):
    """Return the predictions that a rule over time reads."""
    return layout.votes(wildcards.dataset, plan.temporal[wildcards.temporal].of)


def validation_over_time(wildcards):
    """Return predictions, frames and samples whose labelled frames choose a rule's constants."""
    validation = plan.judged_on(wildcards.dataset)
    if validation is None:
        return []
    read = layout.votes(validation, plan.temporal[wildcards.temporal].of)
    return [read, layout.frames(validation), layout.samples(validation)]


def shards_of(pattern):
    """Return the files of all shards of the wildcard's dataset, in order.

    pattern: a path with {shard} and the wildcards.
    """
    return lambda wildcards: [
        pattern.format(shard=shard, **dict(wildcards.items()))
        for shard in plan.shard_names(wildcards.dataset)
    ]


def figure_outputs():
    """Return the figures' files; `snakemake --report` shows one picture of each, with a caption."""
    formats, title_of = plan.config.figures.formats, titles()
    shown = next(kind for kind in ("svg", "png", "pdf") if kind in formats)
    files = []
    for file in figure_files(plan.figure_names(), formats):
        name, _, suffix = file.rpartition(".")
        kind, _, dataset = name.partition("-")
        path = layout.figure(file)
        caption = f"../report/{kind}.rst"
        labels = {"dataset": dataset or "all", "figure": title_of[kind]}
        files.append(
            archived(path, caption=caption, category="Figures", labels=labels)
            if suffix == shown
            else path
        )
    return files


def caption_files():
    """Return the captions of all figures and tables, without that of the whole archive."""
    folder = os.path.join(workflow.basedir, "workflow", "report")
    return [
        os.path.relpath(os.path.join(folder, name))
        for name in sorted(os.listdir(folder))
        if name != "workflow.rst"
    ]


def table_outputs():
    """Return the tables' files; `snakemake --report` shows the CSV of each, with a caption."""
    names = plan.table_names()
    shown = [
        archived(
            layout.table(name, "csv"),
            caption=f"../report/table_{name}.rst",
            category="Tables",
            labels={"table": name},
        )
        for name in names
    ]
    return shown + [layout.table(name, suffix) for name in names for suffix in ("md", "tex")]
