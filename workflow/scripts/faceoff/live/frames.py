"""Read single frames by several pipelines, and follow what they see from frame to frame."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from faceoff.analysis import document, fused, over_time
from faceoff.analysis.analyzer import Analyzer
from faceoff.analysis.loading import Networks
from faceoff.emotions import order
from faceoff.faces.choice import SIDES
from faceoff.live.pipelines import Pipeline
from faceoff.live.settings import Settings
from faceoff.plugins.protocols import RGB
from faceoff.statistics.overlap import iou_of
from faceoff.storage import columns
from faceoff.temporal.rule import Setting, TemporalRule, steady
from faceoff.tracking import association

# Pictures that a network computes together. A frame has few faces, and the last bits of a number
# depend on it, so the socket's numbers differ from those of `analyze` by rounding.
BATCH = 4
SAME = 0.3  # overlap from which the boxes of two detectors are of one face
WINDOW_S = 10.0  # of a face that a rule over time looks back on
_AFFECT = ("valence", "arousal")


@dataclass
class SeenFace:
    """A face of a frame. box: x, y, w, h in pixels; points: (5, 2), or None; readings: by pipeline,
    the row that the model fills, with action units of signals.
    """

    box: tuple[float, ...]
    score: float | None
    points: list[list[float]] | None
    readings: dict[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class SeenFrame:
    """Hold what pipelines see in a frame. detect_s, read_s: seconds for boxes, and for the rest."""

    faces: list[SeenFace]
    detect_s: float
    read_s: float


class FrameReader:
    """Read frames by networks that compute few faces at a time. Only one thread may use it."""

    def __init__(self, settings: Settings):
        self._networks = Networks(settings.device, BATCH)
        self._analyzers = {
            detector: Analyzer(
                detector, settings.models, identities=False, signals=settings.signals,
                networks=self._networks,
            )
            for detector in dict.fromkeys(settings.detectors)
        }  # fmt: skip
        self.thresholds = next(iter(self._analyzers.values())).units

    def read(self, image: RGB, pipelines: Sequence[Pipeline], units: bool) -> SeenFrame:
        """Return the faces of a frame with what each pipeline says of them.

        The faces of several detectors are joined where their boxes overlap by SAME or more; the
        first detector that sees a face gives its box. units: whether signals measure, too.
        """
        faces: list[SeenFace] = []
        detect_s = read_s = 0.0
        for detector in dict.fromkeys(pipeline.detector for pipeline in pipelines):
            began = time.perf_counter()
            analyzer = self._analyzers[detector]
            seen = analyzer.detect([image])
            detect_s += time.perf_counter() - began
            began = time.perf_counter()
            own = {one.model: one.name for one in pipelines if one.detector == detector}
            readings = analyzer.readings(seen, own, units)
            found = [
                seen_face(
                    row, {own[name]: {**_units(row), **answer} for name, answer in said.items()}
                )
                for row, said in zip(seen[0][0], readings[0], strict=True)
                if row["box_found"]
            ]
            faces = joined(faces, found)
            read_s += time.perf_counter() - began
        del self._networks.clock.batches[1:]  # a server has no end
        return SeenFrame(faces, detect_s, read_s)


def seen_face(row: Mapping[str, Any], readings: dict[str, Mapping[str, Any]]) -> SeenFace:
    """Return the face of a row that `Analyzer.detect` or `Followed.read` returns, with a box."""
    points = None if row["points"] is None else np.reshape(row["points"], (-1, 2)).tolist()
    return SeenFace(tuple(float(row[side]) for side in SIDES), row["score"], points, readings)


def _units(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name.startswith("au_")}


def joined(faces: Sequence[SeenFace], more: Sequence[SeenFace]) -> list[SeenFace]:
    """Return the faces of one detector with the readings of another one's, and what only it sees.

    Boxes are matched one to one by the largest sum of their overlaps (Kuhn 1955).
    """
    together = [SeenFace(face.box, face.score, face.points, dict(face.readings)) for face in faces]
    left = dict(enumerate(more))
    if faces and more:
        overlap = iou_of(
            np.array([face.box for face in faces])[:, None],
            np.array([face.box for face in more])[None],
        )
        likeness = np.where(overlap >= SAME, overlap, 0.0)
        for row, column in zip(*linear_sum_assignment(-likeness), strict=True):
            if likeness[row, column] > 0:
                together[row].readings |= left.pop(int(column)).readings
    return together + list(left.values())


class Course:
    """Follow the faces of one client's frames, and read each by a rule over time.

    emotions: of each pipeline; rule: a causal one, None for no states; thresholds: of units.
    """

    def __init__(
        self,
        emotions: Mapping[str, Sequence[str]],
        rule: TemporalRule | None,
        thresholds: Mapping[str, float],
    ):
        self._emotions, self._rule, self._thresholds = emotions, rule, thresholds
        self._all = order({name for names in emotions.values() for name in names})
        self._follower = association.Follower()
        self._past: dict[tuple[int, str], deque[tuple[float, list[float]]]] = {}
        self._last_s = -np.inf

    def told(self, faces: Sequence[SeenFace], time_s: float, units: bool) -> list[dict[str, Any]]:
        """Return what a client is told of the faces of its next frame.

        time_s: of the frame; one that falls counts as that of the frame before.
        """
        time_s = self._last_s = max(time_s, self._last_s)
        boxes = np.array([face.box for face in faces], float).reshape(-1, 4)
        tracks = self._follower.step(association.Moment(time_s, boxes)).tolist()
        ended = self._follower.ended({track for track, _ in self._past})
        self._past = {key: past for key, past in self._past.items() if key[0] not in ended}
        return [
            self._face(face, track, time_s, units)
            for face, track in zip(faces, tracks, strict=True)
        ]

    def _face(self, face: SeenFace, track: int, time_s: float, units: bool) -> dict[str, Any]:
        read = {name: row for name, row in face.readings.items() if row.get("success", 1)}
        named = [row["emotion"] for row in read.values() if row.get("emotion") is not None]
        return {
            "track": track,
            "box": list(face.box),
            "score": face.score,
            "landmarks": face.points,
            "readings": {
                name: self._reading(name, row, units) for name, row in face.readings.items()
            },
            "vote": self._vote(list(read.values())) if named else None,
            "disagreement": disagreement(named),
            "states": {
                name: self._state(track, name, row, time_s)
                for name, row in read.items()
                if self._rule is not None and self._emotions[name]
            },
        }

    def _reading(self, pipeline: str, row: Mapping[str, Any], units: bool) -> dict[str, Any]:
        read = bool(row.get("success", 1))
        shares = {name: row.get(f"p_{name}") for name in self._emotions[pipeline]}
        measured = {name: told["score"] for name, told in document.units(row, self._thresholds)}
        return {
            "state": row.get("state", columns.OK),
            "reason": row.get("reason"),
            "emotion": row.get("emotion"),
            "confidence": row.get("confidence"),
            "posterior": shares if read and shares else None,
            **{name: row.get(name) for name in _AFFECT},
            "units": measured if units and measured else None,
        }

    def _vote(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return what the pipelines say together, as `analyze` fuses several models."""
        said = fused.answer([row for row in rows if row.get("emotion")], self._all)
        posterior = {name: said.get(f"p_{name}") for name in self._all}
        return {"emotion": said["emotion"], "posterior": posterior}

    def _state(
        self, track: int, pipeline: str, row: Mapping[str, Any], time_s: float
    ) -> str | None:
        """Return the emotion that the rule makes of a face's last seconds."""
        emotions = self._emotions[pipeline]
        past = self._past.setdefault((track, pipeline), deque())
        past.append((time_s, [row[f"p_{name}"] for name in emotions]))
        while past[0][0] < time_s - WINDOW_S:
            past.popleft()
        assert self._rule is not None
        times = np.array([when for when, _ in past])
        posteriors = np.array([shares for _, shares in past])
        neutral = emotions.index("neutral") if "neutral" in emotions else None
        found = steady(self._rule, times, posteriors, Setting(self._rule.default, neutral))
        state = int(found.states[-1])
        return emotions[state] if state >= 0 else None


def causal(name: str | None) -> TemporalRule | None:
    """Return the rule of this name, None without one.

    Raises ValueError for an unknown rule, one that learns, and one that looks at later frames.
    """
    if name is None:
        return None
    rule = over_time.usable(name)
    if not rule.causal:
        raise ValueError(f"the rule {name!r} looks at later frames, which a live picture has not")
    return rule


def disagreement(named: Sequence[str]) -> float | None:
    """Return the share of pairs of pipelines that name different emotions; None for one alone."""
    pairs = list(combinations(named, 2))
    return sum(one != other for one, other in pairs) / len(pairs) if pairs else None
