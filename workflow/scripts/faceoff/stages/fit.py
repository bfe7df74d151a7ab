"""Stage: train a network on a dataset's faces, as one detector crops them."""

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from faceoff.assets import fetch
from faceoff.assets.asset import Asset
from faceoff.faces.labelled_faces import pictures_of
from faceoff.faces.training_pictures import Tables, training_pictures
from faceoff.inference import hardware, torch_devices
from faceoff.inference.card_network import crop_of
from faceoff.plan.jobs import FitJob
from faceoff.scoring.task import listed
from faceoff.storage import parquet
from faceoff.training import checkpoints, net_list, outcome, start
from faceoff.training.classes import check_classes, class_counts
from faceoff.training.loop import Training
from faceoff.training.outcome import Outcome
from faceoff.training.picture_lesson import Input, PictureLesson
from faceoff.training.pictures import pixel_hash


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
        ended = _fit(data, validation, others, decoded, job)
    finally:
        shutil.rmtree(decoded, ignore_errors=True)
    outcome.write(ended, weights, history, output, job.recipe.tensorboard)


def _fit(
    data: Tables, validation: Tables, others: Sequence[Path], decoded: Path, job: FitJob
) -> Outcome:
    """Train the network.

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
        decoded / "data", data, crop, job.crop, classes, f"{job.dataset}: decode", apart, job.labels
    )
    judged, _ = training_pictures(
        decoded / "validation", validation, crop, job.crop, classes,
        f"{job.validation}: decode", labels=job.labels,
    )  # fmt: skip
    check_classes(learnt.labels, judged.labels, classes, job.dataset, job.validation, "pictures")
    torch.manual_seed(job.seed)
    network = net_list.build(job.net, job.options, len(classes))
    head = net_list.get(job.net).head
    if job.start is not None:
        file = fetch.fetch(Asset.parse(job.start))
        start.begin_from(network, head, file, job.net, list(classes))
    arrays = [part for of in (learnt, judged) for part in (of.pixels, of.targets, of.labels)]
    identity = checkpoints.identity(job.to_json(), arrays)
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
        "threads": job.threads,
        "pictures": len(learnt),
        "pictures_of_class": class_counts(learnt.labels, classes),
        "left_out": left_out,
        "task": listed(data.samples, job.dataset),
        "validation_pictures": len(judged),
        "validation_task": listed(validation.samples, job.validation),
    }
    return Outcome(training, fitted, record, {"prepare_s": prepared, "device": device})


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
