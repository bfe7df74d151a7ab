"""Stages that gather a run are told what they read: a setting makes again only what shows it."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from faceoff.plan import job_specs
from faceoff.plan.aggregate_jobs import FiguresJob, ReportJob
from faceoff.plan.job_specs import Plan
from faceoff.plugins import code_hash, registry

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("tables", "figures", "captions", "speed", "report", "manifest")
# They state the whole configuration.
STATE_ALL = {"report", "manifest"}
RAW = {
    "run": "t",
    "datasets": {"posed": {}, "posed-train": {"type": "posed", "split": "train", "role": "train"}},
    "detectors": {"whole": {}, "haar": {}},
    "models": {"fer": {}, "landmarks_lr": {"train": "posed-train"}},
    "fusions": {"vote": {"rule": "majority"}},
}


def jobs(changes: dict[str, Any] | None = None) -> dict[str, str]:
    """Return what each stage is told in a run of `RAW` with these changes."""
    made = Plan({**copy.deepcopy(RAW), **(changes or {})})
    return {stage: getattr(made, f"{stage}_job")().to_json() for stage in STAGES}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"report": {"title": "Other"}}, {"speed"}),
        ({"report": {"faces": False}}, {"figures", "captions"}),
        ({"figures": {"formats": ["png"]}}, {"figures"}),
        ({"figures": {"examples": 1}}, {"figures"}),
        ({"fusions": {}}, {"figures", "captions"}),
        ({"run": "other"}, {"captions", "speed"}),
        ({"seed": 5}, set()),
        ({"speed": {"queries": 9}}, set()),
        ({"datasets": {**RAW["datasets"], "posed": {"limit": 7}}}, {"tables", "captions"}),
        ({"models": {"fer": {}, "geometry": {}}}, set()),
    ],
)
def test_a_setting_makes_again_what_shows_it(changes: dict[str, Any], expected: set[str]) -> None:
    before, after = jobs(), jobs(changes)
    changed = {stage for stage in STAGES if before[stage] != after[stage]}
    assert changed == expected | STATE_ALL


def test_jobs_are_deterministic_without_the_place_of_the_checkout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = jobs()
    monkeypatch.chdir(tmp_path)
    code_hash.forget()
    for cache in (job_specs.code, registry.discover):
        cache.cache_clear()
    for stage, text in jobs().items():
        assert text == first[stage]
        assert str(ROOT) not in text
        assert len(json.loads(text)["code"]) == 16


def test_a_stage_reads_what_the_plan_wrote() -> None:
    told = jobs()
    figures = FiguresJob.from_json(told["figures"])
    assert "fusion-posed" in figures.figures
    assert figures.datasets == ("posed",)
    page = ReportJob.from_json(told["report"])
    assert list(page.datasets) == ["posed"]
    assert (page.title, page.run, page.faces) == ("Faceoff", "t", True)
    with pytest.raises(ValueError, match="figures"):
        FiguresJob.from_json('{"datasets": [], "formats": [], "examples": 1}')


def test_the_code_of_a_figure_counts_for_the_figures_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages find figures and tables in their folders, so the plan names them to the code hash."""
    before = jobs()
    real = code_hash.code_of

    def without(name: str) -> dict[str, str]:
        def code_of(_: Path, *roots: Any) -> str:
            return real(*(root for root in roots if Path(str(root)).name != name))

        monkeypatch.setattr(code_hash, "kept_code_of", code_of)
        job_specs.code.cache_clear()
        return jobs()

    def changed(after: dict[str, str]) -> set[str]:
        return {stage for stage in STAGES if before[stage] != after[stage]}

    assert changed(without("heatmap.py")) == {"figures"}
    assert changed(without("cost.py")) == {"tables"}
    monkeypatch.undo()
    job_specs.code.cache_clear()
    assert changed(jobs()) == set()
