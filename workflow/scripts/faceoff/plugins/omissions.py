"""Count what a dataset leaves out of its task, by reason, and report it."""

import sys
from collections.abc import Mapping


def counted(reasons: Mapping[str, int]) -> str:
    """Return how often each reason occurs, by name: '1,204 × other file, 2 × hidden file'."""
    return ", ".join(f"{count:,} × {reason}" for reason, count in sorted(reasons.items()) if count)


def log_skipped(dataset: str, reasons: Mapping[str, int], what: str = "left out") -> None:
    """Print one line on stderr, 'jaffe: left out 2 × other file', unless every count is zero."""
    if any(reasons.values()):
        print(f"{dataset}: {what} {counted(reasons)}", file=sys.stderr)
