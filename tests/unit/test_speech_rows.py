"""Segments and what is read of them: every clip keeps its rows, times never shift."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceoff.inference.clock import Clock
from faceoff.media import sound as media
from faceoff.media.sound import RATE, sounds
from faceoff.plugins.protocols import Prediction
from faceoff.plugins.speech_protocols import Span
from faceoff.speech.at_frames import frame_rows
from faceoff.speech.segment_rows import segment_rows
from faceoff.speech.speech_rows import segment_waves, speech_rows
from faceoff.storage import columns, parquet
from voices import silence, voice, write_wav

CLASSES = ("happiness", "sadness")


class Loud:
    """Finds each second that is loud; fails on clips of one level."""

    def segment(self, wave: np.ndarray) -> list[Span]:
        if np.ptp(wave) == 0 and len(wave):
            raise RuntimeError("a flat line")
        starts = range(0, len(wave) // RATE)
        return [
            Span(float(s), s + 1.0, 1.0, "ann")
            for s in starts
            if np.abs(wave[s * RATE : (s + 1) * RATE]).max() > 0.05
        ]


class ByLength:
    """Says that a segment of a second is happy, any other sad, and reads none below 0.2 s."""

    emotions = CLASSES

    def hear(self, waves: list[np.ndarray]) -> Prediction:
        happy = np.array([len(wave) == RATE for wave in waves], float)
        readable = np.array([len(wave) >= 0.2 * RATE for wave in waves])
        return Prediction(np.column_stack([happy, 1 - happy]).reshape(-1, 2), evaluable=readable)


def sound_rows(path: Path, sample: str, start_s: float = 0.0, part_s: float = 600.0) -> list[dict]:
    return [
        {
            "sample_id": sample,
            "part": part,
            "start_s": start_s + sound.start_s,
            "duration_s": sound.duration_s,
            "state": columns.OK,
            "reason": sound.note,
            "audio": {"bytes": sound.wav, "path": None},
        }
        for part, sound in enumerate(sounds(path, part_s))
    ]


@pytest.fixture
def clips(tmp_path: Path) -> list[dict[str, Any]]:
    """A clip that speaks in seconds 1 and 3 and starts 2 s late, one without sound, a whisper."""
    said = np.concatenate([silence(1), voice(1, 200), silence(1), voice(1, 200)])
    one = sound_rows(write_wav(tmp_path / "a.wav", said), "a", start_s=2.0)
    none = {"sample_id": "b", "part": 0, "state": columns.UNREADABLE, "duration_s": None}
    none["reason"] = "no sound in the file"
    whisper = sound_rows(write_wav(tmp_path / "c.wav", 0.1 * voice(1, 200)), "c")
    return [*one, none, *whisper]


def test_every_clip_has_a_row_and_times_are_the_frames(clips: list[dict[str, Any]]) -> None:
    rows = list(segment_rows(iter(clips), Loud(), Clock()))
    assert [
        (row["sample_id"], row["segment"], row.get("start_s"), row["state"], row.get("reason"))
        for row in rows
    ] == [
        ("a", 0, 3.0, "ok", None),
        ("a", 1, 5.0, "ok", None),
        ("b", -1, None, "unreadable", "no sound in the file"),
        ("c", -1, None, "no_speech", "nobody speaks"),
    ]
    assert rows[0]["speaker"] == "ann"


def test_a_sound_on_which_the_segmenter_fails_keeps_its_row(
    clips: list[dict[str, Any]], tmp_path: Path
) -> None:
    flat = sound_rows(write_wav(tmp_path / "f.wav", silence(1)), "f")
    rows = list(segment_rows(iter([*clips, *flat]), Loud(), Clock()))
    assert (rows[-1]["state"], rows[-1]["reason"]) == ("error", "RuntimeError: a flat line")
    assert len(rows) == 5


def test_parts_of_a_long_clip_are_numbered_through(tmp_path: Path) -> None:
    said = np.concatenate([voice(1, 200), silence(1), silence(2), voice(1, 200), silence(1)])
    parts = sound_rows(write_wav(tmp_path / "a.wav", said), "a", part_s=2.0)
    assert len(parts) == 3
    rows = list(segment_rows(iter(parts), Loud(), Clock()))
    assert [(row["segment"], row["start_s"]) for row in rows] == [(0, 0.0), (1, 4.0)]


def test_segments_are_cut_to_the_sample(clips: list[dict[str, Any]], tmp_path: Path) -> None:
    parquet.write_rows(tmp_path / "audio.parquet", columns.AUDIO, clips)
    found = list(segment_rows(iter(clips), Loud(), Clock()))
    parquet.write_rows(tmp_path / "segments.parquet", columns.SEGMENTS, found)
    pairs = list(segment_waves(tmp_path / "audio.parquet", tmp_path / "segments.parquet"))
    whole = media.samples_of(clips[0]["audio"]["bytes"])
    assert [None if wave is None else len(wave) for _, wave in pairs] == [RATE, RATE, None, None]
    assert (pairs[1][1] == whole[3 * RATE : 4 * RATE]).all()
    rows = list(speech_rows(iter(pairs), ByLength(), CLASSES, Clock()))
    assert [row["state"] for row in rows] == ["ok", "ok", "unreadable", "no_speech"]
    assert rows[0]["p_happiness"] == 1.0
    assert rows[2]["reason"] == "no sound in the file"


def test_segments_of_another_sound_are_refused(clips: list[dict[str, Any]], tmp_path: Path) -> None:
    parquet.write_rows(tmp_path / "audio.parquet", columns.AUDIO, clips)
    stray = {"sample_id": "a", "segment": 0, "start_s": 99.0, "end_s": 100.0, "success": 1,
             "state": "ok"}  # fmt: skip
    parquet.write_rows(tmp_path / "segments.parquet", columns.SEGMENTS, [stray])
    with pytest.raises(ValueError, match="segment 0 of 'a' lies in no sound"):
        list(segment_waves(tmp_path / "audio.parquet", tmp_path / "segments.parquet"))


def spoken(sample: str, *parts: tuple[float, float, float]) -> list[dict[str, Any]]:
    """Rows of speech: (start, end, probability of happiness)."""
    return [
        {
            "sample_id": sample, "segment": place, "start_s": start, "end_s": end, "success": 1,
            "state": "ok", "reason": None, "p_happiness": p, "p_sadness": 1 - p,
            "valence": None, "arousal": p,
        }
        for place, (start, end, p) in enumerate(parts)
    ]  # fmt: skip


def frames(sample: str, *times: float | None) -> list[dict[str, Any]]:
    return [
        {"sample_id": sample, "frame": place, "timestamp_s": time}
        for place, time in enumerate(times)
    ]


def test_a_frame_hears_what_overlaps_it() -> None:
    """§55 by hand: frames every 0.4 s stand for ± 0.2 s."""
    rows = list(
        frame_rows(
            iter(frames("a", 0.0, 0.4, 0.8, 1.2, 1.6)),
            iter(spoken("a", (0.1, 0.5, 1.0), (0.5, 0.9, 0.0))),
            CLASSES,
        )
    )
    assert [row.get("p_happiness") for row in rows] == pytest.approx(
        [1.0, 0.3 / 0.4, 0.0, None, None]
    )
    assert rows[1]["emotion"] == "happiness"
    assert rows[1]["arousal"] == pytest.approx(0.75)
    assert rows[1].get("valence") is None
    assert (rows[3]["state"], rows[3]["face_id"]) == ("no_speech", -1)
    assert rows[3]["reason"] == "nobody speaks at this moment"


@pytest.mark.parametrize("times", [(0.5,), (None,)], ids=["one frame", "no time"])
def test_one_frame_stands_for_the_clip(times: tuple[float | None]) -> None:
    (row,) = frame_rows(
        iter(frames("a", *times)), iter(spoken("a", (0, 1, 1.0), (5, 8, 0.0))), CLASSES
    )
    assert row["p_happiness"] == pytest.approx(0.25)


def test_the_mean_over_evenly_spaced_frames_is_the_mean_over_the_clip() -> None:
    rng = np.random.default_rng(0)
    edges = np.sort(rng.uniform(0, 10, 12))
    parts = [(a, b, float(rng.random())) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    times = np.arange(0, 10.2, 0.01)
    rows = list(frame_rows(iter(frames("a", *times)), iter(spoken("a", *parts)), CLASSES))
    heard = [row["p_happiness"] for row in rows if row["success"]]
    expected = sum((b - a) * p for a, b, p in parts) / sum(b - a for a, b, _ in parts)
    assert np.mean(heard) == pytest.approx(expected, abs=0.01)


def test_a_clip_without_speech_says_why_at_every_frame() -> None:
    silent = {
        "sample_id": "a",
        "segment": -1,
        "success": 0,
        "state": "unreadable",
        "reason": "no sound",
    }
    rows = list(frame_rows(iter(frames("a", 0.0, 0.5)), iter([silent]), CLASSES))
    assert [(row["state"], row["reason"], row["success"]) for row in rows] == [
        ("unreadable", "no sound", 0)
    ] * 2


def test_rows_of_other_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="no row of speech for 'b'"):
        list(frame_rows(iter(frames("b", 0.0)), iter(spoken("a", (0, 1, 1.0))), CLASSES))
