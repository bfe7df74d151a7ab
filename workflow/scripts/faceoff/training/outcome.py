"""Write what a training ends with: weights, log, record and times."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save

from faceoff.inference import checkout
from faceoff.inference.versions import versions
from faceoff.storage import files
from faceoff.training import log
from faceoff.training.loop import Fitted, Training
from faceoff.training.scores import HeldOut

_PACKAGES = ("python", "numpy", "torch", "timm", "torchvision")


@dataclass(frozen=True)
class Outcome:
    """A training that has ended, and its network.

    record: what is particular to it; timing: beside the seconds of the training itself.
    """

    training: Training
    fitted: Fitted
    record: Mapping[str, Any]
    timing: Mapping[str, Any]


def write(outcome: Outcome, weights: Path, history: Path, output: Path, events: bool) -> None:
    """Write the files of a training, and forget its checkpoint.

    history: the log as CSV; output: the record, to which is added how the network came to be;
    events: also write TensorBoard's event file beside it. Of several processes only the first
    writes.
    """
    fitted = outcome.fitted
    if int(os.environ.get("RANK", 0)):
        return
    with files.atomic(weights) as scratch:
        scratch.write_bytes(save(fitted.weights))
    log.write_csv(history, fitted.history)
    if events:
        log.write_events(output.parent / "events", fitted.history)
    came = {
        "best_epoch": fitted.best_epoch,
        "best": fitted.best.to_record(),
        "stopped": fitted.stopped,
        "history": fitted.history,
    }
    files.write_json(output, {**outcome.record, **came})
    timed = {"stage": "fit", **outcome.timing, "train_s": outcome.training.seconds}
    files.write_json(output.with_name("fit.timing.json"), timed)
    outcome.training.forget()


def card_entry(
    record: Mapping[str, Any],
    score: HeldOut,
    built: Mapping[str, Any],
    data: Mapping[str, Any],
    judged: Mapping[str, Any],
    tried: int,
) -> dict[str, Any]:
    """Return the key `training` of a network's card.

    record: of the training; score: of the written file on the validation data; built: how the file
    was made; data, judged: what it learnt from and was judged on.
    """
    measured = versions()
    return {
        **{key: record[key] for key in ("net", "options", "parameters")},
        **built,
        **{key: record[key] for key in ("recipe", "seed", "threads")},
        "data": {**record["task"], **data},
        "validation": {
            **record["validation_task"],
            **judged,
            "epoch": record["best_epoch"],
            **score.measures,
        },
        "configurations_tried": tried,
        "stopped": record["stopped"],
        "commit": checkout.commit(),
        "versions": {name: measured[name] for name in _PACKAGES if name in measured},
    }
