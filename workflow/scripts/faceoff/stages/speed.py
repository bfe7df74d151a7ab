"""Stage: write speed.html, accuracy against speed and latency.

Times differ from run to run, so they have a page of their own: report.html is the same bytes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faceoff.plan.aggregate_jobs import SpeedJob
from faceoff.report import page
from faceoff.report.part import NAME
from faceoff.results import dataset_results, latency, words
from faceoff.results.dataset_results import (
    DatasetResults,
    cells_of,
    columns_of,
    name_of,
    shorten,
)
from faceoff.results.throughput import Job, job_of, per_picture
from faceoff.storage import files

Seconds = dict[Job, Mapping[str, Any]]  # timings
_MEASURED = ("queries", "failed", "offline_per_s", "others")


def write_speed(
    scores: Sequence[Path],
    timings: Sequence[Path],
    output: Path,
    job: SpeedJob,
    latencies: Sequence[Path] = (),
) -> None:
    """Write the page.

    timings: the `*.timing.json` of detection and prediction jobs; latencies: the files of the
    latency stage, where the run has some.
    """
    found = dataset_results.read(scores, (), job.datasets)
    seconds: Seconds = {}
    for path in sorted(timings):
        timing = files.read_json(path)
        if not timing.get("failed"):
            seconds[job_of(timing)] = timing
    timed = latency.rows(
        map(files.read_json, sorted(latencies)),
        [score for dataset in found for score in dataset.scores],
    )
    shown = [
        {
            "name": shorten(dataset.name, NAME),
            "key": f"d{index}",
            "caveats": words.caveats(dataset),
            "rows": speeds(dataset, seconds),
            "latencies": waits(dataset, timed),
            "untimed": _untimed(dataset, timed),
        }
        for index, dataset in enumerate(found)
    ]
    html = (
        page.environment()
        .get_template("speed.html.j2")
        .render(
            title=shorten(job.title, 120),
            run=shorten(job.run, NAME),
            datasets=shown,
            **page.looks(charts=True),
        )
    )
    files.write_text(output, html)


def _untimed(dataset: DatasetResults, timed: Sequence[latency.Row]) -> list[latency.Row]:
    """Return the detectors and models of a dataset that could not be timed on single pictures."""
    parts = {"detector", "model"}
    rows = [row for row in timed if row["dataset"] == dataset.name and row["part"] in parts]
    return [row for row in rows if row["reason"]]


def speeds(dataset: DatasetResults, seconds: Seconds) -> list[dict[str, Any]]:
    """Return every scored pipeline whose jobs were timed, the fastest first.

    A row has pictures per second from picture to answer, accuracy, and whether it is on the front.
    A pipeline's time is its detector's and its model's computing together, over all pictures;
    loading is apart. A fusion takes its members' time, each detector once: the vote itself is free
    beside them. Pipelines over time are left out: they cost what they read costs.
    """
    paid = per_picture(seconds.values())
    rows = []
    for score in dataset.ranked:
        if score["kind"] == "temporal":
            continue
        cells = cells_of(score)
        jobs = sorted(
            {(dataset.name, detector) for detector, _ in cells}
            | {(dataset.name, *cell) for cell in cells}
        )
        if not all(job in paid for job in jobs):
            continue
        detect, predict = (sum(paid[job] for job in jobs if len(job) == parts) for parts in (2, 3))
        if detect + predict <= 0:
            continue
        low, high = dataset_results.interval(score, "accuracy")
        rows.append({
            "title": words.title_of(score),
            "name": name_of(score),
            "fusion": score["kind"] == "fusion",
            "speed": 1 / (detect + predict),
            "detect_ms": 1000 * detect,
            "predict_ms": 1000 * predict,
            "load_s": sum(seconds[job]["load_s"] for job in jobs),
            "value": dataset_results.metric(score, "accuracy"), "low": low, "high": high,
        })  # fmt: skip
    rows.sort(key=lambda row: (-row["speed"], row["name"]))
    for row in rows:
        row["front"] = on_front(row, rows)
    return rows


def waits(dataset: DatasetResults, timed: Sequence[latency.Row]) -> list[dict[str, Any]]:
    """Return every scored pipeline and fusion that was timed on single pictures.

    The shortest 90 % latency comes first. timed: rows of `latency.rows`.
    """
    found = {
        (row["part"], row["detector"], row["model"]): row
        for row in timed
        if row["dataset"] == dataset.name and row["p90_ms"] is not None
    }
    rows = []
    for score in dataset.ranked:
        fusion = score["kind"] == "fusion"
        detector, model = columns_of(score)
        row = found.get(("fusion" if fusion else "pipeline", detector, model))
        if row is None:
            continue
        low, high = dataset_results.interval(score, "accuracy")
        alone = {
            part: found.get((part, detector, name), {}).get("p90_ms")
            for part, name in (("detector", ""), ("model", model))
        }
        rows.append({
            "title": words.title_of(score),
            "name": name_of(score),
            "fusion": fusion,
            "speed": 1000 / row["p90_ms"],
            "detect_ms": alone["detector"],
            "predict_ms": alone["model"],
            **{key: row[key] for key in (*latency.PERCENTILES, *_MEASURED)},
            "value": dataset_results.metric(score, "accuracy"), "low": low, "high": high,
        })  # fmt: skip
    rows.sort(key=lambda row: (row["p90_ms"], row["name"]))
    for row in rows:
        row["front"] = on_front(row, rows)
    return rows


def on_front(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether no other pipeline is as fast and as accurate, and better in one of them.

    They are the Pareto front.
    """
    return not any(
        other["speed"] >= row["speed"]
        and other["value"] >= row["value"]
        and (other["speed"] > row["speed"] or other["value"] > row["value"])
        for other in rows
    )
