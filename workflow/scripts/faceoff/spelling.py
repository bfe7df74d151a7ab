"""The end of a message on an unknown name."""

import difflib
from collections.abc import Mapping, Sequence


def suggestion(word: str, valid: Sequence[str] | Mapping[str, object]) -> str:
    """', did you mean …?' for a near miss, else '; valid: …'. The end of every unknown-name message."""
    near = difflib.get_close_matches(word, list(valid), n=1, cutoff=0.6)
    return f", did you mean {near[0]!r}?" if near else f"; valid: {', '.join(sorted(valid))}"
