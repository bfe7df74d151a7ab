"""The same predictions under every way of making labels: does the ranking hang on the rule?"""

from faceoff.report.part import NAME, Part, View, shade
from faceoff.results import words
from faceoff.results.dataset_results import colour_scale_of, shorten

ANCHOR, TITLE, NAV = "multiverse", "Under other label rules", "Label rules"
_PIPELINES = 10  # columns, the best under the rule of this run first


def view(part: Part) -> View | None:
    """Return a row per rule and a column per leading pipeline.

    None where the run scores under one rule only.
    """
    found = part.multiverse or {}
    universes = [universe for universe in found.get("universes") or () if universe["n"]]
    if not universes:
        return None
    home = found["universes"][found["home"]]["name"] if found["home"] is not None else None
    first = next((universe for universe in universes if universe["name"] == home), universes[0])
    order = sorted(
        range(len(found["pipelines"])),
        key=lambda place: (-first["accuracy"][place], found["pipelines"][place]),
    )[:_PIPELINES]
    low, high = colour_scale_of(
        [universe["accuracy"][place] for universe in universes for place in order]
    )
    rows = [
        {
            "name": shorten(universe["name"], NAME),
            "home": universe["name"] == home,
            "n": universe["n"],
            "swapped": universe["swapped"],
            "cells": [
                {
                    "value": universe["accuracy"][place],
                    "low": universe["low"][place],
                    "high": universe["high"][place],
                    "shade": shade((universe["accuracy"][place] - low) / (high - low)),
                    "best": found["pipelines"][place] in universe["best"],
                }
                for place in order
            ],
        }
        for universe in universes
    ]
    return {
        "columns": [words.label_short(found["pipelines"][place]) for place in order],
        "rows": rows,
        "home": home is not None,
    }
