"""Read the weights of a TensorFlow.js model.

A weights manifest (JSON) names the tensors in the order of their bytes, each with its shape, dtype
and, for values stored in fewer bits, its quantization: value = q * scale + min for uint8 and
uint16, half precision for float16 (TensorFlow.js, tfjs-core/src/io/io_utils.ts). Nothing is
allocated before the manifest's sizes agree with the files' sizes.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, prod
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

_DTYPES: dict[str, np.dtype[Any]] = {
    "float32": np.dtype("<f4"),
    "int32": np.dtype("<i4"),
    "bool": np.dtype("?"),
    "uint8": np.dtype("u1"),
    "uint16": np.dtype("<u2"),
}
_QUANTIZED: dict[str, np.dtype[Any]] = {
    "uint8": np.dtype("u1"),
    "uint16": np.dtype("<u2"),
    "float16": np.dtype("<f2"),
}


class TfjsError(ValueError):
    """A file that is no model of TensorFlow.js, or has a part that cannot run here.

    The message names the file, and the tensor or node.
    """


@dataclass(frozen=True)
class Tensor:
    """One tensor as the manifest describes it.

    quantized: the dtype in the file where it is not `dtype`; value = q * scale + least.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantized: str | None = None
    scale: float = 1.0
    least: float = 0.0

    @property
    def stored(self) -> np.dtype[Any]:
        """Return the dtype of the values in the file."""
        return _QUANTIZED[self.quantized] if self.quantized else _DTYPES[self.dtype]

    @property
    def bytes(self) -> int:
        return prod(self.shape) * self.stored.itemsize


@dataclass(frozen=True)
class Group:
    """Tensors whose bytes follow one another in one or several files, and the files' names."""

    tensors: tuple[Tensor, ...]
    paths: tuple[str, ...] = ()


def read_json(path: Path) -> Any:
    """Return the content of a JSON file. Raises TfjsError naming it."""
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise TfjsError(f"{path}: not readable as JSON: {error}") from None


def groups(manifest: Any, path: Path) -> list[Group]:
    """Return the groups of a weights manifest: a list of groups, or a bare list of tensors.

    Raises TfjsError naming the file and the tensor.
    """
    manifest = [manifest] if isinstance(manifest, dict) else manifest
    if (
        not isinstance(manifest, list)
        or not manifest
        or not all(isinstance(item, dict) for item in manifest)
    ):
        raise TfjsError(f"{path}: no weights manifest: expected a list of groups or tensors")
    if not any("weights" in item for item in manifest):
        manifest = [{"weights": manifest}]
    found = [_group(item, path) for item in manifest]
    names = [tensor.name for group in found for tensor in group.tensors]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise TfjsError(f"{path}: tensor {twice!r} is named twice")
    return found


def _group(item: Mapping[str, Any], path: Path) -> Group:
    weights, paths = item.get("weights"), item.get("paths", [])
    if not isinstance(weights, list) or not all(isinstance(one, dict) for one in weights):
        raise TfjsError(f"{path}: a group's `weights` is no list of tensors")
    if not isinstance(paths, list) or not all(isinstance(name, str) for name in paths):
        raise TfjsError(f"{path}: a group's `paths` is no list of file names")
    for name in paths:
        # The card names the files; a manifest must not point anywhere else.
        parts = PurePosixPath(name.replace("\\", "/"))
        if not name or parts.is_absolute() or ".." in parts.parts or ":" in name:
            raise TfjsError(f"{path}: `paths` names {name!r}, which leads out of the folder")
    return Group(tuple(_tensor(one, path) for one in weights), tuple(paths))


def _tensor(item: Mapping[str, Any], path: Path) -> Tensor:
    name, shape, dtype = item.get("name"), item.get("shape"), item.get("dtype")
    if not isinstance(name, str) or not name:
        raise TfjsError(f"{path}: a tensor has the name {name!r}, a text is expected")
    where = f"{path}: tensor {name!r}"
    if not isinstance(shape, list) or not all(type(side) is int and side >= 0 for side in shape):
        raise TfjsError(f"{where}: shape {shape!r} is no list of whole numbers from 0 on")
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise TfjsError(f"{where}: dtype {dtype!r} is not supported; known: {', '.join(_DTYPES)}")
    quantization = item.get("quantization")
    if quantization is None:
        return Tensor(name, tuple(shape), dtype)
    if not isinstance(quantization, dict):
        raise TfjsError(f"{where}: quantization {quantization!r}: expected keys and values")
    stored = str(quantization.get("dtype"))
    whole = dtype == "int32" and stored != "float16"
    if stored not in _QUANTIZED or not (dtype == "float32" or whole):
        raise TfjsError(
            f"{where}: {dtype} stored as {stored!r} is not supported; known: float32 as "
            f"{', '.join(_QUANTIZED)}, int32 as uint8, uint16"
        )
    if stored == "float16":
        return Tensor(name, tuple(shape), dtype, stored)
    numbers = {}
    for key in ("scale", "min"):
        number = quantization.get(key)
        if isinstance(number, bool) or not isinstance(number, int | float) or not isfinite(number):
            raise TfjsError(f"{where}: quantization has {key} {number!r}, a number is expected")
        numbers[key] = float(number)
    return Tensor(name, tuple(shape), dtype, stored, numbers["scale"], numbers["min"])


def read(found: Sequence[Group], files: Sequence[Path], path: Path) -> dict[str, np.ndarray]:
    """Return all tensors of a manifest by name: float32, int32, uint8, uint16 or bool.

    files: the files with the bytes. They go by the names in the manifest, or by their order where
    they are called otherwise. path: the manifest. Raises TfjsError for bytes that are missing or
    left over, naming file and tensor.
    """
    tensors: dict[str, np.ndarray] = {}
    for group, own in zip(found, _shared_out(found, files, path), strict=True):
        _check_sizes(group, own)
        raw = b"".join(file.read_bytes() for file in own)
        start = 0
        for tensor in group.tensors:
            tensors[tensor.name] = _values(tensor, raw[start : start + tensor.bytes], own)
            start += tensor.bytes
    return tensors


def rewritten(
    found: Sequence[Group],
    files: Sequence[Path],
    path: Path,
    change: Callable[[np.ndarray], np.ndarray],
) -> dict[Path, bytes]:
    """Return what stands in each file once `change` has made other numbers of each tensor.

    change: takes the values as they are stored (quantized ones unscaled) in the tensor's shape, and
    returns as many. Other parameters and errors are as of `read`.
    """
    contents: dict[Path, bytes] = {}
    for group, own in zip(found, _shared_out(found, files, path), strict=True):
        _check_sizes(group, own)
        sizes = [file.stat().st_size for file in own]
        raw = bytearray(b"".join(file.read_bytes() for file in own))
        start = 0
        for tensor in group.tensors:
            part = slice(start, start + tensor.bytes)
            values = np.frombuffer(raw[part], tensor.stored).reshape(tensor.shape)
            raw[part] = change(values).tobytes()
            start += tensor.bytes
        ends = np.cumsum(sizes).tolist()
        contents |= {
            file: bytes(raw[end - size : end])
            for file, size, end in zip(own, sizes, ends, strict=True)
        }
    return contents


def _shared_out(
    found: Sequence[Group], files: Sequence[Path], path: Path
) -> list[tuple[Path, ...]]:
    """Return the files of each group."""
    named = [PurePosixPath(name).name for group in found for name in group.paths]
    if not named and len(found) == 1:
        return [tuple(files)]
    if len(named) != len(files):
        raise TfjsError(
            f"{path}: names {len(named)} files of weights ({', '.join(named) or 'none'}), the card "
            f"has {len(files)}: list them all, in this order, as the card's `file` and `sha256`"
        )
    by_name = {file.name: file for file in files}
    if set(by_name) == set(named) and len(by_name) == len(files):
        files = [by_name[name] for name in named]
    rest = iter(files)
    return [tuple(next(rest) for _ in group.paths) for group in found]


def _check_sizes(group: Group, files: Sequence[Path]) -> None:
    """Raise TfjsError where the files have more or fewer bytes than the tensors need."""
    there, needed = sum(file.stat().st_size for file in files), 0
    where = ", ".join(map(str, files))
    for tensor in group.tensors:
        needed += tensor.bytes
        if needed > there:
            raise TfjsError(
                f"{where}: tensor {tensor.name!r} {list(tensor.shape)} needs the bytes up to "
                f"{needed:,}, there are {there:,}: the file is cut short, or of another manifest"
            )
    if needed < there:
        raise TfjsError(
            f"{where}: {there - needed:,} bytes of {there:,} are left over after the last tensor: "
            "the file is of another manifest"
        )


def _values(tensor: Tensor, raw: bytes, files: Iterable[Path]) -> np.ndarray:
    values = np.frombuffer(raw, tensor.stored)
    if tensor.quantized in ("uint8", "uint16"):
        # in double precision, as JavaScript computes
        wide = values.astype(np.float64) * tensor.scale + tensor.least
        values = np.floor(wide + 0.5) if tensor.dtype == "int32" else wide
    values = values.astype(_DTYPES[tensor.dtype].newbyteorder("=")).reshape(tensor.shape)
    # A single infinity may be a bound that the graph compares with.
    if values.dtype.kind == "f" and not (
        np.isfinite(values).all() or (values.size == 1 and np.isinf(values).all())
    ):
        raise TfjsError(
            f"{', '.join(map(str, files))}: tensor {tensor.name!r} holds values that are no numbers"
        )
    return values
