"""The plan of voices: which cells there are, what each job is told, what is refused."""

import re
from typing import Any

import pytest

from faceoff.plan.config import ConfigError
from faceoff.plan.job_specs import Plan
from faceoff.plan.speech_jobs import HearJob, SegmentJob

BASE: dict[str, Any] = {
    "run": "r",
    "datasets": {"posed": {}, "learn": {"type": "posed", "split": "train", "role": "train"}},
    "detectors": {"whole": {}},
    "models": {"faceoff_small": {}},
}
VOICE: dict[str, Any] = {
    "segmenters": {"clip": {}, "loud": {"segmenter": "energy", "options": {"gap_s": 0.5}}},
    "speech_models": {"prosody": {"train": "learn"}},
}


def plan(**more: Any) -> Plan:
    return Plan({**BASE, **VOICE, **more}, check_modules=False)


def test_a_run_without_voices_has_no_file_of_theirs() -> None:
    told = Plan(BASE, check_modules=False)
    parts = ("audio/", "segments/", "speech/")
    assert [path for path in told.files() if any(part in path for part in parts)] == []
    assert told.voice_cells == []


def test_voices_are_cells_beside_faces() -> None:
    told = plan()
    assert told.voice_cells == [("clip", "prosody"), ("loud", "prosody")]
    assert told.face_cells == [("whole", "faceoff_small")]
    assert told.cells == sorted(told.face_cells + told.voice_cells)
    assert told.runnable_detectors == ["whole"]
    assert {
        "results/r/segments/posed/loud.parquet",
        "results/r/speech/posed/loud/prosody.parquet",
        "results/r/predictions/posed/loud/prosody.parquet",
        "results/r/trained/loud/prosody.npz",
        "results/r/scores/posed/loud/prosody.json",
    } <= set(told.products())
    assert "results/r/audio/posed.parquet" in told.files()


def test_fusions_join_both_channels_and_a_voice_looks_at_no_face() -> None:
    told = plan(fusions={"both": {"rule": "log_linear"}, "ears": {"members": ["*/prosody"]}})
    members = told.fuse_job("posed", "both").members
    assert [(member.name, member.whole_frame) for member in members] == [
        ("clip/prosody", True),
        ("loud/prosody", True),
        ("whole/faceoff_small", True),
    ]
    assert len(told.fuse_job("posed", "ears").members) == 2


def test_jobs_are_told_options_and_read_back() -> None:
    told = plan()
    segment = told.segment_job("posed", "loud")
    assert segment.plugin.card["options"]["gap_s"] == 0.5
    assert SegmentJob.from_json(segment.to_json()) == segment
    hear = told.hear_job("posed", "loud", "prosody")
    assert HearJob.from_json(hear.to_json()) == hear
    assert told.train_speech_job("clip", "prosody").dataset == "learn"
    assert told.hear_job("posed", "clip", "prosody").code == hear.code


def test_models_choose_their_segmenters() -> None:
    told = plan(speech_models={"prosody": {"train": "learn", "segmenters": ["cl*"]}})
    assert told.voice_cells == [("clip", "prosody")]
    assert told.skip("loud", "prosody") == "not asked for: speech_models.prosody.segmenters is cl*"


def test_what_made_a_voice_is_in_manifest_and_report() -> None:
    told = plan()
    environments = told.manifest_job().environments
    assert environments["segmenter clip"] == "core"
    assert environments["speech_model prosody"] == "speech"
    assert "prosody" in told.report_job().models


def test_voices_alone_are_a_run() -> None:
    told = Plan({"run": "r", "datasets": BASE["datasets"], **VOICE}, check_modules=False)
    assert told.cells == told.voice_cells


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"segmenters": {}}, "segmenters: missing; a voice needs segmenters and speech_models"),
        ({"speech_models": {}}, "speech_models: missing"),
        ({"segmenters": {"enrgy": {}}}, "unknown segmenter 'enrgy', did you mean 'energy'"),
        (
            {"speech_models": {"prosdy": {}}},
            "unknown speech_model 'prosdy', did you mean 'prosody'",
        ),
        ({"speech_models": {"prosody": {}}}, "name a dataset of role train in 'speech_models."),
        (
            {"speech_models": {"prosody": {"train": "posed"}}},
            "speech_models.prosody.train: dataset 'posed' has the role 'test', not 'train'",
        ),
        (
            {"speech_models": {"prosody": {"train": "lern"}}},
            "speech_models.prosody.train: no dataset 'lern' in this run, did you mean 'learn'",
        ),
        (
            {"speech_models": {"prosody": {"train": "learn", "segmenters": ["x*"]}}},
            "'x*' matches no segmenter of this run",
        ),
        (
            {"segmenters": {"clip": {"options": {"gap": 1}}}},
            "segmenter 'clip' has no option 'gap'; it has none",
        ),
        (
            {"segmenters": {"whole": {"segmenter": "clip"}}},
            "segmenters.whole: detectors has this name too; give one of them another",
        ),
        (
            {"speech_models": {"faceoff_small": {"model": "prosody", "train": "learn"}}},
            "speech_models.faceoff_small: models has this name too",
        ),
        ({"segmenters": {"fusion": {"segmenter": "clip"}}}, "this name is reserved for fusions"),
        (
            {"fusions": {"v": {"members": ["loud/prosdy"]}}},
            "matches no detector/model cell of this run, did you mean 'prosody'",
        ),
    ],
)
def test_a_wrong_section_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        plan(**change)


def test_a_run_that_reads_nothing_says_so() -> None:
    with pytest.raises(ConfigError, match="nothing reads the datasets"):
        Plan({"run": "r", "datasets": {"posed": {}}})
