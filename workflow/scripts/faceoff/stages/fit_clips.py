"""Stage: train a network over time on a dataset's clips, behind one detector."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from faceoff.assets import fetch
from faceoff.assets.asset import Asset
from faceoff.faces.frame_inputs import embedding_names, input_names
from faceoff.faces.training_clips import (
    FaceCrops,
    Features,
    Source,
    hashes_of,
    narrowed,
    training_clips,
)
from faceoff.faces.training_pictures import Tables
from faceoff.inference import hardware, torch_devices
from faceoff.inference.card_network import crop_of
from faceoff.plan.jobs import FitClipsJob
from faceoff.scoring.task import listed
from faceoff.storage import columns, parquet
from faceoff.training import checkpoints, clip_net, net_list, outcome, start
from faceoff.training.classes import check_classes, class_counts
from faceoff.training.clip_lesson import ClipLesson
from faceoff.training.clip_net import Front, PictureFeatures, standardising
from faceoff.training.clips import Clips
from faceoff.training.loop import Training, TrainingError
from faceoff.training.outcome import Outcome
from faceoff.training.picture_lesson import Input

_AFFECT_MOMENTS = 2  # annotated moments below which there is no concordance


def write_fit_clips(
    data: Tables,
    validation: Tables,
    others: Sequence[Path],
    weights: Path,
    history: Path,
    output: Path,
    job: FitClipsJob,
) -> None:
    """Train a network over time; write its weights, its log and a record of how it came to them.

    Tables.faces: faces, or what `job.features` reads of them; others: the frames of the datasets
    whose clips it must not learn; history: the log as CSV; output: the record.
    """
    gathered = output.parent / "gathered"
    try:
        ended = _fit(data, validation, others, gathered, job)
    finally:
        shutil.rmtree(gathered, ignore_errors=True)
    outcome.write(ended, weights, history, output, job.recipe.tensorboard)


def _fit(
    data: Tables, validation: Tables, others: Sequence[Path], gathered: Path, job: FitClipsJob
) -> Outcome:
    """Train the network.

    gathered: a folder for what is read of the frames; the checkpoint lies beside it.
    """
    began = time.monotonic()
    fetch.isolate_caches()
    hardware.set_hardware(hardware.Hardware(job.device))
    device = torch_devices.torch_device()
    torch.set_num_threads(job.threads)
    classes: Sequence[str] = job.classes or parquet.task_of(data.samples)["space"]
    source: Source
    if job.frames is None:
        source = Features(input_names(data.faces))
    else:
        source = FaceCrops(crop_of(job.frames.input), job.frames.crop)
    apart = {digest for frames in others for digest in hashes_of(frames)}
    learnt, left_out = training_clips(
        gathered / "data", source, data, f"{job.dataset}: read", classes, job.labels, job.window,
        apart,
    )  # fmt: skip
    judged, _ = training_clips(
        gathered / "validation", source, validation, f"{job.validation}: read", classes,
        job.labels, job.window,
    )  # fmt: skip
    classes, affect = _answers(learnt, classes, job)
    learnt, judged = (narrowed(clips, classes, affect) for clips in (learnt, judged))
    _check(learnt, judged, data, classes, job)
    torch.manual_seed(job.seed)
    front = _front(learnt, job)
    outputs = len(classes) + len(affect)
    network = clip_net.build(job.net, job.options, outputs, front)
    normalise = None if job.frames is None else Input.of_card(job.frames.input)
    lesson = ClipLesson(job.recipe, learnt, judged, job.affect, normalise, device)
    arrays = [
        part
        for of in (learnt, judged)
        for part in (of.frames, of.times, of.stretch, of.clip, of.targets, of.labels, of.affect)
    ]
    identity = checkpoints.identity(job.to_json(), arrays)
    training = Training(
        network, "sequence", job.recipe, lesson, gathered.parent, identity, job.seed, device
    )
    prepared = time.monotonic() - began
    fitted = training.run(f"{job.training}: train {job.net}")
    record = {
        "training": job.training,
        "net": job.net,
        "options": job.options,
        "parameters": sum(value.numel() for value in network.parameters()),
        "classes": classes,
        "affect": affect,
        "inputs": source.names if isinstance(source, Features) else embedding_names(front.features),
        "step_s": _step(learnt),
        "recipe": _recipe(job),
        "seed": job.seed,
        "threads": job.threads,
        "clips": len(learnt),
        "frames": len(learnt.frames),
        "labels": job.labels,
        "of_class": class_counts(learnt.labels, classes),
        "left_out": left_out,
        "task": listed(data.samples, job.dataset),
        "validation_clips": len(judged),
        "validation_task": listed(validation.samples, job.validation),
    }
    return Outcome(training, fitted, record, {"prepare_s": prepared, "device": device})


def _recipe(job: FitClipsJob) -> dict[str, Any]:
    """Return what the record says of the recipe; features are not changed at random."""
    recipe = asdict(job.recipe)
    if job.frames is None:
        del recipe["augment"]
    return recipe


def _answers(
    learnt: Clips, classes: Sequence[str], job: FitClipsJob
) -> tuple[Sequence[str], list[str]]:
    """Return what there is to learn: the classes if there is a label, valence and arousal."""
    moments = np.isfinite(learnt.affect).sum(axis=0)
    affect = [
        name
        for name, count in zip(columns.DIMENSIONS, moments, strict=True)
        if job.affect and count >= _AFFECT_MOMENTS
    ]
    return classes if (learnt.labels >= 0).any() else (), affect


def _check(
    learnt: Clips, judged: Clips, data: Tables, classes: Sequence[str], job: FitClipsJob
) -> None:
    """Raise TrainingError where there is nothing to learn or to choose an epoch by."""
    recipe, of_clips = (
        job.recipe,
        any(row["label"] for row in parquet.rows(data.samples, ["label"])),
    )
    felt = np.isfinite(judged.affect).any()
    if not classes and of_clips and job.labels == "frame":
        raise TrainingError(
            f"{job.dataset}: no frame has a label of its own: set training.{job.training}.labels: "
            "clip"
        )
    if not classes and not learnt.affect.shape[1]:
        raise TrainingError(f"{job.dataset}: it has neither labels nor valence or arousal")
    if classes:
        names = (job.dataset, job.validation, f"{job.labels}s")
        check_classes(learnt.labels, judged.labels, classes, *names)
        if (judged.labels < 0).all():
            raise TrainingError(f"{job.validation}: none of its {job.labels}s has a label")
        if recipe.balance and (learnt.labels < 0).any():
            raise TrainingError(
                f"{job.dataset}: recipe.balance needs a label of every clip, and "
                f"{(learnt.labels < 0).sum()} have none: set balance: 0"
            )
    elif recipe.select not in (None, "ccc"):
        raise TrainingError(
            f"{job.dataset}: it has no labels, so there is no {recipe.select}: set "
            "recipe.select: ccc"
        )
    if not felt and (recipe.select == "ccc" or not classes):
        raise TrainingError(f"{job.validation}: it has no valence or arousal to choose an epoch by")


def _front(learnt: Clips, job: FitClipsJob) -> Front:
    """Return what reads the frames: the features as they are, or a network for pictures."""
    own = job.frames
    if own is None:
        return standardising(learnt.frames)
    network, head = net_list.build(own.net, own.options, 1), net_list.get(own.net).head
    if own.start is not None:
        start.begin_from(network, head, fetch.fetch(Asset.parse(own.start)), own.net, None)
    return PictureFeatures(network, head)


def _step(clips: Clips) -> float | None:
    """Return the median seconds from frame to frame, None if every stretch is a single frame."""
    steps = np.diff(clips.times)[np.diff(clips.stretch) == 0]
    return float(np.median(steps)) if len(steps) else None
