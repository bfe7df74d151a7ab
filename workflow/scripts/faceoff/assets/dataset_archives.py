"""Get a dataset that its publisher lets everyone download.

Each archive is fetched, verified and unpacked before it becomes visible.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

from faceoff.assets import archives, fetch
from faceoff.assets.asset import Asset, AssetError

CACHE = "datasets"  # folder of the cache that archives are fetched into


def folder_of(archive: Asset, root: Path) -> Path:
    """Return the folder that an archive is unpacked to, below the dataset's folder.

    It exists only when everything is unpacked.
    """
    return root / archive.name.partition(".")[0]


def obtain(wanted: Iterable[Asset], root: Path) -> None:
    """Fetch and unpack the archives that are not yet below `root`.

    One process at a time does it, others wait. A downloaded archive is removed once it is unpacked;
    a mirror's archive stays. Raises AssetError naming the archive and what to do.
    """
    absent = [archive for archive in wanted if not folder_of(archive, root).is_dir()]
    if not absent:
        return
    from faceoff.assets.downloads import locked  # only downloads need it

    try:
        root.mkdir(parents=True, exist_ok=True)
        with locked(root / ".download.lock"):
            for archive in absent:
                if not folder_of(archive, root).is_dir():
                    _obtain(archive, root)
    except OSError as error:
        raise AssetError(f"{root}: cannot be written: {error.strerror or error}") from None


def _obtain(archive: Asset, root: Path) -> None:
    packed = fetch.fetch(archive, CACHE)
    free = shutil.disk_usage(root).free
    if free < packed.stat().st_size:
        raise AssetError(
            f"{root}: no space to unpack {archive.name}: {packed.stat().st_size:,} bytes at least "
            f"are needed, {free:,} are free"
        )
    try:
        archives.unpack(packed, folder_of(archive, root))
    except archives.ArchiveError as error:
        raise AssetError(str(error)) from None
    if packed.is_relative_to(fetch.cache_folder()):
        packed.unlink()
