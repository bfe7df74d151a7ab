"""Find rules by name: each is a module of a folder that defines `RULE`, or another name.

Modules are imported when a rule is asked for, by name. The code hash follows imports that are
written out, so a job depends on its own rule only.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from faceoff.plugins import entries
from faceoff.spelling import suggestion

Rule = TypeVar("Rule")


@dataclass(frozen=True)
class RuleFolder:
    """A folder of rules.

    kind: what messages call a rule; folder: of the modules; package: its dotted name; defined: the
    name that each module defines.
    """

    kind: str
    folder: Path
    package: str
    defined: str = "RULE"

    def names(self) -> tuple[str, ...]:
        """Return the names of all rules, sorted."""
        return tuple(sorted(path.stem for path in self.folder.glob("[!_]*.py")))

    def file_of(self, name: str) -> Path:
        """Return the module of a rule. Raises ValueError for an unknown name."""
        if name not in self.names():
            raise ValueError(f"no {self.kind} {name!r}{suggestion(name, self.names())}")
        return self.folder / f"{name}.py"

    def stated(self, name: str) -> dict[str, Any]:
        """Return the literal arguments of a rule's definition without importing NumPy and SciPy."""
        return entries.arguments(self.file_of(name), self.defined)

    def load(self, name: str, kind: type[Rule]) -> Rule:
        """Return the rule of this name. Raises ValueError for an unknown name or another type."""
        path = self.file_of(name)
        rule = getattr(import_module(f"{self.package}.{path.stem}"), self.defined)
        if not isinstance(rule, kind):
            raise ValueError(
                f"{path}: {self.defined} is a {type(rule).__name__}, expected a {kind.__name__}"
            )
        return rule
