"""Clips: each emotion's probability over time, with the picture of the moment."""

from collections.abc import Mapping
from typing import Any

from faceoff.report.part import LABEL, Part, View, by_interest
from faceoff.results import words
from faceoff.results.dataset_results import name_of, shorten, shorten_all

ANCHOR, TITLE, NAV = "clips", "Clips over time", "Clips"


def view(part: Part) -> View | None:
    """Return the clips to show; None without any."""
    clips = [_clip(clip, part) for clip in (part.answers or {}).get("clips") or ()]
    return {"clips": clips} if clips else None


def _clip(clip: Mapping[str, Any], part: Part) -> View:
    """Return a clip's data for the browser and, as a table, what one pipeline says over time.

    It is the pipeline of most interest.
    """
    emotions = shorten_all(clip["emotions"], LABEL)
    known = dict(zip(clip["emotions"], emotions, strict=True))
    wanted = [name_of(score) for score in by_interest(part.dataset)]
    names = sorted(
        clip["pipelines"],
        key=lambda name: (
            wanted.index(name) if name in wanted else len(wanted),
            name.startswith("fusion/"),
            name,
        ),
    )
    first = clip["pipelines"][names[0]]
    data = {
        "emotions": emotions,
        "seconds": clip["seconds"],
        "truth": [
            None if label is None else known.get(label) or shorten(label, LABEL)
            for label in clip["truth"]
        ]
        if any(clip["truth"])
        else [],
        "pipelines": [
            {"title": words.label_short(name), "p": clip["pipelines"][name]} for name in names
        ],
        "frames": [
            None if data is None else f"data:image/webp;base64,{data}" for data in clip["frames"]
        ]
        if part.faces
        else [],
    }
    rows = []
    for second, posterior in zip(clip["seconds"], first, strict=True):
        top = max(range(len(posterior)), key=posterior.__getitem__) if posterior else None
        rows.append(
            {
                "second": second,
                "emotion": "no face" if top is None else emotions[top],
                "confidence": None if top is None else posterior[top] / 1000,
            }
        )
    return {
        "title": shorten(clip["sample_id"], 80),
        "label": None if clip["label"] is None else shorten(clip["label"], LABEL),
        "data": data,
        "first": words.label_short(names[0]),
        "rows": rows,
    }
