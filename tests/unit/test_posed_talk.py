"""Drawn people who talk: who says what, the same bytes each time, sound that lies where the truth
says, and mouths that move with it.
"""

import shutil
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from faceoff.datasets.posed_talk import PosedTalk, PosedTalkOptions
from faceoff.drawing import clips, espeak, identities, voice
from faceoff.drawing.motion import articulation
from faceoff.drawing.soundtrack import soundtrack
from faceoff.drawing.talk import FORMS, KINDS, LAGS_S, Talk, plan, staged
from faceoff.emotions import EMOTIONS
from faceoff.media.frame_rate import ALL_FRAMES
from faceoff.media.images import DecodeError
from faceoff.media.sound import samples_of, sounds
from faceoff.media.videos import decode_video
from faceoff.plan import preflight
from faceoff.plan.job_specs import Plan
from faceoff.plugins.protocols import AnnotatedDataset, CheckedDataset, SpokenDataset

SPLITS = ("train", "valid", "test")
needs_espeak = pytest.mark.skipif(
    espeak.version() is None, reason="espeak-ng is not installed (apt-get install espeak-ng)"
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def dataset(**options: object) -> PosedTalk:
    return PosedTalk(PosedTalkOptions.model_validate(options))


def of_kind(kind: str, number: int = 1) -> list[Talk]:
    return plan("test", number, kinds=[kind])


# -- what happens, without a voice -----------------------------------------------------------------


@pytest.mark.parametrize("split", SPLITS)
def test_kinds_are_dealt_in_proportion(split: str) -> None:
    planned = plan(split, 192)
    assert planned == plan(split, 192)
    assert len({talk.sample_id for talk in planned}) == 192
    counts = Counter(talk.kind for talk in planned)
    assert counts == {
        **{"congruent": 64, "contradicting": 32, "changing": 24, "noisy": 24},
        **{"turns": 16, "lagging": 16, "silent": 8, "mute": 8},
    }
    for kind in ("congruent", "contradicting", "noisy", "lagging", "silent", "mute"):
        shown = Counter(talk.face for talk in planned if talk.kind == kind)
        assert set(shown) == set(EMOTIONS)
        assert len(set(shown.values())) == 1, "as many clips of each emotion"
    assert set(KINDS) <= {talk.kind for talk in planned[:24]}, "the default has every kind"


def test_a_clip_does_not_depend_on_the_others() -> None:
    whole = {talk.sample_id: talk for talk in plan("test", 96)}
    for kind in KINDS:
        assert all(whole[talk.sample_id] == talk for talk in of_kind(kind, 4)), kind
    assert plan("test", 5) == plan("test", 96)[:5]


def test_face_and_voice_agree_or_contradict_as_the_kind_says() -> None:
    for talk in plan("train", 240):
        agree = [line.face == line.voice for line in talk.lines if line.voice]
        assert all(agree) == (talk.kind != "contradicting")
        assert len(agree) == {"changing": 3, "turns": 2, "silent": 0}.get(talk.kind, 1)
        assert len(talk.people) == len(set(talk.people)) == (2 if talk.kind == "turns" else 1)
        assert {line.speaker for line in talk.lines} == set(talk.people)
        assert talk.track == (talk.kind != "mute")
        assert (talk.noise is None) == (talk.kind != "noisy")
    pairs = {(talk.face, talk.voice) for talk in plan("test", 56, kinds=["contradicting"])}
    assert len(pairs) == 56, "every emotion meets every other one"
    for kind in ("changing", "lagging"):
        lags = {talk.lag_s for talk in of_kind(kind, 6)}
        assert lags == ({0.0, *LAGS_S} if kind == "changing" else set(LAGS_S))
    levels = {(talk.noise, talk.snr_db) for talk in of_kind("noisy", 8)}
    assert len(levels) == 8
    changing = of_kind("changing", 9)
    assert all(len({line.face for line in talk.lines}) == 3 for talk in changing)


def test_no_two_people_have_the_same_voice_and_no_vocal_tract_is_in_two_splits() -> None:
    given = {split: voice.voices(split) for split in SPLITS}
    names = [each.name for split in SPLITS for each in given[split].values()]
    assert len(set(names)) == len(names) == sum(identities.COUNT.values())
    tracts = [{each.name.partition("+")[2] for each in given[split].values()} for split in SPLITS]
    assert sum(map(len, tracts)) == len(set.union(*tracts))
    for split in SPLITS:
        for name, each in given[split].items():
            who = identities.identity(name)
            assert who.beard == "none" or "+m" in each.name
            assert (each.pitch >= 1.1) == (who.age_group == "child")


def test_labels_are_of_the_face_or_of_the_voice() -> None:
    face, heard = (
        {sample.sample_id: sample for sample in dataset(clips=48, label_of=of).samples()}
        for of in ("face", "voice")
    )
    for name, sample in face.items():
        groups, other = sample.groups, heard[name].label
        assert heard[name].groups == groups
        kind = groups["kind"]
        assert (sample.label is None) == (kind == "changing")
        assert (other is None) == (kind in ("changing", "turns", "silent", "mute"))
        assert sample.label in (None, groups["face_emotion"])
        assert other in (None, groups["voice_emotion"])
        wanted = "none" if kind in ("silent", "mute") else "congruent"
        assert groups["agreement"] == ("contradicting" if kind == "contradicting" else wanted)
        assert (sample.label != other) or groups["agreement"] == "congruent"
    said = Counter(sample.groups["sound"] for sample in face.values())
    assert said == {"speech": 44, "silence": 2, "none": 2}
    lags = {sample.groups["lag_s"] for sample in face.values()}
    assert lags == {"0", "+0.3", "-0.2"}
    assert dataset(label_of="voice").version != dataset().version


def test_wrong_options_are_named() -> None:
    with pytest.raises(ValueError, match=r"unknown kinds \['song'\]; valid: congruent, "):
        dataset(kinds=["song", "turns"])
    with pytest.raises(ValueError, match="subjects: 9, but valid has 8 people"):
        dataset(split="valid", subjects=9)
    few = {sample.subject for sample in dataset(clips=40, subjects=3).samples()}
    assert few == {"test00", "test01", "test02"}


def test_without_espeak_the_run_stops_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is looked for under names that no library has."""
    monkeypatch.setattr(espeak, "_places", lambda: iter(["libno-such-speech.so.1"]))
    espeak._library.cache_clear()
    try:
        assert espeak.version() is None
        assert "espeaknone" in dataset().version
        assert len(list(dataset().samples())) == 24, "what happens is known without a voice"
        with pytest.raises(ValueError, match=r"posed_talk needs espeak-ng .*apt-get install"):
            dataset().check()
        made = Plan(
            {
                "run": "t",
                "datasets": {"posed_talk": {}},
                "detectors": {"whole": {}},
                "models": {"fer": {}},
            }
        )
        with pytest.raises(preflight.PreflightError, match=r"dataset posed_talk: .* espeak-ng"):
            preflight.check(made, download=False)
    finally:
        espeak._library.cache_clear()


def test_a_mouth_goes_from_phoneme_to_phoneme_without_jumps() -> None:
    phonemes = ((0.5, 0.6, 0.2), (0.6, 0.8, 1.0), (0.8, 0.9, 0.0), (0.9, 1.0, 0.5))
    course = [articulation(k / 200, phonemes) for k in range(300)]
    assert all(0 <= value <= 1 for value in course)
    assert {k for k, value in enumerate(course) if value} <= set(range(86, 214))
    assert articulation(0.7, phonemes) == 1, "a long vowel is reached"
    assert articulation(0.85, phonemes) < 0.2, "lips all but meet"
    assert max(abs(a - b) for a, b in pairwise(course)) < 0.08


# -- the voice -------------------------------------------------------------------------------------


def loudness(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound))))


@needs_espeak
def test_a_sentence_has_the_same_bytes_each_time() -> None:
    one, other = list(voice.voices("test").values())[:2]
    plain = voice.PROSODY["neutral"]
    first = voice.speak("Kids are talking by the door.", one, plain)
    voice.speak("Dogs are sitting by the door.", other, plain)
    again = voice.speak("Kids are talking by the door.", one, plain)
    assert first.sound.tobytes() == again.sound.tobytes()
    assert first.phonemes == again.phonemes
    theirs = voice.speak("Kids are talking by the door.", other, plain)
    assert first.sound.tobytes() != theirs.sound.tobytes()
    assert first.sound.dtype == np.float32
    assert 0.05 < np.abs(first.sound).max() <= 1
    names, begins, ends = zip(*first.phonemes, strict=True)
    assert begins[0] == 0
    assert begins[1:] == ends[:-1], "phonemes follow each other"
    assert first.duration_s == pytest.approx(len(first.sound) / voice.RATE, abs=0.001)
    assert {"k", "t", "b", "d"} <= {name[0] for name in names}


@needs_espeak
def test_vowels_are_where_the_phonemes_say() -> None:
    for name, each in list(voice.voices("valid").items())[:3]:
        spoken = voice.speak("Kids are talking by the door.", each, voice.PROSODY["neutral"])
        levels: dict[bool, list[float]] = {True: [], False: []}
        for phoneme, begin, end in spoken.phonemes:
            part = spoken.sound[round(begin * voice.RATE) : round(end * voice.RATE)]
            if len(part):
                levels[phoneme[0] in "aA0eE3@oOiIuU"].append(loudness(part))
        assert np.mean(levels[True]) > 1.5 * np.mean(levels[False]), name


@needs_espeak
def test_emotions_sound_as_the_table_says() -> None:
    for each in list(voice.voices("test").values())[:2]:
        said = {
            emotion: voice.speak("The shop on the corner is open.", each, how)
            for emotion, how in voice.PROSODY.items()
        }
        loud = {emotion: loudness(spoken.sound) for emotion, spoken in said.items()}
        long = {emotion: spoken.duration_s for emotion, spoken in said.items()}
        high = {emotion: pitch(spoken.sound) for emotion, spoken in said.items()}
        assert loud["anger"] > 1.3 * loud["neutral"] > 1.3 * loud["sadness"]
        assert long["fear"] < 0.9 * long["neutral"] < 0.9 * long["sadness"]
        assert high["surprise"] > 1.15 * high["neutral"] > 1.15 * high["sadness"]


def pitch(sound: np.ndarray) -> float:
    """Return the median pitch in Hz of the loud parts, by autocorrelation."""
    found = []
    for start in range(0, len(sound) - 1024, 512):
        part = sound[start : start + 1024] - sound[start : start + 1024].mean()
        likeness = np.correlate(part, part, "full")[1023:]
        lag = int(likeness[32:230].argmax()) + 32  # 70 to 500 Hz
        if likeness[lag] > 0.5 * likeness[0] > 0.5:
            found.append(voice.RATE / lag)
    return float(np.median(found))


@needs_espeak
def test_a_text_is_no_markup_and_a_missing_voice_is_named() -> None:
    each, plain = voice.voices("test")["test00"], voice.PROSODY["neutral"]
    assert voice.speak("less < more & <b>more</b>", each, plain).duration_s > 0.5
    with pytest.raises(OSError, match=r"espeak-ng .* has no voice gmw/nowhere\+f1"):
        voice.speak("Hello.", replace(each, name="gmw/nowhere+f1"), plain)


# -- sound and picture -----------------------------------------------------------------------------


@needs_espeak
def test_noise_has_the_level_that_is_stated() -> None:
    for talk in of_kind("noisy", 4):
        both, clean = soundtrack(talk), soundtrack(replace(talk, noise=None, snr_db=None))
        assert both is not None
        assert clean is not None
        (said,) = staged(talk).said
        spoken = slice(round(said.start_s * voice.RATE), round(said.end_s * voice.RATE))
        noise = both - clean
        ratio = 20 * np.log10(loudness(clean[spoken]) / loudness(noise))
        assert ratio == pytest.approx(talk.snr_db, abs=0.1), talk.sample_id
        flat = np.abs(np.fft.rfft(noise)) ** 2
        low = flat[: len(flat) // 4].sum() / flat.sum()
        assert (low < 0.3) == (talk.noise == "white"), "babble has a voice's spectrum"


@needs_espeak
def test_a_lag_moves_the_sound_and_nothing_else() -> None:
    for talk in of_kind("lagging", 2):
        late, prompt = soundtrack(talk), soundtrack(replace(talk, lag_s=0.0))
        assert late is not None
        assert prompt is not None
        assert np.array_equal(np.roll(prompt, round(talk.lag_s * voice.RATE)), late)
        assert staged(talk).clip == staged(replace(talk, lag_s=0.0)).clip


def course(talk: Talk, lags_s: np.ndarray) -> np.ndarray:
    """Return how the opening of the mouth and the loudness correlate at these lags of the sound."""
    sound, clip = soundtrack(talk), staged(talk).clip
    assert sound is not None
    times = np.array(clip.times)
    mouth = [clips.truth_at(clip, t)[0].aus.get("AU25", 0.0) for t in times]
    padded = np.pad(sound, voice.RATE)

    def level(t: float) -> float:
        middle = round((t + 1) * voice.RATE)
        return loudness(padded[middle - 640 : middle + 640])

    return np.array([np.corrcoef(mouth, [level(t + lag) for t in times])[0, 1] for lag in lags_s])


@needs_espeak
def test_mouths_move_with_the_sound_and_at_its_lag() -> None:
    lags = np.arange(-12, 13) / 24
    together = np.mean([course(talk, lags) for talk in of_kind("congruent", 8)], axis=0)
    assert lags[together.argmax()] == pytest.approx(0, abs=0.05)
    assert together.max() > 0.5
    for talk in of_kind("lagging", 2):
        assert lags[course(talk, lags).argmax()] == pytest.approx(talk.lag_s, abs=0.1)


@needs_espeak
def test_who_talks_is_who_is_heard() -> None:
    made = dataset(clips=4, kinds=["turns", "changing"])
    assert isinstance(made, SpokenDataset)
    assert isinstance(made, AnnotatedDataset)
    assert isinstance(made, CheckedDataset)
    made.check()
    for sample in made.samples():
        talk = made._talks[sample.sample_id]
        said = made.utterances(sample)
        assert [each.text for each in said] == [line.text for line in talk.lines]
        assert all(a.end_s < b.start_s for a, b in pairwise(said))
        for t in staged(talk).clip.times:
            told = made.annotation(sample, t)
            assert told.identities is not None
            assert told.talking is not None
            assert told.emotions is not None
            speaking = {
                who for who, talks in zip(told.identities, told.talking, strict=True) if talks
            }
            lag = talk.lag_s
            heard = [each for each in said if each.start_s <= t + lag < each.end_s]
            assert speaking == {each.speaker for each in heard}
            for each in heard:
                face = told.emotions[told.identities.index(each.speaker)]
                assert face == each.emotion, "these kinds are congruent"
            assert len(made.true_faces(sample, t)) == len(talk.people)


@needs_espeak
def test_by_voice_a_moment_has_the_label_that_is_heard() -> None:
    made = dataset(clips=1, kinds=["contradicting"], label_of="voice")
    (sample,) = made.samples()
    (said,) = made.utterances(sample)
    middle = made.annotation(sample, (said.start_s + said.end_s) / 2)
    assert middle.label == sample.label == said.emotion
    assert middle.emotions == (sample.groups["face_emotion"],)
    assert middle.valence is None
    assert made.annotation(sample, 0.1).label is None


@needs_espeak
def test_a_small_clip_has_few_faces_and_a_full_one_moves() -> None:
    small, full = (plan("test", 1, size=size)[0] for size in ("small", "full"))
    heads = {repr(clips.truth_at(staged(small).clip, t)[0].aus) for t in staged(small).clip.times}
    assert 6 <= len(heads) <= 16
    assert (staged(small).clip.size, staged(small).clip.fps) == ((160, 120), 12)
    assert (staged(full).clip.size, staged(full).clip.fps) == (FORMS["full"].size, 25)
    places = [clips.truth_at(staged(full).clip, t)[0].box[0] for t in (0.0, 0.6, 1.2)]
    assert len(set(places)) == 3


@needs_espeak
def test_no_unit_leaves_its_scale_and_every_mouth_moves() -> None:
    for talk in of_kind("congruent", 8):
        clip = staged(talk).clip
        faces = [clips.truth_at(clip, t)[0] for t in clip.times]
        assert all(0 <= value <= 5 for face in faces for value in face.aus.values()), talk
        mouth = [face.aus["AU25"] for face in faces if face.talking]
        assert max(mouth) - min(mouth) > 1.5, talk.sample_id


# -- files -----------------------------------------------------------------------------------------


@needs_espeak
def test_files_hold_what_the_truth_says(cache: Path) -> None:
    made = dataset(clips=24)
    samples = {sample.groups["kind"]: sample for sample in made.samples()}
    for kind in ("lagging", "silent", "mute"):
        sample = samples[kind]
        path = made.file(sample)
        pictures = sum(1 for _ in decode_video(path, ALL_FRAMES))
        clip = staged(made._talks[sample.sample_id]).clip
        assert pictures == len(clip.times)
        if kind == "mute":
            with pytest.raises(DecodeError, match="no sound in the file"):
                next(sounds(path))
            assert made.utterances(sample) == ()
            continue
        (sound,) = sounds(path)
        assert (sound.start_s, sound.note) == (0, None)
        assert sound.duration_s == pytest.approx(clip.duration_s, abs=0.05)
        heard = samples_of(sound.wav)
        if kind == "silent":
            assert not heard.any()
            assert made.utterances(sample) == ()
            continue
        true = soundtrack(made._talks[sample.sample_id])
        assert true is not None
        length = min(len(heard), len(true))
        shifts = [
            float(np.dot(heard[50 + by : length - 50 + by], true[50 : length - 50]))
            for by in range(-50, 51)
        ]
        assert abs(int(np.argmax(shifts)) - 50) <= 1, "coding moves nothing: 16 samples are 1 ms"
        (said,) = made.utterances(sample)
        inside = heard[round(said.start_s * 16000) : round(said.end_s * 16000)]
        outside = np.concatenate(
            [heard[: round(said.start_s * 16000) - 800], heard[round(said.end_s * 16000) + 800 :]]
        )
        assert loudness(inside) > 100 * loudness(outside)


@needs_espeak
def test_a_clip_has_the_same_bytes_each_time(cache: Path) -> None:
    made = dataset(clips=1, kinds=["congruent"])
    (sample,) = made.samples()
    path = made.file(sample)
    before, drawn_at = path.read_bytes(), path.stat().st_mtime_ns
    others = dataset(clips=3)
    (same,) = (each for each in others.samples() if each.sample_id == sample.sample_id)
    assert others.file(same) == path
    assert path.stat().st_mtime_ns == drawn_at, "other options, the same clip: drawn once"
    shutil.rmtree(cache)
    assert made.file(sample).read_bytes() == before
