"""Section: the networks that the run trained, with links to their curves, logs and cards."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from faceoff.report.part import NAME, REASON, View, relative
from faceoff.results import words
from faceoff.results.dataset_results import shorten
from faceoff.storage import files

ANCHOR, TITLE = "trained", "Trained here"
_FILES = {"curves.svg": "curves", "log.csv": "log", "card.yaml": "card"}


def view(cards: Sequence[Path], output: Path) -> View | None:
    """Return a row per network, and the reasons of those that failed; None where none was trained.

    cards: of the networks, each in its folder; output: where the page will lie.
    """
    rows, failed = [], []
    for card in sorted(cards):
        name = shorten(card.parent.name, NAME)
        if failure := files.failure_of(card):
            failed.append({"name": name, "reason": shorten(failure["failure"], REASON)})
        else:
            about = yaml.safe_load(card.read_text(encoding="utf-8"))["training"]
            rows.append({"name": name, **_row(about), "links": _links(card.parent, name, output)})
    if not rows and not failed:
        return None
    return {
        "rows": rows,
        "failed": failed,
        "measures": [
            (key, heading)
            for key, heading in (("accuracy", "Accuracy"), ("uar", "UAR"), ("ccc", "CCC"))
            if any(row[key] for row in rows)
        ],
    }


def _row(about: Mapping[str, Any]) -> View:
    """Return what a card says of a training."""
    data, held_out = about["data"], about["validation"]
    unit = next(unit for unit in ("pictures", "clips") if unit in data)
    options = ", ".join(f"{key} {value}" for key, value in about["options"].items())
    return {
        "net": shorten(about["net"], NAME),
        "options": shorten(options, NAME),
        "parameters": f"{about['parameters']:,}",
        "data": shorten(data["dataset"], NAME),
        "n": f"{data[unit]:,} {unit}",
        "validation": shorten(held_out["dataset"], NAME),
        "validation_n": f"{held_out[unit]:,} {unit}",
        "epoch": held_out["epoch"],
        "epochs": about["recipe"]["epochs"],
        "stopped": shorten(about["stopped"] or "", REASON),
        "tried": about["configurations_tried"],
        **{
            key: words.percent(held_out[key]) if key in held_out else ""
            for key in ("accuracy", "uar")
        },
        "ccc": words.number(held_out["ccc"]) if "ccc" in held_out else "",
    }


def _links(folder: Path, name: str, output: Path) -> list[View]:
    """Return relative links to a network's files, those that exist."""
    return [
        {
            "text": text,
            "label": f"{text} of {name}",
            "href": relative(folder / file, output),
        }
        for file, text in _FILES.items()
        if (folder / file).is_file()
    ]
