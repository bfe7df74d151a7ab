"""Let a speech model read segments, in batches, and put what it says into their rows."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from faceoff.inference import torch_devices
from faceoff.inference.clock import Clock
from faceoff.inference.prediction_rows import filled, prediction_rows
from faceoff.media.sound import RATE
from faceoff.plugins.speech_protocols import SpeechModel, Wave
from faceoff.speech.segment_rows import batches, wave_of
from faceoff.storage import columns, parquet

Row = dict[str, Any]
BATCH, MOST_S = 32, 120.0  # segments, and seconds of sound, that are read together
# Columns of a row that come from the segment.
_OF_SEGMENT = ("sample_id", "segment", "start_s", "end_s", "speaker", "success", "state", "reason")
_UNHEARD = (columns.NO_SPEECH, "too short or too silent for the model")


class LostSegmentError(ValueError):
    """A segment lies in no part of its clip's sound."""


def segment_waves(audio: Path, segments: Path) -> Iterator[tuple[Row, Wave | None]]:
    """Yield what `waves_of` yields of the tables in these files.

    Raises LostSegmentError for a segment that lies in no part of its clip's sound.
    """
    sounds = parquet.rows(audio, ["sample_id", "start_s", "duration_s", "state", "audio"])
    try:
        yield from waves_of(sounds, parquet.rows(segments))
    except LostSegmentError as error:
        raise LostSegmentError(f"{segments}: {error} of {audio}; make both again") from None


def waves_of(sounds: Iterator[Row], segments: Iterator[Row]) -> Iterator[tuple[Row, Wave | None]]:
    """Yield each row of the table of segments with its sound; None for a row without a segment.

    sounds: rows of the table of sounds. Both are in the order of the samples; no more than one part
    of a clip is held.

    Raises LostSegmentError for a segment that lies in no part of its clip's sound.
    """
    sound, wave = next(sounds, None), None
    for row in segments:
        if not row["success"]:
            yield row, None
            continue
        while sound is not None and not _holds(sound, row):
            sound, wave = next(sounds, None), None
        if sound is None:
            raise LostSegmentError(
                f"segment {row['segment']} of {row['sample_id']!r} lies in no sound"
            )
        wave = wave_of(sound) if wave is None else wave
        first, last = (
            round((row[name] - sound["start_s"]) * RATE) for name in ("start_s", "end_s")
        )
        yield row, wave[max(0, first) : last]


def _holds(sound: Row, segment: Row) -> bool:
    """Return whether a segment begins in a part of a clip's sound."""
    if sound["sample_id"] != segment["sample_id"] or sound["state"] != columns.OK:
        return False
    begun = segment["start_s"] - sound["start_s"]
    return begun >= -0.5 / RATE and begun < float(sound["duration_s"])


def speech_rows(
    pairs: Iterator[tuple[Row, Wave | None]],
    model: SpeechModel,
    classes: Sequence[str],
    clock: Clock,
) -> Iterator[Row]:
    """Yield a row for each pair of `segment_waves`, with what the model says of its sound."""

    def read(waves: list[Wave]) -> list[Row]:
        with torch_devices.autocast():
            prediction = model.hear(waves)
        return prediction_rows(prediction, model.emotions, classes, _UNHEARD)

    for batch in batches(pairs, lambda pair: _seconds(pair[1]), MOST_S, BATCH):
        results = iter(filled(read, [wave for _, wave in batch if wave is not None], clock))
        for row, wave in batch:
            said = {} if wave is None else next(results)
            yield {name: row[name] for name in _OF_SEGMENT} | said


def _seconds(wave: Wave | None) -> float:
    return 0.0 if wave is None else len(wave) / RATE
