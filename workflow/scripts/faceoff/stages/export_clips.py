"""Stage: write a trained network over time as ONNX with its card."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from safetensors.torch import load_file

from faceoff.assets.asset import hash_of
from faceoff.faces.training_clips import FaceCrops, Features, Source, narrowed, training_clips
from faceoff.faces.training_pictures import Tables
from faceoff.inference.card_network import crop_of
from faceoff.models.trained_net import TrainedFrames
from faceoff.models.trained_sequence import TrainedSequence
from faceoff.plan.jobs import ExportClipsJob, FitClipsJob
from faceoff.statistics.arrays import Floats
from faceoff.storage import columns, files
from faceoff.training import clip_files, clip_net, net_list, onnx_files, outcome
from faceoff.training.about import About, ClipAbout
from faceoff.training.clip_lesson import answers, held_out_clips
from faceoff.training.clip_net import ClipNet, Front, PictureFeatures, Standardise
from faceoff.training.clips import Clips
from faceoff.training.picture_lesson import Input
from faceoff.training.scores import HeldOut

_NOISE = 0.01  # of a probability or a reading, by another order of sums and fewer bits of weights


def write_clip_network(
    fit: Path, weights: Path, validation: Tables, output: Path, card: Path, job: ExportClipsJob
) -> None:
    """Write the network as ONNX, judge the written file, and write its card.

    A network for pictures that learnt with it becomes frames.onnx beside it. fit: the record of the
    training; validation: the dataset on which the files must answer as the network did.

    Raises RuntimeError if the training failed, and ValueError if the files answer otherwise.
    """
    if failure := files.failure_of(fit):
        raise RuntimeError(failure["failure"])
    record, own = files.read_json(fit), job.fit
    outputs = len(record["classes"]) + len(record["affect"])
    network = clip_net.build(own.net, own.options, outputs, _front(record, own))
    network.load_state_dict(load_file(weights))
    about = ClipAbout(
        net=own.net,
        options=own.options,
        inputs=record["inputs"],
        classes=record["classes"],
        affect=record["affect"],
        window=own.window,
        time_steps=network.sequence.time_steps,
        causal=network.sequence.causal,
        step_s=record["step_s"],
    )
    frames = None if own.frames is None else output.with_name("frames.onnx")
    if frames is not None:
        _write_frames(network, frames, job)
    clip_files.export(network, output, about)
    source: Source
    source = (
        Features(about.inputs)
        if own.frames is None
        else FaceCrops(crop_of(own.frames.input), own.frames.crop)
    )
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        judged, _ = training_clips(
            Path(folder) / "validation", source, validation, f"{own.validation}: read",
            record["classes"], own.labels, own.window,
        )  # fmt: skip
        judged = narrowed(judged, record["classes"], record["affect"])
        normalise = None if own.frames is None else Input.of_card(own.frames.input)
        posteriors, affect = answers(network, judged, normalise, torch.device("cpu"))
        given = _answers(output, frames, judged)
    wanted = posteriors, np.clip(affect, -1, 1)
    difference = max(np.abs(a - b).max(initial=0) for a, b in zip(wanted, given, strict=True))
    if difference > _NOISE:
        raise ValueError(
            f"{own.training}: its ONNX file is not the network that was trained: an answer differs "
            f"by {difference:.3g}; set stored: float32"
        )
    score = held_out_clips(*given, judged)
    described = _card(record, about, score, float(difference), output, job)
    text = yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=100)
    files.write_text(card, text)


def _front(record: Mapping[str, Any], fit: FitClipsJob) -> Front:
    """Return what reads the frames, before its weights are loaded."""
    if fit.frames is None:
        return Standardise(torch.zeros(len(record["inputs"])), torch.ones(len(record["inputs"])))
    own = fit.frames
    return PictureFeatures(net_list.build(own.net, own.options, 1), net_list.get(own.net).head)


def _write_frames(network: ClipNet, output: Path, job: ExportClipsJob) -> None:
    """Write the network for pictures, whose output is what the network over time reads."""
    own = job.fit.frames
    assert own is not None
    crop = crop_of(own.input)
    about = About(net=own.net, options=own.options, input=own.input, classes=[])
    onnx_files.export(
        network.front, crop.channels, crop.size, output, about, job.stored, output="embedding"
    )


def _answers(output: Path, frames: Path | None, judged: Clips) -> tuple[Floats, Floats]:
    """Return posteriors and affect of the written files, by the runtime that will read them."""
    sequence = TrainedSequence({}, {"trained": output})
    reader = None if frames is None else TrainedFrames({}, {"trained": frames})
    found = []
    ends = np.flatnonzero(np.diff(judged.stretch)) + 1
    for places in np.split(np.arange(len(judged.stretch)), ends):
        given = np.asarray(judged.frames[places])
        given = given if reader is None else reader.embed(given)
        found.append(sequence.predict(given, judged.times[places]))
    affect = [
        np.concatenate([getattr(part, name) for part in found])
        for name in columns.DIMENSIONS
        if getattr(found[0], name) is not None
    ]
    posteriors = np.concatenate([part.posterior for part in found])
    return posteriors, np.column_stack([posteriors[:, :0], *affect])


def _card(
    record: Mapping[str, Any],
    about: ClipAbout,
    score: HeldOut,
    difference: float,
    network: Path,
    job: ExportClipsJob,
) -> dict[str, Any]:
    """Return the card of the written files."""
    fit = job.fit
    if fit.frames is None:
        read = {"features": {**(job.reader or {}), "take": fit.take}}
    else:
        read = {"frames": {**_file(network.with_name("frames.onnx")), "input": fit.frames.input}}
    return {
        "name": fit.training,
        **_file(network),
        "runtime": "clips",
        **read,
        "emotions": list(about.classes),
        "affect": list(about.affect),
        "window": about.window,
        "causal": about.causal,
        "step_s": about.step_s,
        **job.origin(),
        "training": outcome.card_entry(
            record,
            score,
            {"stored": job.stored, "differs_from_the_trained_weights": difference},
            {key: record[key] for key in ("clips", "frames", "labels", "of_class", "left_out")},
            {"clips": record["validation_clips"]},
            job.tried,
        ),
    }


def _file(path: Path) -> dict[str, Any]:
    return {"file": path.name, "sha256": hash_of(path, "sha256"), "size": path.stat().st_size}
