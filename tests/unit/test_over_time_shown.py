"""Hold page, figure and table of scores over time to what the file says."""

from pathlib import Path
from typing import Any

import pytest
from test_steady_stage import scored, write_dataset

from faceoff.figures import over_time as figure
from faceoff.report.part import Part
from faceoff.report.sections import over_time as section
from faceoff.results.dataset_results import DatasetResults
from faceoff.results.over_time import families
from faceoff.results.tables.over_time import TABLE
from faceoff.results.tables.table import Sources


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("over_time")
    return scored(write_dataset(folder / "test"), folder), folder / "over_time.json"


def part_of(found: dict[str, Any]) -> Part:
    return Part(DatasetResults("clips", {}, [], None), "d0", {}, lambda kind: [], over_time=found)


def test_rules_stand_below_the_pipeline_that_they_read(found: tuple[dict[str, Any], Path]) -> None:
    shown = section.view(part_of(found[0]))
    assert shown is not None
    bare, rule = shown["rows"]
    assert (bare["bare"], rule["bare"]) == (True, False)
    assert (rule["title"], rule["notes"]) == ("smooth", "exponential mean")
    pipelines = {pipe["name"]: pipe["scores"] for pipe in found[0]["pipelines"]}
    assert bare["uar"] == pipelines["haar/net"]["uar"]
    assert rule["uar"] == pipelines["temporal/smooth.haar.net"]["uar"]
    assert rule["test"] == found[0]["tests"][0]
    assert shown["constants"][0]["constants"] == "tau_s 0.4"
    columns = shown["policies"]["columns"]
    assert columns[:4] == ["middle frame", "most confident frame", "mean", "product"]
    assert columns[4:] == ["mean of smooth"]


def test_nothing_is_shown_of_a_dataset_that_no_rule_reads() -> None:
    assert section.view(part_of({})) is None


def test_a_dataset_without_labels_of_frames_says_so(tmp_path: Path) -> None:
    shown = section.view(part_of(scored(write_dataset(tmp_path / "t", labelled=False), tmp_path)))
    assert shown is not None
    assert shown["rows"] == []
    assert "no frame has a label" in shown["reason"]
    assert shown["policies"]["rows"][0]["n"] == 6


def test_the_figure_and_its_rows(found: tuple[dict[str, Any], Path]) -> None:
    drawn, rows = figure.of_dataset(DatasetResults("clips", {}, [], None, over_time=found[1]))
    assert [row["rule"] for row in rows] == ["", "smooth"]
    (family,) = families(found[0])
    assert rows[1]["uar"] == family.rules[0]["scores"]["uar"]
    assert [axes.get_title(loc="left") or axes.get_title() for axes in drawn.axes] == [
        "UAR of frames, %", "UAR of frames, %", "Changes followed"
    ]  # fmt: skip


def test_more_rules_than_markers_are_told_apart() -> None:
    looks = [tuple(sorted(figure._look(place, "C0").items())) for place in range(12)]
    assert len(set(looks)) == 12


def test_the_table_has_every_score(found: tuple[dict[str, Any], Path]) -> None:
    bare, rule = TABLE.rows(Sources(over_time=[found[0]]))
    assert rule["constants"] == "tau_s=0.4"
    assert (bare["of"], rule["of"]) == ("", "haar/net")
    assert rule["against_bare_verdict"] == found[0]["tests"][0]["verdict"]
    assert bare["against_bare_p"] is None
    assert rule["segmental_f1_0.5"] == found[0]["pipelines"][1]["scores"]["segmental_f1"]["0.5"]
    assert all(isinstance(column.text(rule), str) for column in TABLE.columns)
