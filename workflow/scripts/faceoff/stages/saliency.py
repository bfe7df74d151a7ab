"""Stage: explain faces of a cell: maps of where the model looks, and their scores."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces.face_crops import crop_spec, face_crop, first_seen
from faceoff.faces.upright import upright
from faceoff.inference import torch_devices
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import asset_files, load_plugin, trained_parameters
from faceoff.inference.randomised import NoWeightsError, untrained
from faceoff.media.images import encode
from faceoff.plan.saliency_jobs import SaliencyJob
from faceoff.plugins.protocols import RGB, EmotionModel
from faceoff.progress import track
from faceoff.saliency.explanation import NotExplainedError, explain
from faceoff.saliency.maps import normalised
from faceoff.saliency.overlay import overlay
from faceoff.scoring.drawn_samples import Drawn, answers_of, drawn
from faceoff.storage import columns, parquet

Row = dict[str, Any]
_SHOWN = 96  # pixels of the sides of a face that the page shows


def write_saliency(
    samples: Path,
    frames: Path,
    faces: Path,
    predictions: Path,
    output: Path,
    timing: Path,
    job: SaliencyJob,
    trained: Path | None = None,
) -> None:
    """Write the table of the explained faces: a row for each sample that was drawn.

    Of a clip the first frame with a face is explained. Where the weights cannot be shuffled, the
    table's notes say why, and there is no sanity check.

    Raises RuntimeError where the cell was not predicted.
    """
    if parquet.failed_files(predictions):
        raise RuntimeError(f"prediction failed: {next(parquet.rows(predictions))['reason']}")
    cell, clock = job.predict, Clock()
    learnt = trained_parameters(trained)
    model: EmotionModel = load_plugin(cell.plugin, clock, **learnt)
    other, notes = None, []
    if job.sanity:
        try:
            other = untrained(
                lambda files: load_plugin(cell.plugin, clock, **{**learnt, **files}),
                {**asset_files(cell.plugin), **learnt},
                cell.seed,
            )
        except NoWeightsError as error:
            notes.append(str(error))
    chosen = drawn(*answers_of(samples, predictions), job.samples, cell.seed)
    wanted = {one.sample_id: one for one in chosen}
    made = _timed(_rows(frames, faces, wanted, model, other, job), clock)
    title = f"{cell.dataset}: where {cell.detector} x {cell.model} looks"
    rows = {row["sample_id"]: row for row in track(made, title, len(chosen))}
    schema = parquet.with_notes(columns.SALIENCY, notes) if notes else columns.SALIENCY
    parquet.write_rows(output, schema, _with_pictures(chosen, rows, job))
    clock.write(
        timing,
        stage="saliency",
        dataset=cell.dataset,
        detector=cell.detector,
        model=cell.model,
        batch=1,
    )


def _timed(rows: Iterator[Row], clock: Clock) -> Iterator[Row]:
    """Yield the rows, and note how long each took."""
    start = time.perf_counter()
    for row in rows:
        seconds = time.perf_counter() - start
        clock.items += 1
        clock.compute_s += seconds
        clock.batches.append((1, seconds))
        yield row
        start = time.perf_counter()


def _rows(
    frames: Path,
    faces: Path,
    chosen: Mapping[str, Drawn],
    model: EmotionModel,
    other: EmotionModel | None,
    job: SaliencyJob,
) -> Iterator[Row]:
    """Yield the row of each sample that has a face. other: the model with shuffled weights."""
    cell = job.predict
    spec = crop_spec(model, cell.crop)
    seen = replace(
        spec, size=(_SHOWN, _SHOWN), channels=3, interpolation=None, library="opencv",
        antialias=False, resample=None,
    )  # fmt: skip
    for frame, found in first_seen(frames, faces, chosen):
        sample = chosen[frame["sample_id"]]
        face, picture = face_crop(frame, found, spec, cell.crop)
        row: Row = {**vars(sample), "state": columns.OK, "reason": None}
        if picture is None:
            yield row | {"state": face["state"], "reason": face["reason"]}
            continue
        try:
            with torch_devices.autocast():
                told = explain(
                    model, picture, job.method, seed=cell.seed, layer=job.layer,
                    untrained=other,
                )  # fmt: skip
        except NotExplainedError as error:
            yield row | {"state": columns.ERROR, "reason": str(error)}
            continue
        areas = {
            columns.area_column(name, kind): area
            for name, of_map in told.areas.items()
            for kind, area in of_map.items()
        }
        laid = upright(normalised(told.heat), spec, cell.crop, face)
        row |= {
            "emotion": told.emotion, "probability": told.probability, **areas,
            "sanity": told.sanity, "heat": laid.ravel().tolist(),
        }  # fmt: skip
        shown = face_crop(frame, found, seen, cell.crop)[1] if job.faces else None
        if shown is not None:
            row |= _pictures(shown, told.heat, upright(shown, spec, cell.crop, face))
        yield row


def _pictures(shown: RGB, heat: np.ndarray, laid: RGB) -> Row:
    return {
        "upright": encode(laid),
        "face": encode(shown),
        "overlay": encode(overlay(shown, heat)),
    }


def _with_pictures(chosen: list[Drawn], rows: Mapping[str, Row], job: SaliencyJob) -> Iterator[Row]:
    """Yield the rows in the order of drawing; only the first right and wrong ones keep pictures."""
    kept: dict[bool | None, int] = {}
    for sample in chosen:
        row = rows.get(sample.sample_id)
        if row is None:
            continue  # answered on a frame whose face is not the detector's
        explained = row["state"] == columns.OK
        kept[sample.correct] = kept.get(sample.correct, 0) + explained
        if not explained or kept[sample.correct] > job.shown:
            row |= {"face": None, "overlay": None}
        yield row
