"""Section: face and voice of the same clips: who is right where the other is not."""

from collections.abc import Mapping, Sequence
from typing import Any

from faceoff.report.part import NAME, Part, View
from faceoff.results import words
from faceoff.results.dataset_results import accuracy_of, interval, name_of, scored, shorten
from faceoff.scoring.records import Score

ANCHOR, TITLE, NAV = "channels", "What do face and voice add to each other?", "Channels"
_MOST = 24  # pairs of a face and a voice that are shown


def view(part: Part) -> View | None:
    """Return each pair of a face and a voice, and the fusions of both; None without both."""
    accuracy = {name_of(score): accuracy_of(score) for score in part.dataset.cells if scored(score)}
    pairs = [
        row
        for pair in part.dataset.compared.get("pairs") or ()
        if (row := _pair(pair, accuracy, part.voices)) is not None
    ]
    if not pairs:
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
