"""Describe a clip before it is drawn: who shows what, when and where."""

from dataclasses import dataclass

from faceoff.drawing.motion import Absence, Act

SIZE, FPS = (320, 240), 25


@dataclass(frozen=True)
class Role:
    """Who shows what, when.

    speaks: from when to when, in seconds, one pair for each time; phonemes: those that the mouth
    forms meanwhile, as `motion.articulation` takes them, by default even syllables; absences: walks
    out of the picture and back; crosses: from when to when the person walks to the mirrored place;
    shot: the number of the scene that the person is in; aside: from the middle of the place to the
    right, as a share of the picture's width.
    """

    identity: str
    acts: tuple[Act, ...]
    speaks: tuple[tuple[float, float], ...] = ()
    absences: tuple[Absence, ...] = ()
    crosses: tuple[float, float] | None = None
    shot: int = 0
    aside: float = 0.0
    phonemes: tuple[tuple[float, float, float], ...] = ()

    def talks(self, t: float) -> bool:
        """Return whether the person speaks at ``t``."""
        return any(start <= t < end for start, end in self.speaks)


@dataclass(frozen=True)
class Clip:
    """One clip before it is drawn; the first role of a shot has its largest face.

    A ``still`` clip has expressions but no sway and no blinks. ``cuts`` are the times in seconds at
    which the next shot begins: another wall, light and cast.
    """

    sample_id: str
    split: str
    kind: str
    seed: int
    duration_s: float
    cast: tuple[Role, ...]
    cuts: tuple[float, ...] = ()
    size: tuple[int, int] = SIZE  # (w, h) px
    fps: int = FPS
    still: bool = False

    @property
    def label(self) -> str | None:
        """Return the emotion of the largest face at its apex; None if several follow each other."""
        acts = self.cast[0].acts
        return acts[0].emotion if len(acts) == 1 and not self.cuts else None

    @property
    def times(self) -> list[float]:
        """Return the time of each frame, in seconds."""
        return [k / self.fps for k in range(round(self.duration_s * self.fps))]

    def shot(self, t: float) -> int:
        """Return the number of the shot that is seen at ``t``, from 0."""
        return sum(t >= cut for cut in self.cuts)
