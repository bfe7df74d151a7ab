"""Suggest the nearest valid name in a message about an unknown one."""

import difflib
from collections.abc import Mapping, Sequence


def suggestion(word: str, valid: Sequence[str] | Mapping[str, object]) -> str:
    """Return the end of a message about an unknown name.

    It is ', did you mean …?' for a near miss, else '; valid: …'.
    """
    near = difflib.get_close_matches(word, list(valid), n=1, cutoff=0.6)
    return f", did you mean {near[0]!r}?" if near else f"; valid: {', '.join(sorted(valid))}"
