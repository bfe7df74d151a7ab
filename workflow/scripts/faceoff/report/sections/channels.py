"""Section: face and voice of the same clips: who is right, and whether both run in step."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from faceoff.report.part import NAME, REASON, Part, View
from faceoff.results import words
from faceoff.results.dataset_results import accuracy_of, interval, name_of, scored, shorten
from faceoff.scoring.records import Score
from faceoff.scoring.synchrony import named, warnings
from faceoff.storage import columns

ANCHOR, TITLE, NAV = "channels", "What do face and voice add to each other?", "Channels"
CHANNELS = ("face", "voice", "both")
_MOST = 24  # pairs of a face and a voice that are shown
_GROUPS = 12  # of clips, whose lag is shown


def view(part: Part) -> View | None:
    """Return each pair of a face and a voice, the fusions of both, what each says of frames on
    which somebody speaks and on which nobody does, and how lips and sound agree.

    None where there is none of it.
    """
    accuracy = {name_of(score): accuracy_of(score) for score in part.dataset.cells if scored(score)}
    pairs = [
        row
        for pair in part.dataset.compared.get("pairs") or ()
        if (row := _pair(pair, accuracy, part.voices)) is not None
    ]
    if not (pairs or part.synchrony):
        return None
    pairs.sort(key=lambda row: (row["neither"], row["face"], row["voice"]))
    return {
        "pairs": pairs[:_MOST],
        "left_out": max(0, len(pairs) - _MOST),
        "joined": [
            row
            for score in part.dataset.ranked
            if score["kind"] == "fusion" and (row := _joined(score, accuracy, part.voices))
        ],
        "speaking": _speaking(part) if pairs else [],
        "steps": [_step(found) for found in part.synchrony],
        "files": part.links("synchrony") if part.synchrony else [],
    }


def _speaking(part: Part) -> list[View]:
    """Return the accuracy on talking and on silent frames of each cell and fusion, faces first.

    Empty where the run has no rule over time, or the dataset does not say who speaks.
    """
    members = {name_of(score): score.get("members") or () for score in part.dataset.ranked}
    rows = []
    for pipe in (part.over_time or {}).get("pipelines", ()):
        scores = pipe["scores"] or {}
        if pipe["of"] is not None or scores.get("talking_accuracy") is None:
            continue
        read = {
            _is_voice(name, part.voices) for name in members.get(pipe["name"]) or [pipe["name"]]
        }
        talking, silent = scores["talking_accuracy"], scores["silent_accuracy"]
        rows.append(
            {
                "title": shorten(words.label_short(pipe["name"]), NAME),
                "channel": "both" if len(read) > 1 else "voice" if True in read else "face",
                "talking": talking,
                "silent": silent,
                "difference": None if silent is None else talking - silent,
            }
        )
    return sorted(rows, key=lambda row: (CHANNELS.index(row["channel"]), row["title"]))


def _step(found: Mapping[str, Any]) -> View:
    """Return whether lips and sound run in step by one signal: of all clips, of groups off 0."""
    parts = found["parts"]
    off = [part for part in parts[1:] if part["off"]]
    shown = [*parts[:1], *off[:_GROUPS]]
    clips = Counter(clip["state"] for clip in found["clips"])
    return {
        "signal": shorten(f"{found['detector']} × {found['signal']}", NAME),
        "reason": shorten(found["reason"], REASON) if found["reason"] else None,
        "rows": [_peak(part) for part in shown],
        "more": max(0, len(off) - _GROUPS),
        "warnings": [shorten(said, REASON) for said in warnings(shown)],
        "silent": bool(parts) and not parts[0]["significant"],
        "clips": sum(clips.values()),
        "measured": clips[columns.OK],
        "peaks": sum(bool(clip.get("significant")) for clip in found["clips"]),
        "left_out": [
            {"count": count, "reason": shorten(reason, REASON)}
            for reason, count in Counter(
                clip["reason"] for clip in found["clips"] if clip["state"] != columns.OK
            ).most_common(_GROUPS)
        ],
    }


def _peak(part: Mapping[str, Any]) -> View:
    low, high = part["peak_interval"]
    return {
        "name": shorten(named(part), NAME),
        "measured": part["measured"],
        "lag": f"{part['peak_s']:+.2f}",
        "span": "–" if low is None else f"{low:+.2f} to {high:+.2f}",
        "height": part["height"],
        "p": part["p"],
        "off": part["off"],
    }


def _is_voice(cell: str, voices: frozenset[str]) -> bool:
    return cell.partition("/")[0] in voices


def _pair(
    pair: Mapping[str, Any], accuracy: Mapping[str, float], voices: frozenset[str]
) -> View | None:
    """Return the shares of samples that both, one or none of a face and a voice read right.

    None for two cells of one channel, or where their correctness is unknown.
    """
    a, b = pair["a"], pair["b"]
    if _is_voice(a, voices) == _is_voice(b, voices) or pair["disagreement"] is None:
        return None
    face, voice = (b, a) if _is_voice(a, voices) else (a, b)
    if face not in accuracy or voice not in accuracy:
        return None
    neither = pair["double_fault"]
    both = max(0.0, 1 - pair["disagreement"] - neither)
    return {
        "face": shorten(words.label_short(face), NAME),
        "voice": shorten(words.label_short(voice), NAME),
        "both": both,
        "only_face": max(0.0, accuracy[face] - both),
        "only_voice": max(0.0, accuracy[voice] - both),
        "neither": neither,
        "same": pair["agreement"],
        "q": pair["q"],
    }


def _joined(score: Score, accuracy: Mapping[str, float], voices: frozenset[str]) -> View | None:
    """Return a fusion of both channels beside the best of its members in each; None for others."""
    members: Sequence[str] = [name for name in score.get("members") or () if name in accuracy]
    faces = [accuracy[name] for name in members if not _is_voice(name, voices)]
    heard = [accuracy[name] for name in members if _is_voice(name, voices)]
    if not (faces and heard):
        return None
    low, high = interval(score, "accuracy")
    return {
        "title": words.title_of(score),
        "face": max(faces),
        "voice": max(heard),
        "value": accuracy_of(score),
        "low": low,
        "high": high,
    }
