"""The sound of clips: resampled, mixed down, on the clock of the frames; what has none says so."""

import io
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from faceoff.media.images import DecodeError
from faceoff.media.sound import RATE, Sound, sounds
from faceoff.plan.job_specs import Plan
from faceoff.stages.audio import write_audio
from faceoff.stages.samples import write_samples
from faceoff.storage import parquet


def tone(
    path: Path,
    seconds: float = 1.0,
    rate: int = 44_100,
    hertz: float = 440.0,
    channels: str = "stereo",
    start_s: float = 0.0,
    codec: str = "pcm_s16le",
) -> Path:
    """Return a pure tone, as loud in every channel."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=channels)
        for start in range(0, int(seconds * rate), 1024):
            times = np.arange(start, min(start + 1024, int(seconds * rate))) / rate
            wave_ = np.int16(12_000 * np.sin(2 * np.pi * hertz * times))
            n = {"mono": 1, "stereo": 2}[channels]
            frame = av.AudioFrame.from_ndarray(
                np.repeat(wave_, n)[None], format="s16", layout=channels
            )
            frame.sample_rate, frame.pts, frame.time_base = (
                rate,
                int((start_s * rate) + start),
                Fraction(1, rate),
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def extract_sound(path: Path) -> Sound:
    """Return the sound of a short clip."""
    (sound,) = sounds(path)
    return sound


def samples_of(data: bytes) -> np.ndarray:
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


@pytest.mark.parametrize(
    ("rate", "channels"), [(44_100, "stereo"), (48_000, "mono"), (16_000, "mono"), (8_000, "mono")]
)
def test_any_rate_becomes_16_khz_mono(tmp_path: Path, rate: int, channels: str) -> None:
    sound = extract_sound(tone(tmp_path / "a.wav", rate=rate, channels=channels))
    values = samples_of(sound.wav)
    assert sound.duration_s == pytest.approx(1.0, abs=0.01)
    assert len(values) == round(sound.duration_s * RATE)
    spectrum = np.abs(np.fft.rfft(values * np.hanning(len(values))))
    assert np.fft.rfftfreq(len(values), 1 / RATE)[spectrum.argmax()] == pytest.approx(440, abs=2)
    assert np.abs(values[2000:-2000]).max() == pytest.approx(12_000, rel=0.02), "as loud as it was"


def test_sound_that_starts_late_says_when(tmp_path: Path) -> None:
    assert extract_sound(tone(tmp_path / "a.mkv", start_s=0.5)).start_s == pytest.approx(
        0.5, abs=0.01
    )


def test_long_sound_comes_in_parts_that_follow_on_one_another(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.mkv", seconds=2.5, start_s=0.5)
    parts = list(sounds(path, part_s=1.0))
    assert [part.duration_s for part in parts] == pytest.approx([1.0, 1.0, 0.5], abs=0.01)
    assert [part.start_s for part in parts] == pytest.approx([0.5, 1.5, 2.5], abs=0.01)
    joined = np.concatenate([samples_of(part.wav) for part in parts])
    assert (joined == samples_of(extract_sound(path).wav)).all()


def test_the_same_sound_is_the_same_bytes(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.wav")
    assert extract_sound(path).wav == extract_sound(path).wav


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.wav", b"", "empty"),
        ("a.wav", b"no sound " * 99, "cannot decode"),
        ("absent.wav", None, "No such file"),
    ],
)
def test_what_has_no_sound(tmp_path: Path, name: str, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DecodeError, match=reason):
        extract_sound(tmp_path / name)


def test_a_silent_film_says_so(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height = 32, 32
        container.mux(
            stream.encode(
                av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            )
        )
        container.mux(stream.encode(None))
    with pytest.raises(DecodeError, match="no sound in the file"):
        extract_sound(tmp_path / "a.mp4")


def test_a_track_that_breaks_off_keeps_its_beginning(tmp_path: Path) -> None:
    whole = tone(tmp_path / "a.wav", seconds=2)
    (tmp_path / "cut.wav").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert extract_sound(tmp_path / "cut.wav").duration_s == pytest.approx(1.0, abs=0.05)


def test_every_sample_of_a_dataset_has_a_row(tmp_path: Path) -> None:
    folder = tmp_path / "clips" / "happy"
    folder.mkdir(parents=True)
    tone(folder / "a.mkv")
    (folder / "b.mp4").write_bytes(b"broken")
    (folder / "c.png").write_bytes(b"a picture")
    plan = Plan(
        {
            "run": "v",
            "datasets": {"d": {"type": "folder", "path": str(tmp_path / "clips"), "audio": True}},
            "detectors": {"whole": {}},
            "models": {"fer": {}},
        }
    )
    assert plan.audio_files() == ["results/v/audio/d.parquet"]
    write_samples(tmp_path / "samples.parquet", plan.samples_job("d"))
    write_audio(tmp_path / "samples.parquet", tmp_path / "audio.parquet", plan.audio_job("d"))
    rows = {row["sample_id"]: row for row in parquet.rows(tmp_path / "audio.parquet")}
    assert {name: row["state"] for name, row in rows.items()} == {
        "happy/a.mkv": "ok",
        "happy/b.mp4": "unreadable",
        "happy/c.png": "unreadable",
    }
    assert rows["happy/c.png"]["reason"] == "pictures have no sound"
    assert rows["happy/a.mkv"]["sampling_rate"] == RATE
    assert len(samples_of(rows["happy/a.mkv"]["audio"]["bytes"])) == pytest.approx(RATE, rel=0.01)


@pytest.mark.parametrize("audio", [True, False])
def test_files_of_sound_are_samples_where_sound_is_asked_for(tmp_path: Path, audio: bool) -> None:
    """A broken file keeps its row by its suffix, a file without one by its first bytes."""
    folder = tmp_path / "clips" / "happy"
    folder.mkdir(parents=True)
    tone(folder / "a.wav")
    tone(folder / "b.flac", codec="flac")
    (folder / "c.mp3").write_bytes(b"broken")
    tone(tmp_path / "d.wav").rename(folder / "d")
    (folder / "e.txt").write_text("no sound")
    options = {"type": "folder", "path": str(tmp_path / "clips"), "audio": audio}
    plan = Plan(
        {
            "run": "v",
            "datasets": {"d": options, "learn": {"type": "posed", "role": "train"}},
            "segmenters": {"clip": {}},
            "speech_models": {"prosody": {"train": "learn"}},
        }
    )
    dataset = plan.open("d")
    found = {sample.sample_id: sample.kind for sample in dataset.samples()}
    wanted = dict.fromkeys(["happy/a.wav", "happy/b.flac", "happy/c.mp3", "happy/d"], "audio")
    assert found == (wanted if audio else {})
    assert dataset.left_out["other file (.txt)"] == 1
    assert dataset.left_out["sound file (.wav)"] == (0 if audio else 1)


def test_silence_stands_for_what_is_damaged(tmp_path: Path) -> None:
    """Keep the time of what follows; otherwise sound would run ahead of the picture."""
    path = tone(tmp_path / "a.mkv", seconds=3.0)
    assert extract_sound(path).note is None
    flac = tone(tmp_path / "b.mkv", seconds=3.0, codec="flac")
    with av.open(str(flac)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    data = flac.read_bytes()
    for packet in packets[5:15]:
        data = data.replace(packet, bytes(len(packet)), 1)
    flac.write_bytes(data)
    sound = extract_sound(flac)
    assert sound.note is not None
    assert sound.note.startswith("10 damaged packets left out")
    assert sound.duration_s == pytest.approx(3.0, abs=0.01)
    values = samples_of(sound.wav).astype(float)
    loud = np.abs(values[:47_000]).reshape(-1, 1_000).max(axis=1) > 5_000
    assert not loud.all()
    assert loud[-5:].all()


def test_a_track_that_is_shorter_than_its_header_says_so(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.mkv", seconds=4.0)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    sound = extract_sound(path)
    assert 1.5 < sound.duration_s < 2.5
    assert sound.note is not None
    assert "its header says 4.0" in sound.note


def test_mp3_in_avi_is_read_and_says_where_it_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "talk.avi"
    with av.open(str(path), "w") as container:
        film = container.add_stream("mjpeg", rate=25, options={"qscale": "2"})
        film.pix_fmt = "yuvj420p"
        sound = container.add_stream("libmp3lame", rate=16_000, layout="mono")
        for second in range(100):
            picture = np.full((64, 64, 3), second, np.uint8)
            container.mux(film.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            wave_ = np.int16(12_000 * np.sin(np.arange(640) * 0.17))
            frame = av.AudioFrame.from_ndarray(wave_[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16_000, 640 * second
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    whole = extract_sound(path)
    assert whole.duration_s == pytest.approx(4, abs=0.2)
    assert whole.note is None
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    part = extract_sound(path)
    assert part.duration_s < 2.5
    assert part.note is not None
    assert "its header says 4.0" in part.note


def test_the_sound_of_a_cut_clip_among_the_cases_says_so(cases: Path) -> None:
    sound = extract_sound(cases / "cut.mkv")
    assert sound.note == "ends after 1.82 s, its header says 3.30 s"
    assert sound.duration_s == pytest.approx(1.75, abs=0.05)
