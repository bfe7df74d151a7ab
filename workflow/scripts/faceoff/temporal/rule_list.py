"""Find rules over time by name: each is a module in `rules/` that defines `RULE`."""

from pathlib import Path
from typing import TYPE_CHECKING

from faceoff.plugins.rule_folder import RuleFolder

if TYPE_CHECKING:
    from faceoff.temporal.rule import TemporalRule

FOLDER = Path(__file__).parent / "rules"
_RULES = RuleFolder("rule over time", FOLDER, "faceoff.temporal.rules")
names, file_of, stated = _RULES.names, _RULES.file_of, _RULES.stated


def unlearned() -> list[str]:
    """Return the names of the rules that need no labelled clips to learn from."""
    return [name for name in names() if not stated(name).get("learns")]


def get(name: str) -> "TemporalRule":
    """Return the rule of this name. Raises ValueError for an unknown name."""
    from faceoff.temporal.rule import TemporalRule  # names alone need no NumPy

    return _RULES.load(name, TemporalRule)
