"""Find corruptions by name: each is a module in `kinds/` that defines `CORRUPTION`."""

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceoff.plugins.rule_folder import RuleFolder

if TYPE_CHECKING:
    from faceoff.corruption.corruption import Corruption

FOLDER = Path(__file__).parent / "kinds"
_KINDS = RuleFolder("corruption", FOLDER, "faceoff.corruption.kinds", "CORRUPTION")
names, file_of, stated = _KINDS.names, _KINDS.file_of, _KINDS.stated


def level_fault(name: str, level: Any) -> str | None:
    """Return what is wrong with a level that a user gives, None where nothing is.

    It must be like the corruption's own levels and within its limits. Raises ValueError for an
    unknown name.
    """
    about = stated(name)
    example = about["levels"][0]
    shown = ", ".join(map(str, about["levels"][:3]))
    if isinstance(example, str):
        if isinstance(level, str) and level in about["words"]:
            return None
        return f"{level!r} is no level such as {', '.join(about['words'])}"
    several = isinstance(example, tuple)
    numbers = tuple(level) if several and isinstance(level, tuple | list) else (level,)
    alike = len(numbers) == (len(example) if several else 1) and all(
        isinstance(number, int | float) and not isinstance(number, bool) and isfinite(number)
        for number in numbers
    )
    if not alike:
        return f"{level!r} is no level such as {shown}"
    low, high = about.get("limits") or (float("-inf"), float("inf"))
    if not all(low <= number <= high for number in numbers):
        return f"{level!r} is outside {low:g} … {high:g}"
    return None


def get(name: str) -> "Corruption":
    """Return the corruption of this name. Raises ValueError for an unknown name."""
    from faceoff.corruption.corruption import Corruption  # names alone need no NumPy

    return _KINDS.load(name, Corruption)
