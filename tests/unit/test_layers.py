"""Imports inside the package point downwards: what computes does not know who asks, and what shows
does not compute.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

from faceoff.plugins import code_hash
from faceoff.plugins.plugin import PACKAGE

# Floor by floor, from the ground up: a room imports from the floors below it and from itself.
# Modules at the top of the package are rooms of their own.
FLOORS = (
    {"layout", "progress", "spelling"},
    {"emotions", "storage"},
    {"assets", "drawing", "statistics"},
    {"plugins"},
    {"fusion", "inference", "media", "saliency", "temporal", "tracking"},
    {"corruption", "scoring", "training"},
    {"faces", "plan", "results", "speech"},
    {"datasets", "detectors", "models", "segmenters", "signals", "speech_models"},
    {"figures"},
    {"analysis", "report"},
    {"live", "stages"},
    {"commands"},
    {"cli"},
    {"__main__"},
)
PLUGINS = ("datasets", "detectors", "models", "segmenters", "signals", "speech_models")


def room(path: Path) -> str:
    """Return the folder of a module inside the package, or its own name."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@pytest.fixture(scope="module")
def imports() -> Mapping[Path, frozenset[Path]]:
    """Return the files that each module of the package imports."""
    root = {PACKAGE / "__init__.py"}
    return {path: code_hash.imports(path) - root for path in PACKAGE.rglob("*.py")}


def test_every_room_has_its_floor() -> None:
    """No module lies at the top of the package but those that are named above."""
    assert {room(path) for path in PACKAGE.rglob("*.py")} - {"__init__"} == set().union(*FLOORS)
    assert sum(map(len, FLOORS)) == len(set().union(*FLOORS))


def test_no_import_points_upwards_or_across(imports: Mapping[Path, frozenset[Path]]) -> None:
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    arrows = {
        (str(path.relative_to(PACKAGE)), str(target.relative_to(PACKAGE)))
        for path, targets in imports.items()
        for target in targets
        if path != PACKAGE / "__init__.py"
        and room(path) != room(target)
        and floor[room(path)] <= floor[room(target)]
    }
    assert arrows == set()


def test_no_circle_of_modules(imports: Mapping[Path, frozenset[Path]]) -> None:
    """Every module can be taken away after those that it imports."""
    left = {path: set(targets) - {path} for path, targets in imports.items()}
    while free := {path for path, targets in left.items() if not targets & left.keys()}:
        left = {path: targets for path, targets in left.items() if path not in free}
    assert sorted(str(path.relative_to(PACKAGE)) for path in left) == []


def test_no_stage_imports_a_stage(imports: Mapping[Path, frozenset[Path]]) -> None:
    assert {
        path.name: target.name
        for path, targets in imports.items()
        for target in targets
        if room(path) == room(target) == "stages"
    } == {}


@pytest.mark.parametrize("plugins", PLUGINS)
def test_a_plugin_shares_only_private_helpers_with_its_siblings(
    plugins: str, imports: Mapping[Path, frozenset[Path]]
) -> None:
    shared = {
        target.name
        for path, targets in imports.items()
        for target in targets
        if room(path) == room(target) == plugins
    }
    assert {name for name in shared if not name.startswith("_")} == set()
