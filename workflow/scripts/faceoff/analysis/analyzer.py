"""Read the faces and voices of one's own videos and pictures, without a configuration.

Each step is the function that the workflow's stage calls, over batches of the same sizes, so that
the same pictures give the same numbers to the bit.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa

from faceoff.analysis import DETECTOR, MODELS, fused, loading, over_time
from faceoff.analysis import calibration as calibrations
from faceoff.analysis.document import ACTIVE
from faceoff.analysis.mouths import with_talking
from faceoff.analysis.people import People, Whose, embedding_network, state_of, with_people
from faceoff.analysis.pictures import Content, Pictures, Row, Source, is_content, temporary_copy
from faceoff.analysis.result import Analysis, frames_schema
from faceoff.analysis.signals import Signals
from faceoff.analysis.voice import Listener
from faceoff.analysis.voice_choice import choose
from faceoff.emotions import order
from faceoff.faces import crops, detection_view, face_crops, quality
from faceoff.faces.choice import SIDES
from faceoff.faces.detection_view import View
from faceoff.inference.plugin_job import prefetch
from faceoff.inference.prediction_rows import filled, reader
from faceoff.media.frame_rate import MAX_FPS, Sampling
from faceoff.media.kinds import sample_kind
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import (
    RGB,
    ActionUnitModel,
    Box,
)
from faceoff.progress import track
from faceoff.storage import columns
from faceoff.tracking import association, cuts

# The face rows of a frame, and of each model and signal the crop of each face, None without one.
Seen = tuple[list[Row], list[list[RGB | None]]]
_KEPT = ("frame", "face_id", "success", "state", "reason", *SIDES, "score", "width", "height")


class Analyzer:
    """Read the faces of videos and pictures with networks that stay loaded.

    Parameters
    ----------
    detector
        Name of a face detector.
    models
        Names of emotion models, or paths of model cards. Several are fused by the mean of their
        probabilities (protocol §21).
    every, fps
        Read every `every`-th frame, or `fps` frames per second where it is not 0; no frame twice.
    device
        auto, cpu or cuda.
    identities
        Whether tracks of one person are joined, by a network whose files are fetched; None joins
        them where the files are there.
    people
        Folder of pictures of people, one face each; a subfolder's name, or else the file's, is the
        person's. It asks for identities.
    signals
        Names of signals that measure each face: action units, head pose, gaze, lids, lips,
        landmarks.
    temporal
        A rule over time that makes a steady state of each person's emotions, by its default
        constants.
    calibration
        The score file of a run whose temperature calibrates the model's probabilities.
    speech
        Name of a speech model, or path of a card, that reads the voice; None leaves the sound
        unheard. With it, files of sound can be analysed, too.
    segmenter
        Name of what finds speech; None for the best one that is here without a download.
    trained
        What a speech model has learnt that learns in a run: the run's folder, or its .npz.
    networks
        Networks that several analyzers share, on their device; None loads this one's own.

    Raises ValueError for an unknown name or one that cannot run here, AssetError for missing
    weights; the message says why.
    """

    def __init__(
        self,
        detector: str = DETECTOR,
        models: Sequence[str] = MODELS,
        *,
        every: int = 1,
        fps: float = 0.0,
        device: str = "auto",
        identities: bool | None = None,
        people: Path | str | None = None,
        temporal: str | None = None,
        signals: Sequence[str] = (),
        calibration: Path | str | None = None,
        speech: str | None = None,
        segmenter: str | None = None,
        trained: Path | str | None = None,
        networks: loading.Networks | None = None,
    ):
        if every < 1 or not 0 <= fps <= MAX_FPS or isinstance(models, str) or not models:
            raise ValueError(
                f"`every` is 1 or more, `fps` 0 to {MAX_FPS:g}, `models` a list of names"
            )
        networks = loading.Networks(device) if networks is None else networks
        if people is not None and identities is False:
            raise ValueError("people are named by their identities: `people` needs `identities`")
        self.temporal = over_time.told(temporal)
        self.detector, self.models = detector, tuple(dict.fromkeys(models))
        self.calibration = (
            None if calibration is None else calibrations.read(Path(calibration), self.models)
        )
        self.sampling = Sampling(fps, every, once=True)
        self._clock = networks.clock
        listens = choose(speech, segmenter, trained)
        self._listener = listens and Listener(
            listens,
            networks.segmenter(listens.segmenter),
            networks.speech_model(listens.model, listens.trained),
        )
        found = loading.runnable("detector", detector)
        self._card = found.job().card
        self._detector = networks.detector(found)
        self._models = [networks.model(loading.runnable("model", name)) for name in self.models]
        self.identities = state_of(True if people is not None else identities)
        self._network = embedding_network(self.identities)
        self._people = (
            People.read(Path(people), self._boxes, self._network)
            if people is not None and self._network is not None
            else None
        )
        self._crop = CropJob(
            policy="all",
            whole_frame=bool(self._card.get("whole_frame")),
            calibration=self._card.get("calibration"),
        )
        self.emotions = order({emotion for model in self._models for emotion in model.emotions})
        units = [
            columns.unit_column(unit)
            for model in self._models
            if isinstance(model, ActionUnitModel)
            for unit in model.aus
        ]
        plugins = {name: loading.runnable("signal", name) for name in dict.fromkeys(signals)}
        loaded = {name: (plugin, networks.signal(plugin)) for name, plugin in plugins.items()}
        self._signals = Signals(loaded, self._crop, self._clock, units)
        self._specs = [face_crops.crop_spec(model, self._crop) for model in self._models]
        self._specs += self._signals.specs
        # Of each unit the intensity from which it is active.
        self.units = dict.fromkeys(units, ACTIVE) | self._signals.thresholds

    def analyze(
        self, source: Source | Content, start_s: float = 0.0, end_s: float | None = None
    ) -> Analysis:
        """Return what a video, a picture, an RGB array or (time, RGB array) pairs show and say.

        source: the path, the bytes or the open file (binary) of a video or picture, or pixels;
        start_s, end_s: the part of it in seconds. A file that cannot be read gives an analysis
        whose `state` is unreadable, one that breaks off has the state damaged; `reason` says why.
        A file of sound is heard where there is a speech model.
        Raises ValueError for a start or end that is no number of seconds.
        """
        if not all(map(isfinite, (start_s, end_s or 0.0))):
            raise ValueError(f"start {start_s:g} and end {end_s} are no numbers of seconds")
        if is_content(source):
            with temporary_copy(source) as path:
                return replace(self.analyze(path, start_s, end_s), path=None)
        began = time.perf_counter()
        pictures = Pictures(cast(Source, source), self.sampling, start_s, end_s)
        followed = Followed(self, keep=True)
        if self._listener and pictures.path and sample_kind(pictures.path) == "audio":
            return self._heard(self._listener, followed, pictures, began)
        framewise = track(self._faces(pictures, followed), pictures.name, pictures.expected())
        while pending := list(islice(framewise, face_crops.BATCH)):
            followed.read(pending)
        if self._listener:
            return self._heard(self._listener, followed, pictures, began)
        return followed.analysis(pictures, time.perf_counter() - began)

    def _heard(
        self, listener: Listener, followed: "Followed", pictures: Pictures, began: float
    ) -> Analysis:
        """Return what was seen, with the voice. began: when this was, by `time.perf_counter`."""
        found = followed.analysis(pictures, 0.0)
        voice = listener.hear(found.name, found.path, found.table, pictures.start_s, pictures.end_s)
        sound_alone = found.path is not None and sample_kind(found.path) == "audio"
        if sound_alone and voice.state not in (columns.OK, columns.NO_SPEECH):
            found = replace(found, state="unreadable", reason=voice.reason)
        return replace(found, voice=voice, seconds=time.perf_counter() - began)

    def follow(self, keep: bool) -> "Followed":
        """Return what reads the frames of a source one by one, as they come.

        keep: as of `Followed`.
        """
        return Followed(self, keep)

    def stills(self, images: Sequence[RGB]) -> list[Analysis]:
        """Return what is seen in each of several pictures, as `analyze` says of each alone.

        The networks read the faces of all of them together, which takes less time; since their
        batches have a fixed size, the numbers are the same to the bit. `seconds` is of all.
        """
        began = time.perf_counter()
        sources = [Pictures(image, self.sampling) for image in images]
        frames = [next(source.rows()) for source in sources]
        followers = [association.Follower() for _ in frames]
        owners = [Whose(self._network, self._people) for _ in frames]
        pending = self._seen(frames)
        for frame, (rows, _), follower, whose in zip(
            frames, pending, followers, owners, strict=True
        ):
            self._look(rows, frame["pixels"], None, follower, whose)
        schema = frames_schema(self.emotions, self.units, self._signals.columns)
        read = pa.Table.from_pylist(self._read(pending), schema)
        analyses, start = [], 0
        for source, (rows, _), follower, whose in zip(
            sources, pending, followers, owners, strict=True
        ):
            table = read.slice(start, len(rows))
            start += len(rows)
            table = with_people(table, *whose.told(follower.count), still=True)
            analyses.append(self._analysis(source, table, 0.0))
        seconds = time.perf_counter() - began
        return [replace(analysis, seconds=seconds) for analysis in analyses]

    def find(self, frames: Sequence[Row]) -> list[detection_view.Found]:
        """Return of each frame of `Pictures.rows` what the detector finds, or why it fails."""
        views = [detection_view.view_of(_pixels(frame), 1, 0.0) for frame in frames]
        return detection_view.detect(self._detector, views, self._clock)

    def detect(self, images: Sequence[RGB]) -> list[Seen]:
        """Return of each picture its face rows, and the crops that models and signals want.

        A row has the box, `points` (the detector's five landmarks, or None), state and reason.
        """
        sources = [Pictures(image, self.sampling) for image in images]
        return self._seen([next(source.rows()) for source in sources])

    def readings(
        self, seen: Sequence[Seen], models: Collection[str], measured: bool
    ) -> list[list[dict[str, Mapping[str, Any]]]]:
        """Return of each picture and face what each model says, by name; nothing without a crop.

        seen: of `detect`; models: those of this analyzer that read; measured: whether its signals
        measure, into the rows of `seen`.
        """
        answers = iter(self._answers(seen, models))
        if measured:
            self._measure([row for rows, _ in seen for row in rows], seen)
        return [[next(answers) for _ in rows] for rows, _ in seen]

    def _analysis(self, pictures: Pictures, table: pa.Table, seconds: float) -> Analysis:
        """Return what a table amounts to, once the pictures were read."""
        table = with_talking(table)
        temperature = None
        if self.calibration is not None:
            temperature = self.calibration.temperature
            table = calibrations.with_confidence(table, self.emotions, temperature)
        if self.temporal is not None and self.emotions:
            rule = self.temporal["rule"]
            table = over_time.with_states(table, self.emotions, rule, temperature)
        lost = "damaged" if len(table) else "unreadable"
        return Analysis(
            name=pictures.name,
            path=pictures.path,
            table=table,
            state=columns.OK if not pictures.lost else lost,
            reason="; ".join(filter(None, [pictures.lost, pictures.outside, *pictures.mended])),
            about={
                "detector": self.detector,
                "models": list(self.models),
                "fusion": "soft_mean" if len(self.models) > 1 else None,
                "every": self.sampling.every,
                "fps": self.sampling.fps or None,
                "start_s": pictures.start_s,
                "end_s": pictures.end_s,
                "identities": self.identities,
                "people": list(self._people.names) if self._people else [],
                "temporal": self.temporal,
                "calibration": self.calibration and asdict(self.calibration),
                "signals": self._signals.names,
                "gaze_frame": self._signals.gaze_frame,
                "unit_thresholds": self.units,
                "limits": quality.LIMITS.told(),
            },
            seconds=seconds,
        )

    def _boxes(self, image: RGB) -> list[Box]:
        """Return the canonical boxes of the faces of a picture. Raises what the detector raises."""
        found = detection_view.detect(self._detector, [View.of(image, 1, 0.0)], self._clock)[0]
        if isinstance(found, Exception):
            raise found
        calibration = self._card.get("calibration")
        faces = detection_view.postprocess(found, self._card)
        return [crops.calibrate(face.box, calibration) for face in faces]

    def _faces(self, pictures: Pictures, followed: "Followed") -> Iterator[Seen]:
        """Yield of each frame its face rows and, for each model and signal, each face's crop."""

        def views() -> Iterator[tuple[list[Row], list[View | Exception]]]:
            for batch in detection_view.in_memory(pictures.rows()):
                yield batch, [detection_view.view_of(_pixels(frame), 1, 0.0) for frame in batch]

        for batch, seen in prefetch(views()):
            found = detection_view.detect(self._detector, seen, self._clock)
            for frame, faces in zip(batch, found, strict=True):
                yield followed.see(frame, faces)

    def _seen(self, frames: Sequence[Row]) -> list[Seen]:
        """Return of each frame its face rows and, for each model and signal, each face's crop."""
        found = self.find(frames)
        return [self._cropped(frame, faces) for frame, faces in zip(frames, found, strict=True)]

    def _look(
        self,
        rows: list[Row],
        image: RGB,
        before: RGB | None,
        follower: association.Follower,
        whose: Whose,
    ) -> None:
        """Write the track and the quality of each face of a frame, and show its pixels to `whose`.

        before: the picture of the frame before, None of the first.
        """
        seen = [row for row in rows if row["box_found"]]
        boxes = np.array([[row[side] for side in SIDES] for row in seen], float).reshape(-1, 4)
        tracks = follower.step(
            association.Moment(rows[0]["timestamp"], boxes),
            lambda: before is not None and cuts.is_cut(before, image),
        )
        canonical = [crops.calibrate(tuple(box), self._crop.calibration) for box in boxes.tolist()]
        for row, number, box in zip(seen, tracks.tolist(), canonical, strict=True):
            found = quality.quality(image, box)
            row |= {"track_id": number, "clear": quality.LIMITS.hold(found), **found.row()}
        scores = np.array([1.0 if row["score"] is None else row["score"] for row in seen])
        whose.see(image, tracks, canonical, boxes[:, 2] * boxes[:, 3] * scores)

    def _cropped(self, frame: Row, found: detection_view.Found) -> Seen:
        rows = list(detection_view.face_rows(frame, found, self._card))
        rows = [{"landmarks": None, **row} for row in rows]
        cropped = [
            face_crops.face_crops(frame, rows, spec, self._crop, frame["pixels"])
            for spec in self._specs
        ]
        size = {key: frame[key] for key in ("width", "height")}
        faces = []
        for views in zip(*cropped[: len(self._models)], strict=True):
            # A face that one model's crop fails on is still read by the others.
            face = next((face for face, pixels in views if pixels is not None), views[0][0])
            faces.append({
                **{key: face.get(key) for key in _KEPT}, **size,
                "timestamp": frame["timestamp_s"], "box_found": face.get("x") is not None,
                "points": face["landmarks"],
            })  # fmt: skip
        return faces, [[pixels for _, pixels in of_model] for of_model in cropped]

    def _read(self, pending: Sequence[Seen]) -> list[Row]:
        """Return the rows of these frames, each face with what the models say of it."""
        faces = [face for rows, _ in pending for face in rows]
        rows = [
            {**face, **fused.answer(list(said.values()), self.emotions)}
            for face, said in zip(faces, self._answers(pending, self.models), strict=True)
        ]
        self._measure(rows, pending)
        for row in rows:
            turned = abs(row.get("pose_yaw") or 0.0) > quality.LIMITS.max_yaw
            sound = row.get("clear", False) and row.get("seen", True) and not turned
            row["reliable"] = int(bool(row["success"]) and sound)
        return rows

    def _answers(
        self, pending: Sequence[Seen], models: Collection[str]
    ) -> list[dict[str, Mapping[str, Any]]]:
        """Return what these models say of each face of these frames, by the model's name."""
        answers: list[dict[str, Mapping[str, Any]]] = [{} for rows, _ in pending for _ in rows]
        for place, (name, model) in enumerate(zip(self.models, self._models, strict=True)):
            if name not in models:
                continue
            views = [view for _, of_models in pending for view in of_models[place]]
            there = [number for number, view in enumerate(views) if view is not None]
            inputs = [view for view in views if view is not None]
            read = filled(reader(model, order(model.emotions)), inputs, self._clock)
            for number, answer in zip(there, read, strict=True):
                answers[number][name] = answer
        return answers

    def _measure(self, rows: Sequence[Row], pending: Sequence[Seen]) -> None:
        """Write what the signals measure into the rows of the faces of these frames."""
        first = len(self._models)
        self._signals.measure(
            rows,
            [
                [view for _, of_each in pending for view in of_each[first + place]]
                for place in range(len(self._signals.names))
            ],
        )


class Followed:
    """Read the frames of one source in their order, and make an analysis of all of them.

    keep: whether rows are kept for `analysis`; without, memory stays flat however long it lasts.
    """

    def __init__(self, analyzer: Analyzer, keep: bool):
        self._analyzer, self._keep = analyzer, keep
        self._follower = association.Follower()
        self._whose = Whose(analyzer._network, analyzer._people)
        self._before: RGB | None = None
        self._schema = frames_schema(analyzer.emotions, analyzer.units, analyzer._signals.columns)
        self._tables: list[pa.Table] = []
        self._rows: list[Row] = []  # that are in no table yet
        self._frames = 0

    def see(self, frame: Row, found: detection_view.Found) -> Seen:
        """Return the face rows of the next frame, and the crops that models and signals want.

        frame: of `Pictures.rows`; found: in it, by `Analyzer.find`.
        """
        rows, cropped = self._analyzer._cropped(frame, found)
        image = frame["pixels"]
        self._analyzer._look(rows, image, self._before, self._follower, self._whose)
        self._before = image
        return rows, cropped

    def read(self, pending: Sequence[Seen]) -> list[list[Row]]:
        """Return of each of these frames its rows, each face with what the models say of it.

        pending: of `see`, in order; so many frames share the networks' batches.
        """
        rows = self._analyzer._read(pending)
        self._whose.end(self._follower.ended)
        if self._keep:
            self._frames += len(pending)
            self._rows += rows
            if len(self._rows) >= face_crops.BATCH:
                self._pack()
        left = iter(rows)
        return [list(islice(left, len(faces))) for faces, _ in pending]

    def analysis(self, pictures: Pictures, seconds: float) -> Analysis:
        """Return what all frames that were read amount to. seconds: that this took."""
        self._pack()
        table = pa.concat_tables(self._tables) if self._tables else self._schema.empty_table()
        told = self._whose.told(self._follower.count)
        table = with_people(table, *told, still=self._frames < 2)
        return self._analyzer._analysis(pictures, table, seconds)

    def _pack(self) -> None:
        """Put rows into a table, which takes a fraction of their memory."""
        if self._rows:
            self._tables.append(pa.Table.from_pylist(self._rows, self._schema))
            self._rows = []


def analyze(
    source: Source | Content,
    detector: str = DETECTOR,
    models: Sequence[str] = MODELS,
    *,
    every: int = 1,
    fps: float = 0.0,
    device: str = "auto",
    identities: bool | None = None,
    people: Path | str | None = None,
    temporal: str | None = None,
    signals: Sequence[str] = (),
    calibration: Path | str | None = None,
    speech: str | None = None,
    segmenter: str | None = None,
    trained: Path | str | None = None,
    start_s: float = 0.0,
    end_s: float | None = None,
) -> Analysis:
    """Return what one video, picture or file of sound (path, bytes, open file) or RGB arrays show.

    As `Analyzer(…).analyze(…)`, which keeps the networks loaded for the next source.
    """
    analyzer = Analyzer(
        detector,
        models,
        every=every,
        fps=fps,
        device=device,
        identities=identities,
        people=people,
        temporal=temporal,
        signals=signals,
        calibration=calibration,
        speech=speech,
        segmenter=segmenter,
        trained=trained,
    )
    return analyzer.analyze(source, start_s, end_s)


def _pixels(frame: Row) -> Any:
    return lambda: frame["pixels"]
