"""Watch one source from its first frame until it ends or the user ends it."""

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from faceoff.analysis import outputs
from faceoff.analysis.pictures import Pictures
from faceoff.live import watching
from faceoff.live.capture import Capture, stopped_by_signals
from faceoff.live.sources import Frames, Stream
from faceoff.live.watching import Watched, Watcher
from faceoff.media.frame_rate import ALL_FRAMES

Show = Callable[[Watched], bool]  # returns whether the user wants to end


@dataclass(frozen=True)
class Settings:
    """Say what is read of a source, and how.

    pairs, device, signals, temporal: as of `Watcher`; every_s: seconds between two frames that are
    read, 0 for as many as possible; fast: every frame of a file, as fast as it goes; save: folder
    for what was read, which is new; timeout_s, retries: as of `Frames`.
    """

    pairs: Sequence[tuple[str, str]]
    device: str = "auto"
    signals: Sequence[str] = ()
    temporal: str | None = None
    every_s: float = 0.0
    fast: bool = False
    save: Path | None = None
    timeout_s: float = 10.0
    retries: int = 8


@dataclass(frozen=True)
class Ended:
    """Say what became of a source. lost: why it broke off, empty if it did not; lines: a summary
    and the folders that were written.
    """

    lost: str
    lines: Sequence[str]


def watch(source: Path | Stream, settings: Settings, show: Show) -> Ended:
    """Read the newest frame of a source again and again, and show it; then save what was read.

    Ctrl-C and SIGTERM end it in good order. Raises SourceError for a camera or an address that
    gives no frame, ValueError for a folder that is not empty or names that are wrong, AssetError
    for missing weights.
    """
    stop = threading.Event()
    if settings.save is not None:
        watching.prepare(settings.save)  # an error comes before the reading
    watcher = Watcher(
        settings.pairs, device=settings.device, signals=settings.signals,
        temporal=settings.temporal, together=settings.fast, keep=settings.save is not None,
    )  # fmt: skip
    stream = None
    if isinstance(source, Stream):
        stream = Frames(source, settings.timeout_s, settings.retries, stop)
        pictures = Pictures(stream, ALL_FRAMES, title=source.name)
    else:
        pictures = Pictures(source, ALL_FRAMES)
    capture = Capture(
        pictures, stop, every_s=settings.every_s, paced=stream is None and not settings.fast,
        whole=settings.fast,
    )  # fmt: skip
    with stopped_by_signals(stop), closing(capture):
        for frame in capture:
            ends = [show(one) for one in watcher.see(frame, capture.dropped)]
            if any(ends):
                break
        for one in watcher.read():
            show(one)
    notes = [_count(capture.dropped, "frame") + " dropped for newer ones"] * bool(capture.dropped)
    if stream is not None and stream.breaks:
        notes.append("the connection broke " + _count(stream.breaks, "time"))
    pictures.mended += notes
    said = ", ".join([_count(watcher.frames, "frame") + " read", *notes])
    lines = [f"{pictures.name}: {said}"]
    if settings.save is not None:
        analyses = watcher.analyses(pictures)
        for analysis, folder in zip(
            analyses.values(), watching.save(analyses, settings.save), strict=True
        ):
            lines += [*outputs.summary_lines(analysis), f"files in {folder}"]
    return Ended(pictures.lost, lines)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + "s" * (number != 1)
