"""Say how long one picture takes, from what the timing jobs measured. Pure functions.

It is said by percentiles of every detector, model, pipeline and fusion.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

Measured = Mapping[str, Any]  # one file of the latency stage
Row = dict[str, Any]
PERCENTILES = {"p50_ms": 0.50, "p90_ms": 0.90, "p99_ms": 0.99}
PARTS = ("detector", "model", "pipeline", "fusion")
OK, ERROR = "ok", "error"


def percentiles(ms: Sequence[float]) -> dict[str, float | None]:
    """Return the least latency that so many of the queries did not exceed; None without queries.

    It is a measured one (MLPerf Inference rules, "90%-ile measured latency").
    """
    found = (
        np.quantile(
            np.asarray(ms, np.float64), list(PERCENTILES.values()), method="inverted_cdf"
        ).tolist()
        if len(ms)
        else [None] * len(PERCENTILES)
    )
    return dict(zip(PERCENTILES, found, strict=True))


def rows(measured: Iterable[Measured], scores: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return a row per detector, model (behind a detector), pipeline of both, and fusion.

    Rows are sorted by dataset, part and p90. A pipeline's latency is that of the detector and of
    the model on the same picture, added up picture by picture; on a picture without a face the
    model is not asked. A fusion asks its members one after the other, each detector once; the vote
    itself is free beside them. Values are milliseconds, and pictures per second (a model's are
    pictures with a face); `failed` counts the pictures that raised an error. A row of parts that
    failed, or that were not asked about the same pictures, has the state error and a reason.
    """
    found = {_names(entry): entry for entry in measured}
    made = []
    for names, entry in found.items():
        dataset, detector, *model = names
        if not model:
            made.append(_row("detector", dataset, detector, "", [entry]))
            continue
        made.append(_row("model", dataset, detector, model[0], [entry]))
        if (dataset, detector) in found:
            made.append(
                _row("pipeline", dataset, detector, model[0], [found[dataset, detector], entry])
            )
    for score in (score for score in scores if score["kind"] == "fusion" and score["state"] == OK):
        dataset, cells = (
            score["dataset"],
            [tuple(member.split("/", 1)) for member in score["members"]],
        )
        users = [
            (dataset, detector) for detector in sorted({detector for detector, _ in cells})
        ] + [(dataset, *cell) for cell in sorted(cells)]
        if all(user in found for user in users):
            made.append(
                _row("fusion", dataset, "fusion", score["fusion"], [found[user] for user in users])
            )
    return sorted(made, key=_place)


def _names(entry: Measured) -> tuple[str, ...]:
    return tuple(entry[key] for key in ("dataset", "detector", "model") if entry.get(key))


def _place(row: Row) -> tuple[Any, ...]:
    return (
        row["dataset"],
        PARTS.index(row["part"]),
        row["p90_ms"] is None,
        row["p90_ms"],
        row["detector"],
        row["model"],
    )


def _row(part: str, dataset: str, detector: str, model: str, entries: Sequence[Measured]) -> Row:
    row: Row = {
        "dataset": dataset,
        "part": part,
        "detector": detector,
        "model": model,
        "state": OK,
        "reason": None,
        "queries": 0,
        "failed": 0,
    }
    row |= dict.fromkeys((*PERCENTILES, "offline_per_s", "batch", "threads", "device", "others"))
    broken = next((entry for entry in entries if entry["state"] != OK), None)
    if broken:
        return row | {"state": broken["state"], "reason": broken["reason"]}
    if any(entry[key] != entries[0][key] for entry in entries for key in ("sample_id", "frame")):
        parts = " and ".join("/".join(_names(entry)) for entry in entries)
        return row | {"state": ERROR, "reason": f"{parts} were timed on different pictures"}
    ms, failed = _milliseconds(entries)
    return row | {
        "queries": len(ms),
        "failed": failed,
        **percentiles(ms),
        "offline_per_s": _throughput(entries),
        "batch": entries[0]["batch"] if len(entries) == 1 else None,
        "threads": max(entry["threads"] for entry in entries),
        "device": "; ".join(sorted({entry["device"] for entry in entries})),
        "others": max(
            (entry["others"] for entry in entries if entry["others"] is not None), default=None
        ),
    }


def _milliseconds(entries: Sequence[Measured]) -> tuple[list[float], int]:
    """Return the time of every query that all parts answered, and how many queries failed."""
    found, failed = [], 0
    for parts in zip(
        *(zip(entry["outcome"], entry["ms"], strict=True) for entry in entries), strict=True
    ):
        if any(state == ERROR for state, _ in parts):
            failed += 1
        elif any(ms is not None for _, ms in parts):
            found.append(sum(ms for _, ms in parts if ms is not None))
    return found, failed


def _throughput(entries: Sequence[Measured]) -> float | None:
    """Return pictures per second, one part after the other.

    A model works on the share of pictures that has a face.
    """
    seconds = 0.0
    for entry in entries:
        if not entry["offline_s"]:
            if entry["offline_items"] == 0 and len(entries) > 1 and OK not in entry["outcome"]:
                continue  # no picture has a face
            return None
        share = (
            1.0
            if len(entries) == 1
            else sum(state != "no_face" for state in entry["outcome"]) / len(entry["outcome"])
        )
        seconds += share * entry["offline_s"] / entry["offline_items"]
    return 1 / seconds if seconds else None
