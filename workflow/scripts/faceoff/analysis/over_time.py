"""Read what is seen of each person by a rule over time, and cut it into episodes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from faceoff.analysis.calibration import posteriors
from faceoff.analysis.summary import keys, values, with_columns
from faceoff.emotions import SENTIMENT
from faceoff.statistics.arrays import Floats, Ints
from faceoff.temporal import rule_list
from faceoff.temporal.episodes import segments
from faceoff.temporal.rule import Setting, Steady, TemporalRule, steady
from faceoff.temporal.stretches import GAP_S


def usable(name: str) -> TemporalRule:
    """Return the rule of this name. Raises ValueError for one that learns from labelled clips."""
    rule = rule_list.get(name)
    if rule.learns:
        raise ValueError(
            f"the rule {name!r} learns from labelled clips, which a file of one's own has not; "
            "it is for the key `temporal` of a configuration"
        )
    return rule


def told(name: str | None) -> dict[str, Any] | None:
    """Return what the metadata say of a rule."""
    if name is None:
        return None
    rule = usable(name)
    return {"rule": name, "constants": dict(rule.default), "causal": rule.causal}


@dataclass(frozen=True)
class PersonOverTime:
    """A person in the frames from the first to shortly behind the last sight.

    rows: (n,) of the table, -1 in frames without the person; first: the place of the first of these
    frames among all; times: (n,) in seconds; steady: what the rule makes of it.
    """

    number: int
    person: str | None
    rows: Ints
    first: int
    times: Floats
    steady: Steady


def people(
    table: pa.Table, emotions: Sequence[str], name: str, temperature: float | None = None
) -> Iterator[PersonOverTime]:
    """Yield each person, in order of their numbers, as a rule of this name reads them.

    The person of a row is its identity, and in a lone picture its face. Rows that were not read
    count as not seen. temperature: by which the probabilities are calibrated before.
    """
    rule = usable(name)
    setting = Setting(rule.default, emotions.index("neutral") if "neutral" in emotions else None)
    frames, first = np.unique(values(table, "frame"), return_index=True)
    times = values(table, "timestamp")[first]
    chances = posteriors(table, emotions, temperature)
    read = np.flatnonzero(table["success"].to_numpy() == 1)
    owner = keys(table, "identity")[read]
    places = np.searchsorted(frames, values(table, "frame")[read])
    for number in np.unique(owner):
        own = owner == number
        start, last = int(places[own].min()), int(places[own].max())
        # One frame more than the state can outlive the face, so that its end is seen.
        end = min(len(frames), int(np.searchsorted(times, times[last] + GAP_S, "right")) + 1)
        rows = np.full(end - start, -1)
        rows[places[own] - start] = read[own]
        seen = chances[rows]
        seen[rows < 0] = np.nan
        span = times[start:end]
        whose = table["person"][int(read[own][0])].as_py()
        yield PersonOverTime(
            int(number), whose, rows, start, span, steady(rule, span, seen, setting)
        )


def with_states(
    table: pa.Table, emotions: Sequence[str], name: str, temperature: float | None = None
) -> pa.Table:
    """Return the table with the state of each face by a rule, and its smoothed probability."""
    state = np.full(len(table), -1)
    probability = np.full(len(table), np.nan)
    for person in people(table, emotions, name, temperature):
        known = (person.rows >= 0) & (person.steady.states >= 0)
        rows, states = person.rows[known], person.steady.states[known]
        state[rows] = states
        probability[rows] = person.steady.posteriors[known, states]
    silent = state < 0
    words = pa.array([*emotions, None], pa.string()).take(pa.array(state % (len(emotions) + 1)))
    steady_confidence = pa.array(probability, mask=silent)
    return with_columns(table, {"steady_emotion": words, "steady_confidence": steady_confidence})


def episodes(
    table: pa.Table, emotions: Sequence[str], name: str, temperature: float | None = None
) -> list[dict[str, Any]]:
    """Return the stretches of one state of each person, in order of their starts.

    start, apex and end are in seconds. The apex is the first frame at which the smoothed
    probability of the state is greatest, and `peak` that probability. An episode ends where the
    next one begins, or where the face has been away for longer than the rule keeps its state.
    """
    found: list[dict[str, Any]] = []
    for person in people(table, emotions, name, temperature):
        for part in segments(person.times, person.steady.states):
            if part.state < 0:
                continue
            course = person.steady.posteriors[part.first : part.last + 1, part.state]
            apex = part.first + int(course.argmax())
            emotion = emotions[part.state]
            found.append({
                "identity": person.number,
                "person": person.person,
                "emotion": emotion,
                "sentiment": SENTIMENT.get(emotion),
                "start": part.start_s,
                "apex": float(person.times[apex]),
                "end": part.end_s,
                "peak": float(course.max()),
            })  # fmt: skip
    return sorted(found, key=lambda episode: (episode["start"], episode["identity"]))


def moments(
    table: pa.Table,
    emotions: Sequence[str],
    name: str,
    number: int,
    parts: Sequence[Mapping[str, Any]],
    temperature: float | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield each moment of the timeline of one person as the rule reads it.

    number: of the person; parts: the episodes of everybody, as `episodes` returns them.
    """
    times = values(table, "timestamp")[np.unique(values(table, "frame"), return_index=True)[1]]
    person = next(one for one in people(table, emotions, name, temperature) if one.number == number)
    states, accuracy = np.full(len(times), -1), np.full(len(times), np.nan)
    own = slice(person.first, person.first + len(person.times))
    states[own] = person.steady.states
    known = np.flatnonzero(person.steady.states >= 0)
    accuracy[known + person.first] = person.steady.posteriors[known, person.steady.states[known]]
    places = [place for place, part in enumerate(parts) if part["identity"] == number]
    starts = np.array([parts[place]["start"] for place in places])
    # Episodes of one person do not overlap, and each moment with a state lies in one.
    at = np.searchsorted(starts, times, side="right") - 1
    for time_s, state, probability, episode in zip(
        times.tolist(), states.tolist(), accuracy.tolist(), at.tolist(), strict=True
    ):
        emotion = emotions[state] if state >= 0 else None
        yield {
            "timestamp": time_s,
            "accuracy": probability if emotion else None,
            "emotion": emotion,
            "sentiment": SENTIMENT.get(emotion) if emotion else None,
            "episode": places[episode] if emotion else None,
        }
