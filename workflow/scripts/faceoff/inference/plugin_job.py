"""Load and call a plug-in, as all stages that run one do.

Loading is timed. Calls go over batches so that one bad picture spoils only its own row.
"""

import os
import signal
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
from faceoff.storage import files

Item = TypeVar("Item")


def load_plugin(job: PluginJob, clock: Clock, **more_assets: Path) -> Any:
    """Verify a job's assets, import its plug-in and construct it.

    From here on the job has the time that `job_hours` of the configuration leaves it.
    """
    _limit_time()
    fetch.isolate_caches()
    hardware.set_hardware(hardware.Hardware(job.device, job.precision, job.batch))
    start = time.perf_counter()
    given = {**asset_files(job), **more_assets}
    plugin = registry.load(job.source, job.class_name)(job.card, given)
    clock.load_s = time.perf_counter() - start
    return plugin


def asset_files(job: PluginJob) -> dict[str, Path]:
    """Return the verified files of a job's assets by role. Raises AssetError."""
    return {role: fetch.fetch(Asset.parse(value)) for role, value in job.assets.items()}


def _limit_time() -> None:
    """Let the kernel end this process after FACEOFF_JOB_HOURS, which the Snakefile sets.

    A signal whose action is the default one also ends code that never comes back to Python.
    """
    hours = float(os.environ.get("FACEOFF_JOB_HOURS") or 0)
    signal.setitimer(signal.ITIMER_REAL, 3600 * hours)


def prefetch(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the same items, while a second thread makes the next one.

    It does so only if a GPU or a second core is free for that.
    """
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
    call: Callable[[list[Item]], Sequence[Any]], items: list[Item], clock: Clock
) -> list[Any]:
    """Return call(items), one result per item.

    If the call raises, the items are computed one by one, and the exception is the result of a
    failing one.

    Raises the exception if every item of the first batch fails, and ValueError if a call gives more
    or fewer results than items: then the plug-in is broken, not a picture. Raises MachineError if
    the machine fails and not a picture, so that the job is tried again; for lack of memory only if
    not even one item fits.
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
    if len(results) != len(items):  # nothing tells which result is whose
        raise ValueError(f"the plug-in gave {len(results)} results for {len(items)} pictures")
    seconds = time.perf_counter() - start
    clock.compute_s += seconds
    clock.items += len(items)
    clock.batches.append((len(items), seconds))
    return results


def _raise_if_of_the_machine(error: Exception) -> None:
    """Raise a failure of the machine in one line; CUDA's last line only says how to debug a kernel.

    Lack of memory is the machine's fault even for a single picture. The memory that a picture takes
    is bounded (`images.MAX_PIXELS`, checked before it is decoded), so it has an answer with more
    memory. With a row "error" the scores would depend on how much memory there was.
    """
    if hardware.is_of_the_machine(error):
        raise hardware.MachineError(reason(error)) from error


def reason(error: BaseException) -> str:
    """Return one line for a row's `reason`."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def trained_parameters(path: Path | None) -> dict[str, Path]:
    """Return the `trained` asset of a model, if it has one.

    Raises RuntimeError with the reason if its training failed.
    """
    if path is None:
        return {}
    if path.suffix == ".onnx":
        if failure := files.failure_of(path):
            raise RuntimeError(f"training failed: {failure['failure']}")
        return {"trained": path}
    with np.load(path, allow_pickle=False) as stored:
        if "failure" in stored:
            raise RuntimeError(f"training failed: {stored['failure']}")
    return {"trained": path}
