"""Stage: write a trained network as ONNX with a model card."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from safetensors.torch import load_file

from faceoff.assets.asset import hash_of
from faceoff.faces.training_pictures import Tables, training_pictures
from faceoff.inference.card_network import crop_of
from faceoff.models.trained_net import TrainedNet
from faceoff.plan.jobs import ExportJob
from faceoff.scoring.variants import equivalence
from faceoff.statistics.arrays import Floats
from faceoff.storage import files
from faceoff.training import net_list, onnx_files, outcome
from faceoff.training.about import About
from faceoff.training.picture_lesson import Input, posteriors
from faceoff.training.pictures import Pictures, batches
from faceoff.training.scores import HeldOut, held_out

_NOISE = 0.01  # of a probability, by other bits of the weights and another order of sums


def write_network(
    fit: Path, weights: Path, validation: Tables, output: Path, card: Path, job: ExportJob
) -> None:
    """Write the network as ONNX, judge the written file, and write its card.

    fit: the record of the training; validation: the dataset on which the file must answer as the
    network did (protocol §26).

    Raises RuntimeError if the training failed, and ValueError if the file answers otherwise.
    """
    if failure := files.failure_of(fit):
        raise RuntimeError(failure["failure"])
    record, own = files.read_json(fit), job.fit
    crop = crop_of(own.input)
    network = net_list.build(own.net, own.options, len(record["classes"]))
    network.load_state_dict(load_file(weights))
    about = About(net=own.net, options=own.options, input=own.input, classes=record["classes"])
    onnx_files.export(network, crop.channels, crop.size, output, about, job.stored)
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        judged, _ = training_pictures(
            Path(folder) / "validation.pixels",
            validation,
            crop,
            own.crop,
            record["classes"],
            f"{own.validation}: decode",
            labels=own.labels,
        )
        wanted = posteriors(network, Input.of_card(own.input), judged, torch.device("cpu"))
        given = _answers(output, judged)
    agreement = _same(wanted, given, judged, job)
    described = _card(record, held_out(given, judged.labels), agreement, output, job)
    text = yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=100)
    files.write_text(card, text)


def _answers(network: Path, judged: Pictures) -> Floats:
    """Return the posteriors (n, k) of the written file, by the runtime that will read it."""
    model = TrainedNet({}, {"trained": network})
    return np.concatenate([model.predict(pixels).posterior for pixels in batches(judged, 256)])


def _same(wanted: Floats, given: Floats, judged: Pictures, job: ExportJob) -> float:
    """Return the share of equal answers. Raises ValueError where the file is another network.

    It is the same where no probability moves by more than `_NOISE`, or by protocol §26, whose
    interval needs thousands of pictures.
    """
    agreement = float((wanted.argmax(axis=1) == given.argmax(axis=1)).mean())
    if np.abs(wanted - given).max() <= _NOISE:
        return agreement
    found = equivalence(
        judged.labels, wanted.argmax(axis=1), given.argmax(axis=1), seed=job.fit.seed
    )
    if found.faults:
        raise ValueError(
            f"{job.fit.training}: its ONNX file with weights stored as {job.stored} is not the "
            f"network that was trained: {'; '.join(found.faults)}; set stored: float32"
        )
    return agreement


def _card(
    record: Mapping[str, Any], score: HeldOut, agreement: float, network: Path, job: ExportJob
) -> dict[str, Any]:
    """Return the card of the written file."""
    fit = job.fit
    return {
        "name": fit.training,
        "file": network.name,
        "sha256": hash_of(network, "sha256"),
        "size": network.stat().st_size,
        "runtime": "onnx",
        "input": fit.input,
        "emotions": list(record["classes"]),
        **job.origin(),
        "training": outcome.card_entry(
            record,
            score,
            {"stored": job.stored, "agrees_with_the_trained_weights": agreement},
            {
                "pictures": record["pictures"],
                "of_class": record["pictures_of_class"],
                "left_out": record["left_out"],
            },
            {"pictures": record["validation_pictures"]},
            job.tried,
        ),
    }
