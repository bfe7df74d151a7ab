"""Try the model cards of a configuration on noise: a wrong card shows before a run."""

from pathlib import Path
from typing import Any

import numpy as np

from faceoff.assets import fetch
from faceoff.assets.asset import AssetError
from faceoff.inference.hardware import Hardware, MachineError, set_hardware
from faceoff.plan.job_specs import Plan
from faceoff.plugins import registry
from faceoff.plugins.model_cards import CARD_RUNTIMES
from faceoff.plugins.plugin import Plugin

_PICTURES = 4
_OFF_BY = 1e-3  # of a sum of probabilities


def problems(plan: Plan) -> list[str]:
    """Return a line for each card from outside the package whose network contradicts it.

    A card is left out where its weights or its packages are not here: its cells say so in the run.
    """
    built_in = registry.discover()
    found = []
    for name in plan.config.models:
        plugin = plan.model(name)[1]
        own = built_in.get(("model", plugin.name)) != plugin
        if own and plugin.card.get("runtime") in CARD_RUNTIMES and plugin.skip() is None:
            fault = _fault(plugin)
            if fault:
                found.append(f"models.{name}: {fault}")
    return found


def _fault(plugin: Plugin) -> str | None:
    """Return what is wrong with a card, as its network tells it; None for a sound one."""
    try:
        assets = {role: fetch.locate(asset) for role, asset in plugin.assets.items()}
    except AssetError:
        return None  # whoever fetches the weights says so
    files = {role: path for role, path in assets.items() if path is not None}
    if len(files) < len(assets):
        return None
    set_hardware(Hardware("cpu", "float32", _PICTURES))
    try:
        model = registry.load(plugin.source, plugin.class_name)(plugin.job().card, files)
        crops = _noise(model.crop.size, model.crop.channels)
        model.predict(crops)
    except MachineError:
        return None
    except Exception as error:
        return " ".join(str(error).split())[:300] or type(error).__name__
    return _applied_twice(model, crops)


def _noise(size: tuple[int, int], channels: int) -> np.ndarray[Any, Any]:
    """Return pictures of coarse noise, each of another brightness."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (_PICTURES, 6, 6, channels)).astype(float)
    coarse *= np.linspace(0.2, 1.0, _PICTURES)[:, None, None, None]
    rows, columns = (np.arange(side) * 6 // side for side in size)
    return coarse[:, rows][:, :, columns].astype(np.uint8)


def _applied_twice(model: Any, crops: np.ndarray[Any, Any]) -> str | None:
    """Return a line where the outputs are probabilities already, and the card adds softmax."""
    if not hasattr(model, "scores") or model.activation != "softmax":
        return None
    scores = model.scores(crops)
    if (scores < 0).any() or (np.abs(scores.sum(axis=1) - 1) > _OFF_BY).any():
        return None
    return (
        "activation: softmax, but the network's outputs are probabilities already (each row sums "
        "to one); write activation: none"
    )


def refuse(plan: Plan, path: Path) -> None:
    """Raise ValueError with one line per wrong card."""
    if found := problems(plan):
        raise ValueError("\n".join(f"{path}: {line}" for line in found))
