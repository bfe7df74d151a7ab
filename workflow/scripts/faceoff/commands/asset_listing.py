"""List the files that runs need and that may have to be downloaded, and where they were found.

They are weights of plug-ins and archives of datasets.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceoff.assets import fetch
from faceoff.assets.asset import Asset, AssetError
from faceoff.plugins import registry
from faceoff.plugins.plugin import Plugin

if TYPE_CHECKING:
    from faceoff.plan.matrix import Matrix


Users = dict[Asset, list[Plugin]]


def users_of_all(folders: Sequence[Path]) -> Users:
    """Return every weight file of every plug-in, and who uses it."""
    return _users(plugin for _, plugin in sorted(registry.discover(tuple(folders)).items()))


def users_in(matrix: "Matrix") -> Users:
    """Return every weight file and dataset archive that a configuration needs, and who uses it.

    Raises AssetError.
    """
    users = _users(matrix.plugins())
    for name in matrix.datasets():
        for archive in matrix.archives(name):
            users.setdefault(archive, []).append(matrix.dataset(name)[1])
    return users


def _users(plugins: Iterable[Plugin]) -> Users:
    users: Users = {}
    for plugin in plugins:
        for asset in plugin.assets.values():
            users.setdefault(asset, []).append(plugin)
    return users


def rows(users: Users) -> list[dict[str, Any]]:
    """Return a row per file, sorted by name.

    It has the card, the users, and the verified local copy (`found`) or what is wrong with it
    (`problem`).
    """
    listed = []
    for asset, plugins in sorted(users.items(), key=lambda item: item[0].name):
        found, problem = None, None
        try:
            found = fetch.locate(asset)
        except AssetError as error:
            problem = str(error)
        size = asset.size or (found.stat().st_size if found else None)
        licence = asset.licence or str(plugins[0].card.get("licence", ""))
        card = {
            "file": asset.name,
            "size": size,
            "sha256": asset.sha256,
            "md5": asset.md5,
            "licence": licence,
            "package": asset.package,
        }
        used_by = sorted({f"{plugin.kind} {plugin.name}" for plugin in plugins})
        listed.append(
            card
            | {
                "urls": list(asset.urls),
                "source": asset.source,
                "found": found and str(found),
                "problem": problem,
                "used_by": used_by,
            }
        )
    return listed


def as_lines(listed: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield a line of headings, then a line per row of `rows`, fields parted by tabs."""
    yield "\t".join(("file", "size", "hash", "licence", "found", "url", "source", "used by"))
    for row in listed:
        checksum = f"sha256:{row['sha256']}" if row["sha256"] else f"md5:{row['md5']}"
        fields = (
            row["file"],
            row["size"] or "",
            checksum,
            row["licence"],
            row["problem"] or row["found"] or "no",
            _where(row),
            row["source"],
        )
        yield "\t".join(map(str, (*fields, ", ".join(row["used_by"]))))


def as_paragraphs(listed: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the same rows to read, four lines each."""
    for row in listed:
        algorithm = "sha256" if row["sha256"] else "md5"
        size = f"{row['size']:,} bytes" if row["size"] else "size not stated"
        licence, users = row["licence"] or "not stated", ", ".join(row["used_by"])
        yield f"{row['file']}: {size}, licence {licence}, for {users}"
        yield f"  {algorithm:7}{row[algorithm]}"
        yield f"  from   {_where(row)}"
        yield f"  found  {row['problem'] or row['found'] or 'no'}"


def _where(row: dict[str, Any]) -> str:
    return " ".join(row["urls"]) or (f"package {row['package']}" if row["package"] else "")
