"""Section: what each detector found.

It shows samples by outcome, boxes against the true ones where a dataset has them, and how far two
detectors' boxes agree.
"""

from collections.abc import Mapping
from typing import Any

from faceoff.report.part import NAME, REASON, Part, View, shade
from faceoff.results import words
from faceoff.results.dataset_results import shorten
from faceoff.storage import columns

ANCHOR, TITLE, NAV = "coverage", "What each detector found", "Detectors"


def view(part: Part) -> View:
    """Return the outcomes by detector and the agreement of detectors."""
    return {
        "rows": _outcomes(part),
        "clips": _clips(part),
        "unlabelled": part.unlabelled,
        "agreement": _agreement(part.overlaps or {}),
        "files": part.links("coverage"),
    }


def _outcomes(part: Part) -> list[View]:
    on_faces = {row["detector"]: row for row in (part.overlaps or {}).get("detectors") or ()}
    rows = []
    for row in part.dataset.coverage:
        total = sum(row[state] for state in columns.OUTCOMES)
        widths = {
            state: round(100 * row[state] / total, 2) if total else 0 for state in columns.OUTCOMES
        }
        found = on_faces.get(row["detector"], {})
        rows.append(
            {
                **row,
                "detector": shorten(row["detector"], NAME),
                "reason": shorten(row["reason"] or "", REASON),
                "total": total,
                "widths": widths,
                "share": row[columns.OK] / total if total else None,
                "on_face": found.get("on_face"),
                "with_face": found.get("with_face"),
                "false_alarms": found.get("false_alarms"),
            }
        )
    return rows


def _clips(part: Part) -> list[View]:
    """Return, of each pipeline on clips, the frames that it read and accuracy by their share."""
    return [
        {
            "title": words.title_of(score),
            "share": clips["seen"] / clips["frames"] if clips["frames"] else None,
            "thirds": clips["thirds"],
        }
        for score in part.dataset.ranked
        if (clips := score.get("clips"))
    ]


def _agreement(overlaps: Mapping[str, Any]) -> View | None:
    """Return the detectors' pairs as a square table.

    A cell has the mean overlap of the chosen boxes, and on which share of frames both, one or none
    found a face.
    """
    pairs = overlaps.get("pairs") or []
    if not pairs:
        return None
    names = sorted({pair[side] for pair in pairs for side in ("a", "b")})
    found = {frozenset((pair["a"], pair["b"])): pair for pair in pairs}
    rows = []
    for a in names:
        cells = []
        for b in names:
            pair = found.get(frozenset((a, b)))
            iou = pair["mean_iou"] if pair else None
            both = pair["both"] / pair["frames"] if pair and pair["frames"] else None
            cells.append(
                {
                    "same": a == b,
                    "iou": iou,
                    "both": both,
                    "shade": shade(iou) if iou is not None else 0,
                    **_counts(pair),
                }
            )
        rows.append({"detector": shorten(a, NAME), "cells": cells})
    return {
        "names": [shorten(name, NAME) for name in names],
        "rows": rows,
        "frames": max(pair["frames"] for pair in pairs),
    }


def _counts(pair: dict[str, Any] | None) -> View:
    return {
        key: pair[key] if pair else None for key in ("only_a", "only_b", "neither", "same_face")
    }
