"""MkDocs hook: the Markdown stands as the repository's host shows it, and this makes a site of it
that needs no network.

Files outside docs/ that a page links to come along below `repository/` (Markdown as pages, all else
as it is), and links to them are turned there.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = "repository/"
# What search needs on file://. The theme's plug-in `offline` would fetch it; docs/vendor has
# iframe-worker 1.0.4 as npm has it (MIT).
_SHIM, _OWN_SHIM = re.compile(r"https://[^\"]+/iframe-worker/shim"), "vendor/iframe-worker/shim.js"
_LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
_FENCE = re.compile(r"^\s*(```|~~~)")
_ITEM = re.compile(r"(?:[-*+]|1\.) ")


def _in_repository(uri: str) -> str:
    """A page's path in the repository, from its path in the site."""
    return uri.removeprefix(OUTSIDE) if uri.startswith(OUTSIDE) else f"docs/{uri}"


def _in_site(path: str) -> str:
    """The path in the site of a file of the repository."""
    return path.removeprefix("docs/") if path.startswith("docs/") else OUTSIDE + path


def _target(uri: str, link: str) -> str | None:
    """The file of the repository that a page's link names, or None for addresses and what is not
    there (MkDocs says so).
    """
    if "://" in link or link.startswith(("mailto:", "/")):
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(_in_repository(uri)), link))
    return path if (ROOT / path).is_file() else None


def _prose(markdown: str) -> Iterator[tuple[str, bool]]:
    """Every line, and whether it is prose (outside fenced code)."""
    fenced = None
    for line in markdown.splitlines():
        mark = _FENCE.match(line)
        if mark and fenced in {None, mark[1]}:
            fenced = None if fenced else mark[1]
            yield line, False
        else:
            yield line, fenced is None


def on_files(files: Files, config: Any) -> Files:
    """Add what the pages link to outside docs/, and what those pages link to in turn."""
    waiting = [file.src_uri for file in files.documentation_pages()] + [
        OUTSIDE + name for name in ("CONTRIBUTING.md", "CHANGELOG.md")
    ]
    seen = set()
    while waiting:
        uri = waiting.pop()
        if uri in seen:
            continue
        seen.add(uri)
        source = ROOT / _in_repository(uri)
        if files.get_file_from_path(uri) is None:
            files.append(
                File.generated(
                    config, uri, abs_src_path=str(source), inclusion=InclusionLevel.NOT_IN_NAV
                )
            )
        if uri.endswith(".md"):
            links = (
                link
                for line, prose in _prose(source.read_text(encoding="utf-8"))
                if prose
                for _, link, _ in _LINK.findall(line)
            )
            targets = (_target(uri, link) for link in links)
            waiting += [
                _in_site(target) for target in targets if target and not target.startswith("docs/")
            ]
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links to where their targets are in the site, and part lists from a paragraph above
    them, as Python-Markdown wants it.
    """
    uri = page.file.src_uri
    lines: list[str] = []

    def turned(match: re.Match[str]) -> str:
        target = _target(uri, match[2])
        return (
            match[1]
            + (posixpath.relpath(_in_site(target), posixpath.dirname(uri)) if target else match[2])
            + match[3]
        )

    for line, prose in _prose(markdown):
        if prose and _ITEM.match(line) and not _in_list(lines):
            lines.append("")
        lines.append(_LINK.sub(turned, line) if prose else line)
    return "\n".join(lines) + "\n"


def _in_list(lines: list[str]) -> bool:
    """Whether the lines end in an item of a list."""
    for line in reversed(lines):
        if not line.strip():
            return False
        if _ITEM.match(line):
            return True
    return False


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Take the shim from the site itself."""
    return _SHIM.sub(posixpath.relpath(_OWN_SHIM, posixpath.dirname(page.url)), output)


def on_post_template(output_content: str, **_: Any) -> str:
    """The same for 404.html."""
    return _SHIM.sub(_OWN_SHIM, output_content)
