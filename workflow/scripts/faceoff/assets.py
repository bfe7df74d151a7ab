"""Weights and other files that a plug-in needs: from an installed package, the mirror, the cache or the network, always checked by sha256.

Order of search: the installed package that carries the file; `FACEOFF_MIRROR` (by file name); the cache `FACEOFF_CACHE`
(default ~/.cache/faceoff); the asset's URLs. Nothing is opened by a framework before its hash was compared.
"""

import hashlib
import importlib.util
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any


class AssetError(Exception):
    """An asset is absent or is not the file its card names; the message says which file and what to do."""


@dataclass(frozen=True)
class Asset:
    """A file by name and sha256. `package`: the installed package that carries it (then `file` is relative to that package)."""

    file: str
    sha256: str
    urls: tuple[str, ...] = ()
    package: str | None = None
    size: int | None = None  # bytes
    licence: str = ""
    source: str = ""

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> "Asset":
        """Build from a card's mapping; raises AssetError naming a missing or unknown key."""
        unknown = set(value) - set(cls.__dataclass_fields__)
        if unknown or "file" not in value or "sha256" not in value:
            raise AssetError(f"asset {value.get('file', '?')!r}: needs `file` and `sha256`" + (f", unknown keys {sorted(unknown)}" if unknown else ""))
        return cls(**{**value, "urls": tuple(value.get("urls", ()))})

    @property
    def name(self) -> str:
        return Path(self.file).name


def cache_folder() -> Path:
    """The one cache folder of Faceoff (`FACEOFF_CACHE`)."""
    return Path(os.environ.get("FACEOFF_CACHE") or Path.home() / ".cache" / "faceoff")


def mirror_folder() -> Path | None:
    """The folder searched before the network (`FACEOFF_MIRROR`), or None."""
    value = os.environ.get("FACEOFF_MIRROR")
    return Path(value) if value else None


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file, streamed."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=256)
def _digest(path: str, size: int, mtime_ns: int) -> str:
    return sha256_of(Path(path))


def _candidates(asset: Asset) -> list[Path]:
    if asset.package:
        spec = importlib.util.find_spec(asset.package)
        return [Path(folder) / asset.file for folder in (spec.submodule_search_locations or ())] if spec else []
    given = Path(asset.file)
    folders = [folder for folder in (mirror_folder(), cache_folder() / "weights") if folder]
    return ([given] if given.is_absolute() else []) + [folder / asset.name for folder in folders]


def locate(asset: Asset) -> Path | None:
    """Path of a verified local copy, or None when there is none.

    Raises AssetError when a copy is there but its sha256 is another: it is never loaded, and never silently replaced.
    """
    for path in _candidates(asset):
        if path.is_file():
            stat = path.stat()
            found = _digest(str(path), stat.st_size, stat.st_mtime_ns)
            if found != asset.sha256:
                raise AssetError(f"{path}: sha256 is {found}, the card says {asset.sha256}; remove the file or correct the card")
            return path
    return None


def fetch(asset: Asset) -> Path:
    """Path of a verified local copy, downloaded into the cache if need be. Raises AssetError naming the file and the ways to get it."""
    path = locate(asset)
    if path:
        return path
    if asset.package:
        raise AssetError(f"{asset.file} of package {asset.package!r} is missing: install {asset.package} in this environment")
    failures = []
    for url in asset.urls:
        import pooch  # only downloads need it

        try:
            target = cache_folder() / "weights"
            target.mkdir(parents=True, exist_ok=True)
            downloader = pooch.HTTPDownloader(progressbar=False, timeout=30)
            return Path(pooch.retrieve(url, known_hash=f"sha256:{asset.sha256}", fname=asset.name, path=target, downloader=downloader))
        except Exception as error:  # the network fails in many ways; each URL's reason is reported
            failures.append(f"{url}: {type(error).__name__}: {str(error)[:200]}")
    places = " or ".join(str(path) for path in _candidates(asset))
    tried = "".join(f"\n  {failure}" for failure in failures)
    raise AssetError(f"{asset.name} (sha256 {asset.sha256}) is not available: put it at {places}{f'; source: {asset.source}' if asset.source else ''}{tried}")


def availability(assets: Sequence[Asset]) -> list[str]:
    """One message for each asset that is in no local place or is a wrong file; empty when all are there."""
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
