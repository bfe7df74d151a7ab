"""Cast a clip of each kind: what happens in it, and to whom.

Kinds: ``single`` goes from neutral over onset, apex and offset back to neutral, in one emotion;
``several`` shows three emotions in a row; ``two`` has two people with different emotions; in
``leaving`` the person leaves the picture at the apex and returns.

More kinds, for tracks and mouths: in ``crossing`` two people walk to each other's place, the nearer
one in front of the other; ``cut`` has two scenes with one person each; in ``returning`` the person
is out of sight for about 2 s, and in every second clip another one comes meanwhile; ``narrative``
goes from anger to neutral and back within 15 s and speaks in between; in ``talking`` the mouth
speaks and is silent while an emotion is held.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from faceoff.drawing.motion import Absence, Act, act
from faceoff.drawing.roles import FPS, Clip, Role
from faceoff.drawing.seeds import within
from faceoff.emotions import EMOTIONS

KINDS = ("single", "several", "two", "leaving")  # of a dataset that names no kinds
ALL_KINDS = (*KINDS, "crossing", "cut", "returning", "narrative", "talking")
_ASIDE = 0.2  # how far the second scene's person stands from the middle, as a share of the width


@dataclass(frozen=True)
class Lead:
    """Who plays the first role, in which emotion, how strong; number: of the clip in its kind."""

    name: str
    emotion: str
    intensity: str
    number: int


def story(clip: Clip, lead: Lead, people: Sequence[str], rng: np.random.Generator) -> Clip:
    """Return the clip with its cast, as its kind asks. people: of whom others are chosen."""
    return _STORIES[clip.kind](clip, lead, people, rng)


def _single(clip: Clip, lead: Lead, people: Sequence[str], rng: np.random.Generator) -> Clip:
    return replace(clip, cast=(_lead(lead, (0.1, 2.5), rng),))


def _several(clip: Clip, lead: Lead, people: Sequence[str], rng: np.random.Generator) -> Clip:
    shown = rng.permutation(EMOTIONS[1:])[:3].tolist()
    acts = tuple(act(other, "apex", (1.1 * i, 1.1 * (i + 1)), rng) for i, other in enumerate(shown))
    return replace(clip, duration_s=3.4, cast=(Role(lead.name, acts),))


def _two(clip: Clip, lead: Lead, people: Sequence[str], rng: np.random.Generator) -> Clip:
    first = _lead(lead, (0.1, 2.5), rng)
    return replace(clip, cast=(first, _other(lead, people, (0.1, 2.5), rng)))


def _leaving(clip: Clip, lead: Lead, people: Sequence[str], rng: np.random.Generator) -> Clip:
    # Leaves and returns at the apex, so that what is seen on either side of the gap is the same
    # expression
    acts = (Act(lead.emotion, lead.intensity, 0.2, 0.6, 2.7, 3.1),)
    role = Role(lead.name, acts, absences=(Absence(1.0, 1.5, 1.9, 2.4),))
    return replace(clip, duration_s=3.4, cast=(role,))


def _crossing(clip: Clip, lead: Lead, people: Sequence[str], rng: np.random.Generator) -> Clip:
    first = _lead(lead, (0.1, 3.9), rng)
    cast = (first, _other(lead, people, (0.1, 3.9), rng))
    walks = tuple(
        replace(role, crosses=(within(0.4, 0.8, rng), within(3.2, 3.6, rng))) for role in cast
    )
    return replace(clip, duration_s=4.0, cast=walks)


def _cut(clip: Clip, lead: Lead, people: Sequence[str], rng: np.random.Generator) -> Clip:
    at = int(rng.integers(36, 45)) / FPS
    first = _lead(lead, (0.0, at), rng)
    second = replace(_other(lead, people, (at, 3.2), rng), shot=1)
    if lead.number % 2:
        second = replace(second, aside=_ASIDE if rng.random() < 0.5 else -_ASIDE)
    return replace(clip, duration_s=3.2, cuts=(at,), cast=(first, second))


def _returning(clip: Clip, lead: Lead, people: Sequence[str], rng: np.random.Generator) -> Clip:
    acts = (Act(lead.emotion, lead.intensity, 0.2, 0.6, 4.4, 4.8),)
    first = Role(lead.name, acts, absences=(Absence(1.0, 1.4, 3.2, 3.6),))
    if not lead.number % 2:
        return replace(clip, duration_s=5.0, cast=(first,))
    visit = Absence(-2.0, -1.0, 1.4, 1.8), Absence(2.8, 3.2, 6.0, 7.0)
    second = replace(_other(lead, people, (1.6, 3.0), rng), absences=visit)
    return replace(clip, duration_s=5.0, cast=(first, second))


def _narrative(clip: Clip, lead: Lead, people: Sequence[str], rng: np.random.Generator) -> Clip:
    acts = tuple(act("anger", "apex", span, rng) for span in ((0.4, 5.2), (9.6, 14.6)))
    speaks = ((2.0, 3.2), (5.8, 7.0), (7.6, 8.8), (11.4, 12.8))
    return replace(clip, duration_s=15.0, cast=(Role(lead.name, acts, speaks),))


def _talking(clip: Clip, lead: Lead, people: Sequence[str], rng: np.random.Generator) -> Clip:
    start = within(0.8, 1.1, rng)
    acts = (Act(lead.emotion, lead.intensity, 0.1, 0.4, 2.6, 2.9),)
    role = Role(lead.name, acts, ((start, start + within(1.0, 1.3, rng)),))
    return replace(clip, duration_s=3.0, cast=(role,))


_STORIES: dict[str, Callable[[Clip, Lead, Sequence[str], np.random.Generator], Clip]] = {
    "single": _single,
    "several": _several,
    "two": _two,
    "leaving": _leaving,
    "crossing": _crossing,
    "cut": _cut,
    "returning": _returning,
    "narrative": _narrative,
    "talking": _talking,
}


def _lead(lead: Lead, span: tuple[float, float], rng: np.random.Generator) -> Role:
    return Role(lead.name, (act(lead.emotion, lead.intensity, span, rng),))


def _other(
    lead: Lead, people: Sequence[str], span: tuple[float, float], rng: np.random.Generator
) -> Role:
    """Return another person, who shows another emotion within ``span`` (s)."""
    name = str(rng.choice([other for other in people if other != lead.name]))
    contrast = str(rng.choice([other for other in EMOTIONS if other != lead.emotion]))
    return Role(name, (act(contrast, "apex", span, rng),))
