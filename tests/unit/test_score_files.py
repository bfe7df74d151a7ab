"""The score files of a run are those that its present configuration names."""

from pathlib import Path

import pytest

from faceoff.layout import VERSION
from faceoff.results import run_folder
from faceoff.storage import files

CONFIG = {
    "datasets": {"a": {}},
    "detectors": {"whole": {}},
    "models": {"fer": {}},
    "fusions": {"vote": {}},
}
FILES = (
    "a/whole/fer",
    "a/whole/gone",
    "a/fusion/vote",
    "a/fusion/vote.whole",
    "a/fusion/gone",
    "gone/whole/fer",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        files.write_json(tmp_path / f"scores/{name}.json", {})
    return tmp_path


def test_what_has_left_the_configuration_is_left_out(folder: Path) -> None:
    files.write_json(folder / "manifest.json", {"layout": VERSION, "config": CONFIG})
    assert [str(path.relative_to(folder / "scores")) for path in run_folder.of_run(folder)] == [
        "a/fusion/vote.json",
        "a/fusion/vote.whole.json",
        "a/whole/fer.json",
    ]


def test_without_a_manifest_all_count(folder: Path) -> None:
    assert len(run_folder.of_run(folder)) == len(FILES)
