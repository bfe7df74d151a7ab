"""The time, memory and energy that a job takes."""

import resource
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faceoff.inference import gpus, hardware, runtimes, torch_devices, versions
from faceoff.inference.energy import Meter
from faceoff.storage import files


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
        """Write the cell's timing.

        It varies from run to run and thus never enters a table of results.
        """
        # The first batch warms caches up; it counts only when it is all there is.
        timed = self.batches[1:] or self.batches
        items, seconds = sum(n for n, _ in timed), sum(s for _, s in timed)
        per_item = sorted(s / n for n, s in timed if n)
        files.write_json(
            path,
            {
                **context,
                "load_s": self.load_s,
                "compute_s": self.compute_s,
                "items": self.items,
                "items_per_s": items / seconds if seconds else None,
                "p90_ms": 1000 * per_item[int(0.9 * (len(per_item) - 1))] if per_item else None,
                "wall_s": time.perf_counter() - self.started,
                "threads": hardware.threads(),
                "device": gpus.described(torch_devices.gpu()),
                "network_batches": runtimes.network_batches(),
                "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "peak_vram_mib": torch_devices.peak_vram_mib(),
                "energy_j": self.energy.joules(torch_devices.gpu()),
                "versions": versions.versions(),
            },
        )
