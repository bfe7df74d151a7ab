"""The plan of signals: what is asked for, told and refused."""

from typing import Any

import pytest

from faceoff.plan.config import ConfigError
from faceoff.plan.job_specs import Plan
from faceoff.plan.signal_jobs import ScoreSignalsJob, SignalsJob

BASE: dict[str, Any] = {
    "run": "r",
    "datasets": {"posed": {}},
    "detectors": {"mediapipe_short": {}, "whole": {}},
    "models": {"faceoff_small": {}},
}


def plan(**signals: Any) -> Plan:
    return Plan({**BASE, "signals": signals}, check_modules=False)


def test_without_the_section_there_is_no_file_of_signals() -> None:
    for told in (Plan(BASE), Plan({**BASE, "signals": None}), plan()):
        assert [path for path in told.files() if "signals" in path or "true_faces" in path] == []
        assert "signals" not in told.table_names()


def test_each_signal_meets_the_detectors_that_it_asks_for() -> None:
    told = plan(mesh={}, lids={"signal": "iris", "detectors": ["media*"]})
    assert told.asked_signals == [
        ("mediapipe_short", "lids"),
        ("mediapipe_short", "mesh"),
        ("whole", "mesh"),
    ]
    files = set(told.products())
    assert {
        "results/r/signals/posed/mediapipe_short/lids.parquet",
        "results/r/signals/posed/whole/mesh.parquet",
        "results/r/scores/posed/signals/whole/mesh.json",
        "results/r/true_faces/posed.parquet",
        "results/r/tables/signals.csv",
    } <= files
    assert "results/r/signals/posed/whole/lids.parquet" not in files
    assert "signal iris: iris" in told.assets(), "its weights are fetched before the run"


def test_a_dataset_without_truth_has_none(tmp_path: Any) -> None:
    told = Plan(
        {
            **BASE,
            "datasets": {"own": {"type": "folder", "path": str(tmp_path), "labelled": False}},
            "signals": {"mesh": {}},
        }
    )
    assert told.true_face_files("own") == []
    assert "results/r/scores/own/signals/whole/mesh.json" in told.products()


def test_jobs_are_read_as_they_were_told() -> None:
    told = plan(lids={"signal": "iris", "options": {"closed": 0.25}})
    job = told.signals_job("posed", "mediapipe_short", "lids")
    assert SignalsJob.from_json(job.to_json()) == job
    assert job.plugin.card["options"] == {"presence": 0.5, "closed": 0.25}
    assert job.crop.calibration is not None
    assert told.signals_job("posed", "whole", "lids").crop.whole_frame
    score = told.score_signals_job("posed", "whole", "lids")
    assert ScoreSignalsJob.from_json(score.to_json()) == score
    assert (score.gaze_frame, score.au_threshold, score.skip) == ("head", 2.0, None)


@pytest.mark.parametrize(
    ("signals", "fault"),
    [
        ({"mash": {}}, "signals.mash: unknown signal 'mash', did you mean 'mesh'?"),
        (
            {"mesh": {"options": {"close": 0.1}}},
            "signals.mesh.options: signal 'mesh' has no option 'close', did you mean 'closed'?",
        ),
        (
            {"mesh": {"detectors": ["yunet"]}},
            "signals.mesh.detectors: 'yunet' matches no detector of this run",
        ),
        ({"mesh": {"detector": ["whole"]}}, "unknown key 'signals.mesh.detector', did you mean"),
    ],
)
def test_faults_name_key_and_fix(signals: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError) as refused:
        plan(**signals)
    assert fault in str(refused.value)


def test_another_policy_scores_again_and_measures_nothing_again() -> None:
    first = plan(mesh={})
    other = Plan(
        {**BASE, "signals": {"mesh": {}}, "faces": {"policy": "centre"}}, check_modules=False
    )
    names = "posed", "whole", "mesh"
    assert first.signals_job(*names) == other.signals_job(*names)
    assert first.score_signals_job(*names) != other.score_signals_job(*names)
