"""Every figure and table has a caption, and captions.md holds them in the order of the report."""

import re
from pathlib import Path

import pytest
import report_fixtures as fixtures

from faceoff.plan.figure_list import listed
from faceoff.plan.table_list import table_names
from faceoff.stages.captions import write_captions

ROOT = Path(__file__).resolve().parents[2]
CAPTIONS = sorted((ROOT / "workflow/report").glob("*.rst"))


def test_every_kind_of_figure_and_every_table_of_the_workflow_has_a_caption():
    met = {"latency", "multiverse", "over_time", "robustness", "several_datasets"}
    met |= {"saliency", "signals", "synchrony", "tracks"}
    tables = {f"table_{name}" for name in table_names(met)}
    assert "table_accuracy" in tables
    others = {"speed", "workflow"}
    assert tables | others | set(listed()) == {path.stem for path in CAPTIONS}


def test_captions_of_a_run(tmp_path):
    spec = fixtures.spec({"alpha": "test", "beta": "test", "train": "train"})
    spec["config"]["datasets"]["beta"]["limit"] = 20
    write_captions(CAPTIONS[::-1], tmp_path / "captions.md", fixtures.Jobs(spec).captions)
    text = (tmp_path / "captions.md").read_text()
    figures = list(fixtures.Jobs(spec).figure_names)
    assert re.findall(r"^## (?!tables/)(.+)$", text, re.MULTILINE) == figures
    assert "*limited: not for reporting (beta)*" in text
    assert "**Confusion matrices: alpha.** Confusion matrices of" in text
    assert "`report.html`" in text
    assert "``" not in text
    assert "## tables/accuracy\n\nEnd-to-end accuracy" in text
    write_captions(CAPTIONS, tmp_path / "again.md", fixtures.Jobs(spec).captions)
    assert (tmp_path / "again.md").read_bytes() == (tmp_path / "captions.md").read_bytes()


def test_a_figure_without_a_caption_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"confusion\.rst is not there"):
        write_captions(
            [path for path in CAPTIONS if path.stem != "confusion"],
            tmp_path / "captions.md",
            fixtures.Jobs(fixtures.spec({"alpha": "test"})).captions,
        )
