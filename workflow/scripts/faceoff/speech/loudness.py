"""Read how loud the sound of each clip is over time."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np

from faceoff.media.sound import RATE, samples_of
from faceoff.speech.levels import HOP, levels
from faceoff.storage import columns
from faceoff.temporal.lag_curve import Course, of_sound

_SILENT = (columns.NO_SPEECH, "the sound is silent")


def loudness(
    rows: Iterable[Mapping[str, Any]],
) -> Iterator[tuple[str, Course | None, tuple[str, str] | None]]:
    """Yield of each clip its name and its loudness, or None with (state, reason).

    rows: of the table of sound. Parts of a long clip are read one by one; of a clip that breaks
    off, what came before counts.
    """
    for name, parts in groupby(rows, itemgetter("sample_id")):
        times, found = [np.empty(0)], [np.empty(0)]
        missing = _SILENT
        for part in parts:
            if part["state"] != columns.OK:
                missing = part["state"], part["reason"]
                continue
            level = levels(samples_of(part["audio"]["bytes"]))
            found.append(level)
            times.append(part["start_s"] + HOP / RATE * (np.arange(len(level)) + 0.5))
        course = of_sound(np.concatenate(times), np.concatenate(found))
        yield (name, course, None) if len(course.values) else (name, None, missing)
