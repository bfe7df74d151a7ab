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

from faceoff import assets, devices, gpus, provenance, registry, runtimes, tables
from faceoff.energy import Meter
from faceoff.media import decode_image

Item = TypeVar("Item")


@dataclass
class Clock:
    """Seconds spent loading and computing, kept apart (protocol §25)."""

    load_s: float = 0.0
    started: float = field(default_factory=time.perf_counter)
    energy: Meter = field(default_factory=Meter)
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
                "device": gpus.described(devices.gpu()),
                "network_batches": runtimes.network_batches(),
                "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "peak_vram_mib": devices.peak_vram_mib(),
                "energy_j": self.energy.joules(devices.gpu()),
                "versions": provenance.versions(),
            },
        )


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

    Raises the exception when every item of the first batch fails, and ValueError where a call gives more or fewer results than it was given items: then
    the plug-in is broken, not a picture. Raises MachineError when not a picture but the machine fails, so that the job is tried again; memory that runs
    out only where one item alone does not fit.
    """
    if not items:
        return []
    start = time.perf_counter()
    try:
        results = list(call(items))
    except Exception as failure:
        if not runtimes.is_out_of_memory(failure):
            _raise_if_of_the_machine(failure)
        results = []
        for item in items:
            try:
                results.extend(call([item]))
            except Exception as error:
                _raise_if_of_the_machine(error)
                results.append(error)
        if not clock.batches and all(isinstance(result, Exception) for result in results):
            raise
    if len(results) != len(items):  # whose they are cannot be told
        raise ValueError(f"the plug-in gave {len(results)} results for {len(items)} pictures")
    seconds = time.perf_counter() - start
    clock.compute_s += seconds
    clock.items += len(items)
    clock.batches.append((len(items), seconds))
    return results


def _raise_if_of_the_machine(error: Exception) -> None:
    """Raise a failure of the machine in one line: the last one of CUDA's own messages says how to debug a kernel.

    Memory is the machine's even for a single picture. What a picture takes is bounded (`media.MAX_PIXELS`, checked before it is decoded), so with more
    memory it has an answer: a row "error" would let the scores depend on how much there happened to be.
    """
    if runtimes.is_of_the_machine(error):
        raise runtimes.MachineError(reason(error)) from error


def reason(error: BaseException) -> str:
    """One line for a row's `reason`."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def image_of(frame: Mapping[str, Any]) -> np.ndarray:
    """Decode a frame row whose state is ok."""
    return decode_image(frame["image"]["bytes"])


def parse_spec(text: str) -> dict[str, Any]:
    """A rule's `spec` parameter."""
    return json.loads(text)
