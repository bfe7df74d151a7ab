"""Lips and sound in step: peaks of known lags, no peak of noise, states, page, table, figure."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from faceoff.figures import synchrony as figure
from faceoff.plan.job_specs import Plan
from faceoff.plan.speech_jobs import SynchronyJob
from faceoff.report.page import environment
from faceoff.report.part import Part
from faceoff.report.sections import channels
from faceoff.results.dataset_results import DatasetResults
from faceoff.results.tables.table import Sources, load
from faceoff.scoring.synchrony import Clip, synchrony, warnings
from faceoff.stages.score_synchrony import write_synchrony
from faceoff.statistics.arrays import Floats
from faceoff.storage import columns, files, parquet
from faceoff.temporal import lag_curve
from faceoff.temporal.channels import SHIFTS_S
from voices import silence, voice, write_wav

STEP_S = 0.001


def syllables(seconds: float, seed: int) -> tuple[Floats, Floats]:
    """Return times and how strongly somebody speaks, 0–1, about four syllables a second."""
    times = np.arange(0, seconds, STEP_S)
    noise = np.random.default_rng(seed).normal(size=len(times))
    course = np.convolve(noise, np.hanning(250), "same")
    return times, (course - course.min()) / np.ptp(course)


def lips(seconds: float, seed: int, fps: float = 12) -> tuple[Floats, Floats]:
    """Return frames with a mouth that follows the syllables, measured with an error."""
    times, course = syllables(seconds, seed)
    frames = np.arange(0, seconds, 1 / fps)
    error = np.random.default_rng(seed + 1).normal(0, 0.05, len(frames))
    return frames, np.interp(frames, times, course) + error


def sound(seconds: float, seed: int, lag_s: float = 0.0) -> lag_curve.Course:
    """Return the loudness of the syllables, so much later."""
    times, course = syllables(seconds, seed)
    middles = np.arange(0.005, seconds, 0.01)
    return lag_curve.of_sound(middles, -50 + 30 * np.interp(middles - lag_s, times, course))


def curve_of(seconds: float, seed: int, lag_s: float = 0.0, fps: float = 12) -> lag_curve.LagCurve:
    found = lag_curve.curve(
        lag_curve.of_lips(*lips(seconds, seed, fps)), sound(seconds, seed, lag_s), seed, 499
    )
    assert found is not None
    return found


@pytest.mark.parametrize("fps", [6, 12, 25])
@pytest.mark.parametrize("lag_s", [0.0, 0.3, -0.2, 1.17])
def test_the_curve_peaks_at_the_lag_that_was_put(fps: float, lag_s: float) -> None:
    found = curve_of(5, seed=3, lag_s=lag_s, fps=fps)
    lag, height = lag_curve.peak(found.heights)
    assert lag == pytest.approx(lag_s, abs=min(0.04, 1 / fps))
    assert 0.5 < height <= 1
    assert lag_curve.p_value(found.heights, found.by_chance) < 0.05


def test_the_curve_is_the_normalised_cross_correlation() -> None:
    opening, loudness = lag_curve.of_lips(*lips(4, 1)), sound(4, 1, 0.2)
    found = lag_curve.curve(opening, loudness, 0, surrogates=2)
    assert found is not None
    x, y = opening.values - opening.values.mean(), loudness.values - loudness.values.mean()
    whole = np.correlate(y, x, "full") / np.sqrt((x**2).sum() * (y**2).sum())
    shift = loudness.first - opening.first
    places = [len(x) - 1 - shift + round(lag / lag_curve.HOP_S) for lag in SHIFTS_S]
    assert found.heights == pytest.approx(whole[places], abs=1e-9)


def test_unrelated_lips_and_sound_have_no_peak() -> None:
    false = 0
    for seed in range(60):
        found = lag_curve.curve(
            lag_curve.of_lips(*lips(4, seed)), sound(4, 1000 + seed), seed, surrogates=199
        )
        assert found is not None
        false += lag_curve.p_value(found.heights, found.by_chance) < 0.05
    assert false <= 8, "of 60 at the level 0.05 more than 8 come up once in 200 tries"


def test_a_mouth_that_is_hidden_for_a_while_moves_no_peak() -> None:
    times, openness = lips(6, 5, fps=25)
    openness[40:80] = np.nan
    course = lag_curve.of_lips(times, openness)
    assert np.isnan(course.values).sum() == pytest.approx(41 / 25 / lag_curve.HOP_S, abs=3)
    found = lag_curve.curve(course, sound(6, 5, 0.3), 0)
    assert found is not None
    assert lag_curve.peak(found.heights)[0] == pytest.approx(0.3, abs=0.04)


def test_a_long_sound_with_lips_in_a_part_of_it_has_the_same_peak() -> None:
    times, openness = lips(40, 7)
    openness[(times < 20) | (times > 26)] = np.nan
    found = lag_curve.curve(lag_curve.of_lips(times, openness), sound(40, 7, -0.2), 0)
    assert found is not None
    assert lag_curve.peak(found.heights)[0] == pytest.approx(-0.2, abs=0.04)


# -- clips and groups ------------------------------------------------------------------------------


def clip(name: str, seconds: float = 4, seed: int = 0, lag_s: float = 0.0, **other: Any) -> Clip:
    times, openness = lips(seconds, seed)
    own = {"times": times, "openness": openness, "sound": sound(seconds, seed, lag_s)}
    return Clip(name, **{**own, **other})


def of(clips: list[Clip], groups: dict[str, dict[str, str]] | None = None) -> dict[str, Any]:
    names = [each.sample_id for each in clips]
    own = groups or {name: {} for name in names}
    return synchrony(clips, dict.fromkeys(names), own, seed=0)


def test_a_clip_that_cannot_be_compared_says_why() -> None:
    unseen = np.full(48, np.nan)
    rare = np.arange(0, 4, 0.5)
    found = of([
        clip("mute", sound=None, missing=("unreadable", "no sound in the file")),
        clip("silent", sound=None, missing=("no_speech", "the sound is silent")),
        clip("unseen", openness=unseen),
        clip("short", seconds=0.8),
        clip("rare", times=rare, openness=rare),
        clip("still", openness=np.full(48, 0.2)),
        clip("one", times=np.zeros(1), openness=np.ones(1)),
    ])  # fmt: skip
    told = {row["sample_id"]: (row["state"], row["reason"]) for row in found["clips"]}
    assert found["parts"] == []
    assert told == {
        "mute": ("unreadable", "no sound in the file"),
        "silent": ("no_speech", "the sound is silent"),
        "unseen": ("no_face", "no lips are seen"),
        "short": ("unmeasured", "lips are seen with sound for 0.7 s, less than 1 s"),
        "rare": ("unmeasured", "frames are 0.5 s apart; raise fps to at least 4"),
        "still": ("unmeasured", "the lips or the loudness do not change"),
        "one": ("unmeasured", "one frame; raise fps to at least 4"),
    }


def several() -> dict[str, Any]:
    """Return the curves of eight clips in step, four whose sound is late and one that is mute."""
    clips = [clip(f"c{seed}", seed=seed, lag_s=0.3 if seed > 7 else 0.0) for seed in range(12)]
    groups = {each.sample_id: {"take": "b" if n > 7 else "a"} for n, each in enumerate(clips)}
    mute = clip("mute", sound=None, missing=("unreadable", "no sound in the file"))
    return of([*clips, mute], {**groups, "mute": {"take": "a"}})


def test_groups_off_0_are_warned_of_and_others_are_not() -> None:
    found = several()
    whole, first, second = found["parts"]
    assert (whole["clips"], whole["measured"]) == (13, 12)
    assert (first["level"], first["clips"], first["measured"]) == ("a", 9, 8)
    assert first["peak_s"] == pytest.approx(0, abs=0.03)
    assert second["peak_s"] == pytest.approx(0.3, abs=0.03)
    low, high = first["peak_interval"]
    assert -0.03 < low < high < 0.03
    assert second["peak_interval"] == [None, None], "four clips are too few"
    own = [row["curve"] for row in found["clips"][:8]]
    assert first["curve"] == pytest.approx(np.mean(own, axis=0))
    spread = np.std(own, axis=0, ddof=1) / np.sqrt(8) * 2.3646  # t with 7 degrees of freedom
    assert first["high"] == pytest.approx(np.mean(own, axis=0) + spread, abs=1e-4)
    assert warnings(found["parts"]) == [
        f"take b: the sound comes {second['peak_s']:.2f} s too late (mean of 4 clips)"
    ]
    (said,) = warnings([{**second, "peak_s": -0.2, "peak_interval": [-0.3, -0.1]}])
    assert said.endswith("0.20 s too early (mean of 4 clips; 95 %: -0.30 to -0.10)")


# -- files -----------------------------------------------------------------------------------------

JOB = SynchronyJob(dataset="d", detector="yunet", signal="mesh", policy="largest", seed=0)


def tables(folder: Path, heard: tuple[str, ...] = ("late", "silent", "mute")) -> list[Path]:
    """Write the tables of three clips with the same lips; the sound of `late` lags by 0.3 s."""
    times, openness = lips(4, 0)
    frames, faces, signals = [], [], []
    for name in ("late", "silent", "mute"):
        for number, time in enumerate(times):
            key = {"sample_id": name, "frame": number, "timestamp_s": time}
            frames.append(key | {"width": 100, "height": 100, "state": "ok"})
            for face, size in ((0, 10.0), (1, 40.0)):
                own = key | {"face_id": face, "success": 1, "state": "ok"}
                faces.append(own | {"n_faces": 2, "x": 0, "y": 0, "w": size, "h": size, "score": 1})
                signals.append(own | {"mouth_openness": openness[number] if face else 0.1})
    course, strength = syllables(4, 0)
    loud = np.interp(np.arange(64_000) / 16_000 - 0.3, course, strength)
    speech = voice(4, 150) * 10 ** (-30 * (1 - loud) / 20)
    rows = []
    for name in heard:
        if name == "mute":
            rows.append({"sample_id": name, "part": 0, "state": "unreadable", "reason": "no sound"})
            continue
        wav = write_wav(folder / "a.wav", silence(4) if name == "silent" else speech).read_bytes()
        about = {"sample_id": name, "part": 0, "state": "ok", "start_s": 0.0, "duration_s": 4.0}
        rows.append(about | {"audio": {"bytes": wav, "path": f"{name}.wav"}})
    samples = [
        {"sample_id": name, "kind": "video", "path": name, "split": "test", "groups": {"k": name}}
        for name in ("late", "silent", "mute")
    ]
    written = {
        "samples": (columns.SAMPLES, samples), "frames": (columns.FRAMES, frames),
        "faces": (columns.FACES, faces),
        "signals": (columns.signals_schema(["mouth_openness"]), signals),
        "audio": (columns.AUDIO, rows),
    }  # fmt: skip
    for name, (schema, content) in written.items():
        parquet.write_rows(folder / f"{name}.parquet", schema, content)
    return [folder / f"{name}.parquet" for name in written]


def test_the_stage_writes_what_table_figure_and_page_show(tmp_path: Path) -> None:
    output = tmp_path / "d" / "synchrony" / "yunet" / "mesh.json"
    write_synchrony(*tables(tmp_path), output, JOB)
    found = files.read_json(output)
    late, silent, mute = found["clips"]
    assert late["peak_s"] == pytest.approx(0.3, abs=0.04)
    assert late["significant"]
    assert (silent["state"], silent["reason"]) == ("no_speech", "the sound is silent")
    assert (mute["state"], mute["reason"]) == ("unreadable", "no sound")
    (row,) = load("synchrony").rows(Sources(synchrony=[found]))
    assert (row["group"], row["clips"], row["measured"], row["off"]) == ("all", 3, 1, True)
    results = DatasetResults("d", {}, [], None, synchrony=[output])
    drawn, rows = figure.of_dataset(results)
    assert len(rows) == len(SHIFTS_S)
    assert drawn.axes[0].get_xlabel() == "sound later than the lips, s"
    (whole,) = found["parts"]
    groups = [{**whole, "group": "take", "level": str(n), "off": n == 40} for n in range(41)]
    hostile = {**found, "signal": "<b>x", "parts": [whole, *groups]}
    part = Part(dataset=results, key="d0", ids={}, links=lambda _: [], synchrony=[hostile])
    view = channels.view(part)
    html = environment().get_template("channels.html.j2").render(
        v=view, d=SimpleNamespace(name="d")
    )  # fmt: skip
    assert "all clips: the sound comes 0.3" in html
    assert "take 40: the sound comes 0.3" in html
    assert html.count("not in step") == 2
    assert "<b>x" not in html
    assert "Each face beside each voice" not in html


def test_sound_of_other_clips_and_a_failed_signal_are_said(tmp_path: Path) -> None:
    paths = tables(tmp_path, heard=("silent", "late", "mute"))
    with pytest.raises(ValueError, match="does not belong to"):
        write_synchrony(*paths, tmp_path / "o.json", JOB)
    schema = parquet.with_failure(columns.signals_schema(["mouth_openness"]), ["signals"])
    failed = {"sample_id": "late", "frame": 0, "face_id": -1, "success": 0, "state": "error"}
    parquet.write_rows(paths[3], schema, [failed | {"reason": "it broke"}])
    write_synchrony(*paths, tmp_path / "o.json", JOB)
    found = files.read_json(tmp_path / "o.json")
    assert (found["state"], found["reason"], found["parts"]) == ("error", "it broke", [])
    results = DatasetResults("d", {}, [], None, synchrony=[tmp_path / "o.json"])
    assert figure.of_dataset(results)[1] == []


def test_a_run_with_voices_and_lips_compares_them_and_no_other_does() -> None:
    base: dict[str, Any] = {
        "run": "r",
        "datasets": {"posed": {}, "learn": {"type": "posed", "split": "train", "role": "train"}},
        "detectors": {"whole": {}},
        "models": {"faceoff_small": {}},
    }
    voices = {"segmenters": {"clip": {}}, "speech_models": {"prosody": {"train": "learn"}}}
    signals = {"signals": {"mesh": {}, "geometry_au": {}}}
    wanted = "results/r/scores/posed/synchrony/whole/mesh.json"
    told = Plan({**base, **voices, **signals}, check_modules=False)
    assert told.synchrony_files() == [wanted]
    assert wanted in told.products()
    assert "synchrony" in told.table_names()
    assert "synchrony-posed" in told.figure_names()
    for other in ({**base, **voices}, {**base, **signals}):
        plain = Plan(other, check_modules=False)
        assert plain.synchrony_files() == []
        assert "synchrony" not in plain.table_names()
        assert "synchrony-posed" not in plain.figure_names()
