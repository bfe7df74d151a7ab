"""What the stages that run a plug-in share: load it with timing, and call it on batches so that one bad picture spoils only its own row."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from faceoff.assets import fetch
from faceoff.assets.asset import Asset
from faceoff.inference import hardware, torch_devices
from faceoff.inference.clock import Clock
from faceoff.plugins import registry
from faceoff.plugins.jobs import PluginJob

Item = TypeVar("Item")


def load_plugin(job: PluginJob, clock: Clock, **more_assets: Path) -> Any:
    """Verify a job's assets, import its plug-in and construct it."""
    fetch.isolate_caches()
    hardware.set_hardware(hardware.Hardware(job.device, job.precision, job.batch))
    start = time.perf_counter()
    files = {role: fetch.fetch(Asset.parse(value)) for role, value in job.assets.items()}
    plugin = registry.load(job.source, job.class_name)(job.card, {**files, **more_assets})
    clock.load_s = time.perf_counter() - start
    return plugin


def prefetch(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, the next one being made in a second thread while this one is worked on, where a GPU or a second core is free for that."""
    if not torch_devices.on_gpu() and hardware.threads() == 1:
        yield from items
        return
    source = iter(items)
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, source, _END)
        while (item := coming.result()) is not _END:
            coming = maker.submit(next, source, _END)
            yield item


_END: Any = object()


def call_with_row_fallback(
    call: Callable[[Sequence[Item]], Sequence[Any]], items: Sequence[Item], clock: Clock
) -> list[Any]:
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
        if not hardware.is_out_of_memory(failure):
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

    Memory is the machine's even for a single picture. What a picture takes is bounded (`images.MAX_PIXELS`, checked before it is decoded), so with more
    memory it has an answer: a row "error" would let the scores depend on how much there happened to be.
    """
    if hardware.is_of_the_machine(error):
        raise hardware.MachineError(reason(error)) from error


def reason(error: BaseException) -> str:
    """One line for a row's `reason`."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def trained_parameters(path: Path | None) -> dict[str, Path]:
    """The `trained` asset of a model, if there is one. Raises RuntimeError with the reason when its training failed."""
    if path is None:
        return {}
    with np.load(path, allow_pickle=False) as stored:
        if "failure" in stored:
            raise RuntimeError(f"training failed: {stored['failure']}")
    return {"trained": path}
