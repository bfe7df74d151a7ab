"""A plug-in from outside that imports by an old path is told the new one."""

import importlib.util
from pathlib import Path

import pytest

from faceoff.plugins import moved, registry
from faceoff.plugins.plugin import PACKAGE, RegistryError

CLASS = "\n\nclass Mine:\n    pass\n"


def load(tmp_path: Path, text: str) -> type:
    source = tmp_path / "mine.py"
    source.write_text(text + CLASS)
    return registry.load(source, "Mine")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "from faceoff.protocols import Face",
            ["faceoff.protocols is now faceoff.plugins.protocols"],
        ),
        (
            "import faceoff.runtimes",
            ["faceoff.runtimes is now faceoff.inference.hardware and faceoff.inference.runtimes"],
        ),
        (
            "from faceoff import tables",
            [
                "faceoff.tables is now faceoff.storage.columns and faceoff.storage.files and "
                "faceoff.storage.parquet"
            ],
        ),
        # A room bears the name of an old module.
        (
            "from faceoff.assets import Asset",
            ["faceoff.assets is now faceoff.assets.asset and faceoff.assets.fetch"],
        ),
        ("from faceoff.faces import choose", ["faceoff.faces is now faceoff.faces.choice"]),
        (
            "from faceoff.networks import emonet",
            ["faceoff.networks.emonet is now faceoff.inference.networks.emonet"],
        ),
        (
            "from faceoff.emotions import EMOTIONS\nfrom faceoff.media.images import decode_image\n"
            "from faceoff.boxes import square\nfrom faceoff.config import DatasetConfig",
            [
                "faceoff.boxes is now faceoff.faces.boxes",
                "faceoff.config is now faceoff.plan.config and faceoff.plan.config_files and "
                "faceoff.plan.sections and faceoff.plugins.options",
            ],
        ),
    ],
)
def test_an_old_path_is_answered_with_the_new_one(
    tmp_path: Path, text: str, lines: list[str]
) -> None:
    with pytest.raises(RegistryError) as caught:
        load(tmp_path, text)
    assert str(caught.value).splitlines() == [f"{tmp_path / 'mine.py'}: {line}" for line in lines]


def test_an_old_path_in_a_module_beside_the_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beside_mine.py").write_text("from faceoff.crops import crop\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RegistryError, match=r"faceoff\.crops is now faceoff\.faces\.crops"):
        load(tmp_path, "import beside_mine")


def test_another_absent_module_stays_an_import_error(tmp_path: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_framework"):
        load(tmp_path, "import no_such_framework\nfrom faceoff.protocols import Face")


def test_a_plugin_may_know_both_paths(tmp_path: Path) -> None:
    both = (
        "try:\n    from faceoff.protocols import Face\nexcept ImportError:\n    from "
        "faceoff.plugins.protocols import Face"
    )
    assert load(tmp_path, both).__name__ == "Mine"


@pytest.mark.parametrize("old", moved.MOVED)
def test_every_new_path_is_there_and_no_old_module(old: str) -> None:
    assert not PACKAGE.joinpath(*old.split(".")).with_suffix(".py").exists()
    assert [
        new for new in moved.MOVED[old].split() if not importlib.util.find_spec(f"faceoff.{new}")
    ] == []
