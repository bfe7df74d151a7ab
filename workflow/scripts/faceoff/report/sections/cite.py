"""Say how to cite the software and what was run with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from faceoff import layout
from faceoff.report.part import NAME, View
from faceoff.results.dataset_results import shorten

ANCHOR, TITLE = "cite", "How to cite"
CITATION = layout.workflow_folder() / "CITATION.cff"


def view(models: Mapping[str, Mapping[str, Any]], citation: Path = CITATION) -> View:
    """Return the citation file as BibTeX, and the sources of the models that ran.

    Their authors are to be cited too.
    """
    sources = sorted(
        (shorten(name, NAME), shorten(card["source"], 200))
        for name, card in models.items()
        if card.get("source")
    )
    return {
        "bibtex": bibtex(yaml.safe_load(citation.read_text(encoding="utf-8")))
        if citation.is_file()
        else None,
        "sources": sources,
    }


def bibtex(cited: Mapping[str, Any]) -> str:
    """Return a CITATION.cff (1.2.0) as a BibTeX entry."""
    authors = " and ".join(
        author.get("name") or f"{author['family-names']}, {author['given-names']}"
        for author in cited["authors"]
    )
    fields = {
        "author": f"{{{authors}}}",
        "title": cited["title"],
        "version": str(cited["version"]),
        "year": str(cited["date-released"])[:4],
        **({"doi": cited["doi"]} if "doi" in cited else {}),
        **({"url": cited["repository-code"]} if "repository-code" in cited else {}),
    }
    lines = ",\n".join(f"  {key} = {{{value}}}" for key, value in fields.items())
    return f"@software{{faceoff,\n{lines}\n}}"
