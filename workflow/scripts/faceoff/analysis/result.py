"""Hold what was seen in one video or picture: a table, and what it amounts to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from faceoff.analysis.document import document
from faceoff.storage import columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def frames_schema(emotions: Sequence[str], units: Sequence[str]) -> pa.Schema:
    """Return the columns of an analysis: a row per frame and face, one for a frame without any.

    timestamp: seconds; x, y, w, h: the detector's box in pixels of the upright picture; score: the
    detector's; p_*: probabilities; confidence: that of `emotion`.
    """
    read = columns.predictions_schema(emotions, units)
    after = read.names.index("reason") + 1
    return pa.schema([
        pa.field("frame", pa.int32(), nullable=False),
        pa.field("timestamp", pa.float64(), nullable=False),
        pa.field("face_id", pa.int32(), nullable=False),
        pa.field("track_id", pa.int32()),
        pa.field("success", pa.int8(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        *[pa.field(name, pa.float64()) for name in ("x", "y", "w", "h", "score")],
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        *[read.field(place) for place in range(after, len(read))],
    ])  # fmt: skip


class Frames:
    """The table of an analysis."""

    def __init__(self, table: pa.Table):
        self._table = table

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def to_arrow(self) -> pa.Table:
        """Return it as an Arrow table."""
        return self._table

    def to_pandas(self) -> Any:
        """Return it as a pandas DataFrame; pandas has to be installed."""
        return self._table.to_pandas()

    def to_pylist(self) -> list[dict[str, Any]]:
        """Return it as a dict per row."""
        rows: list[dict[str, Any]] = self._table.to_pylist()
        return rows


@dataclass(frozen=True)
class Analysis:
    """Hold what was seen in one source.

    name, path: of the source, path None where it is no file; state: ok, damaged (it breaks off) or
    unreadable, `reason` says why; about: how it was analysed; seconds: how long that took.
    """

    name: str
    path: Path | None
    table: pa.Table
    state: str
    reason: str
    about: dict[str, Any]
    seconds: float

    @property
    def frames(self) -> Frames:
        """Return the table: a row per frame and face, `success` 0 where no face was read."""
        return Frames(self.table)

    @property
    def emotions(self) -> tuple[str, ...]:
        """Return the emotions that the models can name."""
        return columns.classes_of(self.table.schema)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Return frames, seconds, coverage (share of frames with a read face) and each person.

        Persons are tracks, the most often seen first: frames, first and last time, the share of
        their frames under each emotion, and the means of confidence, valence and arousal.
        """
        rows = self.frames.to_pylist()
        times = sorted({row["timestamp"] for row in rows})
        covered = {row["frame"] for row in rows if row["success"]}
        shown = {row["frame"] for row in rows}
        people: dict[int, list[dict[str, Any]]] = {}
        for row in rows:
            if row["success"]:
                person = row["face_id"] if row["track_id"] is None else row["track_id"]
                people.setdefault(person, []).append(row)
        order = sorted(people, key=lambda person: (-len(people[person]), person))
        return {
            "frames": len(shown),
            "duration_s": times[-1] - times[0] if times else 0.0,
            "frames_with_a_face": len(covered),
            "coverage": len(covered) / len(shown) if shown else None,
            "faces": [_person(person, people[person]) for person in order],
        }

    def main_rows(self) -> list[dict[str, Any]]:
        """Return a row per frame: the face of the track that is seen longest times largest.

        A frame without that face has its own first row with success 0.
        """
        rows = self.frames.to_pylist()
        sizes: Counter[Any] = Counter()
        for row in rows:
            if row["success"]:
                sizes[row["track_id"]] += (row["w"] or 0) * (row["h"] or 0) or 1
        main = max(sizes, key=lambda track: sizes[track], default=None)
        chosen: dict[int, dict[str, Any]] = {}
        for row in rows:
            if row["success"] and row["track_id"] == main:
                chosen.setdefault(row["frame"], row)
        silent = dict.fromkeys(("emotion", "sentiment", "confidence"))
        return [
            chosen.get(frame, {**row, **silent, "success": 0})
            for frame, row in {row["frame"]: row for row in reversed(rows)}.items()
        ][::-1]

    def to_json(self) -> dict[str, Any]:
        """Return the analysis as the document that schema.json describes."""
        about = {
            **self.about,
            "emotions": list(self.emotions),
            "processing_s": self.seconds,
            "state": self.state,
            "reason": self.reason or None,
        }
        return document(self.name, about, self.frames.to_pylist(), self.summary)

    def plot(self) -> "Figure":
        """Return a figure of the main face's probabilities over time, gaps hatched."""
        from faceoff.figures import timeline
        from faceoff.results.dataset_results import shorten

        rows = self.main_rows()
        silent = [np.nan] * len(self.emotions)
        posterior = [
            [row[f"p_{name}"] for name in self.emotions] if row["success"] else silent
            for row in rows
        ]
        panel = {
            "title": shorten(self.name, 80),
            "emotions": self.emotions,
            "seconds": [row["timestamp"] for row in rows],
            "posterior": np.array(posterior, float),
            "truth": (),
        }
        return timeline.draw([panel] if rows else [])


def _person(number: int, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    counts = Counter(row["emotion"] for row in rows)
    found: dict[str, Any] = {
        "track_id": number,
        "frames": len(rows),
        "first_s": min(row["timestamp"] for row in rows),
        "last_s": max(row["timestamp"] for row in rows),
        "emotions": {name: count / len(rows) for name, count in counts.most_common()},
    }
    for name in ("confidence", *columns.DIMENSIONS):
        values = [row[name] for row in rows if row.get(name) is not None]
        found[f"mean_{name}"] = float(np.mean(values)) if values else None
    return found
