"""The page tells of the networks that the run trained, and links their curves, logs and cards."""

import copy
import html
import re
from pathlib import Path
from typing import Any

import pytest
import report_fixtures as fixtures
import yaml

from faceoff.layout import VERSION
from faceoff.stages.report import write_again, write_report
from faceoff.storage import files

PICTURES: dict[str, Any] = {
    "net": "resnet_small",
    "options": {"width": 4, "size": [24, 24]},
    "parameters": 25620,
    "recipe": {"epochs": 12},
    "data": {"dataset": "posed-train", "n": 64, "pictures": 1064},
    "validation": {
        "dataset": "posed-valid",
        "pictures": 24,
        "epoch": 7,
        "accuracy": 0.5,
        "uar": 0.25,
        "log_loss": 1.0,
    },
    "configurations_tried": 3,
    "stopped": "no better epoch in 5",
}
CLIPS = PICTURES | {
    "net": "tcn",
    "options": {},
    "data": {"dataset": "films", "clips": 80, "frames": 900},
    "validation": {"dataset": "films-valid", "clips": 20, "epoch": 1, "ccc": -0.125},
    "stopped": None,
}


def training(folder: Path, name: str, about: dict[str, Any]) -> Path:
    """Write what a training leaves; return its card."""
    place = folder / "training" / name
    place.mkdir(parents=True)
    (place / "card.yaml").write_text(yaml.safe_dump({"training": about}, sort_keys=False))
    (place / "log.csv").write_text("epoch\n1\n")
    (place / "curves.svg").write_text("<svg/>")
    return place / "card.yaml"


def section(folder: Path, cards: list[Path], output: Path | None = None) -> str:
    """Return the section of a page; nothing where it has none."""
    score = fixtures.score("alpha", "whole", "net", 0.7)
    run = fixtures.write_run(folder, fixtures.spec({"alpha": "test"}), [score], [], {"alpha": []})
    output = output or folder / "report.html"
    write_report(
        run.scores, [], run.examples, folder / "figures", None, output, run.jobs().report,
        trained=cards,
    )  # fmt: skip
    found = re.search(
        r'<section id="trained".*?</section>', output.read_text(encoding="utf-8"), re.DOTALL
    )
    return found[0] if found else ""


def cells(text: str) -> list[list[str]]:
    """Return the words of each row of the table."""
    rows = re.findall(r"<tr>(.*?)</tr>", text.replace("<wbr>", ""), re.DOTALL)
    return [
        [html.unescape(re.sub(r"<[^>]*>", " ", cell)).split() for cell in re.split("</t[hd]>", row)]
        for row in rows
    ]


def test_a_network_has_a_row_with_its_best_epoch_score_and_links(tmp_path: Path) -> None:
    cards = [training(tmp_path, "z", PICTURES), training(tmp_path, "a", CLIPS)]
    found = section(tmp_path, cards)
    head, films, pictures = [[" ".join(cell) for cell in row if cell] for row in cells(found)]
    assert head == [
        "Network", "Net", "Trained on", "Validated on", "Epoch", "Accuracy", "UAR", "CCC", "Tried",
        "Files",
    ]  # fmt: skip
    assert pictures == [
        "z", "resnet_small width 4, size [24, 24]; 25,620 parameters",
        "posed-train 1,064 pictures", "posed-valid 24 pictures",
        "7 of 12 no better epoch in 5", "50.0 %", "25.0 %", "–", "3", "curves log card",
    ]  # fmt: skip
    assert films[2:8] == [
        "films 80 clips", "films-valid 20 clips", "1 of 12", "–", "–", "−0.125"
    ]  # fmt: skip
    links = re.findall(r'href="([^"]*)"', found)
    assert links[:3] == [f"training/a/{name}" for name in ("curves.svg", "log.csv", "card.yaml")]
    assert all((tmp_path / link).is_file() for link in links)
    assert section(tmp_path, cards[::-1]) == found


def test_links_begin_where_the_page_lies_and_lead_to_files_that_exist(tmp_path: Path) -> None:
    card = training(tmp_path, "net", PICTURES)
    (card.parent / "log.csv").unlink()
    (tmp_path / "else where").mkdir()
    found = section(tmp_path, [card], tmp_path / "else where" / "page.html")
    assert re.findall(r'href="([^"]*)"', found) == [
        "../training/net/curves.svg",
        "../training/net/card.yaml",
    ]


def test_a_training_that_failed_says_why(tmp_path: Path) -> None:
    cards = [training(tmp_path, "good", PICTURES), tmp_path / "training" / "bad" / "card.yaml"]
    cards[1].parent.mkdir()
    files.write_failure(cards[1], "TrainingError: <b>no</b> class", [])
    found = section(tmp_path, cards)
    assert "bad was not trained: TrainingError: &lt;b&gt;no&lt;/b&gt; class." in found
    assert len(cells(found)) == 2
    alone = section(tmp_path, cards[1:])
    assert "bad was not trained" in alone
    assert "<table>" not in alone


def test_what_a_card_says_never_becomes_markup(tmp_path: Path) -> None:
    about = copy.deepcopy(PICTURES) | {"net": fixtures.HOSTILE, "stopped": fixtures.HOSTILE}
    about["options"] = {fixtures.HOSTILE: fixtures.HOSTILE}
    about["data"]["dataset"] = about["validation"]["dataset"] = fixtures.HOSTILE
    found = section(tmp_path, [training(tmp_path, "net", about)])
    assert "<script" not in found
    assert "&lt;script&gt;" in found
    assert len(found) < 6000


def test_a_run_without_trainings_has_no_such_section(tmp_path: Path) -> None:
    assert section(tmp_path, []) == ""
    assert "Trained here" not in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("trained", [True, False])
def test_the_page_written_again_tells_of_the_networks_of_its_run(
    tmp_path: Path, trained: bool
) -> None:
    training(tmp_path, "net", PICTURES)
    training(tmp_path, "earlier", PICTURES)  # of another configuration of the same name
    score = fixtures.score("alpha", "whole", "net", 0.7)
    spec = fixtures.spec({"alpha": "test"})
    spec["config"]["training"] = {"net": {}} if trained else {}
    run = fixtures.write_run(tmp_path, spec, [score], [], {"alpha": []})
    made = {
        "layout": VERSION,
        "config": run.spec["config"],
        "faceoff": {"code": "c0de"},
        "weights": {},
        "datasets": run.spec["datasets"],
        "models": run.spec.get("models", {}),
    }
    files.write_json(tmp_path / "manifest.json", made)
    files.write_json(tmp_path / "scores" / "alpha" / "cell" / "0.json", score)
    run.scores[0].unlink()
    write_again(tmp_path, tmp_path / "again.html")
    page = (tmp_path / "again.html").read_text(encoding="utf-8")
    assert ('href="training/net/card.yaml"' in page) is trained
    assert "training/earlier" not in page
