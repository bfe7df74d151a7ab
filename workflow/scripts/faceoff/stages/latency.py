"""Stage: how long a detector or a model takes for one picture, and how many it does a second in full batches, alone on the machine.

After the scenarios "single stream" and "offline" of MLPerf Inference: the next picture is asked about once the last one is answered; or all are there at
once. What differs is in docs/performance.md. Times vary, so nothing of this enters a result that is to be the same bytes.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces import detection_view, face_crops
from faceoff.inference import gpus, hardware, plugin_job, torch_devices
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.media.images import DecodeError, image_of
from faceoff.plan.jobs import DetectorLatencyJob, ModelLatencyJob
from faceoff.plugins.protocols import KnownFaces
from faceoff.progress import track
from faceoff.results import latency
from faceoff.storage import columns, files, parquet

WARM_UP = 8  # queries that come first and do not count
_DRAW = 1_024  # beside the run's seed: a stream of its own

Answer = Callable[[Sequence[Any]], object]  # what is timed, for a batch of what queries hold
Load = Callable[
    [int | None], tuple[Answer, Clock]
]  # a plug-in for batches of so many pictures, None: as many as it declares


@dataclass(frozen=True)
class Query:
    """A picture to ask about: `held` is what the plug-in is given, None where it is not asked, with the reason as the outcome."""

    frame: Mapping[str, Any]
    held: Any
    outcome: str = latency.OK


def time_detector(frames: Path, output: Path, job: DetectorLatencyJob) -> None:
    """Write the times of decoding a picture and finding its faces."""
    places = drawn(frames, job.queries, job.seed)
    told, card = job.detect, job.detect.plugin.card

    def load(batch: int | None) -> tuple[Answer, Clock]:
        clock = Clock()
        detector = load_plugin(replace(told.plugin, batch=batch), clock)

        def answer(held: Sequence[Mapping[str, Any]]) -> object:
            images = [image_of(frame) for frame in held]
            if isinstance(detector, KnownFaces):
                return [detection_view.postprocess(faces, card) for faces in detector.known(held)]
            views = [detection_view.View.of(image, told.upscale, told.pad) for image in images]
            found = detector.detect([view.image for view in views])
            return [
                detection_view.postprocess([view.in_frame(face) for face in faces], card)
                for view, faces in zip(views, found, strict=True)
            ]

        return answer, clock

    def asked() -> Iterator[Query]:
        return (Query(frame, frame) for frame in _at(lambda: parquet.rows(frames), places))

    about = {"dataset": told.dataset, "detector": told.detector}
    _measure(asked, load, detection_view.BATCH, output, about, job.queries)


def time_model(
    frames: Path, faces: Path, output: Path, job: ModelLatencyJob, trained: Path | None = None
) -> None:
    """Write the times of cutting out a picture's face and reading its emotion; the picture is decoded already, and the run has found its face."""
    if parquet.failed_files(faces):
        raise RuntimeError(f"face detection failed: {next(parquet.rows(faces))['reason']}")
    places, told = drawn(frames, job.queries, job.seed), job.predict
    parameters = plugin_job.trained_parameters(trained)

    def load(batch: int | None) -> tuple[Answer, Clock]:
        clock = Clock()
        model = load_plugin(replace(told.plugin, batch=batch), clock, **parameters)
        crop = face_crops.crop_spec(model, told.crop)

        def answer(
            held: Sequence[tuple[Mapping[str, Any], list[dict[str, Any]], np.ndarray]],
        ) -> object:
            pixels = [
                face_crops.face_crop(frame, rows, crop, told.crop, image)[1]
                for frame, rows, image in held
            ]
            with torch_devices.autocast():
                return model.predict(np.stack(pixels))

        return answer, clock

    def asked() -> Iterator[Query]:
        for frame, rows in _at(lambda: face_crops.framed(frames, faces), places):
            if not rows[0]["success"]:
                yield Query(frame, None, rows[0]["state"])
                continue
            try:
                yield Query(frame, (frame, rows, image_of(frame)))
            except DecodeError:
                yield Query(frame, None, latency.ERROR)

    about = {"dataset": told.dataset, "detector": told.detector, "model": told.model}
    _measure(asked, load, face_crops.BATCH, output, about, job.queries)


def drawn(frames: Path, queries: int, seed: int) -> list[int]:
    """Places of the pictures to ask about in the frames table: the same for every detector and model, drawn among those that can be read.

    Ascending; where there are more queries than pictures, once through all of them as often as goes, then the drawn rest.
    """
    readable = [
        place
        for place, row in enumerate(parquet.rows(frames, ["state"]))
        if row["state"] == columns.OK
    ]
    if not readable:
        return []
    passes, rest = divmod(queries, len(readable))
    return readable * passes + sorted(
        np.random.default_rng([seed, _DRAW]).choice(readable, rest, replace=False).tolist()
    )


def _at(rows: Callable[[], Iterator[Any]], places: Iterable[int]) -> Iterator[Any]:
    """The rows of a table at these places; it is read from the front again where they begin again. No more than one row is held."""
    source, last = rows(), -1
    for place in places:
        if place <= last:
            source, last = rows(), -1
        yield next(islice(source, place - last - 1, None))
        last = place


def _measure(
    asked: Callable[[], Iterator[Query]],
    load: Load,
    batch: int,
    output: Path,
    names: Mapping[str, str],
    queries: int,
) -> None:
    """Ask one by one, then in full batches, and write both. Raises the last error where no query was answered."""
    answer, clock = load(1)
    for query in islice((query for query in asked() if query.held is not None), WARM_UP):
        _seconds(answer, [query.held])
    error, rows, others = None, [], Others()
    for query in track(asked(), f"{'/'.join(names.values())}: single pictures", queries):
        taken, ms, outcome = (
            None if query.held is None else _seconds(answer, [query.held]),
            None,
            query.outcome,
        )
        if isinstance(taken, Exception):
            error, outcome = taken, latency.ERROR
        elif taken is not None:
            ms = 1000 * taken
        rows.append(
            {
                "sample_id": query.frame["sample_id"],
                "frame": query.frame["frame"],
                "outcome": outcome,
                "ms": ms,
            }
        )
    if error and all(row["ms"] is None for row in rows):
        raise error
    busy = others.cores()
    answer, _ = load(None)
    pictures, seconds = _offline(
        answer, (query.held for query in asked() if query.held is not None), batch
    )
    about = {
        **names,
        "state": latency.OK,
        "reason": None,
        "batch": batch,
        "threads": hardware.threads(),
        "device": gpus.described(torch_devices.gpu()),
    }
    single = {key: [row[key] for row in rows] for key in ("sample_id", "frame", "outcome", "ms")}
    files.write_json(
        output,
        {
            **about,
            **single,
            "load_s": clock.load_s,
            "others": busy,
            "offline_items": pictures,
            "offline_s": seconds,
        },
    )


class Others:
    """How many cores processes other than this one (and the programs that it has run) keep busy; what a hypervisor takes away counts."""

    def __init__(self) -> None:
        self._start, self._busy, self._own = (
            time.perf_counter(),
            self._seconds_of_all(),
            sum(os.times()[:4]),
        )

    def cores(self) -> float | None:
        """The mean since construction; None where the kernel does not tell (/proc/stat of Linux)."""
        busy, own, passed = (
            self._seconds_of_all(),
            sum(os.times()[:4]),
            time.perf_counter() - self._start,
        )
        return (
            None
            if busy is None or self._busy is None
            else max(0.0, busy - self._busy - own + self._own) / passed
        )

    @staticmethod
    def _seconds_of_all() -> float | None:
        try:
            ticks = [
                int(word)
                for word in Path("/proc/stat")
                .read_text(encoding="ascii")
                .splitlines()[0]
                .split()[1:]
            ]
        except (OSError, ValueError, IndexError):
            return None
        return (sum(ticks[:3]) + sum(ticks[5:8])) / os.sysconf(
            "SC_CLK_TCK"
        )  # user, nice, system; interrupts, stolen; not idle, not waiting for a disk


def _seconds(answer: Answer, held: Sequence[Any]) -> float | Exception:
    """How long an answer takes; the exception where there is none. Raises a failure of the machine."""
    start = time.perf_counter()
    try:
        answer(held)
    except Exception as error:
        if hardware.is_of_the_machine(error):
            raise
        return error
    return time.perf_counter() - start


def _offline(answer: Answer, held: Iterator[Any], batch: int) -> tuple[int, float]:
    """(pictures, seconds) of full batches, and of one that is not full only where it is the first; that one is computed once before, as a warm-up."""
    pictures, seconds = 0, 0.0
    for index, items in enumerate(iter(lambda: list(islice(held, batch)), [])):
        if index == 0:
            _seconds(answer, items)
        elif len(items) < batch:
            break
        taken = _seconds(answer, items)
        if not isinstance(taken, Exception):
            pictures, seconds = pictures + len(items), seconds + taken
    return pictures, seconds
