"""The page of cards says what the plug-ins say, and is up to date."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from faceoff.cli import app
from faceoff.commands import card_page
from faceoff.plugins import registry
from faceoff.plugins.model_cards import read_card

for module in ("torch", "h5py"):  # some plug-ins import them at once
    pytest.importorskip(module)


def test_the_page_in_the_documentation_is_up_to_date() -> None:
    done = CliRunner().invoke(app, ["cards"])
    assert done.exit_code == 0
    assert card_page.PATH.read_text(encoding="utf-8") == done.output, "run `faceoff cards --write`"


def test_every_detector_and_model_is_on_it_with_each_of_its_files() -> None:
    text = card_page.PATH.read_text(encoding="utf-8")
    for plugin in registry.discover().values():
        if plugin.kind != "dataset":
            assert f"| `{plugin.name}` | {plugin.framework} |" in text
            assert all(
                asset.name in text and asset.digest in text for asset in plugin.assets.values()
            )


def test_what_a_card_says_stands_in_its_rows(tmp_path: Path) -> None:
    card = {
        "name": "mine",
        "file": "mine.onnx",
        "sha256": "A" * 64,
        "size": 1234567,
        "urls": ["https://example.org/a/b/mine.onnx"],
        "runtime": "onnx",
        "input": {"size": [96, 112], "channels": 1, "margin": 0.25, "mean": 0.5, "std": 0.25},
        "emotions": ["happy", "sad"],
        "outputs": ["emotions", "valence", "arousal"],
        "lineage": "ours",
        "licence": "MIT",
        "training_data": {"ferplus": ["train", "valid"]},
        "selected_on": {"affectnet": ["valid"]},
        "notes": "mind the gap",
        "published": [
            {"task": "FER+ test", "accuracy": 0.5, "n": 10, "correct": 5, "note": "theirs"}
        ],
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    lines = card_page.page([read_card(tmp_path / "mine.yaml")]).splitlines()
    assert (
        "| `mine` | onnx | 112 × 96 px, grey, margin 0.25; (x / 255 − 0.5) / 0.25"
        " | happiness, sadness | valence, arousal | ours | MIT | – |" in lines
    )
    assert (
        f"| mine.onnx | `{'a' * 64}` | 1,234,567 "
        "| [example.org/a/b](https://example.org/a/b/mine.onnx) | `mine` |" in lines
    )
    said = (
        "trained on ferplus (train and valid); chosen on affectnet (valid);"
        " published: 50 % on FER+ test (5/10), theirs; mind the gap"
    )
    assert f"- `mine`: {said}" in lines


def test_classes_of_rules_are_those_that_the_units_allow() -> None:
    assert "contempt" not in card_page.classes_of(registry.get("model", "openface"))
    assert {"fear", "anger"} & set(card_page.classes_of(registry.get("model", "libreface_au"))) == {
        "fear"
    }
    assert card_page.classes_of(registry.get("model", "landmarks_lr")) == ()


def test_a_package_that_is_missing_is_named_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def page(plugins: object) -> str:
        raise ModuleNotFoundError("No module named 'h5py'", name="h5py")

    monkeypatch.setattr(card_page, "page", page)
    done = CliRunner().invoke(app, ["cards"])
    assert done.exit_code == 1
    assert len(done.output.splitlines()) == 1
    assert "python package 'h5py' is not installed: `make full` installs it" in done.output
