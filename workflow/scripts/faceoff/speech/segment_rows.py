"""Turn the speech that a segmenter finds into the rows of the table of segments."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import call_with_row_fallback, reason
from faceoff.media.sound import PART_S, samples_of
from faceoff.plugins.speech_protocols import KnownSegments, Segmenter, Span, Wave
from faceoff.storage import columns

Row = dict[str, Any]
_SILENT = {"state": columns.NO_SPEECH, "reason": "nobody speaks"}


def segment_rows(
    sounds: Iterator[Row], segmenter: Segmenter | KnownSegments, clock: Clock
) -> Iterator[Row]:
    """Yield the rows of every clip: one per segment, or one that says why there is none.

    sounds: rows of the table of sounds; the parts of a clip follow on one another.
    """
    found = _found(sounds, segmenter, clock)
    for sample, parts in groupby(found, key=lambda part: part[0]["sample_id"]):
        number, none = 0, None
        for sound, result in parts:
            for row in _rows(sound, result):
                if row["success"]:
                    yield {"sample_id": sample, "segment": number, **row}
                    number += 1
                elif none is None:
                    none = row
        if not number and none is not None:
            yield {"sample_id": sample, "segment": -1, **none}


def _found(
    sounds: Iterator[Row], segmenter: Segmenter | KnownSegments, clock: Clock
) -> Iterator[tuple[Row, Sequence[Span] | Exception | None]]:
    """Yield each row with the stretches of speech in it; None where there is no sound."""

    def ask(heard: list[Row]) -> list[Sequence[Span]]:
        if isinstance(segmenter, KnownSegments):
            return [segmenter.known(sound) for sound in heard]
        return [segmenter.segment(wave_of(sound)) for sound in heard]

    for batch in batches(sounds, lambda row: row["duration_s"] or 0.0, PART_S):
        heard = [sound for sound in batch if sound["state"] == columns.OK]
        results = iter(call_with_row_fallback(ask, heard, clock))
        for sound in batch:
            yield sound, next(results) if sound["state"] == columns.OK else None


def _rows(sound: Row, result: Sequence[Span] | Exception | None) -> Iterator[Row]:
    """Yield what the rows say of a part of a clip, without numbers."""
    if result is None:
        yield {"success": 0, "state": sound["state"], "reason": sound["reason"]}
        return
    if isinstance(result, Exception):
        yield {"success": 0, "state": columns.ERROR, "reason": reason(result)}
        return
    for span in result:
        yield {
            "start_s": sound["start_s"] + span.start_s,
            "end_s": sound["start_s"] + span.end_s,
            "speaker": span.speaker,
            "score": span.score,
            "success": 1,
            "state": columns.OK,
        }
    if not result:
        yield {"success": 0, **_SILENT}


def wave_of(sound: Mapping[str, Any]) -> Wave:
    """Return the samples of a row of the table of sounds."""
    return samples_of(sound["audio"]["bytes"])


def batches(
    items: Iterator[Any], cost: Callable[[Any], float], most: float, count: int = 64
) -> Iterator[list[Any]]:
    """Yield lists of at most `count` items whose costs add up to at most `most`.

    An item that costs more comes alone.
    """
    batch: list[Any] = []
    total = 0.0
    for item in items:
        own = cost(item)
        if batch and (total + own > most or len(batch) >= count):
            yield batch
            batch, total = [], 0.0
        batch.append(item)
        total += own
    if batch:
        yield batch
