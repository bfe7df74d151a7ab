"""Find fusion rules by name: each is a module in `rules/` that defines `RULE`.

Modules are imported when a rule is asked for, by name. The code hash follows imports that are
written out, so a fusion's job depends on its own rule only.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceoff.plugins import entries
from faceoff.spelling import suggestion

if TYPE_CHECKING:
    from faceoff.fusion.rule import Rule

FOLDER = Path(__file__).parent / "rules"


def names() -> tuple[str, ...]:
    """Return the names of all rules, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("[!_]*.py")))


def file_of(name: str) -> Path:
    """Return the module of a rule. Raises ValueError for an unknown name."""
    if name not in names():
        raise ValueError(f"no fusion rule {name!r}{suggestion(name, names())}")
    return FOLDER / f"{name}.py"


def stated(name: str) -> dict[str, Any]:
    """Return the literal arguments of a rule's `RULE` without importing NumPy and SciPy."""
    return entries.arguments(file_of(name), "RULE")


def get(name: str) -> "Rule":
    """Return the rule of this name. Raises ValueError for an unknown name."""
    from faceoff.fusion.rule import Rule  # names alone need no NumPy

    rule = import_module(f"faceoff.fusion.rules.{file_of(name).stem}").RULE
    if not isinstance(rule, Rule):
        raise ValueError(f"{file_of(name)}: RULE is a {type(rule).__name__}, expected a Rule")
    return rule
