"""Hear the voice of one's own videos and files of sound.

Each step is the function that the workflow's stage calls, so that the same sound gives the same
numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil, floor, inf
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from faceoff.analysis.summary import values
from faceoff.analysis.voice_choice import Choice
from faceoff.emotions import order
from faceoff.inference import hardware
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import reason
from faceoff.media.kinds import sample_kind
from faceoff.media.sound import RATE
from faceoff.plugins.speech_protocols import Segmenter, SpeechModel, Wave
from faceoff.progress import track
from faceoff.speech.at_frames import frame_rows
from faceoff.speech.segment_rows import segment_rows, wave_of
from faceoff.speech.sound_rows import sound_rows
from faceoff.speech.speech_rows import speech_rows, waves_of
from faceoff.statistics.arrays import Floats
from faceoff.storage import columns

Row = dict[str, Any]
STEP_S = 0.02  # of the loudness
_SILENT = {"success": 0, "state": columns.NO_SPEECH, "reason": "nobody speaks in this part"}


@dataclass(frozen=True)
class Voice:
    """Hold what was heard in one source.

    segmenter, model, trained: what listened; state: ok, no_speech (nobody speaks), unreadable (no
    sound) or error, `reason` says why, or what of the sound is damaged; start_s, duration_s: of the
    sound that was heard, on the clock of the frames.

    segments: a row per stretch of speech, as the workflow's table of speech has them, or one that
    says why there is none; frames: a row per frame, as its predictions have them (protocol §55);
    loudness: (n,) the greatest amplitude, 0–1, of each `STEP_S` from `start_s` on.
    """

    segmenter: str
    model: str
    trained: str | None
    state: str
    reason: str
    start_s: float
    duration_s: float
    segments: pa.Table
    frames: pa.Table
    loudness: Floats

    @property
    def emotions(self) -> tuple[str, ...]:
        """Return the emotions that the model can name."""
        return columns.classes_of(self.segments.schema)

    def spoken(self) -> list[Row]:
        """Return the stretches of speech, also those that the model could not read."""
        return [row for row in self.segments.to_pylist() if row["segment"] >= 0]

    def at_frames(self) -> Iterator[Row]:
        """Yield a dict per frame, a few of which are in memory."""
        for batch in self.frames.to_batches(max_chunksize=1024):
            yield from batch.to_pylist()

    def shares(self) -> tuple[float, dict[str, float]]:
        """Return the seconds of speech that were read, and the share of them under each emotion."""
        seconds: dict[str, float] = {}
        for row in self.spoken():
            if row["success"] and row["emotion"] is not None:
                told = seconds.get(row["emotion"], 0.0)
                seconds[row["emotion"]] = told + row["end_s"] - row["start_s"]
        whole = sum(seconds.values())
        ranked = sorted(seconds.items(), key=lambda item: -item[1])
        return whole, {name: own / whole for name, own in ranked if whole}


@dataclass
class _Sounds:
    """The sound of a source within a part of it, and what is noted as it goes by.

    Its parts are cut as the workflow cuts them, so that both give a segmenter the same sound.
    """

    name: str
    path: Path | None
    start_s: float
    end_s: float | None
    first_s: float = 0.0
    duration_s: float = 0.0
    notes: list[str] = field(default_factory=list)
    loudness: list[Floats] = field(default_factory=list)

    def rows(self) -> Iterator[Row]:
        """Yield the rows of the table of sounds that hold the part, at least the last one."""
        kind = "image" if self.path is None else sample_kind(self.path)
        left: Row | None = None
        for found in sound_rows(self.name, kind, lambda: self.path or Path()):
            row: Row = dict.fromkeys(columns.AUDIO.names) | found  # as a table has it
            if row["state"] == columns.OK:
                if self.end_s is not None and row["start_s"] > self.end_s:
                    break
                if row["start_s"] + row["duration_s"] < self.start_s:
                    left = row
                    continue
            left = None
            yield row
        if left is not None:
            yield left

    def noted(self) -> Iterator[Row]:
        """Yield the same rows, and note how long and how loud they are."""
        for row in self.rows():
            if row["reason"] and row["state"] == columns.OK:
                self.notes.append(row["reason"])
            if row["state"] == columns.OK:
                if not self.loudness:
                    self.first_s = row["start_s"]
                self.duration_s += row["duration_s"]
                self.loudness.append(_loudness(wave_of(row)))
            elif self.loudness:
                self.notes.append(row["reason"])
            yield row

    def inside(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Yield the segments that overlap the part, counted from 0, or a row that says why none."""
        number, none = 0, None
        end_s = inf if self.end_s is None else self.end_s
        for found in rows:
            row: Row = dict.fromkeys(columns.SEGMENTS.names) | found
            if row["segment"] < 0:
                none = row
            elif row["end_s"] > self.start_s and row["start_s"] < end_s:
                yield row | {"segment": number}
                number += 1
        if not number:
            silent = {"sample_id": self.name, "segment": -1, **_SILENT}
            yield none or dict.fromkeys(columns.SEGMENTS.names) | silent

    def loudness_inside(self) -> tuple[Floats, float]:
        """Return the loudness within the part, and when it begins."""
        whole = np.concatenate([np.empty(0), *self.loudness])
        end_s = self.first_s + len(whole) * STEP_S if self.end_s is None else self.end_s
        first = max(0, floor((self.start_s - self.first_s) / STEP_S))
        last = max(0, ceil((end_s - self.first_s) / STEP_S - 1e-9))
        return whole[first:last], self.first_s + first * STEP_S


def _loudness(wave: Wave) -> Floats:
    """Return the greatest amplitude of each `STEP_S` of a sound."""
    step = round(STEP_S * RATE)
    padded = np.zeros(ceil(len(wave) / step) * step)
    padded[: len(wave)] = np.abs(wave)
    found: Floats = padded.reshape(-1, step).max(axis=1)
    return found


class Listener:
    """Finds speech and reads it; its networks stay loaded."""

    def __init__(self, choice: Choice, segmenter: Segmenter, model: SpeechModel):
        self._choice, self._segmenter, self._model = choice, segmenter, model
        self._classes = order(model.emotions)

    def hear(
        self,
        name: str,
        path: Path | None,
        table: pa.Table,
        start_s: float = 0.0,
        end_s: float | None = None,
    ) -> Voice:
        """Return what is heard in a source; sound that cannot be heard has its state and reason.

        name, path: of the source, path None where it is no file; table: of its frames; start_s,
        end_s: the part that is heard. A segment that overlaps its edge counts whole.

        The sound is decoded twice, for the segmenter and for the model, so that no more than five
        minutes are held. Raises MachineError if the machine fails and not a sound.
        """
        sounds = _Sounds(name, path, start_s, end_s)
        try:
            rows = list(track(self._rows(sounds), f"voice of {name}"))
        except hardware.MachineError:
            raise
        except Exception as error:  # a plug-in that fails on the first sound that it hears
            failed = {"success": 0, "state": columns.ERROR, "reason": reason(error)}
            rows = [{"sample_id": name, "segment": -1, **failed}]
        segments = pa.Table.from_pylist(rows, columns.speech_schema(self._classes))
        read = [row for row in rows if row["success"]]
        loudness, since_s = sounds.loudness_inside()
        state, why = (
            (columns.OK, "; ".join(sounds.notes))
            if read
            else (rows[0]["state"], "; ".join(filter(None, [rows[0]["reason"], *sounds.notes])))
        )
        return Voice(
            segmenter=self._choice.segmenter.name,
            model=self._choice.model.name,
            trained=None if self._choice.trained is None else str(self._choice.trained),
            state=state,
            reason=why,
            start_s=since_s,
            duration_s=min(sounds.duration_s, len(loudness) * STEP_S),
            segments=segments,
            frames=self._at_frames(name, table, segments),
            loudness=loudness,
        )

    def _rows(self, sounds: _Sounds) -> Iterator[Row]:
        found = sounds.inside(segment_rows(sounds.noted(), self._segmenter, Clock()))
        pairs = waves_of(sounds.rows(), found)
        yield from speech_rows(pairs, self._model, self._classes, Clock())

    def _at_frames(self, name: str, table: pa.Table, segments: pa.Table) -> pa.Table:
        """Return what the voice says at each frame of a table of an analysis."""
        numbers, first = np.unique(values(table, "frame"), return_index=True)
        times = values(table, "timestamp")[first]
        frames = (
            {"sample_id": name, "frame": int(number), "timestamp_s": float(time_s)}
            for number, time_s in zip(numbers, times, strict=True)
        )
        rows = frame_rows(frames, iter(segments.to_pylist()), self._classes)
        return pa.Table.from_pylist(list(rows), columns.predictions_schema(self._classes))
