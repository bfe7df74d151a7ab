"""Cast and stage clips of people who talk: who says what, how it looks and how it sounds.

`plan` says what happens and needs nothing but Python; `staged` lets espeak-ng speak, and so knows
when. Identifier, seed and version of espeak-ng determine everything about a clip.

Kinds: ``congruent`` has one person whose face and voice show the same emotion, ``contradicting``
one whose voice shows another; ``changing`` three emotions in a row, each in face and voice, a part
of them with a lag; ``turns`` two people who speak one after the other, each in an own emotion;
``lagging`` is congruent, but its sound comes too late or too early; ``noisy`` is congruent with
noise over it; in ``silent`` nobody speaks, and ``mute`` has no sound track at all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import cycle

from faceoff.drawing import identities
from faceoff.drawing.motion import Act
from faceoff.drawing.roles import Clip, Role
from faceoff.drawing.seeds import stream, within
from faceoff.drawing.voice import Spoken, lips, prosody, speak, voices
from faceoff.emotions import EMOTIONS

# 24 clips have each kind as often as it stands here. Clips are dealt out in this order.
_DEAL = (
    *("congruent", "contradicting", "changing", "congruent", "turns", "noisy", "congruent"),
    *("lagging", "contradicting", "congruent", "changing", "silent", "congruent", "noisy"),
    *("contradicting", "congruent", "turns", "lagging", "congruent", "changing", "mute"),
    *("contradicting", "congruent", "noisy"),
)
KINDS = tuple(dict.fromkeys(_DEAL))


@dataclass(frozen=True)
class Form:
    """Say how a clip is drawn: (w, h) in px; a still head is drawn once per mouth."""

    size: tuple[int, int]
    fps: int
    still: bool


FORMS = {"small": Form((160, 120), 12, True), "full": Form((320, 240), 25, False)}
LAGS_S = (0.3, -0.2)  # of the sound behind the picture
NOISES = ("white", "babble")
SNRS_DB = (20, 10, 5, 0)

# The first two are RAVDESS's. None has an emotion in its words.
SENTENCES = (
    "Kids are talking by the door.",
    "Dogs are sitting by the door.",
    "The shop on the corner is open.",
    "A blue cup is on the table.",
    "We came home by the same road.",
    "There is bread for the morning.",
)
SHORT = ("It is on the table.", "They are by the door.", "We go there today.", "He has a blue one.")
_BEFORE_S, _AFTER_S = 0.55, 0.5  # longer than any lag
_RISE_S = 1 / 6  # of an expression, whole frames of a small clip; two fit between sentences
_GRID_HZ = 12  # lines begin with a frame of a small clip, so that fewer faces have to be drawn
_STILL_S = 1.7  # how long a silent expression lasts


@dataclass(frozen=True)
class Line:
    """One thing that somebody does: say a text, or (None) show a face in silence."""

    speaker: str
    face: str
    voice: str | None
    text: str | None


@dataclass(frozen=True)
class Talk:
    """One clip before anybody has spoken.

    people: the largest first. lag_s: by how much the sound comes later than the picture. track:
    whether the file has a sound track.
    """

    sample_id: str
    split: str
    kind: str
    seed: int
    size: str
    people: tuple[str, ...]
    lines: tuple[Line, ...]
    lag_s: float = 0.0
    noise: str | None = None
    snr_db: int | None = None
    track: bool = True

    @property
    def face(self) -> str | None:
        """Return the emotion of the largest face; None if several follow each other."""
        return _only({line.face for line in self.lines if line.speaker == self.people[0]})

    @property
    def voice(self) -> str | None:
        """Return the emotion that is heard; None where nobody is heard, or more than one."""
        return _only({line.voice for line in self.heard})

    @property
    def heard(self) -> tuple[Line, ...]:
        """Return the lines that are in the file's sound."""
        return tuple(line for line in self.lines if line.text is not None and self.track)


def _only(values: set[str | None]) -> str | None:
    return values.pop() if len(values) == 1 else None


@dataclass(frozen=True)
class Said:
    """A line and when it is said, in seconds of the picture; spoken: None for a silent one."""

    line: Line
    start_s: float
    end_s: float
    spoken: Spoken | None


@dataclass(frozen=True)
class Staged:
    """A clip whose times are known."""

    clip: Clip
    said: tuple[Said, ...]


def plan(
    split: str,
    number: int,
    seed: int = 0,
    kinds: Sequence[str] = KINDS,
    people: int | None = None,
    size: str = "small",
) -> list[Talk]:
    """Return ``number`` clips of a split, which share the kinds in proportion.

    Within a kind emotions and people are taken in turn. people: take only so many of the split. A
    clip of one name is the same whatever the number and the kinds are.
    """
    who = identities.names(split)[:people]
    counts = dict.fromkeys(KINDS, 0)
    planned: list[Talk] = []
    for kind in cycle(kind for kind in _DEAL if kind in kinds):
        if len(planned) == number:
            break
        k = counts[kind]
        counts[kind] += 1
        lead = who[(k + k // len(EMOTIONS) + 3 * KINDS.index(kind)) % len(who)]
        talk = Talk(f"{split}-{kind}-{k:03d}", split, kind, seed, size, (lead,), ())
        planned.append(_CASTS[kind](talk, k, who))
    return planned


def _line(k: int, speaker: str, voice: str | None = None) -> Line:
    """Return the k-th line of a kind: its emotion is the k-th, and that of the voice by default."""
    emotion = EMOTIONS[k % len(EMOTIONS)]
    text = SENTENCES[(k + k // len(EMOTIONS)) % len(SENTENCES)]
    return Line(speaker, emotion, voice or emotion, text)


def _congruent(talk: Talk, k: int, who: Sequence[str]) -> Talk:
    return replace(talk, lines=(_line(k, talk.people[0]),))


def _contradicting(talk: Talk, k: int, who: Sequence[str]) -> Talk:
    other = EMOTIONS[(k + 1 + (3 * k + k // len(EMOTIONS)) % (len(EMOTIONS) - 1)) % len(EMOTIONS)]
    return replace(talk, lines=(_line(k, talk.people[0], other),))


def _changing(talk: Talk, k: int, who: Sequence[str]) -> Talk:
    rng = stream("talk", talk.seed, talk.sample_id)
    emotions = [EMOTIONS[place] for place in rng.permutation(len(EMOTIONS))[:3]]
    texts = [SHORT[place] for place in rng.permutation(len(SHORT))[:3]]
    lines = (Line(talk.people[0], e, e, text) for e, text in zip(emotions, texts, strict=True))
    return replace(talk, lines=tuple(lines), lag_s=(0.0, *LAGS_S)[k % 3])


def _turns(talk: Talk, k: int, who: Sequence[str]) -> Talk:
    rng = stream("talk", talk.seed, talk.sample_id)
    lead = talk.people[0]
    second = str(rng.choice([name for name in who if name != lead]))
    lines = [_line(k, lead), _line(k + 1 + int(rng.integers(len(EMOTIONS) - 1)), second)]
    return replace(talk, people=(lead, second), lines=tuple(lines[:: -1 if k % 2 else 1]))


def _lagging(talk: Talk, k: int, who: Sequence[str]) -> Talk:
    return replace(_congruent(talk, k, who), lag_s=LAGS_S[k % len(LAGS_S)])


def _noisy(talk: Talk, k: int, who: Sequence[str]) -> Talk:
    snr = SNRS_DB[k // len(NOISES) % len(SNRS_DB)]
    return replace(_congruent(talk, k, who), noise=NOISES[k % len(NOISES)], snr_db=snr)


def _silent(talk: Talk, k: int, who: Sequence[str]) -> Talk:
    emotion = EMOTIONS[(k + 1) % len(EMOTIONS)]
    return replace(talk, lines=(Line(talk.people[0], emotion, None, None),))


def _mute(talk: Talk, k: int, who: Sequence[str]) -> Talk:
    return replace(_congruent(talk, k + 2, who), track=False)


_CASTS: dict[str, Callable[[Talk, int, Sequence[str]], Talk]] = {
    "congruent": _congruent,
    "contradicting": _contradicting,
    "changing": _changing,
    "turns": _turns,
    "lagging": _lagging,
    "noisy": _noisy,
    "silent": _silent,
    "mute": _mute,
}


@lru_cache(maxsize=64)
def staged(talk: Talk) -> Staged:
    """Return a clip with its times: the lines are spoken one after the other.

    An expression is at its apex while its line is said. Raises OSError without espeak-ng.
    """
    rng, form = stream("stage", talk.seed, talk.sample_id), FORMS[talk.size]
    said: list[Said] = []
    t = _BEFORE_S + within(0, 0.1, rng)
    for line in talk.lines:
        spoken, length = None, _STILL_S
        if line.text is not None and line.voice is not None:
            voice = voices(talk.split)[line.speaker]
            spoken = speak(line.text, voice, prosody(line.voice, rng))
            length = spoken.duration_s
        start = round(t * _GRID_HZ) / _GRID_HZ
        said.append(Said(line, round(start, 4), round(start + length, 4), spoken))
        t = start + length + within(2.3 * _RISE_S, 3 * _RISE_S, rng)
    duration = round((said[-1].end_s + _AFTER_S) * form.fps) / form.fps
    cast = tuple(
        _role(name, [each for each in said if each.line.speaker == name]) for name in talk.people
    )
    clip = Clip(
        talk.sample_id,
        talk.split,
        talk.kind,
        talk.seed,
        duration,
        cast,
        size=form.size,
        fps=form.fps,
        still=form.still,
    )
    return Staged(clip, tuple(said))


def _role(name: str, said: Sequence[Said]) -> Role:
    """Return the part of one person, whose face is neutral but for the person's own lines."""
    acts = tuple(
        Act(
            each.line.face,
            "apex",
            each.start_s - _RISE_S,
            each.start_s,
            each.end_s,
            each.end_s + _RISE_S,
        )
        for each in said
    )
    aloud = [(each, each.spoken) for each in said if each.spoken is not None]
    return Role(
        name,
        acts,
        speaks=tuple((each.start_s, each.end_s) for each, _ in aloud),
        phonemes=tuple(p for each, spoken in aloud for p in lips(spoken, each.start_s)),
    )
