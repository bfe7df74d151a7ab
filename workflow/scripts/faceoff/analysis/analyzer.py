"""Find, follow and read the faces of one's own videos and pictures, without a configuration.

Each step is the function that the workflow's stage calls, over batches of the same sizes, so that
the same pictures give the same numbers to the bit.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from faceoff.analysis import DETECTOR, MODELS, fused
from faceoff.analysis.pictures import Pictures, Row, Source
from faceoff.analysis.result import Analysis, frames_schema
from faceoff.emotions import order
from faceoff.faces import detection_view, face_crops
from faceoff.faces.choice import SIDES
from faceoff.faces.detection_view import View
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin, prefetch
from faceoff.inference.prediction_rows import filled, reader
from faceoff.media.frame_rate import Sampling
from faceoff.plugins import registry
from faceoff.plugins.jobs import CropJob, PluginJob
from faceoff.plugins.plugin import Plugin
from faceoff.plugins.protocols import RGB, ActionUnitModel, EmotionModel, KnownFaces, RecordedModel
from faceoff.progress import track
from faceoff.storage import columns
from faceoff.tracking import association, cuts

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
        Read every `every`-th frame, or `fps` frames per second where it is not 0.
    device
        auto, cpu or cuda.

    Raises ValueError for an unknown name or one that cannot run here; the message says why.
    """

    def __init__(
        self,
        detector: str = DETECTOR,
        models: Sequence[str] = MODELS,
        *,
        every: int = 1,
        fps: float = 0.0,
        device: str = "auto",
    ):
        if every < 1 or fps < 0 or isinstance(models, str) or not models:
            raise ValueError("`every` is 1 or more, `fps` 0 or more, `models` a list of names")
        self.detector, self.models = detector, tuple(dict.fromkeys(models))
        self.sampling = Sampling(fps, every)
        self._clock = Clock()
        found = _runnable("detector", detector)
        self._card = found.job().card
        self._detector = load_plugin(_job(found, device), self._clock)
        if isinstance(self._detector, KnownFaces):
            raise ValueError(f"detector {detector!r} looks at no pictures, so it cannot be used")
        self._models: list[EmotionModel] = []
        for name in self.models:
            model = load_plugin(_job(_runnable("model", name), device), self._clock)
            if isinstance(model, RecordedModel):
                raise ValueError(f"model {name!r} looks at no pictures, so it cannot be used")
            self._models.append(model)
        self._crop = CropJob(
            policy="all",
            whole_frame=bool(self._card.get("whole_frame")),
            calibration=self._card.get("calibration"),
        )
        self.emotions = order({emotion for model in self._models for emotion in model.emotions})
        self.units = tuple(
            dict.fromkeys(
                unit
                for model in self._models
                if isinstance(model, ActionUnitModel)
                for unit in model.aus
            )
        )

    def analyze(self, source: Source, start_s: float = 0.0, end_s: float | None = None) -> Analysis:
        """Return what is seen in a video, a picture, an RGB array or (time, RGB array) pairs.

        start_s, end_s: the part of it in seconds. A file that cannot be read gives an analysis
        whose `state` is unreadable, one that breaks off has the state damaged; `reason` says why.
        """
        began = time.perf_counter()
        pictures = Pictures(source, self.sampling, start_s, end_s)
        schema = frames_schema(self.emotions, self.units)
        moments: list[association.Moment] = []
        changes: list[float] = []
        tables: list[pa.Table] = []
        framewise = track(self._faces(pictures, changes), pictures.name, pictures.expected())
        while pending := list(islice(framewise, face_crops.BATCH)):
            rows = self._read(pending)
            for faces, _ in pending:
                seen = [face for face in faces if face["box_found"]]
                boxes = np.array([[face[side] for side in SIDES] for face in seen], float)
                moments.append(association.Moment(faces[0]["timestamp"], boxes.reshape(-1, 4)))
            tables.append(pa.Table.from_pylist(rows, schema))
        table = pa.concat_tables(tables) if tables else schema.empty_table()
        if len(moments) > 1:
            table = _with_tracks(table, moments, changes)
        return Analysis(
            name=pictures.name,
            path=pictures.path,
            table=table,
            state=columns.OK if not pictures.lost else "damaged" if tables else "unreadable",
            reason="; ".join(filter(None, [pictures.lost, *pictures.mended])),
            about={
                "detector": self.detector,
                "models": list(self.models),
                "fusion": "soft_mean" if len(self.models) > 1 else None,
                "every": self.sampling.every,
                "fps": self.sampling.fps or None,
                "start_s": start_s,
                "end_s": end_s,
            },
            seconds=time.perf_counter() - began,
        )

    def _faces(
        self, pictures: Pictures, changes: list[float]
    ) -> Iterator[tuple[list[Row], list[list[RGB | None]]]]:
        """Yield of each frame its face rows and, for each model, the crop of each face."""
        crops = [face_crops.crop_spec(model, self._crop) for model in self._models]
        before: RGB | None = None

        def views() -> Iterator[tuple[list[Row], list[View | Exception]]]:
            for batch in detection_view.in_memory(pictures.rows()):
                yield batch, [detection_view.view_of(_pixels(frame), 1, 0.0) for frame in batch]

        for batch, seen in prefetch(views()):
            found = detection_view.detect(self._detector, seen, self._clock)
            for frame, faces in zip(batch, found, strict=True):
                now = cuts.small_picture(frame["pixels"])
                changes.append(0.0 if before is None else cuts.scene_change(before, now))
                before = now
                yield self._cropped(frame, faces, crops)

    def _cropped(
        self, frame: Row, found: detection_view.Found, crops: Sequence[Any]
    ) -> tuple[list[Row], list[list[RGB | None]]]:
        rows = list(detection_view.face_rows(frame, found, self._card))
        rows = [{"landmarks": None, **row} for row in rows]
        cropped = [
            face_crops.face_crops(frame, rows, crop, self._crop, frame["pixels"]) for crop in crops
        ]
        size = {key: frame[key] for key in ("width", "height")}
        faces = []
        for views in zip(*cropped, strict=True):
            # A face that one model's crop fails on is still read by the others.
            face = next((face for face, pixels in views if pixels is not None), views[0][0])
            faces.append({
                **{key: face.get(key) for key in _KEPT}, **size,
                "timestamp": frame["timestamp_s"], "box_found": face.get("x") is not None,
            })  # fmt: skip
        return faces, [[pixels for _, pixels in of_model] for of_model in cropped]

    def _read(self, pending: Sequence[tuple[list[Row], list[list[RGB | None]]]]) -> list[Row]:
        """Return the rows of these frames, each face with what the models say of it."""
        faces = [face for rows, _ in pending for face in rows]
        answers: list[list[Mapping[str, Any]]] = [[] for _ in faces]
        for place, model in enumerate(self._models):
            views = [view for _, of_models in pending for view in of_models[place]]
            there = [number for number, view in enumerate(views) if view is not None]
            inputs = [view for view in views if view is not None]
            read = filled(reader(model, order(model.emotions)), inputs, self._clock)
            for number, answer in zip(there, read, strict=True):
                answers[number].append(answer)
        return [
            {**face, **fused.answer(said, self.emotions)}
            for face, said in zip(faces, answers, strict=True)
        ]


def analyze(
    source: Source,
    detector: str = DETECTOR,
    models: Sequence[str] = MODELS,
    *,
    every: int = 1,
    fps: float = 0.0,
    device: str = "auto",
    start_s: float = 0.0,
    end_s: float | None = None,
) -> Analysis:
    """Return what is seen in one video, picture, RGB array or (time, RGB array) pairs.

    As `Analyzer(…).analyze(…)`, which keeps the networks loaded for the next source.
    """
    analyzer = Analyzer(detector, models, every=every, fps=fps, device=device)
    return analyzer.analyze(source, start_s, end_s)


def _runnable(kind: str, name: str) -> Plugin:
    plugin = registry.get(kind, name)
    if reason := plugin.skip():
        raise ValueError(f"{kind} {name}: {reason}")
    return plugin


def _job(plugin: Plugin, device: str) -> PluginJob:
    return replace(plugin.job(), device=device)


def _pixels(frame: Row) -> Any:
    return lambda: frame["pixels"]


def _with_tracks(
    table: pa.Table, moments: Sequence[association.Moment], changes: Sequence[float]
) -> pa.Table:
    """Return the table with the track of each face, numbered by first appearance."""
    found = association.follow(moments, association.GAP_S, lambda place: changes[place] >= cuts.CUT)
    numbers = iter(np.concatenate(found).tolist())
    boxed = table["x"].is_valid().to_pylist()
    tracks = [next(numbers) if there else None for there in boxed]
    place = table.schema.get_field_index("track_id")
    return table.set_column(place, table.schema.field(place), pa.array(tracks, pa.int32()))
