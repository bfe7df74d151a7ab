"""List the files of a Zenodo record with the MD5 that the archive publishes.

The format is at https://developers.zenodo.org, "Records".
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from faceoff.assets.asset import Asset, AssetError

API = "https://zenodo.org/api/records/{record}"
_LOCAL = {"127.0.0.1", "localhost", "::1"}


def files(address: str) -> dict[str, Asset]:
    """Return every file of the record whose JSON lies at this address, by name.

    Raises AssetError if it cannot be fetched or read, and for an address without TLS, as the hashes
    come from there.
    """
    import requests  # only downloads need it

    where = urlsplit(address)
    if where.scheme != "https" and where.hostname not in _LOCAL:
        raise AssetError(f"{address}: the list of files and hashes is only taken over https")
    try:
        response = requests.get(address, timeout=(10, 60))
        response.raise_for_status()
        return {str(entry["key"]): _asset(entry) for entry in response.json()["files"]}
    except (
        requests.RequestException,
        json.JSONDecodeError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:
        raise AssetError(
            f"{address}: the record's list of files cannot be read: {type(error).__name__}: "
            f"{str(error)[:200]}"
        ) from None


def _asset(entry: Mapping[str, Any]) -> Asset:
    algorithm, _, digest = str(entry["checksum"]).partition(":")
    if algorithm != "md5":
        raise ValueError(f"checksum {entry['checksum']!r}: expected md5:…")
    return Asset(
        file=str(entry["key"]),
        md5=digest,
        size=int(entry["size"]),
        urls=(str(entry["links"]["self"]),),
    )
