"""What the stages that run a plug-in share: load it with timing, and call it on batches so that one bad picture spoils only its own row."""

import json
import resource
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from faceoff import assets, devices, provenance, registry, runtimes, tables
from faceoff.media import decode_image

Item = TypeVar("Item")


@dataclass
class Clock:
    """Seconds spent loading and computing, kept apart (protocol §25)."""

    load_s: float = 0.0
    started: float = field(default_factory=time.perf_counter)
    energy_uj: int | None = field(default_factory=lambda: _energy_uj())
    compute_s: float = 0.0
    items: int = 0
    batches: list[tuple[int, float]] = field(default_factory=list)

    def write(self, path: Path, **context: Any) -> None:
        """Write the cell's timing; it varies from run to run and so never enters a table row of results."""
        # The first batch warms caches up; it counts only when it is all there is.
        timed = self.batches[1:] or self.batches
        items, seconds = sum(n for n, _ in timed), sum(s for _, s in timed)
        per_item = sorted(s / n for n, s in timed if n)
        tables.write_json(
            path,
            {
                **context,
                "load_s": self.load_s,
                "compute_s": self.compute_s,
                "items": self.items,
                "items_per_s": items / seconds if seconds else None,
                "p90_ms": 1000 * per_item[int(0.9 * (len(per_item) - 1))] if per_item else None,
                "wall_s": time.perf_counter() - self.started,
                "threads": runtimes.threads(),
                "device": "cuda" if devices.on_gpu() else "cpu",
                "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "peak_vram_mib": devices.peak_vram_mib(),
                "energy_j": self._energy_j(),
                "versions": provenance.versions(),
            },
        )

    def _energy_j(self) -> float | None:
        """What the whole package drew meanwhile, other jobs with it; None where the counter cannot be read, or began anew."""
        end = _energy_uj()
        return None if end is None or self.energy_uj is None or end < self.energy_uj else (end - self.energy_uj) / 1e6


def _energy_uj() -> int | None:
    """The processor package's energy counter in microjoules (Linux powercap); None where there is none or root alone may read it."""
    try:
        return int(Path("/sys/class/powercap/intel-rapl:0/energy_uj").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def load_plugin(job: Mapping[str, Any], clock: Clock, **more_assets: Path) -> Any:
    """Verify a job's assets, import its plug-in and construct it."""
    assets.isolate_caches()
    runtimes.tell(runtimes.Hardware(**{key: job[key] for key in ("device", "precision", "batch") if key in job}))
    start = time.perf_counter()
    files = {role: assets.fetch(assets.Asset.parse(value)) for role, value in job["assets"].items()}
    plugin = registry.load(job["source"], job["class"])(job["card"], {**files, **more_assets})
    clock.load_s = time.perf_counter() - start
    return plugin


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, the next one being made in a second thread while this one is worked on, where a GPU or a second core is free for that."""
    if not devices.on_gpu() and runtimes.threads() == 1:
        yield from items
        return
    source = iter(items)
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, source, _END)
        while (item := coming.result()) is not _END:
            coming = maker.submit(next, source, _END)
            yield item


_END: Any = object()


def guarded(call: Callable[[Sequence[Item]], Sequence[Any]], items: Sequence[Item], clock: Clock) -> list[Any]:
    """call(items), one result per item; when it raises, item by item, with the exception as the result of a failing one.

    Raises the exception when every item of the first batch fails: then the plug-in is broken, not a picture.
    """
    if not items:
        return []
    start = time.perf_counter()
    try:
        results = list(call(items))
    except Exception:
        results = []
        for item in items:
            try:
                results.append(call([item])[0])
            except Exception as error:
                results.append(error)
        if not clock.batches and all(isinstance(result, Exception) for result in results):
            raise
    seconds = time.perf_counter() - start
    clock.compute_s += seconds
    clock.items += len(items)
    clock.batches.append((len(items), seconds))
    return results


def reason(error: BaseException) -> str:
    """One line for a row's `reason`."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def image_of(frame: Mapping[str, Any]) -> np.ndarray:
    """Decode a frame row whose state is ok."""
    return decode_image(frame["image"]["bytes"])


def parse_spec(text: str) -> dict[str, Any]:
    """A rule's `spec` parameter."""
    return json.loads(text)
