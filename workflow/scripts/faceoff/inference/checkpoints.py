"""Read PyTorch weights (.pth, .pt, .safetensors) as plain tensors.

Files that could run code are refused, and weights that do not fit are named. `python -m
faceoff.inference.checkpoints weights.pt weights.safetensors` converts tensors to a format that
holds nothing else, for environments that do not read pickles.
"""

import pickle
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

# keys under which training loops store the weights
_WRAPPERS = (
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "ema_state_dict",
)
# `weights_only` of older versions lets files run code (GHSA-53q9-r3pm-6pq6, to 2.5.1) or corrupt
# memory (GHSA-63cw-57p8-fm3p, to 2.9.1).
_SAFE_FROM = "2.10"
_PREFIXES = ("module.", "_orig_mod.")  # DataParallel, torch.compile


class CheckpointError(ValueError):
    """A file without plain weights, or with those of another network.

    The message names the file and the keys.
    """


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Return weights by name.

    Raises CheckpointError for a file that is not readable or holds pickled code, which is never
    run. PyTorch before 2.10 cannot ensure that, so a pickle is then not opened at all.
    """
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return _plain(load_file(path), path)
        except SafetensorError as error:
            raise CheckpointError(f"{path}: not a readable safetensors file: {error}") from None
    _refuse_old_pytorch(path)
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        asked = next(
            (
                line.strip()
                for line in str(error).splitlines()
                if "GLOBAL" in line or "global" in line
            ),
            str(error).splitlines()[0],
        )
        raise CheckpointError(
            f"{path}: refused: it holds pickled Python objects, not only weights ({asked[:200]}); "
            "save the weights alone, torch.save(model.state_dict(), …) or safetensors, and use "
            "that file's sha256"
        ) from None
    except (RuntimeError, EOFError, OSError) as error:
        raise CheckpointError(
            f"{path}: not a readable PyTorch file: {str(error).splitlines()[0]}"
        ) from None
    return _plain(stored, path)


def _refuse_old_pytorch(path: Path) -> None:
    """Raise CheckpointError where this PyTorch could run code that a pickle holds."""
    if torch.__version__ < _SAFE_FROM:
        raise CheckpointError(
            f"{path}: not opened: such a file can make PyTorch {torch.__version__} run code "
            "(CVE-2025-32434, CVE-2026-24747: fixed in 2.10). Convert it once where PyTorch is "
            "newer, "
            f"`PYTHONPATH=workflow/scripts python -m faceoff.inference.checkpoints {path.name} "
            f"{path.stem}.safetensors`, and use that file with its sha256"
        )


def read_network_state(path: Path, packages: Sequence[str]) -> dict[str, torch.Tensor]:
    """Return the weights of a file that holds weights, or a whole pickled network.

    Of a pickled network only layers are made: subclasses of torch.nn.Module from these packages
    and from PyTorch. Anything else in the file is refused, as by `read_state`.
    """
    layers: list[Any] = []
    if path.suffix != ".safetensors":
        _refuse_old_pytorch(path)
        layers = _layers(path, ("torch.nn", *packages))
    if not layers:
        return read_state(path)
    with torch.serialization.safe_globals(layers):
        try:
            network = torch.load(path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, AttributeError) as error:
            raise CheckpointError(
                f"{path}: not a network that can be read: {str(error).splitlines()[0]}"
            ) from None
    return _plain(network.state_dict() if isinstance(network, torch.nn.Module) else network, path)


def _layers(path: Path, packages: Sequence[str]) -> list[Any]:
    """Return the layers that a file needs, each with its name there, if it needs nothing else."""
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except (pickle.UnpicklingError, ValueError, RuntimeError, EOFError, OSError):
        return []  # `read_state` says what is wrong with it
    found = []
    for name in names:
        module, _, layer = name.rpartition(".")
        if not any(module == package or module.startswith(f"{package}.") for package in packages):
            return []
        try:
            kind = getattr(import_module(module), layer, None)
        except ImportError:
            kind = None
        if not (isinstance(kind, type) and issubclass(kind, torch.nn.Module)):
            return []
        found.append((kind, name))
    return found


def _plain(stored: Any, path: Path) -> dict[str, torch.Tensor]:
    """Return the stored mapping from names to tensors, without the prefixes of wrappers."""
    weights = _weights(stored)
    if weights is None:
        raise CheckpointError(
            f"{path}: no weights in it (a {type(stored).__name__}); looked for tensors by name, "
            f"also under {', '.join(_WRAPPERS)}"
        )
    state = {str(key): value for key, value in weights.items() if isinstance(value, torch.Tensor)}
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _weights(stored: Any) -> Mapping[Any, Any] | None:
    """Return the object that holds tensors by name.

    A wrapper's key goes before the whole object, in which a tensor may be a score, as in PyTorch's
    ImageNet example (`best_acc1`).
    """
    if not isinstance(stored, Mapping):
        return None
    weights = next(
        (inner for inner in (_weights(stored.get(key)) for key in _WRAPPERS) if inner is not None),
        None,
    )
    return (
        weights
        if weights is not None
        else stored
        if any(isinstance(value, torch.Tensor) for value in stored.values())
        else None
    )


def fill(network: torch.nn.Module, path: Path) -> torch.nn.Module:
    """Load the file's weights into a network, key for key, which is then only to predict.

    Raises CheckpointError naming the keys that are missing, unexpected or of another shape.
    """
    fill_with(network, read_state(path), path)
    return network.eval().requires_grad_(False)


def fill_with(network: torch.nn.Module, state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Load weights, read from this file, into a network, key for key.

    Raises CheckpointError naming the keys that are missing, unexpected or of another shape.
    """
    wanted = network.state_dict()
    # counts training steps; not used when predicting
    optional = {key for key in wanted if key.endswith("num_batches_tracked")}
    missing = sorted(set(wanted) - set(state) - optional)
    unexpected = sorted(set(state) - set(wanted))
    shapes = [
        f"{key} {tuple(state[key].shape)}, not {tuple(wanted[key].shape)}"
        for key in wanted
        if key in state and state[key].shape != wanted[key].shape
    ]
    check_keys(path, type(network).__name__, missing, unexpected, shapes)
    network.load_state_dict(state, strict=False)


def check_keys(
    path: Path, network: str, missing: list[str], unexpected: list[str], shapes: list[str]
) -> None:
    """Raise CheckpointError naming the keys in which the file differs from the network.

    It names a few keys of each kind.
    """
    problems = [
        f"{what} {_few(keys)}"
        for what, keys in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of another shape", shapes),
        )
        if keys
    ]
    if problems:
        raise CheckpointError(f"{path}: not the weights of this {network}: {'; '.join(problems)}")


def _few(keys: list[str]) -> str:
    return ", ".join(keys[:4]) + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")


def convert(path: Path, output: Path) -> None:
    """Write a checkpoint's weights as safetensors; every tensor gets memory of its own.

    Raises CheckpointError as `read_state` does.
    """
    from safetensors.torch import save_file

    save_file(
        {name: tensor.contiguous().clone() for name, tensor in read_state(path).items()}, output
    )


if __name__ == "__main__":
    try:
        convert(*map(Path, sys.argv[1:]))
    except CheckpointError as error:
        sys.exit(str(error))
