"""Signals: how well action units, blinks, head pose and gaze are measured."""

from collections.abc import Mapping
from typing import Any

from faceoff.report.part import NAME, REASON, Part, View
from faceoff.results.dataset_results import shorten

ANCHOR, TITLE, NAV = "signals", "Signals", "Signals"
_SHOWN = ("f1", "f1_low", "f1_high", "always_positive", "mcc", "pr_auc", "icc", "pearson", "mae")
_AXES = ("yaw", "pitch", "roll")


def view(part: Part) -> View | None:
    """Return a row per signal and unit, and per signal and angle; None without signals."""
    if not part.signals:
        return None
    scored = [score for score in part.signals if score["state"] == "ok"]
    return {
        "units": [row for score in scored for row in _units(score)],
        "means": [
            {"title": _title(score), **score["macro"]} for score in scored if "macro" in score
        ],
        "angles": [
            _angle(score, kind) for score in scored for kind in ("pose", "gaze") if kind in score
        ],
        "unscored": [
            {"title": _title(score), "faces": score["faces"], "measured": score["measured"]}
            for score in scored
            if not {"action_units", "blink", "pose", "gaze"} & set(score)
        ],
        "lost": [
            {"title": _title(score), "reason": shorten(score["reason"] or "", REASON)}
            for score in part.signals
            if score["state"] != "ok"
        ],
    }


def _title(score: Mapping[str, Any]) -> str:
    return shorten(f"{score['detector']} × {score['signal']}", NAME)


def _units(score: Mapping[str, Any]) -> list[View]:
    """Return the rows of a signal's units and of its blinks, the first with its name."""
    found = sorted(score.get("action_units", {}).items())
    found += [("blink", score["blink"])] if "blink" in score else []
    return [
        {
            "title": _title(score) if place == 0 else "",
            "unit": unit,
            "positives": values["positives"],
            **{key: values.get(key) for key in _SHOWN},
            "below": values["f1"] is not None and values["f1"] < values["always_positive"],
        }
        for place, (unit, values) in enumerate(found)
    ]


def _angle(score: Mapping[str, Any], kind: str) -> View:
    values = score[kind]
    frame = values.get("frame")
    return {
        "title": _title(score),
        "kind": f"gaze in the frame of the {frame}" if frame else f"head {kind}",
        **{key: values[key] for key in ("n", "coverage", "error", "error_low", "error_high")},
        **{key: values[key] for key in ("within_5", "within_10", "within_20")},
        "axes": [
            {"mae": values.get(f"mae_{axis}"), "slope": values.get(f"slope_{axis}")}
            for axis in _AXES
        ],
    }
