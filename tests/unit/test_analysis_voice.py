"""The voice of one's own videos: the workflow's numbers, and bad sound keeps a reason."""

import csv
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import faceoff
from faceoff import layout
from faceoff.analysis import outputs, timelines
from faceoff.analysis.loading import Networks
from faceoff.analysis.result import Analysis
from faceoff.analysis.voice_choice import choose
from faceoff.cli import app
from faceoff.drawing import espeak
from faceoff.plan.job_specs import Plan
from faceoff.plugins.open_dataset import open_dataset
from faceoff.plugins.sample_rows import sample_of
from faceoff.plugins.speech_protocols import Wave
from faceoff.speech_models.prosody import SPEECH_MODELS, Prosody
from faceoff.stages.audio import write_audio
from faceoff.stages.frames import write_frames
from faceoff.stages.hear import write_speech
from faceoff.stages.samples import write_samples
from faceoff.stages.segment import write_segments
from faceoff.stages.speech_at_frames import write_predictions
from faceoff.storage import files, parquet
from voices import silence, voice, write_wav

pytest.importorskip("kaldi_native_fbank")

SCHEMA = files.read_json(layout.PACKAGE / "analysis" / "schema.json")
_LABELS = {"happiness": 1.6, "sadness": 0.8}  # of the pitch


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run whose prosody has learnt that high voices are happy."""
    model = Prosody({"options": SPEECH_MODELS["prosody"]["options"]}, {})
    told = [
        (voice(1.0 + 0.2 * take, (110 + 15 * person) * factor, seed=9 * person + take), label)
        for person in range(4)
        for take in range(3)
        for label, factor in _LABELS.items()
    ]
    waves, labels = zip(*told, strict=True)
    folder = tmp_path_factory.mktemp("results") / "voices"
    (folder / "trained" / "energy").mkdir(parents=True)
    np.savez(folder / "trained" / "energy" / "prosody.npz", **model.fit([(waves, list(labels))]))
    return folder


@pytest.fixture(scope="module")
def networks() -> Networks:
    return Networks("cpu")


@pytest.fixture(scope="module")
def analyzer(run: Path, networks: Networks) -> "faceoff.Analyzer":
    return faceoff.Analyzer(speech="prosody", trained=run, networks=networks)


@pytest.fixture(scope="module")
def talk(run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[Any]]]:
    """A clip of posed_talk, and what the workflow's stages make of its voice."""
    if espeak.version() is None:
        pytest.skip("espeak-ng is not installed (apt-get install espeak-ng)")
    folder = tmp_path_factory.mktemp("talk")
    talks = {"type": "posed_talk", "kinds": ["lagging"], "clips": 1, "fps": 0}
    plan = Plan({
        "run": "v",
        "datasets": {"d": talks, "learn": {**talks, "split": "train", "role": "train"}},
        "segmenters": {"energy": {}},
        "speech_models": {"prosody": {"train": "learn"}},
    })  # fmt: skip
    tables = {name: folder / f"{name}.parquet" for name in _TABLES}
    samples, frames, audio, segments, speech, predictions = tables.values()
    timing, job = folder / "timing.json", plan.samples_job("d")
    write_samples(samples, job)
    write_frames(samples, frames, plan.frames_job("d"))
    write_audio(samples, audio, plan.audio_job("d"))
    write_segments(audio, segments, timing, plan.segment_job("d", "energy"))
    learnt = run / "trained/energy/prosody.npz"
    write_speech(audio, segments, speech, timing, plan.hear_job("d", "energy", "prosody"), learnt)
    write_predictions(frames, speech, timing, predictions, timing)
    dataset, _ = open_dataset(job.source, job.class_name, job.options, job.seed)
    clip = dataset.file(sample_of(next(parquet.rows(samples))))
    return clip, {name: list(parquet.rows(path)) for name, path in tables.items()}


_TABLES = ("samples", "frames", "audio", "segments", "speech", "predictions")


def test_a_talking_clip_gives_the_workflows_rows(
    analyzer: "faceoff.Analyzer", talk: tuple[Path, dict[str, list[Any]]], tmp_path: Path
) -> None:
    clip, tables = talk
    found = analyzer.analyze(clip)
    assert found.voice is not None
    assert found.voice.state == "ok"
    told, here = {"sample_id": "s"}, found.voice
    assert [row | told for row in here.segments.to_pylist()] == [
        row | told for row in tables["speech"]
    ]
    assert [row | told for row in here.frames.to_pylist()] == [
        row | told for row in tables["predictions"]
    ]
    states = {row["state"] for row in here.frames.to_pylist()}
    assert states == {"ok", "no_speech"}, "somebody speaks in a part of it"
    document = found.to_json()
    jsonschema.validate(document, SCHEMA)
    outputs.write(found, tmp_path)
    assert files.read_json(tmp_path / "analysis.json") == document
    for frame, row in zip(document["frame_analyses"], tables["predictions"], strict=True):
        assert frame["voice"]["emotion"] == row["emotion"]
    assert [segment["start_s"] for segment in document["speech"]["segments"]] == [
        row["start_s"] for row in tables["segments"]
    ]
    with open(tmp_path / "voice.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["frame"] for row in rows] == [str(place + 1) for place in range(len(rows))]
    assert [row["emotion"] or None for row in rows] == [
        row["emotion"] for row in tables["predictions"]
    ]
    moments = timelines.read(tmp_path / "speech.json")
    assert [(moment.start, moment.end) for moment in moments] == [
        (row["start_s"], row["end_s"]) for row in tables["speech"] if row["success"]
    ]
    assert "voice, heard by energy and prosody: " in (tmp_path / "summary.txt").read_text("utf-8")


def test_a_part_has_the_segments_that_overlap_it(
    analyzer: "faceoff.Analyzer", tmp_path: Path
) -> None:
    said = np.concatenate([voice(1, 200), silence(1), voice(1, 100), silence(1), voice(1, 200)])
    path = write_wav(tmp_path / "talk.wav", said)
    whole, part, pause = (
        heard(analyzer.analyze(path, *span)) for span in ((0.0, None), (2.5, 3.5), (1.4, 1.6))
    )
    assert [row["segment"] for row in whole] == [0, 1, 2]
    assert part == [whole[1] | {"segment": 0}]
    assert [(row["state"], row["reason"]) for row in pause] == [
        ("no_speech", "nobody speaks in this part")
    ]


def heard(found: Analysis) -> list[dict[str, Any]]:
    assert found.voice is not None
    return list(found.voice.segments.to_pylist())


def test_sound_alone_is_analysed(analyzer: "faceoff.Analyzer", run: Path, tmp_path: Path) -> None:
    said = np.concatenate([silence(0.5), voice(1.2, 190), silence(0.5), voice(1.2, 95)])
    path = write_wav(tmp_path / "talk.wav", said)
    found = analyzer.analyze(path)
    assert (found.state, found.reason, len(found.frames)) == ("ok", "", 0)
    rows = heard(found)
    assert [row["emotion"] for row in rows] == ["happiness", "sadness"]
    assert [row["start_s"] for row in rows] == pytest.approx([0.47, 2.17], abs=0.03)
    jsonschema.validate(found.to_json(), SCHEMA)
    assert analyzer.analyze(path.read_bytes()).state == "ok"
    done = CliRunner().invoke(
        app,
        ["analyze", str(tmp_path), "--speech", "prosody", "--trained", str(run), "--out",
         str(tmp_path / "out")],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "2 segments, 2.49 s of speech: happiness 51%, sadness 49%" in done.output
    assert (tmp_path / "out/talk/analysis.html").is_file()


def muxed(path: Path, picture: Path, sound: Path | None, *options: str) -> Path:
    """Return a video of a picture and a sound. options: of ffmpeg, before the sound."""
    inputs = [] if sound is None else [*options, "-i", str(sound), "-c:a", "aac"]
    command = ["ffmpeg", "-v", "error", "-loop", "1", "-t", "3", "-i", str(picture), *inputs]
    subprocess.run([*command, "-r", "5", str(path)], check=True)
    return path


@pytest.mark.parametrize(
    ("sound", "state", "reason"),
    [
        (silence(1), "no_speech", "nobody speaks"),
        (silence(0), "unreadable", "no sound could be decoded"),
        (voice(0.1, 200), "no_speech", "nobody speaks"),
        (b"RIFF of nothing", "unreadable", "cannot decode"),
    ],
)
def test_bad_sound_has_a_state_and_a_reason(
    analyzer: "faceoff.Analyzer", tmp_path: Path, sound: Wave | bytes, state: str, reason: str
) -> None:
    path = tmp_path / "bad.wav"
    if isinstance(sound, bytes):
        path.write_bytes(sound)
    else:
        write_wav(path, sound)
    found = analyzer.analyze(path)
    (row,) = heard(found)
    assert (row["segment"], row["state"]) == (-1, state)
    assert row["reason"].startswith(reason)
    assert found.state == ("unreadable" if state == "unreadable" else "ok")
    assert found.voice is not None
    assert (found.voice.state, found.voice.reason) == (row["state"], row["reason"])
    jsonschema.validate(found.to_json(), SCHEMA)
    outputs.write(found, tmp_path / "out")


def test_a_tenth_of_a_second_as_a_segment_is_too_short(
    run: Path, networks: Networks, tmp_path: Path
) -> None:
    learnt = run / "trained/energy/prosody.npz"
    clip = faceoff.Analyzer(speech="prosody", segmenter="clip", trained=learnt, networks=networks)
    (row,) = heard(clip.analyze(write_wav(tmp_path / "short.wav", voice(0.1, 200))))
    assert (row["state"], row["reason"]) == (
        "no_speech", "too short or too silent for the model",
    )  # fmt: skip


def test_a_wrong_header_keeps_the_sound_that_is_there(
    analyzer: "faceoff.Analyzer", tmp_path: Path
) -> None:
    path = write_wav(tmp_path / "long.wav", voice(1.5, 190))
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\x7f"  # of RIFF and of its data: two gigabytes
    path.write_bytes(data)
    (row,) = heard(analyzer.analyze(path))
    assert (row["state"], row["emotion"]) == ("ok", "happiness")
    assert row["end_s"] == pytest.approx(1.5, abs=0.05)


def test_videos_without_sound_and_with_sound_that_starts_late(
    analyzer: "faceoff.Analyzer", tmp_path: Path
) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    picture = tmp_path / "grey.png"
    Image.new("RGB", (64, 64), "grey").save(picture)
    mute = analyzer.analyze(muxed(tmp_path / "mute.mp4", picture, None))
    assert mute.state == "ok"
    assert mute.voice is not None
    assert (mute.voice.state, mute.voice.reason) == ("unreadable", "no sound in the file")
    assert {row["state"] for row in mute.voice.frames.to_pylist()} == {"unreadable"}
    sound = write_wav(tmp_path / "one.wav", voice(0.8, 190))
    late = muxed(tmp_path / "late.mkv", picture, sound, "-itsoffset", "1.5")
    found = analyzer.analyze(late)
    (row,) = heard(found)
    assert row["start_s"] == pytest.approx(1.5, abs=0.1)
    assert found.voice is not None
    told = {frame["timestamp_s"]: frame["emotion"] for frame in found.voice.frames.to_pylist()}
    assert {told[time] for time in told if time < 1.3 or time > 2.5} == {None}
    assert {told[time] for time in told if 1.7 < time < 2.1} == {"happiness"}


def test_a_picture_and_pixels_have_no_voice(analyzer: "faceoff.Analyzer") -> None:
    (row,) = heard(analyzer.analyze(np.zeros((64, 64, 3), np.uint8)))
    assert (row["state"], row["reason"]) == ("unreadable", "pictures have no sound")


def test_a_segmenter_that_fails_is_a_reason_not_an_end(
    analyzer: "faceoff.Analyzer", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceoff.segmenters.energy import Energy

    def fail(self: Energy, wave: Wave) -> None:
        raise RuntimeError("it hears nothing")

    monkeypatch.setattr(Energy, "segment", fail)
    (row,) = heard(analyzer.analyze(write_wav(tmp_path / "a.wav", voice(1, 200))))
    assert (row["state"], row["reason"]) == ("error", "RuntimeError: it hears nothing")


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (("prosody", None, None), "give its folder results/NAME or its file trained/SEGMENTER"),
        (("prosody", None, "empty"), "the run has trained no prosody"),
        (("prosody", "silero", "run"), "prosody was trained with energy, not with silero"),
        (("prosody", "enrgy", "run"), "unknown segmenter 'enrgy', did you mean 'energy'?"),
        (("prosody", "given", "file"), "knows only the utterances of a dataset"),
        (("prosody", None, "text"), "not what a model has learnt"),
        (("prosdy", None, None), "did you mean 'prosody'?"),
        ((None, "energy", None), "name a speech model, too"),
    ],
)
def test_what_is_missing_is_said_before_work_starts(
    run: Path, tmp_path: Path, networks: Networks, named: tuple[str | None, ...], message: str
) -> None:
    speech, segmenter, trained = named
    (tmp_path / "text.npz").write_text("no numbers", "utf-8")
    places = {
        "run": run, "file": run / "trained/energy/prosody.npz", "empty": tmp_path,
        "text": tmp_path / "text.npz",
    }  # fmt: skip
    with pytest.raises((ValueError, LookupError)) as caught:
        faceoff.Analyzer(
            speech=speech,
            segmenter=segmenter,
            trained=trained and places[trained],
            networks=networks,
        )
    assert message in str(caught.value)


def test_the_default_segmenter_is_the_one_that_was_trained_with(run: Path) -> None:
    chosen = choose("prosody", trained=run)
    assert chosen is not None
    assert (chosen.segmenter.name, chosen.trained) == (
        "energy", run / "trained/energy/prosody.npz",
    )  # fmt: skip
