"""Stage: time a detector or a model on single pictures and on full batches, alone on the machine.

The scenarios are "single stream" and "offline" of MLPerf Inference: each picture is asked about
once the last one is answered, or all pictures are there at once. docs/performance.md lists the
differences. Times vary, so they enter no result that must stay the same bytes.
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
from faceoff.plugins.protocols import RGB, KnownFaces
from faceoff.progress import track
from faceoff.results import latency
from faceoff.storage import columns, files, parquet

WARM_UP = 8  # queries that come first and do not count
_DRAW = 1_024  # gives the draw of pictures its own stream of random numbers, beside the run's seed

Answer = Callable[[Sequence[Any]], object]  # the timed call, for a batch of payloads of queries
Row = dict[str, Any]
# Loads a plug-in for batches of this many pictures; None: as many as it declares.
Load = Callable[[int | None], tuple[Answer, Clock]]


@dataclass(frozen=True)
class Query:
    """A picture to ask about.

    payload: the plug-in's input; None if the plug-in is not asked, and then `outcome` says why.
    """

    frame: Mapping[str, Any]
    payload: Any
    outcome: str = latency.OK


def time_detector(frames: Path, output: Path, job: DetectorLatencyJob) -> None:
    """Write the times of decoding a picture and finding its faces."""
    places = drawn(frames, job.queries, job.seed)
    detect, card = job.detect, job.detect.plugin.card

    def load(batch: int | None) -> tuple[Answer, Clock]:
        clock = Clock()
        detector = load_plugin(replace(detect.plugin, batch=batch), clock)

        def answer(rows: Sequence[Mapping[str, Any]]) -> object:
            images = [image_of(row) for row in rows]
            if isinstance(detector, KnownFaces):
                return [detection_view.postprocess(faces, card) for faces in detector.known(rows)]
            views = [detection_view.View.of(image, detect.upscale, detect.pad) for image in images]
            found = detector.detect([view.image for view in views])
            return [
                detection_view.postprocess(view.found(faces), card)
                for view, faces in zip(views, found, strict=True)
            ]

        return answer, clock

    def asked() -> Iterator[Query]:
        return (Query(frame, frame) for frame in _at(lambda: parquet.rows(frames), places))

    about = {"dataset": detect.dataset, "detector": detect.detector}
    _measure(asked, load, detection_view.BATCH, output, about, job.queries)


def time_model(
    frames: Path, faces: Path, output: Path, job: ModelLatencyJob, trained: Path | None = None
) -> None:
    """Write the times of cropping a picture's face and reading its emotion.

    The picture is already decoded, and the run has found its face.
    """
    if parquet.failed_files(faces):
        raise RuntimeError(f"face detection failed: {next(parquet.rows(faces))['reason']}")
    places, spec = drawn(frames, job.queries, job.seed), job.predict
    parameters = plugin_job.trained_parameters(trained)

    def load(batch: int | None) -> tuple[Answer, Clock]:
        clock = Clock()
        model = load_plugin(replace(spec.plugin, batch=batch), clock, **parameters)
        crop = face_crops.crop_spec(model, spec.crop)

        def cropped(frame: Row, rows: list[Row], image: RGB) -> RGB:
            face, pixels = face_crops.face_crop(frame, rows, crop, spec.crop, image)
            if pixels is None:
                raise ValueError(face["reason"])
            return pixels

        def answer(pictures: Sequence[tuple[Row, list[Row], RGB]]) -> object:
            pixels = [cropped(*picture) for picture in pictures]
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

    about = {"dataset": spec.dataset, "detector": spec.detector, "model": spec.model}
    _measure(asked, load, face_crops.BATCH, output, about, job.queries)


def drawn(frames: Path, queries: int, seed: int) -> list[int]:
    """Draw the pictures to ask about; return their row numbers in the frames table.

    They are the same readable pictures for every detector and model, in ascending order. If there
    are more queries than pictures, all pictures come first, as often as possible, then the drawn
    rest.
    """
    states = parquet.rows(frames, ["state"])
    readable = [place for place, row in enumerate(states) if row["state"] == columns.OK]
    if not readable:
        return []
    passes, rest = divmod(queries, len(readable))
    chosen = np.random.default_rng([seed, _DRAW]).choice(readable, rest, replace=False)
    return readable * passes + sorted(chosen.tolist())


def _at(rows: Callable[[], Iterator[Any]], places: Iterable[int]) -> Iterator[Any]:
    """Yield the rows of a table at these places, holding one row at a time.

    Where the places start over, the table is read from the front again.
    """
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
    """Ask about single pictures, then about full batches, and write both.

    Raises the last error if no query was answered.
    """

    def payloads() -> Iterator[Any]:
        return (query.payload for query in asked() if query.payload is not None)

    answer, clock = load(1)
    for payload in islice(payloads(), WARM_UP):
        _seconds(answer, [payload])
    error, others = None, Others()
    single: dict[str, list[Any]] = {"sample_id": [], "frame": [], "outcome": [], "ms": []}
    for query in track(asked(), f"{'/'.join(names.values())}: single pictures", queries):
        taken = None if query.payload is None else _seconds(answer, [query.payload])
        failed = isinstance(taken, Exception)
        if isinstance(taken, Exception):
            error, taken = taken, None
        single["sample_id"].append(query.frame["sample_id"])
        single["frame"].append(query.frame["frame"])
        single["outcome"].append(latency.ERROR if failed else query.outcome)
        single["ms"].append(None if taken is None else 1000 * taken)
    if error and all(ms is None for ms in single["ms"]):
        raise error
    busy = others.cores()
    answer, _ = load(None)
    pictures, seconds = _offline(answer, payloads(), batch)
    files.write_json(
        output,
        {
            **names,
            **single,
            "state": latency.OK,
            "reason": None,
            "batch": batch,
            "threads": hardware.threads(),
            "device": gpus.described(torch_devices.gpu()),
            "load_s": clock.load_s,
            "others": busy,
            "offline_items": pictures,
            "offline_s": seconds,
        },
    )


class Others:
    """The cores that other processes keep busy.

    Programs that this process has run are not others; time that a hypervisor takes away counts.
    """

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._busy = self._seconds_of_all()
        self._own = sum(os.times()[:4])

    def cores(self) -> float | None:
        """Return the mean since construction; None if the kernel has no /proc/stat (Linux has)."""
        busy, own = self._seconds_of_all(), sum(os.times()[:4])
        passed = time.perf_counter() - self._start
        if busy is None or self._busy is None:
            return None
        return max(0.0, busy - self._busy - own + self._own) / passed

    @staticmethod
    def _seconds_of_all() -> float | None:
        """Return the seconds that all cores together have been busy since the machine started."""
        try:
            first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
            ticks = [int(word) for word in first.split()[1:]]
        except (OSError, ValueError, IndexError):
            return None
        # user, nice, system; interrupts, stolen; not idle, not waiting for a disk
        return (sum(ticks[:3]) + sum(ticks[5:8])) / os.sysconf("SC_CLK_TCK")


def _seconds(answer: Answer, payloads: Sequence[Any]) -> float | Exception:
    """Return the time that an answer takes, or its exception. Raises a failure of the machine."""
    start = time.perf_counter()
    try:
        answer(payloads)
    except Exception as error:
        if hardware.is_of_the_machine(error):
            raise
        return error
    return time.perf_counter() - start


def _offline(answer: Answer, payloads: Iterator[Any], batch: int) -> tuple[int, float]:
    """Return (pictures, seconds) of full batches.

    The first batch is computed once before, as a warm-up. A batch that is not full counts only if
    it is the first.
    """
    pictures, seconds = 0, 0.0
    for index, items in enumerate(iter(lambda: list(islice(payloads, batch)), [])):
        if index == 0:
            _seconds(answer, items)
        elif len(items) < batch:
            break
        taken = _seconds(answer, items)
        if not isinstance(taken, Exception):
            pictures, seconds = pictures + len(items), seconds + taken
    return pictures, seconds
