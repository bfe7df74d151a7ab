"""Stage: train a network on a dataset's faces, as one detector crops them."""

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

from faceoff.assets import fetch
from faceoff.assets.asset import Asset
from faceoff.faces.labelled_faces import pictures_of
from faceoff.faces.training_pictures import Tables, training_pictures
from faceoff.inference import hardware, torch_devices
from faceoff.inference.card_network import crop_of
from faceoff.plan.jobs import FitJob
from faceoff.scoring.task import read_task
from faceoff.storage import files, parquet
from faceoff.training import log, net_list, start
from faceoff.training.loop import Fitted, Training, TrainingError
from faceoff.training.picture_lesson import Input, PictureLesson
from faceoff.training.pictures import Pictures, pixel_hash


def write_fit(
    data: Tables,
    validation: Tables,
    others: Sequence[Path],
    weights: Path,
    history: Path,
    output: Path,
    job: FitJob,
) -> None:
    """Train a network; write its weights, its log and a record of how it came to them.

    others: the frames of the datasets whose pictures it must not learn; history: the log as CSV;
    output: the record.
    """
    decoded = output.parent / f"decoded-{os.environ.get('RANK', 0)}"
    try:
        training, fitted, record, timing = _fit(data, validation, others, decoded, job)
    finally:
        shutil.rmtree(decoded, ignore_errors=True)
    if int(os.environ.get("RANK", 0)):  # the first process writes for all
        return
    with files.atomic(weights) as scratch:
        scratch.write_bytes(save(fitted.weights))
    log.write_csv(history, fitted.history)
    if job.recipe.tensorboard:
        log.write_events(output.parent / "events", fitted.history)
    files.write_json(output, record)
    files.write_json(output.with_name("fit.timing.json"), {"stage": "fit", **timing})
    training.forget()


def _fit(
    data: Tables, validation: Tables, others: Sequence[Path], decoded: Path, job: FitJob
) -> tuple[Training, Fitted, dict[str, Any], dict[str, Any]]:
    """Return the training, its network, the record of it, and its times.

    decoded: a folder for the decoded pictures; the checkpoint lies beside it.
    """
    began = time.monotonic()
    fetch.isolate_caches()
    hardware.set_hardware(hardware.Hardware(job.device))
    device = _device(job)
    classes = job.classes or tuple(parquet.task_of(data.samples)["space"])
    crop = crop_of(job.input)
    apart = {pixel_hash(picture) for frames in others for picture in pictures_of(frames)}
    learnt, left_out = training_pictures(
        decoded / "data", data, crop, job.crop, classes, f"{job.dataset}: decode", apart
    )
    judged, _ = training_pictures(
        decoded / "validation", validation, crop, job.crop, classes,
        f"{job.validation}: decode",
    )  # fmt: skip
    _check(learnt, judged, classes, job)
    torch.manual_seed(job.seed)
    network = net_list.build(job.net, job.options, len(classes))
    head = net_list.get(job.net).head
    if job.start is not None:
        file = fetch.fetch(Asset.parse(job.start))
        start.begin_from(network, head, file, job.net, list(classes))
    identity = _identity(job, learnt, judged)
    lesson = PictureLesson(job.recipe, head, Input.of_card(job.input), learnt, judged, device)
    training = Training(
        network, head, job.recipe, lesson, decoded.parent, identity, job.seed, device
    )
    prepared = time.monotonic() - began
    fitted = training.run(f"{job.training}: train {job.net}")
    record = {
        "training": job.training,
        "net": job.net,
        "options": job.options,
        "parameters": sum(value.numel() for value in network.parameters()),
        "classes": classes,
        "recipe": asdict(job.recipe),
        "seed": job.seed,
        "pictures": len(learnt),
        "pictures_of_class": _counts(learnt, classes),
        "left_out": left_out,
        "task": _task(data.samples, job.dataset),
        "validation_pictures": len(judged),
        "validation_task": _task(validation.samples, job.validation),
        "best_epoch": fitted.best_epoch,
        "best": fitted.best.to_record(),
        "stopped": fitted.stopped,
        "history": fitted.history,
    }
    timing = {"prepare_s": prepared, "train_s": training.seconds, "device": device}
    return training, fitted, record, timing


def _device(job: FitJob) -> str:
    """Return the device, and set the job's threads whatever cores the machine has."""
    device = torch_devices.torch_device()
    torch.set_num_threads(job.threads)
    if job.processes > 1:
        if device != "cpu":
            device = f"cuda:{os.environ['LOCAL_RANK']}"
            torch.cuda.set_device(device)
        torch.distributed.init_process_group("gloo" if device == "cpu" else "nccl")
    return device


def _check(learnt: Pictures, judged: Pictures, classes: Sequence[str], job: FitJob) -> None:
    """Raise TrainingError where there is nothing to learn; print what is too little."""
    counts = _counts(learnt, classes)
    there = [name for name, count in counts.items() if count]
    if len(there) < 2:
        raise TrainingError(
            f"{job.dataset}: its {len(learnt)} pictures show {' and '.join(there)} only: two "
            "classes are needed; look at the labels and at training.classes"
        )
    absent = [name for name, count in counts.items() if not count]
    if absent:
        print(f"{job.dataset}: no picture of {', '.join(absent)}", file=sys.stderr)
    unseen = sorted({classes[label] for label in judged.labels.tolist()} - set(there))
    if unseen:
        print(f"{job.validation}: {', '.join(unseen)} cannot be learnt here", file=sys.stderr)


def _counts(pictures: Pictures, classes: Sequence[str]) -> dict[str, int]:
    counts = np.bincount(pictures.labels, minlength=len(classes)).tolist()
    return dict(zip(classes, counts, strict=True))


def _task(samples: Path, dataset: str) -> dict[str, Any]:
    """Return which samples these are: dataset, plug-in, version, number and hash."""
    task = read_task(samples).describe()
    return {"dataset": dataset, **{key: task[key] for key in ("type", "version", "n", "hash")}}


def _identity(job: FitJob, *parts: Pictures) -> str:
    """Return a hash of the settings and of every picture and target."""
    digest = hashlib.sha256(job.to_json().encode())
    for part in parts:
        for array in (part.pixels, part.targets, part.labels):
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
