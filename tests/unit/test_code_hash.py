"""The code hash changes with every definition that a result depends on, and with nothing else."""

import shutil
from pathlib import Path

import pytest

from faceoff.plugins import code_hash

FILES = {
    "__init__.py": "",
    "registry.py": "import faceoff.leaf\nCHOSEN = 1\n",
    "leaf.py": "VALUE = 1\n\n\ndef helper(x):\n    return x\n",
    "middle.py": "from faceoff.leaf import VALUE, helper\n\n\ndef use():\n    return VALUE\n",
    "other.py": "OTHER = 1\n",
    "patch.py": "import math\n\nmath.tau2 = 12\nUNUSED = 1\n",
    "room/__init__.py": "",
    "room/near.py": "from . import sibling\nfrom ..middle import use\n\nprint(use(), sibling)\n",
    "room/sibling.py": "import os\nHERE = os.sep\n",
    "room/wired.py": "from faceoff import registry\nX = registry.CHOSEN\n",
    "room/late.py": "def f():\n    from faceoff import other\n    return other\n",
    "room/package_import.py": "import faceoff.room.sibling as s\nX = s.HERE\n",
    "room/attribute.py": "from faceoff import leaf\n\n\ndef f():\n    return leaf.VALUE\n",
    "room/passed_on.py": "from faceoff import leaf\n\n\ndef f(g):\n    return g(leaf)\n",
    "room/forwarded.py": "from faceoff import middle\nX = middle.VALUE\n",
    "room/effect.py": "from faceoff import patch\n\n\ndef f():\n    return 1\n",
    "room/shadow.py": (
        "from faceoff import leaf\nVALUE = 3\n\n\ndef f(leaf, *VALUE):\n    return leaf.helper, "
        "VALUE\n"
    ),
    "room/tried.py": (
        "try:\n    from faceoff.leaf import VALUE\nexcept ImportError:\n    pass\n\n\n"
        "def f():\n    return VALUE\n"
    ),
    "room/typed.py": (
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from faceoff.patch import "
        "UNUSED\n"
        "\n\ndef f():\n    return 1\n"
    ),
    "room/comprehension.py": (
        "from faceoff import leaf\n\n\ndef f():\n    return [leaf for leaf in leaf.VALUE]\n"
    ),
    "room/default.py": "from faceoff import leaf\n\n\ndef f(leaf=leaf.VALUE):\n    return leaf\n",
    "room/inner.py": (
        "from faceoff import leaf\n\n\ndef f():\n"
        "    def g():\n        leaf = 1\n        return leaf\n\n    return g, leaf.VALUE\n"
    ),
    "room/two.py": "from faceoff.leaf import VALUE\n\n\nclass A:\n    x = VALUE\n\n\nclass B:\n    "
    "y = 2\n",
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
    monkeypatch.setattr(code_hash, "WIRING", ("registry.py",))
    code_hash.forget()


def fresh(*roots: Path | tuple[Path, str]) -> str:
    code_hash.forget()
    return code_hash.code_of(*roots)


@pytest.mark.parametrize(
    ("start", "edited", "counts"),
    [
        ("room/near.py", "room/near.py", True),
        ("room/near.py", "room/sibling.py", True),  # relative import of a module, passed on whole
        ("room/near.py", "middle.py:use", True),  # relative import from a module above
        ("room/near.py", "leaf.py:VALUE", True),  # through middle.py
        ("room/near.py", "leaf.py:helper", False),  # middle.py imports it, what is used does not
        ("room/near.py", "other.py", False),
        ("room/late.py", "other.py", True),  # imported inside a function
        ("room/package_import.py", "room/sibling.py", True),
        ("room/package_import.py", "leaf.py:VALUE", False),
        ("room/attribute.py", "leaf.py:VALUE", True),
        ("room/attribute.py", "leaf.py:helper", False),  # another attribute of the module
        ("room/passed_on.py", "leaf.py:helper", True),  # whoever gets the module may use it all
        ("room/forwarded.py", "leaf.py:VALUE", True),  # a name that middle.py itself imports
        ("room/effect.py", "patch.py", True),  # what a module does when it is imported
        ("room/effect.py", "patch.py:UNUSED", False),
        ("room/effect.py", "patch.py:tau2", True),  # an attribute set from outside
        ("room/tried.py", "leaf.py:VALUE", True),  # imported in a block of the module
        ("room/tried.py", "leaf.py:helper", False),
        ("room/typed.py", "patch.py", False),  # imported for type checkers alone
        ("room/comprehension.py", "leaf.py:VALUE", True),  # its first iterable is outside it
        ("room/default.py", "leaf.py:VALUE", True),  # a default is evaluated outside the function
        ("room/inner.py", "leaf.py:VALUE", True),  # local in the inner function only
        ("room/wired.py", "registry.py", False),  # wiring decides what runs, not its result
        ("room/wired.py", "leaf.py:VALUE", False),  # nor is it followed
    ],
)
def test_what_counts(package: Path, start: str, edited: str, counts: bool) -> None:
    before = fresh(package / start)
    name, _, definition = edited.partition(":")
    changed = {
        "": FILES[name] + "\nprint('edited')\n",
        "VALUE": FILES[name].replace("VALUE = 1", "VALUE = 2"),
        "helper": FILES[name].replace("return x", "return x + 1"),
        "use": FILES[name].replace("return VALUE", "return -VALUE"),
        "UNUSED": FILES[name].replace("UNUSED = 1", "UNUSED = 2"),
        "tau2": FILES[name].replace("tau2 = 12", "tau2 = 13"),
    }[definition]
    assert changed != FILES[name]
    (package / name).write_text(changed)
    assert (fresh(package / start) != before) == counts


@pytest.mark.parametrize(
    ("before", "after", "counts"),
    [
        ("X = 1\n", "# why\nX  =  1  # here\n", False),
        ("def f(x):\n    return x\n", 'def f(x):\n    """Say what."""\n    return x\n', False),
        ("def f(x):\n    return x\n", "def f(x: int) -> int:\n    return x\n", False),
        ("def f(x):\n    return (x)\n", "def f(\n    x,\n):\n    return x\n", False),
        ("class A:\n    x = 1\n", 'class A:\n    """Say what."""\n\n    x = 1\n', False),
        (
            "class A:\n    x: int = 1\n",
            "class A:\n    x: float = 1\n",
            True,
        ),  # of a field it counts
        ("def f(x=1):\n    return x\n", "def f(x=2):\n    return x\n", True),
        ("def f(x):\n    return x\n", "@g\ndef f(x):\n    return x\n", True),
        ("from math import sin as f\nX = f(1)\n", "from math import cos as f\nX = f(1)\n", True),
        ("import math\nX = 1\n", "import os\nX = 1\n", False),  # nothing uses it
        ("X = f'{1}'\n", "X = f'{1:d}'\n", True),
        ("X = 'text'\n", "X = 'other'\n", True),
    ],
)
def test_edits_of_one_file(tmp_path: Path, before: str, after: str, counts: bool) -> None:
    path = tmp_path / "module.py"
    path.write_text(before)
    first = fresh(path)
    path.write_text(after)
    assert (fresh(path) != first) == counts


def test_a_local_name_is_no_definition_of_the_module(package: Path) -> None:
    path = package / "room" / "shadow.py"
    before = fresh((path, "f"))
    (package / "leaf.py").write_text(FILES["leaf.py"].replace("return x", "return -x"))
    path.write_text(FILES["room/shadow.py"].replace("VALUE = 3", "VALUE = 4"))
    assert fresh((path, "f")) == before


def test_a_name_of_a_comprehension_is_none_of_the_module(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    text = "A = [name for name in 'ab']\nB = {name: 1 for name in 'cd'}\n"
    path.write_text(text)
    before = fresh((path, "A"))
    path.write_text(text.replace("'cd'", "'ef'"))
    assert fresh((path, "A")) == before


def test_one_definition_of_a_file(package: Path) -> None:
    path = package / "room" / "two.py"
    before = {name: fresh((path, name)) for name in "AB"}
    path.write_text(FILES["room/two.py"].replace("y = 2", "y = 3"))
    assert fresh((path, "A")) == before["A"]
    assert fresh((path, "B")) != before["B"]
    (package / "leaf.py").write_text("VALUE = 5\n")
    assert fresh((path, "A")) != before["A"]


def test_an_import_that_brings_another_of_the_same_name(package: Path) -> None:
    """Both definitions are used by someone; who uses which still counts."""
    (package / "one.py").write_text("def f():\n    return 1\n")
    (package / "two.py").write_text("def f():\n    return 2\n")
    main = package / "main.py"
    text = "from faceoff.one import f as a\nfrom faceoff.two import f as b\nX, Y = a(), b()\n"
    main.write_text(text)
    before = fresh(main)
    main.write_text(text.replace("one", "zero").replace("two", "one").replace("zero", "two"))
    assert fresh(main) != before


def test_file_outside_the_package_follows_absolute_imports(package: Path, tmp_path: Path) -> None:
    outside = tmp_path / "plugin.py"
    outside.write_text("from faceoff.middle import VALUE\nX = VALUE\n")
    before = fresh(outside)
    (package / "leaf.py").write_text("VALUE = 2\n")
    assert fresh(outside) != before


def test_a_file_that_is_no_python_counts_with_its_bytes(package: Path) -> None:
    style = package / "look.css"
    style.write_text("a {}")
    before = fresh(package / "leaf.py", style)
    style.write_text("a { }")
    assert fresh(package / "leaf.py", style) != before


def test_place_of_the_checkout_does_not_count(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = fresh(package / "room" / "near.py")
    moved = tmp_path / "elsewhere" / "faceoff"
    shutil.copytree(package, moved)
    use(moved, monkeypatch)
    assert fresh(moved / "room" / "near.py") == here


def test_nothing_is_executed_and_order_does_not_count(package: Path) -> None:
    (package / "leaf.py").write_text("raise RuntimeError\n")
    a, b = package / "room/near.py", package / "other.py"
    assert fresh(a, b) == fresh(b, a) != fresh(a)


def test_real_stages_depend_on_what_they_use() -> None:
    """Cropping is part of prediction, and not of detection or scoring; wiring is part of none."""
    code_hash.forget()
    adapters = code_hash.PACKAGE.parent

    def names(stage: str) -> set[str]:
        return {path.name for path in code_hash.reached([(adapters / f"{stage}.py", None)])}

    assert "crops.py" in names("predict")
    assert "crops.py" not in names("score")
    assert not {"registry.py", "config.py", "job_specs.py", "energy.py"} & names("predict")
