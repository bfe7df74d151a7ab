"""Read voices in a whole run: clips in shards, beside a segmenter and a model that fail."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runs
from faceoff.drawing import espeak
from faceoff.plan.job_specs import Plan
from faceoff.stages.audio import write_audio
from faceoff.stages.hear import write_speech, write_trained
from faceoff.stages.samples import write_samples
from faceoff.stages.segment import write_segments
from faceoff.stages.speech_at_frames import write_predictions
from faceoff.storage import files, parquet
from voices import silence, voice, write_wav

pytest.importorskip("kaldi_native_fbank")
pytestmark = pytest.mark.slow
# Two clips of drawn people, whose sound comes 0.3 s too late and 0.2 s too early.
TALKS = bool(espeak.version()) and bool(find_spec("mediapipe") and find_spec("ai_edge_litert"))
_TALK: dict[str, Any] = {
    "datasets": {"talk": {"type": "posed_talk", "kinds": ["lagging"], "clips": 2, "fps": 12}},
    "detectors": {"given": {}},
    "models": {"faceoff_small": {}},
    "signals": {"mesh": {}},
}

_BROKEN = """
SEGMENTERS = {"deaf": {"class": "Broken", "licence": "MIT"}}
SPEECH_MODELS = {"mute": {"class": "Broken", "licence": "MIT", "lineage": "mute"}}


class Broken:
    \"\"\"Fail on every sound.\"\"\"

    emotions = ("happiness", "sadness")

    def __init__(self, card, assets):
        pass

    def segment(self, wave):
        raise RuntimeError("it hears nothing")

    def hear(self, waves):
        raise RuntimeError("it says nothing")
"""


def _clips(folder: Path, people: int, first: int) -> None:
    """Write clips whose emotion is in their pitch: happy voices are high and move fast."""
    for person in range(first, first + people):
        for take in range(3):
            for label, factor in (("happy", 1.6), ("sad", 0.8)):
                hertz = (120 + 15 * person) * factor
                said = voice(1.0 + 0.2 * take, hertz, seed=100 * person + take)
                sound = np.concatenate([silence(0.4), said, silence(0.3)])
                write_wav(folder / label / f"p{person}_{take}.wav", sound)


def _configuration(folder: Path, shards: int) -> dict[str, Any]:
    subject = {"pattern": "(p[0-9]+)_"}
    talk = _TALK if TALKS else {"datasets": {}}
    return {
        **talk,
        "run": "voices",
        "plugins": [str(folder / "plugins")],
        "datasets": {
            "learn": {
                "type": "folder", "path": str(folder / "learn"), "role": "train", "audio": True,
                "subject": subject,
            },
            "heard": {
                "type": "folder", "path": str(folder / "heard"), "audio": True, "shards": shards,
                "subject": {"pattern": "(p[0-9]+)?_"},
            },
            **talk["datasets"],
        },
        "segmenters": {"energy": {}, "deaf": {}},
        "speech_models": {
            "prosody": {"train": "learn"},
            "mute": {"segmenters": ["energy"]},
        },
        "fusions": {"ears": {"members": ["energy/prosody"], "check_order": False}},
        "figures": {"formats": ["svg"], "examples": 1},
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the data and a finished run in two shards."""
    folder = tmp_path_factory.mktemp("voices")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "broken.py").write_text(_BROKEN, encoding="utf-8")
    _clips(folder / "learn", people=4, first=0)
    _clips(folder / "heard", people=3, first=4)
    write_wav(folder / "heard/sad/_silent.wav", silence(1))
    (folder / "heard/sad/_broken.wav").write_bytes(b"RIFF of nothing")
    done = runs.run(folder / "run", _configuration(folder, shards=2))
    assert done.returncode != 0
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    return folder / "run/results/voices"


def test_voices_are_scored_as_faces_are(run: Path) -> None:
    for cell in ("energy/prosody", "fusion/ears"):
        score = files.read_json(run / f"scores/heard/{cell}.json")
        assert score["state"] == "ok"
        assert score["task"]["n"] == 20
        assert score["metrics"]["accuracy"] >= 0.7
        assert score["counts"]["unreadable"] == 1
        assert score["counts"]["no_speech"] == 1
    assert "energy × prosody" in (run / "report.html").read_text(encoding="utf-8")


@pytest.mark.skipif(not TALKS, reason="espeak-ng or the face mesh is not installed")
def test_lips_and_sound_are_apart_by_the_lag_that_was_put(run: Path) -> None:
    samples = parquet.rows(run / "samples/talk.parquet")
    truth = {row["sample_id"]: float(dict(row["groups"])["lag_s"]) for row in samples}
    found = files.read_json(run / "scores/talk/synchrony/given/mesh.json")
    assert sorted(truth.values()) == [-0.2, 0.3]
    # The early clip shows a held smile, and says that its peak is one by chance.
    sure = [row for row in found["clips"] if row["significant"]]
    assert sure
    for row in sure:
        assert row["peak_s"] == pytest.approx(truth[row["sample_id"]], abs=0.1)
    assert (run / "figures/synchrony-talk.svg").is_file()
    lines = (run / "tables/synchrony.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("dataset,detector,signal,group,level,clips,measured,peak_s")
    assert "Do lips and sound run in step?" in (run / "report.html").read_text(encoding="utf-8")


def test_what_failed_is_named_and_nothing_else_fails(run: Path) -> None:
    failed = {
        entry["name"]: entry["reason"] for entry in files.read_json(run / "failed.json")["failed"]
    }
    assert set(failed) == {"energy/mute", "deaf/prosody"}
    assert "it says nothing" in failed["energy/mute"]
    assert "segmenting failed: RuntimeError: it hears nothing" in failed["deaf/prosody"]


def test_silent_and_broken_clips_keep_their_rows(run: Path) -> None:
    rows = {
        row["sample_id"]: row for row in parquet.rows(run / "speech/heard/energy/prosody.parquet")
    }
    assert rows["sad/_silent.wav"]["state"] == "no_speech"
    assert rows["sad/_broken.wav"]["state"] == "unreadable"
    assert rows["sad/_broken.wav"]["reason"].startswith("cannot decode")
    start = rows["happy/p4_0.wav"]["start_s"]
    assert start == pytest.approx(0.37, abs=0.03)


def test_shards_give_the_bytes_of_one_job(folder: Path, run: Path, tmp_path: Path) -> None:
    plan = Plan(_configuration(folder, shards=1))
    paths = {
        name: tmp_path / f"{name}.parquet" for name in ("samples", "audio", "segments", "speech")
    }
    timing = tmp_path / "timing.json"

    def made(dataset: str, trained: Path | None = None) -> None:
        write_samples(paths["samples"], plan.samples_job(dataset))
        write_audio(paths["samples"], paths["audio"], plan.audio_job(dataset))
        job = plan.segment_job(dataset, "energy")
        write_segments(paths["audio"], paths["segments"], timing, job)
        if trained is None:
            told = plan.train_speech_job("energy", "prosody")
            write_trained(
                paths["samples"], paths["audio"], paths["segments"], tmp_path / "t.npz", told
            )
        else:
            told = plan.hear_job(dataset, "energy", "prosody")
            write_speech(paths["audio"], paths["segments"], paths["speech"], timing, told, trained)

    made("learn")
    made("heard", tmp_path / "t.npz")
    assert (tmp_path / "t.npz").read_bytes() == (run / "trained/energy/prosody.npz").read_bytes()
    for name in ("segments", "speech"):
        tail = "heard/energy.parquet" if name == "segments" else "heard/energy/prosody.parquet"
        assert paths[name].read_bytes() == (run / name / tail).read_bytes(), name
    write_predictions(
        run / "frames/heard.parquet", paths["speech"], timing, tmp_path / "p.parquet", timing
    )
    assert (tmp_path / "p.parquet").read_bytes() == (
        run / "predictions/heard/energy/prosody.parquet"
    ).read_bytes()
