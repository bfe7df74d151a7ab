"""Sample timed pictures at a fixed rate."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import TypeVar

from faceoff.media.images import DecodeError

# A time stamp that is wrong by a day (33-bit clocks of broadcasts begin anew after 26.5 h) would
# repeat one picture half a million times.
MAX_HOLD_S = 60.0
Picture = TypeVar("Picture")


@dataclass(frozen=True)
class Sampling:
    """The rate at which frames of a clip are taken.

    It is `fps` per second; with fps 0, every `every`-th frame is taken. With `once` no frame is
    taken twice, so that a rate above the clip's own takes every frame.
    """

    fps: float = 5.0
    every: int = 1
    once: bool = False


ALL_FRAMES = Sampling(fps=0)
MAX_FPS = 1000.0


def sampled(
    timed: Iterable[tuple[float, Picture]], sampling: Sampling
) -> Iterator[tuple[int, float, Picture]]:
    """Sample (seconds, picture) pairs of rising time at a fixed rate.

    Sample k is the last picture with time <= t0 + k / fps (protocol §5). Yields (k, its own time,
    picture); at a rate above the video's, a picture stands for several samples, or with `once` for
    the first of them, and k counts what is yielded. Raises DecodeError if it would have to do so
    for more than MAX_HOLD_S, after the samples before that gap; it says how many pictures stand
    after it.
    """
    fps = sampling.fps
    if fps == 0:
        yield from (
            (number, *pair) for number, pair in enumerate(islice(timed, None, None, sampling.every))
        )
        return
    if sampling.once:
        several = groupby(sampled(timed, replace(sampling, once=False)), lambda sample: sample[1])
        for number, (_, samples) in enumerate(several):
            yield number, *next(samples)[1:]
        return
    number, start, gap, lost = 0, 0.0, 0.0, 0
    held: tuple[float, Picture] | None = None
    pairs = iter(timed)
    for seconds, picture in pairs:
        if held is None:
            start = seconds
        elif seconds - held[0] > MAX_HOLD_S:
            gap, lost = seconds - held[0], 1 + sum(1 for _ in pairs)
            break
        while held is not None and start + number / fps < seconds - 1e-9:
            yield number, *held
            number += 1
        held = (seconds, picture)
    while held is not None and start + number / fps <= held[0] + 1e-9:
        yield number, *held
        number += 1
    if held is not None and gap:
        raise DecodeError(
            f"a gap of {gap:.1f} s in its time stamps, after {held[0] - start:.2f} s: the {lost} "
            "frames after it are left out"
        )
