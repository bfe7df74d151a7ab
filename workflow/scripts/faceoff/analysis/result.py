"""Hold what was seen and heard in one video or picture: a table, and what it amounts to."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from faceoff.analysis import document, over_time, summary
from faceoff.analysis.voice import Voice
from faceoff.faces import quality
from faceoff.storage import columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def frames_schema(
    emotions: Sequence[str], units: Iterable[str], measured: Sequence[str] = ()
) -> pa.Schema:
    """Return the columns of an analysis: a row per frame and face, one for a frame without any.

    timestamp: seconds; x, y, w, h: the detector's box in pixels of the upright picture; score: the
    detector's; face_size … reliable: as of `faces.quality`, `reliable` 1 or 0; p_*: probabilities;
    confidence: that of `emotion`; steady_*: the state of the rule over time, if there is one.

    units: columns of action units; measured: columns of signals, in the units of docs/signals.md.
    Where they tell how far the mouth is open, `talking` is 1, 0, or null where it is unknown.
    """
    read = columns.predictions_schema(emotions, [unit.removeprefix("au_") for unit in units])
    signals = [name for name in measured if not name.startswith("au_")]
    after = read.names.index("reason") + 1
    return pa.schema([
        pa.field("frame", pa.int32(), nullable=False),
        pa.field("timestamp", pa.float64(), nullable=False),
        pa.field("face_id", pa.int32(), nullable=False),
        pa.field("track_id", pa.int32()),
        pa.field("identity", pa.int32()),
        pa.field("person", pa.string()),
        pa.field("success", pa.int8(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        *[pa.field(name, pa.float64()) for name in ("x", "y", "w", "h", "score")],
        *[pa.field(name, pa.float64()) for name in quality.COLUMNS],
        pa.field("reliable", pa.int8(), nullable=False),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        *[read.field(place) for place in range(after, len(read))],
        *[
            pa.field(name, pa.list_(pa.float32()) if name in columns.LISTS else pa.float64())
            for name in signals
        ],
        *([pa.field("talking", pa.int8())] if "mouth_openness" in signals else ()),
        pa.field("calibrated_confidence", pa.float64()),
        pa.field("steady_emotion", pa.string()),
        pa.field("steady_confidence", pa.float64()),
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

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a dict per row, a few of which are in memory."""
        for batch in self._table.to_batches(max_chunksize=1024):
            yield from batch.to_pylist()

    def to_pylist(self) -> list[dict[str, Any]]:
        """Return it as a dict per row."""
        return list(self.rows())


@dataclass(frozen=True)
class Analysis:
    """Hold what was seen in one source.

    name, path: of the source, path None where it is no file; state: ok, damaged (it breaks off) or
    unreadable, `reason` says why; about: how it was analysed; seconds: how long that took; voice:
    what was heard, None where nothing listened.
    """

    name: str
    path: Path | None
    table: pa.Table
    state: str
    reason: str
    about: dict[str, Any]
    seconds: float
    voice: Voice | None = None

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
        """Return frames, seconds, coverage, and what is seen of each track and of each person."""
        return summary.summary(self.table)

    @property
    def rule(self) -> str | None:
        """Return the name of the rule over time, None without one."""
        return self.about["temporal"] and str(self.about["temporal"]["rule"])

    @property
    def temperature(self) -> float | None:
        """Return the temperature of a calibration, None without one."""
        return self.about["calibration"] and float(self.about["calibration"]["temperature"])

    @cached_property
    def episodes(self) -> list[dict[str, Any]]:
        """Return the stretches of one state of each person, none without a rule over time.

        Each has emotion, start, apex and end in seconds, peak (its greatest smoothed probability),
        identity and person.
        """
        if self.rule is None or not len(self.table):
            return []
        return over_time.episodes(self.table, self.emotions, self.rule, self.temperature)

    @property
    def unit_columns(self) -> list[str]:
        """Return the columns of action units, au_01 …"""
        return [name for name in self.table.schema.names if name.startswith("au_")]

    def timeline(self) -> Iterator[dict[str, Any]]:
        """Yield each moment of the main face: timestamp, accuracy, emotion, sentiment, episode.

        With a rule over time, these are its state and the state's smoothed probability, also where
        the state outlives a face that is away; without one, the model's emotion and probability.
        With a calibration the probabilities are calibrated. A moment without either has None.
        episode: the place among `episodes`.
        """
        rows, seen = summary.main_face(self.table)
        if self.rule is None or not seen.any():
            return document.moments(self.table, rows, seen, self.temperature is not None)
        main = int(summary.keys(self.table, "identity")[rows[seen.argmax()]])
        return over_time.moments(
            self.table, self.emotions, self.rule, main, self.episodes, self.temperature
        )

    def to_json(self) -> dict[str, Any]:
        """Return the analysis as the document that schema.json describes."""
        return {**self.head(), "frame_analyses": list(self.frame_documents())}

    def head(self) -> dict[str, Any]:
        """Return the document without its frames: what was done, the video, the summary."""
        about = {
            **self.about,
            "emotions": list(self.emotions),
            "state": self.state,
            "reason": self.reason or None,
        }
        first = self.table.slice(0, 1).to_pylist()
        video = first[0] if first else {}
        return document.head(self.name, about, video, self.summary, self.episodes, self.voice)

    def frame_documents(self) -> Iterator[dict[str, Any]]:
        """Yield each frame with its faces, as the document has them."""
        shown = self.table.drop_columns([n for n in columns.LISTS if n in self.table.schema.names])
        thresholds = self.about["unit_thresholds"]
        return document.frames(Frames(shown).rows(), thresholds, self.voice)

    def plot(self) -> "Figure":
        """Return a figure of the main face's probabilities over time, gaps hatched."""
        from faceoff.figures import timeline
        from faceoff.results.dataset_results import shorten

        rows, seen = summary.main_face(self.table)
        shown = self.table.take(rows)
        posterior = np.full((len(rows), len(self.emotions)), np.nan)
        for column, name in enumerate(self.emotions):
            posterior[seen, column] = summary.values(shown, f"p_{name}")[seen]
        panel = {
            "title": shorten(self.name, 80),
            "emotions": self.emotions,
            "seconds": summary.values(shown, "timestamp"),
            "posterior": posterior,
            "truth": (),
        }
        return timeline.draw([panel] if len(rows) else [])

    def plot_units(self) -> "Figure":
        """Return a heat map of the main face's action units over time; grey is not measured."""
        from faceoff.figures import unit_map
        from faceoff.results.dataset_results import shorten

        rows, seen = summary.main_face(self.table)
        shown = self.table.take(rows)
        intensities = np.full((len(rows), len(self.unit_columns)), np.nan)
        for column, name in enumerate(self.unit_columns):
            intensities[:, column] = summary.values(shown, name)
        intensities[~seen] = np.nan
        return unit_map.draw(
            shorten(self.name, 80),
            [columns.unit_name(name) for name in self.unit_columns],
            summary.values(shown, "timestamp"),
            intensities,
        )
