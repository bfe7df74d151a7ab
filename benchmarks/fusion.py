"""Measure whether votes and resamples are fast enough.

    OMP_NUM_THREADS=1 python benchmarks/fusion.py \\
        [--members 50] [--samples 100000] [--classes 8] [--markdown]

By default 50 members vote on 100,000 drawn samples of 8 classes; the last column has the targets.
Seconds are CPU time of one thread. Each part runs in a process of its own, so that its peak memory
is its own; the drawn posteriors alone take 8 bytes × members × samples × classes of it. Figures
depend on the machine.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from printing import show

from faceoff.fusion import rule_list
from faceoff.statistics import ranking, variance_components

SUBJECTS = 1_000
REPLICATES = 2_000
UNTRAINED = {
    name: rule.combine
    for name, rule in ((name, rule_list.get(name)) for name in rule_list.names())
    if rule.combine is not None
}


def posteriors(
    members: int, samples: int, classes: int, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return (posteriors (members, samples, classes), truth (samples,)).

    Members see the truth through noise, and abstain from one sample in fifty.
    """
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, samples)
    drawn = np.empty((members, samples, classes))
    for member in range(members):
        logits = random.normal(0, 1.5, (samples, classes))
        logits[np.arange(samples), truth] += 2
        np.exp(logits, out=logits)
        drawn[member] = logits / logits.sum(axis=1, keepdims=True)
        drawn[member, random.random(samples) < 0.02] = np.nan
    return drawn, truth


def rules(members: int, samples: int, classes: int) -> dict[str, float]:
    """Return the seconds of every untrained rule."""
    drawn, _ = posteriors(members, samples, classes)
    return {name: _seconds(partial(combine, drawn)) for name, combine in UNTRAINED.items()}


def resamples(members: int, samples: int, classes: int) -> dict[str, float]:
    """Return the seconds of 2,000 resamples of 1,000 subjects.

    Each resample compares every two pipelines.
    """
    random = np.random.default_rng(2)
    correct = random.random((members, samples)) < random.uniform(0.5, 0.8, (members, 1))
    clusters = random.integers(0, SUBJECTS, samples)
    return {
        "clustered resamples of all pairs": _seconds(
            lambda: ranking.rank_uncertainty(correct, clusters, seed=3, replicates=REPLICATES)
        )
    }


def variances(members: int, samples: int, classes: int) -> dict[str, float]:
    """Return the seconds of the variance decomposition of members.

    There are 3,000 samples and 5 detectors.
    """
    random = np.random.default_rng(4)
    easy = random.normal(0, 1.5, 3_000)
    correct = random.random((members, 3_000)) < 1 / (
        1 + np.exp(-easy - random.normal(1, 0.5, (members, 1)))
    )
    factors = {
        "detector": [f"d{index % 5}" for index in range(members)],
        "model": [f"m{index // 5}" for index in range(members)],
    }
    return {
        "variance decomposition, 3,000 samples": _seconds(
            lambda: variance_components.decompose(correct, factors, seed=5)
        )
    }


PARTS: dict[str, Callable[[int, int, int], dict[str, float]]] = {
    "rules": rules,
    "resamples": resamples,
    "variances": variances,
}


def _seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--members", type=int, default=50)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=8)
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    size = (arguments.members, arguments.samples, arguments.classes)
    if arguments.part:
        found = PARTS[arguments.part](*size)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        print(json.dumps({"seconds": found, "peak": peak}))
        return
    rows = []
    for part in PARTS:
        ran = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--part", part],
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        if ran.returncode:
            raise SystemExit(ran.stderr)
        found = json.loads(ran.stdout)
        seconds, peak = found["seconds"], f"{found['peak']:.1f} GiB"
        if part == "rules":
            rows += [(name, f"{value:.2f} s", "", "") for name, value in seconds.items()]
            total = f"{sum(seconds.values()):.2f} s"
            rows.append(("all untrained rules", total, peak, "< 5 s, < 2 GB"))
        else:
            ((name, value),) = seconds.items()
            rows.append((name, f"{value:.1f} s", peak, "< 60 s, < 2 GB"))
    what = f"{size[0]} members × {size[1]:,} samples × {size[2]} classes"
    header = (what, "time", "peak memory", "target")
    show(header, rows, markdown=arguments.markdown)


if __name__ == "__main__":
    main()
