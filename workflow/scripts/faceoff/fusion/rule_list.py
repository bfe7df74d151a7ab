"""Find fusion rules by name: each is a module in `rules/` that defines `RULE`."""

from pathlib import Path
from typing import TYPE_CHECKING

from faceoff.plugins.rule_folder import RuleFolder

if TYPE_CHECKING:
    from faceoff.fusion.rule import Rule

FOLDER = Path(__file__).parent / "rules"
_RULES = RuleFolder("fusion rule", FOLDER, "faceoff.fusion.rules")
names, file_of, stated = _RULES.names, _RULES.file_of, _RULES.stated


def get(name: str) -> "Rule":
    """Return the rule of this name. Raises ValueError for an unknown name."""
    from faceoff.fusion.rule import Rule  # names alone need no NumPy

    return _RULES.load(name, Rule)
