"""Name the verdicts of a paired comparison (protocol §32).

Standard library only: readers of a finished run need the names, not the tests.
"""

from typing import Literal

Verdict = Literal[
    "better",
    "worse",
    "no difference",
    "not shown after correction",
    "inconclusive",
    "too few clusters",
]
