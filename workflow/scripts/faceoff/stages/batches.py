"""What the stages that run a plug-in share: load it with timing, and call it on batches so that one bad picture spoils only its own row."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from faceoff import assets, registry, tables
from faceoff.media import decode_image

Item = TypeVar("Item")


@dataclass
class Clock:
    """Seconds spent loading and computing, kept apart (protocol §25)."""

    load_s: float = 0.0
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
            },
        )


def load_plugin(job: Mapping[str, Any], clock: Clock, **more_assets: Path) -> Any:
    """Verify a job's assets, import its plug-in and construct it."""
    assets.isolate_caches()
    start = time.perf_counter()
    files = {role: assets.fetch(assets.Asset.parse(value)) for role, value in job["assets"].items()}
    plugin = registry.load(job["source"], job["class"])(job["card"], {**files, **more_assets})
    clock.load_s = time.perf_counter() - start
    return plugin


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
