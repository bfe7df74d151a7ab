"""Give every frame of a clip a rising time, whatever its time stamps are."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

# A step below this (10,000 frames per second) is no step.
LEAST_STEP_S = 1e-4
# Frames that are held back to see whether the clock comes back.
LOOKAHEAD = 8
# A leap forward of more than this is wrong if the frame after it stands before its end.
LEAP_S = 2.0

NO_STAMP = "frames without a time stamp"
NO_RISE = "frames whose time stamp does not rise"
BEGINS_ANEW = "the clock begins anew"


class Timed(Protocol):
    """A decoded frame; `time` in seconds, None without a time stamp."""

    @property
    def time(self) -> float | None: ...


Frame = TypeVar("Frame", bound=Timed)


class Clock:
    """The clock of a clip, mended where its time stamps are missing or do not rise.

    Time stamps that rise stay as they are. A few frames without a time, or with one that does not
    rise, are spread evenly between their neighbours. Where more than LOOKAHEAD frames in a row do
    not rise, the clock has begun anew: it goes on one step after the frame before. Without any time
    stamps, frames are a step apart.

    step_s: the stream's seconds per frame. `mended` counts frames by what was wrong.
    """

    def __init__(self, step_s: float):
        self._step = step_s
        self._offset = 0.0
        self._last: float | None = None
        self.mended: Counter[str] = Counter()
        self._told: Counter[str] = Counter()

    def news(self) -> str:
        """Return what was mended since the last call, empty for nothing.

        Frames without a good time stamp are told of once, each new beginning of the clock again.
        """
        fresh = [what for what, count in sorted(self.mended.items()) if self._told[what] < count]
        said = [what for what in fresh if not self._told[what] or what == BEGINS_ANEW]
        self._told = Counter(self.mended)
        return "; ".join(said)

    def timed(self, frames: Iterable[Frame]) -> Iterator[tuple[float, Frame]]:
        """Yield (seconds, frame) of every frame, in order and at rising times."""
        source = iter(frames)
        ahead: deque[Frame] = deque()  # read, and to be looked at again
        held: list[Frame] = []  # without a place yet
        while True:
            frame = ahead.popleft() if ahead else next(source, None)
            if frame is not None:
                held.append(frame)
                if self._rises(frame) and not self._leaps(frame, source, ahead):
                    yield from self._placed(held)
                    held = []
                    continue
                if len(held) <= LOOKAHEAD:
                    continue
            elif not held:
                return
            first, *rest = held
            yield self._begun_anew(first), first
            ahead.extendleft(reversed(rest))
            held = []

    def _time(self, frame: Frame) -> float | None:
        return None if frame.time is None else frame.time + self._offset

    def _rises(self, frame: Frame) -> bool:
        time = self._time(frame)
        return time is not None and (self._last is None or time >= self._last + LEAST_STEP_S)

    def _leaps(self, frame: Frame, source: Iterator[Frame], ahead: deque[Frame]) -> bool:
        """Return whether a frame stands far ahead, and the next one is back in between."""
        time = self._time(frame)
        if self._last is None or time is None or time - self._last <= LEAP_S:
            return False
        if not ahead:
            following = next(source, None)
            if following is None:
                return False
            ahead.append(following)
        after = self._time(ahead[0])
        return after is not None and self._last < after < time - LEAP_S / 2

    def _placed(self, frames: list[Frame]) -> Iterator[tuple[float, Frame]]:
        """Yield frames of which only the last one has a good time."""
        *lost, good = frames
        end = self._time(good)
        assert end is not None
        parts = len(lost) + 1
        begin = end - self._step * parts if self._last is None else self._last
        for number, frame in enumerate(lost, start=1):
            self.mended[NO_STAMP if frame.time is None else NO_RISE] += 1
            yield begin + (end - begin) * number / parts, frame
        self._last = end
        yield end, good

    def _begun_anew(self, frame: Frame) -> float:
        """Return the time of a frame from which on the clock is another, or none."""
        time = 0.0 if self._last is None else self._last + self._step
        if frame.time is None:
            self.mended[NO_STAMP] += 1
        else:
            if self._last is not None:
                self.mended[BEGINS_ANEW] += 1
            self._offset = time - frame.time
        self._last = time
        return time
