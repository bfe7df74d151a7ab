"""Read timelines of several channels, join them over time, and say what came out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceoff import emotions
from faceoff.analysis import over_time
from faceoff.emotions import SENTIMENT
from faceoff.fusion.posteriors import spelled_out
from faceoff.spelling import suggestion
from faceoff.statistics.arrays import Floats
from faceoff.storage import files
from faceoff.temporal import channels
from faceoff.temporal.channels import Channel
from faceoff.temporal.episodes import segments
from faceoff.temporal.rule import Setting, steady

MOST = 1_000_000  # moments of a joined timeline
LATEST_S = 1e8  # of a timestamp: three years
HOLD_S = 1.0  # how long a statement without an end holds, if no other follows
_KEYS = ("timestamp", "end", "accuracy", "emotion", "sentiment", "probabilities")


@dataclass(frozen=True)
class Statement:
    """Hold what a channel says from `start` on; end: None where it does not say until when.

    probabilities: of the emotions that are named; empty where nothing is seen or heard.
    """

    start: float
    end: float | None
    probabilities: Mapping[str, float]


def read(path: Path) -> list[Statement]:
    """Read a timeline: a JSON list of {timestamp, accuracy, emotion} as `faceoff analyze` writes.

    `end` says until when; `probabilities` may stand in the place of emotion and accuracy.
    `sentiment` and other keys are not read. Raises ValueError naming file, entry, key and cure.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: no JSON: {error}") from None
    if not isinstance(found, list):
        raise ValueError(
            f"{path}: expected a list of moments, as timeline.json has it; found a "
            f"{type(found).__name__}"
        )
    statements = [_statement(entry, f"{path}: entry {place}") for place, entry in enumerate(found)]
    return sorted(statements, key=lambda statement: statement.start)


def _statement(entry: Any, where: str) -> Statement:
    if not isinstance(entry, Mapping):
        raise ValueError(f"{where}: expected an object with {', '.join(_KEYS[:4])}")
    start = _number(entry, "timestamp", where)
    if start is None:
        raise ValueError(f"{where}: 'timestamp' is missing; give seconds from the start")
    end = _number(entry, "end", where)
    if end is not None and end < start:
        raise ValueError(f"{where}: 'end' {end:g} is before 'timestamp' {start:g}")
    given = entry.get("probabilities")
    if given is not None:
        if not isinstance(given, Mapping):
            raise ValueError(f"{where}: 'probabilities' maps emotions to numbers")
        shares = {_emotion(name, where): _share(given, name, where) for name in given}
        return Statement(start, end, shares)
    if entry.get("emotion") is None:
        return Statement(start, end, {})
    return Statement(
        start, end, {_emotion(entry["emotion"], where): _share(entry, "accuracy", where)}
    )


def _number(entry: Mapping[str, Any], key: str, where: str) -> float | None:
    value = entry.get(key)
    if value is None:
        return None
    number = not isinstance(value, bool) and isinstance(value, int | float)
    if not number or not abs(value) <= LATEST_S:  # NaN is not, either
        raise ValueError(f"{where}: {key!r} is {str(value)[:40]!r}; give a number")
    return float(value)


def _share(entry: Mapping[str, Any], key: str, where: str) -> float:
    value = _number(entry, key, where)
    if value is None or not 0 <= value <= 1:
        raise ValueError(f"{where}: {key!r} is {value!r}; give a share from 0 to 1")
    return value


def _emotion(name: Any, where: str) -> str:
    try:
        return emotions.canonical(str(name))
    except ValueError:
        known = sorted({*emotions.EMOTIONS, *emotions.SYNONYMS})
        near = suggestion(str(name), known)
        raise ValueError(f"{where}: no emotion {str(name)[:40]!r}{near}") from None


def channel(name: str, statements: Sequence[Statement], space: Sequence[str]) -> Channel:
    """Return statements as a channel over these classes.

    What a statement leaves open is spread evenly over the classes that it does not name. Without an
    end it holds until the next one, for `HOLD_S` at most. Where statements overlap, their mean
    holds.
    """
    starts = np.array([statement.start for statement in statements])
    following = np.append(starts, np.inf)[1:]
    ends = np.array([
        min(follows, statement.start + HOLD_S) if statement.end is None else statement.end
        for statement, follows in zip(statements, following, strict=True)
    ])  # fmt: skip
    rows = [spelled_out(statement.probabilities, space) for statement in statements]
    return Channel(name, starts, ends, np.array(rows).reshape(len(rows), len(space))).apart()


def join(
    timelines: Mapping[str, Sequence[Statement]],
    weights: Sequence[float] | None = None,
    *,
    how: str = "vote",
    rule: str | None = None,
    step_s: float | None = None,
) -> dict[str, Any]:
    """Return the channels joined over time as a document.

    Parameters
    ----------
    timelines
        Channel -> its statements, in order.
    weights
        Of the channels, positive; None: all alike.
    how
        vote (weighted mean) or product (weighted geometric mean, protocol §55).
    rule
        A rule over time that makes states of the joined posteriors, None for their maximum.
    step_s
        Seconds between two moments; None: every time at which a statement begins or ends.

    Raises
    ------
    ValueError
        For fewer than two channels, unknown names, or other weights.
    """
    if len(timelines) < 2:
        raise ValueError("give two timelines or more: a channel is joined with another one")
    shares = [1.0] * len(timelines) if weights is None else [float(share) for share in weights]
    if len(shares) != len(timelines) or not all(0 < share < np.inf for share in shares):
        raise ValueError(f"give {len(timelines)} weights above 0, one for each timeline")
    if how not in channels.JOINS:
        raise ValueError(f"no way to join {how!r}; valid: {', '.join(channels.JOINS)}")
    named = {name for said in timelines.values() for one in said for name in one.probabilities}
    space = emotions.order(named | set(emotions.EMOTIONS))
    aligned = [channel(name, said, space) for name, said in timelines.items()]
    times = _times(aligned, step_s)
    said_of = [one.at(times) if step_s is None else one.over(times, step_s) for one in aligned]
    joined = channels.JOINS[how](said_of, shares)
    states, posteriors = _states(times, joined, space, rule)
    timeline = [
        {
            "timestamp": float(time),
            "emotion": space[state] if state >= 0 else None,
            "accuracy": float(row[state]) if state >= 0 else None,
            "sentiment": SENTIMENT.get(space[state]) if state >= 0 else None,
            "channels": {
                one.name: None if np.isnan(said[place]).any() else space[int(said[place].argmax())]
                for one, said in zip(aligned, said_of, strict=True)
            },
        }
        for place, (time, state, row) in enumerate(
            zip(times.tolist(), states.tolist(), posteriors, strict=True)
        )
    ]
    return {
        "channels": [
            {"name": one.name, "weight": share, "statements": len(one.starts)}
            for one, share in zip(aligned, shares, strict=True)
        ],
        "join": how,
        "temporal": over_time.told(rule),
        "emotions": list(space),
        "timeline": timeline,
        "episodes": [
            {"emotion": space[part.state], "start": part.start_s, "end": part.end_s}
            for part in segments(times, states)
            if part.state >= 0
        ],
        "synchrony": [
            {
                "channel": other.name,
                "against": aligned[0].name,
                "curve": [
                    {"shift_s": shift, "agreement": agreement}
                    for shift, agreement in channels.synchrony(aligned[0], other, times)
                ],
            }
            for other in aligned[1:]
        ],
    }


def _times(aligned: Sequence[Channel], step_s: float | None) -> Floats:
    """Return the moments of the joined timeline."""
    edges = np.unique(np.concatenate([[*one.starts, *one.ends] for one in aligned]))
    if step_s is None or not len(edges):
        return edges
    if not 0 < step_s < np.inf:
        raise ValueError("the step is a time in seconds above 0")
    moments = (edges[-1] - edges[0]) / step_s
    if moments > MOST:
        raise ValueError(
            f"a step of {step_s:g} s makes {moments:.3g} moments of {edges[-1] - edges[0]:g} s; "
            f"{MOST:,} are possible"
        )
    return np.arange(edges[0], edges[-1], step_s)


def _states(
    times: Floats, joined: Floats, space: Sequence[str], rule: str | None
) -> tuple[np.ndarray[Any, Any], Floats]:
    there = ~np.isnan(joined).any(axis=1)
    if rule is not None:
        told = over_time.usable(rule)
        neutral = space.index("neutral")
        found = steady(told, times, joined, Setting(told.default, neutral))
        # A statement says itself until when it holds, so no state outlives it.
        return np.where(there, found.states, -1), found.posteriors
    return np.where(there, np.nan_to_num(joined).argmax(axis=1), -1), joined


def names_of(paths: Sequence[Path]) -> list[str]:
    """Return a name for each file: its stem, else the end of its path that tells it apart."""
    stems = [path.stem for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    folders = [f"{path.parent.name}/{path.stem}" for path in paths]
    return folders if len(set(folders)) == len(folders) else [str(path) for path in paths]


def write(document: Mapping[str, Any], output: Path) -> None:
    """Write the document of `join` as JSON."""
    files.write_json(output, document)
