"""Load a model of Hugging Face's transformers from the three files that its card pins."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from faceoff.emotions import canonical
from faceoff.inference.checkpoints import CheckpointError, check_keys
from faceoff.inference.torch_devices import prepare_torchvision
from faceoff.plugins.model_cards import HUB_FILES


def load(assets: Mapping[str, Path], task: str, processor: str, what: str) -> tuple[Any, Any]:
    """Return (network, processor), loaded by these classes of transformers.

    Nothing is looked up elsewhere and no code of the model's author runs.

    assets: by the roles of `HUB_FILES`; what: the task in words, for errors. Raises CheckpointError
    if the files do not belong together.
    """
    prepare_torchvision()
    with tempfile.TemporaryDirectory(prefix="faceoff-transformers-") as folder:
        # transformers expects these names; the verified files have longer ones.
        for role, name in HUB_FILES.items():
            Path(folder, name).symlink_to(assets[role].resolve())
        return _load(folder, assets["weights"], task, processor, what)


def _load(folder: str, weights: Path, task: str, processor: str, what: str) -> tuple[Any, Any]:
    import transformers
    from safetensors import SafetensorError

    transformers.logging.disable_progress_bar()
    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        prepared = getattr(transformers, processor).from_pretrained(folder, **local)
        network, loading = getattr(transformers, task).from_pretrained(
            folder,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **local,
        )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        said = " ".join(str(error).replace(folder, str(weights.parent)).split())[:300]
        raise CheckpointError(f"{weights}: transformers cannot load it as {what}: {said}") from None
    shapes = [
        f"{key} {tuple(stored)}, not {tuple(wanted)}"
        for key, stored, wanted in sorted(loading["mismatched_keys"])
    ]
    check_keys(
        weights,
        type(network).__name__,
        sorted(loading["missing_keys"]),
        sorted(loading["unexpected_keys"]),
        shapes,
    )
    return network.eval().requires_grad_(False), prepared


def classes(config: Any, declared: list[str] | None) -> tuple[str, ...]:
    """Return the emotions in output order, from the card or the config's id2label.

    Raises ValueError if the classes are not emotions or not exclusive.
    """
    if config.problem_type not in (None, "single_label_classification") or config.num_labels < 2:
        raise ValueError(
            f"config.json: {config.num_labels} labels, problem_type {config.problem_type!r}: not "
            "a classifier of exclusive classes"
        )
    if declared is not None:
        if len(declared) != config.num_labels:
            raise ValueError(
                f"the card names {len(declared)} emotions, config.json has {config.num_labels} "
                "labels"
            )
        return tuple(declared)
    labels = [str(config.id2label[index]) for index in range(config.num_labels)]
    try:
        found = tuple(canonical(label) for label in labels)
    except ValueError as error:
        raise ValueError(
            f"config.json, id2label ({', '.join(labels)}): {error}; or give `emotions` in the "
            "card, in this order"
        ) from None
    if len(set(found)) < len(found):
        raise ValueError(
            f"config.json, id2label ({', '.join(labels)}): two labels are one emotion; give "
            "`emotions` in the card"
        )
    return found
