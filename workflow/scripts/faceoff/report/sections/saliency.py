"""Section: where models look, how true these maps are, and how they differ between emotions."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from faceoff.faces.upright import SIDE
from faceoff.media.images import encode
from faceoff.report.part import NAME, REASON, Part, View, bar
from faceoff.report.sections.faces import data_uri
from faceoff.results.dataset_results import shorten
from faceoff.saliency import method_list
from faceoff.saliency.maps import CONTROLS
from faceoff.saliency.overlay import overlay
from faceoff.storage import parquet

ANCHOR, TITLE, NAV = "saliency", "Where it looks", "Where it looks"
_PICTURED = 4  # cells whose faces and mean maps are shown, in the order of the leaderboard
_GREY = 128  # of the ground of a mean map without a face


def view(part: Part) -> View | None:
    """Return a row per explained cell, with the maps of the first ones; None without any."""
    if not part.saliency:
        return None
    ranked = {name: place for place, name in enumerate(part.ids)}
    told = sorted(part.saliency, key=lambda score: ranked.get(_cell(score), len(ranked)))
    scored = [score for score in told if score["state"] == "ok"]
    method = method_list.get(told[0]["method"])
    return {
        "method": method.title,
        "about": method.about,
        "rows": [_row(score) for score in scored],
        "zero": 50.0,
        "cells": [_pictures(score, part) for score in scored[:_PICTURED]],
        "more": len(scored) > _PICTURED,
        "notes": [
            f"{_title(score)}: {shorten(note, REASON)}"
            for score in scored
            for note in score["notes"]
        ],
        "lost": [
            {"title": _title(score), "reason": shorten(score["reason"] or "", REASON)}
            for score in told
            if score["state"] != "ok"
        ],
    }


def _cell(score: Mapping[str, Any]) -> str:
    return f"{score['detector']}/{score['model']}"


def _title(score: Mapping[str, Any]) -> str:
    return shorten(f"{score['detector']} × {score['model']}", NAME)


def _row(score: Mapping[str, Any]) -> View:
    gains = {
        control: {
            **score["gain"][control]["deletion"],
            "bar": bar(
                score["gain"][control]["deletion"]["mean"],
                [score["gain"][control]["deletion"][end] for end in ("low", "high")],
                -0.5,
                0.5,
            ),
        }
        for control in CONTROLS
    }
    return {
        "title": _title(score),
        "n": score["n"],
        "map": score["areas"]["map"],
        **{control: score["areas"][control] for control in CONTROLS},
        "gains": gains,
        "outcomes": score["outcomes"],
        "sanity": score["sanity"],
        "beats": all(gain["low"] is not None and gain["low"] > 0 for gain in gains.values()),
    }


def _pictures(score: Mapping[str, Any], part: Part) -> View:
    """Return the faces of a cell with their maps, and its mean maps per emotion."""
    table = part.explained.get(_cell(score))
    rows = [row for row in parquet.rows(table) if row["face"] is not None] if table else []
    return {
        "title": _title(score),
        "groups": [
            {"word": word, "faces": [_face(row, part) for row in rows if row["correct"] is outcome]}
            for word, outcome in (("right", True), ("wrong", False), ("", None))
            if any(row["correct"] is outcome for row in rows)
        ],
        "emotions": [
            {
                "emotion": part.emotion(found["emotion"]),
                "n": found["n"],
                "src": data_uri(encode(_mean(found, part.faces))),
            }
            for found in score["emotions"]
        ],
    }


def _face(row: Mapping[str, Any], part: Part) -> View:
    return {
        "face": data_uri(row["face"]),
        "map": data_uri(row["overlay"]),
        "truth": "" if row["truth"] is None else part.emotion(row["truth"]),
        "predicted": part.emotion(row["emotion"]),
        "confidence": row["probability"],
        "deletion": row["map_deletion"],
        "sample": shorten(row["sample_id"], 80),
    }


def _mean(found: Mapping[str, Any], faces: bool) -> np.ndarray:
    """Return a mean map over the mean face, or over grey where no face may be shown."""
    heat = np.reshape(found["heat"], (SIDE, SIDE)).astype(np.float64)
    ground = np.full((SIDE, SIDE, 3), _GREY, np.uint8)
    if faces and found["face"] is not None:
        ground = np.reshape(found["face"], (SIDE, SIDE, 3)).astype(np.uint8)
    return overlay(ground, heat)
