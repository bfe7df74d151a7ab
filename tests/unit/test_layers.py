"""Imports inside the package point downwards: what computes does not know who asks, and what shows does not compute."""

from pathlib import Path

import pytest

from faceoff import codehash, registry

PACKAGE = registry.PACKAGE
# Room -> the modules and rooms that may import from it. A module of no room is named by itself.
MAY_IMPORT = {
    "stages": {"stages", "cli", "workflow", "drawn_calibration"},
    "report": {"report", "stages"},
    "figures": {"figures", "stages", "cli"},
    "datasets": {"datasets", "cli"},
    "detectors": {"detectors"},
    "models": {"models"},
    "networks": {"networks", "detectors", "models"},
    "drawing": {"drawing", "datasets", "cli", "drawn_calibration"},
}


def room(path: Path) -> str:
    """The folder of a module inside the package, or its own name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def importers(of: str) -> set[str]:
    return {room(path) for path in PACKAGE.rglob("*.py") for target in codehash.imports(path) if target.parent != PACKAGE and room(target) == of}


@pytest.mark.parametrize("below", MAY_IMPORT)
def test_imports_point_downwards(below: str) -> None:
    assert importers(below) <= MAY_IMPORT[below]


def test_every_room_has_its_rule() -> None:
    assert {path.parent.relative_to(PACKAGE).parts[0] for path in PACKAGE.glob("*/*.py")} == set(MAY_IMPORT)
