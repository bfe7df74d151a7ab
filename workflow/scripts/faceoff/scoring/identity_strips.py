"""Tell when each person of a clip is seen, and on whom each identity lies, as spans of time."""

from collections.abc import Hashable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from faceoff.scoring.clip_tracks import FollowedClip
from faceoff.statistics.arrays import Floats
from faceoff.temporal.episodes import borders


def most_telling(clips: Sequence[FollowedClip], count: int) -> list[FollowedClip]:
    """Return at most ``count`` clips that show most: many people and returns, and many kinds.

    The truth alone decides, so that all detectors show the same clips. Of each kind there is one
    before any has two; ties go to the earlier clip.
    """
    ordered = sorted(clips, key=lambda clip: -clip.interest)
    turn: dict[str | None, int] = {}
    turns = []
    for clip in ordered:
        turn[clip.kind] = turn.get(clip.kind, 0) + 1
        turns.append(turn[clip.kind])
    places = sorted(range(len(ordered)), key=lambda place: turns[place])
    return [ordered[place] for place in places[:count]]


def strip(clip: FollowedClip) -> dict[str, Any]:
    """Return the spans of a clip, in seconds.

    `people`: of each true person the spans [start, end] in which the face is seen; `identities`: of
    each identity [start, end, person], where person is -1 for a face on nobody.
    """
    ends = borders(clip.seconds)
    people = [
        {
            "name": name,
            "spans": [span[:2] for span in _spans(ends, _sights(clip, number))],
        }
        for number, name in enumerate(clip.people)
    ]
    found = sorted({int(number) for numbers in clip.identities for number in numbers})
    identities = [
        {"identity": number, "spans": list(_spans(ends, _followed(clip, number)))}
        for number in found
    ]
    return {
        "sample_id": clip.sample_id,
        "kind": clip.kind,
        "start": round(float(ends[0]), 3),
        "end": round(float(ends[-1]), 3),
        "people": people,
        "identities": identities,
    }


def _sights(clip: FollowedClip, person: int) -> list[int | None]:
    return [person if person in frame.truth else None for frame in clip.frames]


def _followed(clip: FollowedClip, identity: int) -> list[int | None]:
    """Return the person on whom an identity lies in each frame, None where it is not there."""
    places = [np.flatnonzero(numbers == identity) for numbers in clip.identities]
    return [
        int(on[place[0]]) if len(place) else None for on, place in zip(clip.on, places, strict=True)
    ]


def _spans(ends: Floats, values: Sequence[Hashable | None]) -> Iterator[list[Any]]:
    """Yield [start, end, value] of each run of one value; None is a gap."""
    for value, run in groupby(enumerate(values), key=lambda item: item[1]):
        places = [place for place, _ in run]
        if value is not None:
            start, end = ends[places[0]], ends[places[-1] + 1]
            yield [round(float(start), 3), round(float(end), 3), value]
