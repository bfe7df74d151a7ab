"""Stage 4: read the emotion of every frame's face, once per dataset, detector and model."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np

from faceoff import crops, devices, tables
from faceoff.emotions import SENTIMENT, order
from faceoff.faces import choose
from faceoff.media import DecodeError
from faceoff.progress import track
from faceoff.protocols import RGB, CropSpec, Prediction
from faceoff.stages.batches import Clock, ahead, guarded, image_of, load_plugin, reason

BATCH = 64


def framed(frames: Path, faces: Path) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """(frame row, its face rows), streamed side by side: both files are in frame order."""
    key = lambda row: (row["sample_id"], row["frame"])  # noqa: E731
    grouped = groupby(tables.rows(faces), key)
    for frame in (frame for batch in tables.stream(frames) for frame in batch):
        found, rows = next(grouped)
        if found != key(frame):
            raise ValueError(f"{faces} does not belong to {frames}: {found} stands where {key(frame)} should")
        yield frame, list(rows)


def face_crop(
    frame: Mapping[str, Any], rows: list[dict[str, Any]], crop: CropSpec, spec: Mapping[str, Any], image: RGB | None = None
) -> tuple[dict[str, Any], np.ndarray | None]:
    """(the face row that the policy chooses, its crop); the crop is None where there is no face, or none that can be aligned or decoded (state error).

    image: the frame's picture where it is decoded already.
    """
    if not rows[0]["success"]:
        return rows[0], None
    face = choose(rows, spec["policy"], frame["width"], frame["height"])
    box = None if spec["whole_frame"] else crops.calibrate((face["x"], face["y"], face["w"], face["h"]), spec["calibration"])
    landmarks = None if face["landmarks"] is None else np.reshape(face["landmarks"], (5, 2))
    try:
        return face, crops.crop(image_of(frame) if image is None else image, box, crop, landmarks)
    except (DecodeError, ValueError) as error:
        return {**face, "success": 0, "state": tables.ERROR, "reason": str(error)}, None


def crop_spec(model: Any, spec: Mapping[str, Any]) -> CropSpec:
    """The model's crop specification with the config's margin and alignment, if they are given."""
    return replace(model.crop, **{key: spec[key] for key in ("margin", "align") if spec[key] is not None})


def trained_parameters(path: Path | None) -> dict[str, Path]:
    """The `trained` asset of a model, if there is one. Raises RuntimeError with the reason when its training failed."""
    if path is None:
        return {}
    with np.load(path, allow_pickle=False) as stored:
        if "failure" in stored:
            raise RuntimeError(f"training failed: {stored['failure']}")
    return {"trained": path}


def write_predictions(frames: Path, faces: Path, output: Path, timing: Path, spec: Mapping[str, Any], trained: Path | None = None) -> None:
    """Write the predictions table: one row per frame, with a posterior where there is a face that the model could read."""
    failed = tables.failed_files(faces)
    if failed:
        raise RuntimeError(f"face detection failed: {next(tables.rows(faces))['reason']}")
    clock = Clock()
    model = load_plugin(spec["plugin"], clock, **trained_parameters(trained))
    classes = order(model.emotions)
    # Only `recorded` speaks of samples; the others look at crops.
    rows = _spoken(model, frames, classes) if hasattr(model, "known") else _seen(model, frames, faces, classes, spec, clock)
    title = f"{spec['dataset']}: {spec['detector']} x {spec['model']}"
    schema = tables.predictions_schema(classes, tuple(getattr(model, "aus", ())))
    tables.write_rows(output, schema, track(rows, title, tables.count(frames)))
    clock.write(timing, stage="predict", dataset=spec["dataset"], detector=spec["detector"], model=spec["model"], batch=BATCH)


def _spoken(model: Any, frames: Path, classes: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Rows of a model that knows its posteriors by sample and time, whether or not there is a face."""
    for batch in tables.stream(frames, BATCH, ["sample_id", "frame", "timestamp_s"]):
        for row, result in zip(batch, _rows(model.known(batch), model.emotions, classes, (tables.UNREADABLE, "no recorded prediction")), strict=True):
            yield {**row, "face_id": 0, "success": 1, "state": tables.OK, **result}


def _seen(model: Any, frames: Path, faces: Path, classes: tuple[str, ...], spec: Mapping[str, Any], clock: Clock) -> Iterator[dict[str, Any]]:
    """Rows of a model that reads the crop of each frame's face."""
    crop = crop_spec(model, spec)
    framewise = (face_crop(frame, rows, crop, spec) for frame, rows in framed(frames, faces))

    def predict(inputs: list[np.ndarray]) -> list[dict[str, Any]]:
        with devices.autocast():
            prediction = model.predict(np.stack(inputs))
        return _rows(prediction, model.emotions, classes, (tables.NO_FACE, "the model found no face in the crop"))

    for pending in ahead(iter(lambda: list(islice(framewise, BATCH)), [])):
        results = iter(guarded(predict, [pixels for _, pixels in pending if pixels is not None], clock))
        for face, pixels in pending:
            result = next(results) if pixels is not None else {}
            if isinstance(result, Exception):
                result = {"success": 0, "state": tables.ERROR, "reason": reason(result)}
            yield {key: face[key] for key in ("sample_id", "frame", "timestamp_s", "face_id", "success", "state", "reason")} | result


def _rows(prediction: Prediction, own: tuple[str, ...], classes: tuple[str, ...], silent: tuple[str, str]) -> list[dict[str, Any]]:
    """Row fragments of a batch: posterior in canonical order, winner, confidence, sentiment, valence, arousal, action units.

    own: the model's classes in its output order; silent: state and reason of a row that the model could not evaluate.
    """
    posterior = np.asarray(prediction.posterior, np.float64)[:, [own.index(emotion) for emotion in classes]]
    rows = []
    for index, p in enumerate(posterior):
        if prediction.evaluable is not None and not prediction.evaluable[index]:
            rows.append({"success": 0, "state": silent[0], "reason": silent[1]})
            continue
        if not np.isfinite(p).all() or p.min() < 0 or not math.isclose(p.sum(), 1.0, abs_tol=1e-3):
            rows.append({"success": 0, "state": tables.ERROR, "reason": f"not a probability distribution (sum {p.sum():.4g}, min {p.min():.4g})"})
            continue
        winner = classes[int(p.argmax())]
        row = {f"p_{emotion}": float(value) for emotion, value in zip(classes, p, strict=True)}
        row |= {"emotion": winner, "confidence": float(p.max()), "sentiment": SENTIMENT.get(winner)}
        for name, values in (("valence", prediction.valence), ("arousal", prediction.arousal)):
            if values is not None and np.isfinite(values[index]):
                row[name] = float(np.clip(values[index], -1, 1))
        row |= {f"au_{name.removeprefix('AU').lower()}": float(values[index]) for name, values in prediction.aus.items()}
        rows.append(row)
    return rows
