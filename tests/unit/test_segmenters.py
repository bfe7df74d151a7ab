"""Find speech: stretches where they were put, nothing where nobody speaks."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceoff.assets import fetch
from faceoff.media.sound import RATE, samples_of, sounds
from faceoff.plugins import registry
from faceoff.plugins.speech_protocols import Span
from voices import silence, voice

NAMES = registry.names("segmenter")


def segmenter(name: str, **options: Any) -> Any:
    plugin = registry.get("segmenter", name)
    if reason := plugin.skip():
        pytest.skip(reason)
    if not all(map(fetch.is_there, plugin.assets.values())):
        pytest.skip("weights missing")
    files = {role: fetch.fetch(asset) for role, asset in plugin.assets.items()}
    job = plugin.job().with_options(options)
    return registry.load(job.source, job.class_name)(job.card, files)


def times(spans: Sequence[Span]) -> list[tuple[float, float]]:
    return [(span.start_s, span.end_s) for span in spans]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """A sentence by espeak-ng from 1 s on, and another one second after it."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    path = tmp_path_factory.mktemp("said") / "a.wav"
    said = "The train to the north leaves at seven from the second platform."
    subprocess.run(["espeak-ng", "-v", "en", "-w", str(path), said], check=True)
    (sound,) = sounds(path)
    sentence = samples_of(sound.wav)
    return np.concatenate([silence(1), sentence, silence(1), sentence, silence(1)])


def test_a_clip_is_one_segment() -> None:
    assert times(segmenter("clip").segment(voice(1.5, 200))) == [(0.0, 1.5)]
    assert segmenter("clip").segment(silence(0)) == []


def test_energy_finds_what_is_loud() -> None:
    sound = np.concatenate([silence(1), voice(1, 150), silence(0.6), voice(0.5, 150), silence(1)])
    found = segmenter("energy", pad_s=0.0).segment(sound)
    assert np.allclose(times(found), [(1.0, 2.0), (2.6, 3.1)], atol=0.02)
    assert all(0 < span.score <= 1 for span in found)


@pytest.mark.parametrize("name", ["energy", "silero"])
@pytest.mark.parametrize(
    "sound", [silence(0), silence(0.001), silence(2)], ids=["none", "few", "2 s"]
)
def test_silence_is_no_speech(name: str, sound: np.ndarray) -> None:
    assert segmenter(name).segment(sound) == []


def test_the_level_of_the_recording_does_not_matter() -> None:
    sound = np.concatenate([silence(0.5), voice(1, 150), silence(0.5)])
    quiet = segmenter("energy").segment(0.05 * sound)
    assert np.allclose(times(quiet), times(segmenter("energy").segment(sound)), atol=0.011)


def test_pauses_short_stretches_and_long_ones() -> None:
    sound = np.concatenate(
        [voice(0.1, 150), silence(1), voice(1, 150), silence(0.1), voice(1, 150), silence(1)]
    )
    found = segmenter("energy", least_s=0.2, gap_s=0.2, pad_s=0.0).segment(sound)
    assert np.allclose(times(found), [(1.1, 3.2)], atol=0.02)
    cut = segmenter("energy", gap_s=0.2, pad_s=0.0, longest_s=1.0).segment(sound)
    assert np.allclose(times(cut), [(1.1, 1.8), (1.8, 2.5), (2.5, 3.2)], atol=0.02)


def test_silero_finds_sentences_and_no_tone(spoken: np.ndarray) -> None:
    found = segmenter("silero").segment(spoken)
    length = (len(spoken) / RATE - 3) / 2
    assert [span.start_s for span in found] == pytest.approx([1.0, 2.0 + length], abs=0.15)
    assert [span.end_s for span in found] == pytest.approx([1 + length, 2 + 2 * length], abs=0.35)
    noise = 0.1 * np.random.default_rng(0).standard_normal(3 * RATE).astype(np.float32)
    assert segmenter("silero").segment(noise) == []


def test_silero_agrees_with_its_own_package(spoken: np.ndarray) -> None:
    """Compare with the authors' code, which needs PyTorch."""
    torch = pytest.importorskip("torch")
    package = pytest.importorskip("silero_vad")
    own = package.get_speech_timestamps(
        torch.from_numpy(spoken), package.load_silero_vad(onnx=True), return_seconds=False
    )
    found = segmenter("silero").segment(spoken)
    expected = [(part["start"] / RATE, part["end"] / RATE) for part in own]
    assert np.allclose(times(found), expected, atol=0.033)


def test_given_cuts_utterances_to_the_part_of_the_sound() -> None:
    sound = {"start_s": 10.0, "duration_s": 5.0, "starts_s": [9.0, 12.0, 14.5, 15.0],
             "ends_s": [11.0, 13.0, 16.0, 17.0], "speakers": ["ann", "ben"] * 2}  # fmt: skip
    found = segmenter("given").known(sound)
    assert [(*pair, span.speaker) for pair, span in zip(times(found), found, strict=True)] == [
        (0.0, 1.0, "ann"), (2.0, 3.0, "ben"), (4.5, 5.0, "ann"),
    ]  # fmt: skip
    nothing = dict.fromkeys(("starts_s", "ends_s", "speakers"))
    assert segmenter("given").known({**sound, **nothing}) == []


@pytest.mark.parametrize("name", NAMES)
def test_spans_are_ordered_and_inside_the_sound(name: str, spoken: np.ndarray) -> None:
    spans = times(segmenter(name).segment(spoken))
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert all(0 <= edge <= len(spoken) / RATE for edge in edges)


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("energy", "least_s", -1),
        ("energy", "silence_db", "low"),
        ("silero", "threshold", 1.5),
        ("silero", "longest_s", 0),
    ],
)
def test_a_wrong_option_is_named(name: str, option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"segmenter {name}: options.{option}: expected"):
        segmenter(name, **{option: value})


def test_every_segmenter_has_a_test_of_its_own() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert all(f'segmenter("{name}"' in text for name in NAMES)
