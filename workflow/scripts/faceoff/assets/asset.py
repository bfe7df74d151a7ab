"""Describe a file by name and hash, and verify it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any


class AssetError(Exception):
    """An asset that is absent, or is not the file that its card names.

    The message names the file and what to do.
    """


@dataclass(frozen=True)
class Asset:
    """A file by name and hash. Raises AssetError without either hash.

    package: the installed package that carries it; `file` is then relative to that package. With
    `urls` too, a release of that package that lacks the file gets it from there.

    md5: for files whose publisher gives only that hash.
    """

    file: str
    sha256: str | None = None
    urls: tuple[str, ...] = ()
    package: str | None = None
    size: int | None = None  # bytes
    licence: str = ""
    source: str = ""
    md5: str | None = None

    def __post_init__(self) -> None:
        if not (self.sha256 or self.md5):
            raise AssetError(
                f"asset {self.file!r}: needs `sha256`, or `md5` where its publisher gives only that"
            )

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> "Asset":
        """Build from a card's mapping; raises AssetError naming a missing or unknown key."""
        unknown = set(value) - set(cls.__dataclass_fields__)
        if unknown or "file" not in value or not (value.get("sha256") or value.get("md5")):
            needed = "needs `file` and `sha256` (or `md5`)"
            raise AssetError(
                f"asset {value.get('file', '?')!r}: {needed}"
                + (f", unknown keys {sorted(unknown)}" if unknown else "")
            )
        return cls(**{**value, "urls": tuple(value.get("urls", ()))})

    @property
    def name(self) -> str:
        return Path(self.file).name

    @property
    def algorithm(self) -> str:
        """Return the hash that decides: `sha256`, or `md5` if there is no other."""
        return "sha256" if self.sha256 else "md5"

    @property
    def digest(self) -> str:
        """Return the value that this hash must have, in lower-case hex."""
        return str(self.sha256 or self.md5).lower()


def hasher(algorithm: str) -> Any:
    """Return a new hashlib object of this name."""
    # so that md5 works on machines in FIPS mode
    return hashlib.new(algorithm, usedforsecurity=False)


def hash_of(path: Path, algorithm: str) -> str:
    """Return the hex hash of a file, which is streamed."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hasher(algorithm)).hexdigest()


@lru_cache(maxsize=256)
def _digest(path: str, size: int, mtime_ns: int, algorithm: str) -> str:
    return hash_of(Path(path), algorithm)


def verified(path: Path, asset: Asset) -> Path:
    """Return the path if its hash is the asset's. Raises AssetError otherwise."""
    stat = path.stat()
    digest = _digest(str(path), stat.st_size, stat.st_mtime_ns, asset.algorithm)
    if digest != asset.digest:
        raise AssetError(
            f"{path}: {asset.algorithm} is {digest}, the card says {asset.digest}; remove the file "
            "or correct the card"
        )
    return path
