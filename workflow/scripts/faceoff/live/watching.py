"""Read the frames of one source by several pipelines as they come, and save what was read."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceoff.analysis import outputs
from faceoff.analysis.analyzer import Analyzer, Followed, Seen
from faceoff.analysis.loading import Networks
from faceoff.analysis.pictures import Pictures
from faceoff.analysis.result import Analysis
from faceoff.faces import face_crops
from faceoff.live.capture import Captured
from faceoff.live.frames import BATCH, Course, SeenFace, causal, joined, seen_face
from faceoff.plugins.protocols import RGB

SAVED = ("json", "csv")  # kinds of files, as `outputs.write` knows them
_RATE_S = 2.0  # over which frames per second are counted


@dataclass(frozen=True)
class Watched:
    """A frame that was read.

    told: what `faceoff live --json` prints of it, docs/live.md describes the keys; rows: of the
    first pipeline, as of an analysis; image: its pixels, None where later frames came with it.
    """

    told: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    image: RGB | None


@dataclass(frozen=True)
class _Pending:
    """A frame whose faces are found. row: without its pixels; detect_s: seconds that this took."""

    row: Mapping[str, Any]
    at_s: float
    dropped: int
    detect_s: float
    seen: Mapping[str, Seen]


class Watcher:
    """Read the frames of one source in order.

    pairs: of detector and model, each a pipeline named DETECTOR/MODEL; temporal: a causal rule over
    time, or None; together: whether the networks read as many frames at once as `faceoff analyze`
    does, which takes less time for each and gives its numbers to the bit, but makes them wait;
    keep: whether what is read is kept for `analyses`.

    Raises ValueError for a name that is unknown or cannot run here, or a rule that looks at later
    frames; AssetError for missing weights.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[str, str]],
        *,
        device: str = "auto",
        signals: Sequence[str] = (),
        temporal: str | None = None,
        together: bool = False,
        keep: bool = False,
    ):
        rule = causal(temporal)
        self._networks = Networks(device, None if together else BATCH)
        self._most = face_crops.BATCH if together else 1
        self._analyzers = {
            f"{detector}/{model}": Analyzer(
                detector, [model], identities=False, signals=signals, temporal=temporal,
                networks=self._networks,
            )
            for detector, model in dict.fromkeys(pairs)
        }  # fmt: skip
        self._followed: dict[str, Followed] = {
            name: analyzer.follow(keep) for name, analyzer in self._analyzers.items()
        }
        emotions = {name: one.emotions for name, one in self._analyzers.items()}
        thresholds = {
            unit: least for one in self._analyzers.values() for unit, least in one.units.items()
        }
        self._course = Course(emotions, rule, thresholds)
        self._pending: list[_Pending] = []
        self._began = time.perf_counter()
        self._read_at: deque[float] = deque()
        self.frames = 0

    @property
    def pipelines(self) -> Sequence[str]:
        """Return the names of the pipelines, in order."""
        return list(self._analyzers)

    def see(self, frame: Captured, dropped: int) -> list[Watched]:
        """Take the next frame; return those that are read by now.

        dropped: how many frames before it were.
        """
        began = time.perf_counter()
        found: dict[str, Any] = {}
        for analyzer in self._analyzers.values():
            if analyzer.detector not in found:
                found[analyzer.detector] = analyzer.find([frame.row])[0]
        detect_s = time.perf_counter() - began
        seen = {
            name: self._followed[name].see(frame.row, found[analyzer.detector])
            for name, analyzer in self._analyzers.items()
        }
        row = {key: value for key, value in frame.row.items() if key != "pixels"}
        self._pending.append(_Pending(row, frame.at_s, dropped, detect_s, seen))
        return self.read(frame.row["pixels"]) if len(self._pending) == self._most else []

    def read(self, image: RGB | None = None) -> list[Watched]:
        """Read the frames that wait, and return them. image: of the last one."""
        pending, self._pending = self._pending, []
        if not pending:
            return []
        began = time.perf_counter()
        rows = {
            name: followed.read([one.seen[name] for one in pending])
            for name, followed in self._followed.items()
        }
        read_s = (time.perf_counter() - began) / len(pending)
        del self._networks.clock.batches[1:]  # a camera has no end
        first = self.pipelines[0]
        return [
            Watched(
                self._told(one, {name: rows[name][place] for name in rows}, read_s),
                rows[first][place],
                image if place == len(pending) - 1 else None,
            )
            for place, one in enumerate(pending)
        ]

    def _told(
        self, frame: _Pending, rows: Mapping[str, Sequence[Mapping[str, Any]]], read_s: float
    ) -> dict[str, Any]:
        """Return what is told of a frame, whose faces are in the rows of each pipeline."""
        faces: list[SeenFace] = []
        for name, own in rows.items():
            faces = joined(faces, [seen_face(row, {name: row}) for row in own if row["box_found"]])
        time_s = frame.row["timestamp_s"]
        told = self._course.told(faces, time_s, units=True)
        now = time.perf_counter()
        self.frames += 1
        self._read_at.append(now)
        while self._read_at[0] < now - _RATE_S:
            self._read_at.popleft()
        over_s = min(_RATE_S, now - self._began)
        seconds = {"detect": frame.detect_s, "read": read_s, "all": now - frame.at_s}
        return {
            "time_s": time_s,
            "frame": frame.row["frame"],
            "width": frame.row["width"],
            "height": frame.row["height"],
            "dropped": frame.dropped,
            "fps": round(len(self._read_at) / over_s, 2),
            "ms": {name: round(1000 * value, 3) for name, value in seconds.items()},
            "faces": told,
        }

    def analyses(self, pictures: Pictures) -> dict[str, Analysis]:
        """Return by pipeline what all frames amount to. pictures: of the source, now at its end."""
        seconds = time.perf_counter() - self._began
        return {
            name: followed.analysis(pictures, seconds) for name, followed in self._followed.items()
        }


def prepare(folder: Path) -> None:
    """Make a folder for the files of `save`. Raises ValueError for one that is not empty."""
    if folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f"{folder}: the folder is not empty: name a new one for --save")
    folder.mkdir(parents=True, exist_ok=True)


def save(analyses: Mapping[str, Analysis], folder: Path) -> list[Path]:
    """Write the files of `faceoff analyze`, and return their folders.

    The only pipeline's lie in the folder itself, those of several in a folder each.
    """
    folders = []
    for name, analysis in analyses.items():
        detector, _, model = name.partition("/")
        own = folder if len(analyses) == 1 else folder / f"{detector}-{Path(model).stem}"
        outputs.write(analysis, own, SAVED)
        folders.append(own)
    return folders
