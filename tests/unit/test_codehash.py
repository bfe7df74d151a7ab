"""The code hash changes with every file that a result depends on, and with nothing else."""

import shutil
from pathlib import Path

import pytest

from faceoff.plugins import code_hash

FILES = {
    "__init__.py": "",
    "registry.py": "import faceoff.leaf\n",
    "leaf.py": "VALUE = 1\n",
    "middle.py": "from faceoff.leaf import VALUE\n",
    "other.py": "OTHER = 1\n",
    "room/__init__.py": "",
    "room/near.py": "from . import sibling\nfrom ..middle import VALUE\n",
    "room/sibling.py": "import os\n",
    "room/wired.py": "from faceoff import registry\n",
    "room/late.py": "def f():\n    from faceoff import other\n    return other\n",
    "room/package_import.py": "import faceoff.room.sibling as s\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package that stands in for faceoff."""
    root = tmp_path / "faceoff"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    use(root, monkeypatch)
    return root


def use(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_hash, "PACKAGE", root)
    monkeypatch.setattr(code_hash, "WIRING", {root / "registry.py"})
    code_hash.imports.cache_clear()


def fresh(*paths: Path) -> str:
    code_hash.imports.cache_clear()
    return code_hash.code_of(*paths)


@pytest.mark.parametrize(
    ("start", "edited", "counts"),
    [
        ("room/near.py", "room/near.py", True),
        ("room/near.py", "room/sibling.py", True),  # relative import of a module
        ("room/near.py", "middle.py", True),  # relative import from a module above
        ("room/near.py", "leaf.py", True),  # through middle.py
        ("room/near.py", "other.py", False),
        ("room/late.py", "other.py", True),  # imported inside a function
        ("room/package_import.py", "room/sibling.py", True),
        ("room/package_import.py", "leaf.py", False),
        ("room/wired.py", "registry.py", False),  # wiring decides what runs, not what it computes
        ("room/wired.py", "leaf.py", False),  # nor is it followed
    ],
)
def test_what_counts(package: Path, start: str, edited: str, counts: bool) -> None:
    before = fresh(package / start)
    (package / edited).write_text(FILES[edited] + "\n# a comment\n")
    assert (fresh(package / start) != before) == counts


def test_file_outside_the_package_follows_absolute_imports(package: Path, tmp_path: Path) -> None:
    outside = tmp_path / "plugin.py"
    outside.write_text("from faceoff.middle import VALUE\n")
    before = fresh(outside)
    (package / "leaf.py").write_text("VALUE = 2\n")
    assert fresh(outside) != before


def test_place_of_the_checkout_does_not_count(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = fresh(package / "room" / "near.py")
    moved = tmp_path / "elsewhere" / "faceoff"
    shutil.copytree(package, moved)
    use(moved, monkeypatch)
    assert fresh(moved / "room" / "near.py") == here


def test_nothing_is_executed_and_order_does_not_count(package: Path) -> None:
    (package / "leaf.py").write_text("raise RuntimeError\n")
    a, b = package / "middle.py", package / "other.py"
    assert fresh(a, b) == fresh(b, a) != fresh(a)


def test_real_stages_depend_on_what_they_use() -> None:
    """crops.py is part of prediction, and not of detection or scoring; the registry is part of none."""
    code_hash.imports.cache_clear()
    stages = code_hash.PACKAGE / "stages"

    def reached(path: Path) -> set[str]:
        todo, seen = [path], set()
        while todo:
            file = todo.pop()
            if file not in seen:
                seen.add(file)
                todo.extend(code_hash.imports(file))
        return {file.name for file in seen}

    assert "crops.py" in reached(stages / "predict.py")
    assert "crops.py" not in reached(stages / "score.py")
    assert "parquet.py" in reached(stages / "score.py")
    assert not {"registry.py", "config.py", "job_specs.py", "matrix.py", "preflight.py"} & reached(stages / "predict.py")
