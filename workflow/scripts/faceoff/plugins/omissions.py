"""What a dataset leaves out of its task: counted by reason, and said."""

import sys
from collections.abc import Mapping


def counted(reasons: Mapping[str, int]) -> str:
    """'1,204 × other file, 2 × hidden file': how often each reason, by name; empty without any."""
    return ", ".join(f"{count:,} × {reason}" for reason, count in sorted(reasons.items()) if count)


def say(dataset: str, reasons: Mapping[str, int], what: str = "left out") -> None:
    """One line on stderr, 'jaffe: left out 2 × other file', and none where nothing is counted."""
    if any(reasons.values()):
        print(f"{dataset}: {what} {counted(reasons)}", file=sys.stderr)
