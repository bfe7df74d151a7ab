"""The plan of maps: which cells are explained, what jobs are told, and what is refused."""

from typing import Any

import pytest

from faceoff.plan.config import ConfigError
from faceoff.plan.job_specs import Plan
from faceoff.plan.saliency_jobs import SaliencyJob, ScoreSaliencyJob
from faceoff.plugins import plugin

BASE: dict[str, Any] = {
    "run": "r",
    "datasets": {"posed": {"validation": "held"}, "held": {"type": "posed", "role": "validation"}},
    "detectors": {"given": {}, "whole": {}},
    "models": {
        "faceoff_small": {},
        "pd_best_keras": {},
        "told": {"model": "recorded", "options": {"path": "told.csv"}},
    },
}


def plan(**section: Any) -> Plan:
    return Plan({**BASE, "saliency": section}, check_modules=False)


def test_without_the_section_there_is_no_file_of_maps() -> None:
    for told in (Plan(BASE), Plan({**BASE, "saliency": None})):
        assert [path for path in told.files() if "saliency" in path] == []
        assert "saliency" not in told.table_names()
        assert list(told.saliency_faults()) == []


def test_the_named_cells_of_test_datasets_are_explained() -> None:
    every = plan()
    assert every.saliency_cells("posed") == [
        (detector, model)
        for detector in ("given", "whole")
        for model in ("faceoff_small", "pd_best_keras")
    ], "recorded predictions look at no picture"
    assert every.saliency_cells("held") == []
    told = plan(of=["given/*", "*/faceoff_small"], datasets=["po*"])
    assert ("whole", "pd_best_keras") not in told.saliency_cells("posed")
    assert {
        "results/r/saliency/posed/given/pd_best_keras.parquet",
        "results/r/saliency/posed/given/pd_best_keras.timing.json",
        "results/r/scores/posed/saliency/whole/faceoff_small.json",
        "results/r/tables/saliency.csv",
    } <= set(told.products())


def test_jobs_are_read_as_they_were_told() -> None:
    told = plan(method="gradcam", samples=9, sanity=False, layers={"pd_best_keras": "conv2d_3"})
    job = told.saliency_job("posed", "given", "pd_best_keras")
    assert SaliencyJob.from_json(job.to_json()) == job
    assert (job.layer, job.samples, job.sanity, job.faces) == ("conv2d_3", 9, False, True)
    assert told.saliency_job("posed", "whole", "faceoff_small").layer is None
    assert job.predict == told.predict_job("posed", "given", "pd_best_keras")
    score = told.score_saliency_job("posed", "given", "pd_best_keras")
    assert ScoreSaliencyJob.from_json(score.to_json()) == score
    hidden = Plan({**BASE, "saliency": {}, "report": {"faces": False}}, check_modules=False)
    assert not hidden.saliency_job("posed", "given", "pd_best_keras").faces


@pytest.mark.parametrize(
    ("section", "fault"),
    [
        ({"method": "rice"}, "saliency.method: 'rice' is not valid, did you mean 'rise'?"),
        ({"sample": 3}, "unknown key 'saliency.sample', did you mean 'samples'?"),
        ({"samples": 1}, "saliency.samples: Input should be greater than or equal to 2"),
        (
            {"of": ["gven/*"]},
            "saliency.of: 'gven/*' matches no detector/model cell of this run, did you mean "
            "'given'?",
        ),
        (
            {"datasets": ["held"]},
            "saliency.datasets: 'held' matches no dataset of role test",
        ),
        (
            {"layers": {"faceof_small": "conv"}},
            "saliency.layers: no model 'faceof_small' in this run, did you mean 'faceoff_small'?",
        ),
    ],
)
def test_what_is_wrong_is_named(section: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError) as error:
        plan(**section)
    assert fault in str(error.value)


def test_a_method_whose_package_is_missing_is_refused_before_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = plugin._installed
    monkeypatch.setattr(plugin, "_installed", lambda name: name != "captum" and there(name))
    raw = {**BASE, "saliency": {"method": "gradcam"}}
    (fault,) = Plan(raw).saliency_faults()
    assert fault.startswith("saliency.method: gradcam needs the python package 'captum'")
    assert list(Plan(raw, check_modules=False).saliency_faults()) == []
    assert list(Plan({**BASE, "saliency": {"method": "rise"}}).saliency_faults()) == []
