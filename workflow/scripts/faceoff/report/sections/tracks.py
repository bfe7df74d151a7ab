"""Tracks and identities against the true people, with a few clips as strips over time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from faceoff.report.part import NAME, REASON, Part, View
from faceoff.results import words
from faceoff.results.dataset_results import shorten

ANCHOR, TITLE, NAV = "people", "Who is who?", "Who is who"
_HUES = 7  # colours of people, which repeat beyond
_SHARES = ("mota", "idf1", "hota", "identity_idf1", "b3_f1", "reentry")


def view(part: Part) -> View | None:
    """Return the scores by detector and kind of clip, and the strips; None where none is scored."""
    if not part.tracks:
        return None
    sound = [found for found in part.tracks if found["state"] == "ok"]
    return {
        "rows": [_row(found, found["parts"][0]) for found in sound],
        "kinds": [_row(found, own) for found in sound for own in found["parts"][1:]],
        "failed": [
            {
                "detector": shorten(found["detector"], NAME),
                "reason": shorten(found["reason"], REASON),
            }
            for found in part.tracks
            if found["state"] != "ok"
        ],
        "notes": sorted({shorten(note, REASON) for found in sound for note in found["notes"]}),
        "policy": part.tracks[0]["policy"],
        "strips": list(_strips(sound)),
        "files": part.links("tracks"),
    }


def _row(found: Mapping[str, Any], own: Mapping[str, Any]) -> View:
    values, counts = own["values"], own["counts"]
    return {
        "detector": shorten(found["detector"], NAME),
        "kind": own["kind"] and shorten(own["kind"], NAME),
        "n": own["n"],
        **{name: values[name] for name in _SHARES},
        **{
            f"{name}_span": words.span(*own["intervals"].get(name, (None, None)))
            for name in _SHARES
        },
        "all_one": values["b3_f1_all_one"],
        "all_apart": values["b3_f1_all_apart"],
        "surplus": words.number(values["surplus"], 2),
        "more": values["surplus"] > 0,
        "per_minute": values["changes_per_minute"],
        **{name: counts[name] for name in ("recognised", "returns", "switches", "changes")},
    }


def _strips(sound: Sequence[Mapping[str, Any]]) -> Iterator[View]:
    """Yield each clip that is shown: its people, and every detector's identities below them."""
    for place, first in enumerate(sound[0]["strips"] if sound else ()):
        axis = first["start"], first["end"]
        names = [shorten(person["name"], NAME) for person in first["people"]]
        lanes = [
            {
                "who": "truth",
                "name": names[number],
                "bars": [_bar((*span, number), names, axis) for span in person["spans"]],
            }
            for number, person in enumerate(first["people"])
        ]
        for found in sound:
            lanes += [
                {
                    "who": shorten(found["detector"], NAME),
                    "name": f"person {identity['identity']}",
                    "bars": [_bar(span, names, axis) for span in identity["spans"]],
                }
                for identity in found["strips"][place]["identities"]
            ]
        yield {
            "title": shorten(first["sample_id"], NAME),
            "kind": first["kind"] and shorten(first["kind"], NAME),
            "seconds": axis[1] - axis[0],
            "lanes": lanes,
        }


def _bar(span: Sequence[Any], names: Sequence[str], axis: tuple[float, float]) -> View:
    """Return [start, end, person] in percent of the clip, with the person's colour and name."""
    start, end, person = span
    length = axis[1] - axis[0]
    return {
        "left": round(100 * (start - axis[0]) / length, 2),
        "width": round(100 * (end - start) / length, 2),
        "hue": 0 if person < 0 else 1 + person % _HUES,
        "said": f"{start:.1f} to {end:.1f} s: {'nobody' if person < 0 else names[person]}",
    }
