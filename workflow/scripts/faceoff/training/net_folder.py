"""Find the networks of a folder by name, and build one from the options of a configuration.

Names, options and inputs are read without importing PyTorch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from faceoff.plugins import entries
from faceoff.spelling import suggestion
from faceoff.training.net import Net, wrong_type


@dataclass(frozen=True, kw_only=True)
class NetFolder:
    """A folder of modules that define `NET`.

    folder: where they lie; kind: what such a network is called in messages; prefixes: prefix of a
    name -> the module for all names that have it; overrides: options that every network has.
    """

    folder: Path
    kind: str
    prefixes: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def names(self) -> tuple[str, ...]:
        """Return the names of all networks, sorted, without those that have a prefix."""
        stems = {path.stem for path in self.folder.glob("[!_]*.py")}
        return tuple(sorted(stems - set(self.prefixes.values())))

    def file_of(self, name: str) -> Path:
        """Return the module of a network. Raises ValueError for an unknown name."""
        prefix, separator, architecture = name.partition(":")
        if separator and prefix in self.prefixes and architecture:
            return self.folder / f"{self.prefixes[prefix]}.py"
        if separator and self.prefixes:
            valid = [f"{known}:NAME" for known in self.prefixes]
            raise ValueError(f"no {self.kind} {name!r}; valid with a colon: {', '.join(valid)}")
        if name not in self.names():
            raise ValueError(f"no {self.kind} {name!r}{suggestion(name, self.names())}")
        return self.folder / f"{name}.py"

    def stated(self, name: str) -> dict[str, Any]:
        """Return the literal arguments of a network's `NET` without importing PyTorch.

        A name with a prefix sets the option `architecture`.
        """
        found = entries.arguments(self.file_of(name), "NET")
        return found | {"options": self._options(name, found["options"])}

    def modules(self, name: str) -> tuple[str, ...]:
        """Return the python packages that a network needs beside PyTorch."""
        return tuple(self.stated(name).get("modules", ()))

    def _options(self, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
        _, separator, architecture = name.partition(":")
        return {**options, **({"architecture": architecture} if separator else {})}

    def get(self, name: str) -> Net:
        """Return the network of this name. Raises ValueError for an unknown name."""
        path = self.file_of(name)
        package = path.relative_to(Path(__file__).parent).with_suffix("").parts
        net = import_module(".".join((__package__, *package))).NET
        if not isinstance(net, Net):
            raise ValueError(f"{path}: NET is a {type(net).__name__}, expected a Net")
        return replace(net, options=self._options(name, net.options))

    def unknown_options(self, name: str, given: Mapping[str, Any]) -> list[str]:
        """Return one message for each of these options that the network does not have."""
        declared = {**self.stated(name)["options"], **self.overrides}
        if ":" in name:
            del declared["architecture"]  # the name says it
        return [
            f"{self.kind} {name!r} has no option {option!r}{suggestion(str(option), declared)}"
            for option in given
            if option not in declared
        ]

    def wrong_options(self, name: str, given: Mapping[str, Any]) -> list[str]:
        """Return one message for each option that the network lacks, or that has a wrong type."""
        declared = {**self.stated(name)["options"], **self.overrides}
        wanted = {
            option: wrong_type(value, declared[option])
            for option, value in given.items()
            if option in declared
        }
        return self.unknown_options(name, given) + [
            f"{self.kind} {name!r}: option {option!r} is {given[option]!r}; it takes {kind}"
            for option, kind in wanted.items()
            if kind
        ]
