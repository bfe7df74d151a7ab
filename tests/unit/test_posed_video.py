"""Drawn clips: the same bytes each time, every frame's truth, and RAVDESS's names."""

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from faceoff.assets.asset import AssetError
from faceoff.datasets.posed_video import PosedVideo
from faceoff.datasets.ravdess import Ravdess, published
from faceoff.drawing import clips
from faceoff.drawing.expressions import INTENSITIES, PROTOTYPES
from faceoff.drawing.film_strip import film_strip
from faceoff.drawing.motion import SHOWN, Act, blinks, ease, lid, speech, voiced
from faceoff.drawing.ravdess import write_archives, write_ravdess
from faceoff.drawing.seeds import stream
from faceoff.drawing.stories import ALL_KINDS, KINDS
from faceoff.drawing.video import write_video
from faceoff.emotions import EMOTIONS
from faceoff.faces.detection_view import postprocess
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.media.frame_rate import ALL_FRAMES
from faceoff.media.videos import decode_video
from faceoff.plan.jobs import DatasetJob
from faceoff.plugins import registry
from faceoff.stages.frames import write_frames
from faceoff.stages.samples import write_samples
from faceoff.storage import parquet

SPLITS = ("train", "valid", "test")


def of_kind(kind: str, split: str = "test", seed: int = 0) -> list[clips.Clip]:
    return clips.plan(split, seed, [kind])


def short(clip: clips.Clip) -> clips.Clip:
    """Return the clip's first five frames: its stage is set by its id alone."""
    return replace(clip, duration_s=0.2)


def overlap(a: tuple, b: tuple) -> float:
    w = max(min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]), 0)
    h = max(min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]), 0)
    return w * h / (a[2] * a[3] + b[2] * b[3] - w * h)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


# -- plan ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", SPLITS)
def test_plan_is_stratified(split: str) -> None:
    planned = clips.plan(split)
    assert planned == clips.plan(split)
    assert (
        len({clip.sample_id for clip in planned})
        == len(planned)
        == {"train": 88, "valid": 28, "test": 88}[split]
    )
    assert clips.plan(split, kinds=["two"]) == [clip for clip in planned if clip.kind == "two"], (
        "a kind does not depend on the others"
    )
    for kind in ("single", "two", "leaving"):
        shown = [clip.label for clip in planned if clip.kind == kind]
        assert {shown.count(emotion) for emotion in EMOTIONS} == {len(shown) // len(EMOTIONS)}
    for clip in planned:
        emotions = [act.emotion for role in clip.cast for act in role.acts]
        assert (
            len(set(emotions))
            == len(emotions)
            == {"single": 1, "several": 3, "two": 2, "leaving": 1}[clip.kind]
        )
        assert (clip.label is None) == (clip.kind == "several")
        assert len({role.identity for role in clip.cast}) == len(clip.cast)
        assert all(
            act.onset_s < act.apex_s < act.offset_s < act.end_s < clip.duration_s
            for role in clip.cast
            for act in role.acts
        )
        assert len(clip.times) == {"single": 65, "two": 65}.get(clip.kind, 85)


def test_identities_of_splits_are_disjoint() -> None:
    cast = [{role.identity for clip in clips.plan(split) for role in clip.cast} for split in SPLITS]
    assert sum(map(len, cast)) == len(set.union(*cast))
    with pytest.raises(ValueError, match="no such split: 'dev'"):
        clips.plan("dev")


def test_more_kinds_leave_the_default_clips_as_they_were() -> None:
    """The hash is of ids, labels and truth as they were before there were more kinds."""
    planned = clips.plan("valid")
    said = repr([
        (
            clip.sample_id,
            clip.label,
            [
                [
                    (
                        face.identity,
                        face.emotion,
                        face.level,
                        face.intensity,
                        face.aus,
                        face.valence,
                        face.arousal,
                        face.box,
                        face.landmarks,
                    )
                    for face in clips.truth_at(clip, t)
                ]
                for t in clip.times
            ],
        )
        for clip in planned
    ])  # fmt: skip
    assert hashlib.sha256(said.encode()).hexdigest() == (
        "1bc7e1dc26d2c869724a02fd10fd593d3e384a079e90c06c22ecbb27f4cbd38f"
    )
    assert planned == clips.plan("valid", kinds=ALL_KINDS)[: len(planned)]


@pytest.mark.parametrize("split", SPLITS)
def test_more_kinds_are_stratified(split: str) -> None:
    planned = clips.plan(split, kinds=ALL_KINDS[len(KINDS) :])
    names = [clip.sample_id for clip in planned]
    assert len(set(names)) == len(names) == {"train": 44, "valid": 36, "test": 44}[split]
    for kind in ("crossing", "cut", "returning", "talking"):
        leads = [clip.cast[0].acts[0].emotion for clip in planned if clip.kind == kind]
        assert {leads.count(emotion) for emotion in EMOTIONS} == {len(leads) // len(EMOTIONS)}
    for clip in planned:
        assert (clip.label is None) == (clip.kind in ("cut", "narrative"))
        assert len({role.identity for role in clip.cast}) == len(clip.cast)


# -- truth -----------------------------------------------------------------------------------------


def seen(clip: clips.Clip) -> list[tuple[str, ...]]:
    """Return who is seen in each frame, by place in the cast."""
    cast = [role.identity for role in clip.cast]
    return [
        tuple(str(cast.index(face.identity)) for face in clips.truth_at(clip, t))
        for t in clip.times
    ]


def runs(values: list) -> list:
    """Return values without repetitions of the one before."""
    return [value for k, value in enumerate(values) if not k or values[k - 1] != value]


def test_two_people_cross_and_the_nearer_one_hides_the_other() -> None:
    for clip in of_kind("crossing"):
        assert runs(seen(clip)) == [("0", "1"), ("0",), ("0", "1")]
        first, last = (
            {face.identity: face.box[0] for face in clips.truth_at(clip, t)}
            for t in (0.0, clip.times[-1])
        )
        one, other = (role.identity for role in clip.cast)
        assert (first[one] < first[other]) == (last[one] > last[other]), "they change places"
        hidden = [len(people) for people in seen(clip)].count(1)
        assert 5 <= hidden <= 25, "for 0.2 to 1 s"


def test_the_nearer_person_is_drawn_over_the_other() -> None:
    clip = of_kind("crossing")[0]
    hidden = [k for k, people in enumerate(seen(clip)) if people == ("0",)]
    middle = hidden[len(hidden) // 2]
    far = replace(clip, cast=tuple(replace(role, crosses=(99.0, 100.0)) for role in clip.cast))
    still = list(clips.scenery(replace(clip, duration_s=(middle + 1) / 25)))[middle][1]
    apart = next(clips.scenery(far))[1]
    lead = {face.identity: face.box for face in clips.truth_at(far, 0)}
    x, y, w, h = (round(value) for value in clips.truth_at(clip, middle / 25)[0].box)
    a, b, *_ = (round(value) for value in lead[clip.cast[0].identity])
    there = apart[b + h // 3 : b + h // 2, a + w // 3 : a + 2 * w // 3]
    here = still[y + h // 3 : y + h // 2, x + w // 3 : x + 2 * w // 3]
    assert np.abs(np.mean(there, (0, 1)) - np.mean(here, (0, 1))).max() < 25


def test_a_cut_changes_people_wall_and_light() -> None:
    for clip in of_kind("cut"):
        (at,) = clip.cuts
        assert runs(seen(clip)) == [("0",), ("1",)]
        assert seen(clip).index(("1",)) == round(at * clip.fps)
    clip = of_kind("cut")[0]
    k = round(clip.cuts[0] * clip.fps)
    images = [image for _, image, _ in clips.scenery(replace(clip, duration_s=(k + 2) / 25))]
    corners = [image[:24, :24].astype(float) for image in images]
    assert np.array_equal(corners[0], corners[k - 1])
    assert np.array_equal(corners[k], corners[k + 1])
    assert np.abs(corners[k] - corners[k - 1]).mean() > 5


def test_somebody_returns_after_two_seconds_and_another_comes_meanwhile() -> None:
    for number, clip in enumerate(of_kind("returning")):
        expected = [("0",), (), ("1",), (), ("0",)] if number % 2 else [("0",), (), ("0",)]
        assert runs(seen(clip)) == expected
        away = sum("0" not in people for people in seen(clip)) / clip.fps
        assert 1.8 < away < 2.6


def test_a_narrative_goes_from_anger_over_neutral_to_anger() -> None:
    for clip in of_kind("narrative"):
        faces = [clips.truth_at(clip, t)[0] for t in clip.times]
        assert len(faces) == 375
        assert runs([face.emotion for face in faces]) == [
            "neutral", "anger", "neutral", "anger", "neutral",
        ]  # fmt: skip
        assert runs([face.talking for face in faces]) == [False, True] * 4 + [False]
        assert {face.emotion for face in faces if face.talking} == {"neutral", "anger"}


def test_a_talking_mouth_moves_in_every_emotion_and_rests_when_silent() -> None:
    for clip in of_kind("talking"):
        acts = clip.cast[0].acts[0]
        faces = [clips.truth_at(clip, t)[0] for t in clip.times]
        held = [
            face
            for face, t in zip(faces, clip.times, strict=True)
            if acts.apex_s <= t <= acts.offset_s
        ]
        spoken = [face.aus["AU25"] for face in held if face.talking]
        silent = [face.aus["AU25"] for face in held if not face.talking]
        assert min(len(spoken), len(silent)) >= 15
        assert max(spoken) - min(spoken) > 1.5, clip.sample_id
        assert np.ptp(silent) < 0.01, "the emotion is held"
        assert {face.emotion for face in held} == {acts.emotion}


def test_speech_begins_and_ends_within_its_spans() -> None:
    spans = ((0.5, 1.0), (2.0, 2.6))
    open_at = [speech(k / 100, spans, 0.3) for k in range(300)]
    assert all(0 <= value <= 1 for value in open_at)
    assert {k for k, value in enumerate(open_at) if value} <= {*range(50, 100), *range(200, 260)}
    assert [voiced(t, spans) for t in (0.0, 0.75, 1.5, 2.3)] == [0, 1, 0, 1]


def test_an_act_rises_holds_and_falls_without_jumps() -> None:
    act = Act("fear", "apex", 0.2, 0.6, 1.0, 1.5, peak=0.8)
    shares = [act.share(k / 100) for k in range(200)]
    assert all(a <= b for a, b in pairwise(shares[:61]))
    assert shares[60:101] == [0.8] * 41
    assert all(a >= b for a, b in pairwise(shares[100:]))
    assert shares[0] == shares[-1] == 0
    assert max(abs(a - b) for a, b in pairwise(shares)) < 0.04
    assert all((act.label(k / 100) == "fear") == (4.5 * shares[k] >= SHOWN) for k in range(200))
    assert (ease(0, 0, 1), ease(0.5, 0, 1), ease(2, 0, 1)) == pytest.approx((0, 0.5, 1))


def test_lids_close_and_open_in_a_quarter_of_a_second() -> None:
    closed = [lid(k / 100, (0.5,)) for k in range(100)]
    assert max(closed) == 5
    assert (closed[50], closed[74]) == (0, 0)
    assert [k for k, value in enumerate(closed) if value == 5] == list(range(58, 63))
    times = blinks(30, stream("test"))
    assert all(1.2 <= b - a <= 3.0 for a, b in pairwise(times))


@pytest.mark.parametrize("kind", KINDS)
def test_units_and_labels_follow_the_plan(kind: str) -> None:
    for clip in of_kind(kind)[:8]:
        acts = {role.identity: role.acts for role in clip.cast}
        for t in clip.times:
            for face in clips.truth_at(clip, t):
                act = max(acts[face.identity], key=lambda act: act.share(t))
                shown = act.share(t) * INTENSITIES[act.intensity] >= SHOWN
                assert face.emotion == (act.emotion if shown else "neutral")
                assert face.level == ("none" if face.emotion == "neutral" else act.intensity)
                assert all(0 <= value <= 5 for value in face.aus.values())
                assert max(abs(face.valence), abs(face.arousal)) <= 1


def test_units_rise_to_the_apex_and_fall_after_it() -> None:
    for clip in of_kind("single"):
        (role,) = clip.cast
        (act,) = role.acts
        faces = [clips.truth_at(clip, t)[0] for t in clip.times]
        mine = {unit.rstrip("X") for variant in PROTOTYPES[act.emotion] for unit in variant}
        for unit in faces[0].aus.keys() - {"AU45"}:
            values = [face.aus[unit] for face in faces]
            before = [v for v, t in zip(values, clip.times, strict=True) if t <= act.apex_s]
            after = [v for v, t in zip(values, clip.times, strict=True) if t >= act.offset_s]
            if unit.rstrip("LR") in mine and values[len(values) // 2] > 0.5:
                assert before == sorted(before), (clip.sample_id, unit)
                assert after == sorted(after, reverse=True), (clip.sample_id, unit)
        assert faces[0].emotion == faces[-1].emotion == "neutral"
        assert any(face.aus["AU45"] > 2 for face in faces), "everybody blinks"
        if act.emotion != "neutral":
            at_apex = clips.truth_at(clip, (act.apex_s + act.offset_s) / 2)[0]
            assert at_apex.emotion == clip.label
            assert at_apex.intensity == max(face.intensity for face in faces)
            assert np.hypot(at_apex.valence, at_apex.arousal) > np.hypot(
                faces[0].valence, faces[0].arousal
            )


@pytest.mark.parametrize("kind", ["single", "several", "two"])
def test_boxes_move_smoothly_and_hold_the_landmarks(kind: str) -> None:
    for clip in of_kind(kind)[:8]:
        truth = [clips.truth_at(clip, t) for t in clip.times]
        assert all(len(faces) == len(clip.cast) for faces in truth)
        for faces in truth:
            assert [face.box[2] * face.box[3] for face in faces] == sorted(
                (face.box[2] * face.box[3] for face in faces), reverse=True
            )
            assert faces[0].identity == clip.cast[0].identity, (
                "the first of the cast is the largest throughout"
            )
            for face in faces:
                x, y, w, h = face.box
                assert min(x, y, clip.size[0] - x - w, clip.size[1] - y - h) > -2
                points = np.array(face.landmarks)
                assert ((points > (x, y)) & (points < (x + w, y + h))).all()
        for a, b in pairwise(truth):
            assert all(
                np.abs(np.subtract(p.box, q.box)).max() < 6 for p, q in zip(a, b, strict=True)
            )
        assert max(overlap(truth[0][0].box, faces[0].box) for faces in truth[1:]) < 1, (
            "heads are never quite still"
        )
        assert all(
            overlap(faces[0].box, faces[1].box) < 0.05 for faces in truth if len(faces) == 2
        ), "two people do not hide each other"


def test_the_face_leaves_and_returns_with_the_same_expression() -> None:
    for clip in of_kind("leaving"):
        counts = "".join(str(len(clips.truth_at(clip, t))) for t in clip.times)
        assert counts.strip("1").strip("0") == ""
        assert counts[0] == counts[-1] == "1"
        assert "000000000" in counts
        gone = [t for t, n in zip(clip.times, counts, strict=True) if n == "0"]
        (absence,) = clip.cast[0].absences
        assert (
            (absence.leaves_s, absence.back_s)
            < (gone[0], gone[-1])
            < (absence.gone_s, absence.back_s)
        )
        for t in (gone[0] - 0.04, gone[-1] + 0.04):
            assert clips.truth_at(clip, t)[0].emotion == clip.label


def test_truth_of_a_moment_is_that_of_the_nearest_frame() -> None:
    clip = of_kind("single")[1]
    assert (
        clips.truth_at(clip, 0.419)
        == clips.truth_at(clip, 0.40 + 0.02 - 0.01)
        == clips.truth_at(clip, 0.4)
    )
    assert clips.truth_at(clip, 99.0) == clips.truth_at(clip, clip.times[-1])
    assert clips.truth_at(clip, -1.0) == clips.truth_at(clip, 0.0)


# -- pictures --------------------------------------------------------------------------------------


def test_frames_are_the_same_each_time_and_others_with_another_seed() -> None:
    def digest(seed: int) -> str:
        frames = list(clips.frames(short(of_kind("two", seed=seed)[0])))
        assert all(
            image.shape == (240, 320, 3) and image.dtype == np.uint8 for _, image, _ in frames
        )
        return hashlib.sha256(
            b"".join(image.tobytes() for _, image, _ in frames)
            + repr([faces for *_, faces in frames]).encode()
        ).hexdigest()

    assert digest(0) == digest(0) != digest(1)


def test_frames_come_with_the_planned_truth_over_one_background() -> None:
    clip = short(of_kind("single")[1])
    seen = list(clips.frames(clip))
    assert [t for t, *_ in seen] == clip.times
    assert all(faces == clips.truth_at(clip, t) for t, _, faces in seen)
    first, last = (seen[k][1][:20, :60].astype(float) for k in (0, -1))
    assert 0 < np.abs(first - last).mean() < 4, (
        "a corner of the wall: only the sensor's noise is new"
    )


def test_nobody_is_drawn_in_the_gap() -> None:
    clip = of_kind("leaving")[0]
    (role,) = clip.cast
    (absence,) = role.absences
    middle = (absence.gone_s + absence.comes_s) / 2
    away = replace(absence, leaves_s=-2.0, gone_s=-1.0)
    gone = replace(clip, cast=(replace(role, absences=(away,)),))
    empty, there = next(clips.scenery(gone))[1], next(clips.scenery(clip))[1]
    x, y, w, h = (round(value) for value in clips.truth_at(clip, 0)[0].box)
    assert clips.truth_at(clip, middle) == clips.truth_at(gone, 0) == []
    assert np.abs(there - empty)[y : y + h, x : x + w].mean() > 20
    (wall,) = {next(clips.scenery(replace(gone, cast=())))[1].tobytes()}
    assert empty.tobytes() == wall


def test_a_still_clip_draws_a_moment_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(clips, "draw_face", lambda *args: calls.append(1))
    act = Act("fear", "apex", 0.0, 0.2, 0.4, 0.6)
    clip = clips.Clip(
        "x",
        "test",
        "single",
        0,
        0.6,
        (clips.Role("test03", (act,)),),
        size=(96, 96),
        fps=10,
        still=True,
    )
    assert len(list(clips.scenery(clip))) == 6
    assert len(calls) == 3


def test_film_strip_has_a_row_per_clip() -> None:
    strip = film_strip([short(of_kind("single")[1])] * 2, columns=3, width=120)
    assert strip.shape == (2 * (90 + 16), 360, 3)
    assert strip.dtype == np.uint8


def test_video_files_are_the_same_each_time(tmp_path: Path) -> None:
    pictures = [image for _, image, _ in clips.frames(short(of_kind("single")[2]))]
    for name in "ab":
        write_video(tmp_path / name, pictures, 25, np.zeros(4800, np.float32))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    decoded = list(decode_video(tmp_path / "a", ALL_FRAMES))
    assert [frame.timestamp_s for frame in decoded] == [k / 25 for k in range(5)]
    assert (
        max(
            np.abs(frame.image.astype(int) - image).mean()
            for frame, image in zip(decoded, pictures, strict=True)
        )
        < 4
    )


# -- the dataset -----------------------------------------------------------------------------------


def job_of(**options: object) -> DatasetJob:
    return DatasetJob(
        dataset="posed_video",
        type="posed_video",
        source="datasets/posed_video.py",
        class_name="PosedVideo",
        options={"split": "valid", **options},
        seed=0,
        headline=False,
    )


@pytest.mark.slow
def test_what_memory_held_before_does_not_matter(tmp_path: Path) -> None:
    """glibc fills every new block with the complement of MALLOC_PERTURB_.

    An encoder that reads what it never wrote gives itself away.
    """
    code = """if True:
        import sys
        from pathlib import Path
        from faceoff.drawing import clips, video
        clip = clips.plan("valid", 0, ["single"])[1]
        images = [image for _, image, _ in clips.frames(clip)]
        video.write_video(Path(sys.argv[1]), images, clip.fps)
    """
    paths = {str(fill): tmp_path / f"{fill}.mp4" for fill in (0, 1)}
    for fill, path in paths.items():
        subprocess.run(
            [sys.executable, "-c", code, str(path)],
            check=True,
            env=os.environ | {"MALLOC_PERTURB_": fill},
        )
    assert paths["0"].read_bytes() == paths["1"].read_bytes()


def test_samples_and_options() -> None:
    samples = list(PosedVideo(PosedVideo.Options()).samples())
    assert len(samples) == 88
    assert {sample.kind for sample in samples} == {"video"}
    assert {sample.groups["kind"] for sample in samples} == set(KINDS)
    assert all((sample.label is None) == (sample.groups["kind"] == "several") for sample in samples)
    assert all(
        sample.groups["n_people"] == ("2" if sample.groups["kind"] == "two" else "1")
        for sample in samples
    )
    chosen = PosedVideo(PosedVideo.Options(split="train", seed=3, kinds=["two", "leaving"]))
    assert {sample.groups["kind"] for sample in chosen.samples()} == {"two", "leaving"}
    assert chosen.version == "train-seed3-leaving_two@1"
    assert PosedVideo(PosedVideo.Options()).version == "test-seed0@1"
    with pytest.raises(
        ValueError,
        match=r"unknown kinds \['twins'\]; valid: single, several, two, leaving, crossing",
    ):
        PosedVideo(PosedVideo.Options(kinds=["twins"]))
    everything = PosedVideo(PosedVideo.Options(kinds="all"))
    assert {sample.groups["kind"] for sample in everything.samples()} == set(ALL_KINDS)
    assert everything.version == "test-seed0-all@1"


def test_clips_are_kept_whole_or_not_at_all(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = PosedVideo(PosedVideo.Options(split="valid"))
    sample = next(iter(dataset.samples()))

    def breaks(clip: clips.Clip):
        yield from clips.scenery(short(clip))
        raise KeyboardInterrupt

    drawn = clips.frames
    monkeypatch.setattr(
        clips,
        "frames",
        lambda clip: (
            (t, clips.expose(image, stream("x")), faces) for t, image, faces in breaks(clip)
        ),
    )
    with pytest.raises(KeyboardInterrupt):
        dataset.file(sample)
    assert not [path for path in cache.rglob("*") if path.is_file()]
    monkeypatch.setattr(clips, "frames", lambda clip: drawn(short(clip)))
    path = dataset.file(sample)
    assert path.is_relative_to(cache / "posed_video")
    before = path.stat().st_mtime_ns
    assert dataset.file(sample) == path
    assert path.stat().st_mtime_ns == before, "drawn once"


@pytest.mark.slow
def test_frames_table_has_the_truth_of_every_frame(cache: Path, tmp_path: Path) -> None:
    job = job_of(kinds=["leaving"], limit=3)
    write_samples(tmp_path / "samples.parquet", job)
    write_frames(tmp_path / "samples.parquet", tmp_path / "frames.parquet", job)
    dataset = PosedVideo(PosedVideo.Options(split="valid"))
    samples = {sample.sample_id: sample for sample in dataset.samples()}
    rows = list(parquet.rows(tmp_path / "frames.parquet"))
    assert {row["sample_id"] for row in rows} == {
        row["sample_id"] for row in parquet.rows(tmp_path / "samples.parquet")
    }
    assert {len(row["boxes"]) for row in rows} == {0, 1}
    for row in rows:
        assert (row["state"], row["width"], row["height"]) == ("ok", 320, 240)
        truth = dataset.annotation(samples[row["sample_id"]], row["timestamp_s"])
        faces = clips.truth_at(dataset._clips[row["sample_id"]], row["timestamp_s"])
        assert (row["label"], row["valence"], row["arousal"]) == (
            truth.label,
            truth.valence,
            truth.arousal,
        )
        assert (
            row["boxes"] == [list(box) for box in truth.boxes] == [list(face.box) for face in faces]
        )
        assert [len(points) for points in row["landmarks"]] == [10] * len(faces)
        assert (row["label"] is None) == (not faces)
        assert row["identities"] == [face.identity for face in faces]
        assert row["emotions"] == [face.emotion for face in faces]
        assert row["talking"] == [False] * len(faces)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*KINDS, "crossing", "cut", "returning", "talking"])
def test_a_detector_finds_the_faces_of_the_decoded_clip(cache: Path, kind: str) -> None:
    plugin = registry.get("detector", "mediapipe_short")
    if plugin.skip():
        pytest.skip(plugin.skip())
    try:
        detector = load_plugin(plugin.job(), Clock())
    except AssetError as error:
        pytest.skip(str(error).splitlines()[0])
    dataset = PosedVideo(PosedVideo.Options(split="valid", kinds=[kind]))
    sample = list(dataset.samples())[1]
    path = dataset.file(sample)
    decoded = list(decode_video(path, ALL_FRAMES))
    assert [frame.timestamp_s for frame in decoded] == dataset._clips[sample.sample_id].times
    again = PosedVideo(PosedVideo.Options(split="valid", seed=0, kinds="all"))
    bytes_before = path.read_bytes()
    path.unlink()
    assert again.file(sample).read_bytes() == bytes_before, (
        "the same bytes, whichever kinds are kept"
    )
    largest, faces_in_gap = [], 0
    for frame in decoded[::4]:
        truth = dataset.annotation(sample, frame.timestamp_s)
        found = postprocess(detector.detect([frame.image])[0], plugin.card)
        if truth.boxes:
            largest.append(any(overlap(face.box, truth.boxes[0]) > 0.4 for face in found))
        elif not clips.truth_at(dataset._clips[sample.sample_id], frame.timestamp_s):
            faces_in_gap += len(found)
    assert np.mean(largest) >= 0.9
    assert faces_in_gap <= 2, "half faces at the border may still be found"


# -- RAVDESS ---------------------------------------------------------------------------------------


def takes(
    modality: str, vocal: str, keep: Callable = lambda clip: True
) -> list[tuple[str, str, str, str]]:
    return [
        (clip.stem, clip.emotion, clip.intensity, clip.actor)
        for clip in published(modality, vocal)
        if keep(clip)
    ]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return tiny clips of actor 1's speech and song and actor 18's speech, a statement of each.

    They come with and without sound.
    """
    root = tmp_path_factory.mktemp("ravdess")
    everything = [
        take
        for modality in ("av", "video")
        for vocal in ("speech", "song")
        for take in takes(modality, vocal, lambda clip: clip.statement == "kids")
    ]
    assert len(write_ravdess(root, everything, actors=[1, 18], size="tiny")) == 2 * (30 + 22 + 30)
    return root


def test_ravdess_tree_is_read_back(tree: Path) -> None:
    assert {path.parent.name for path in tree.rglob("*.mp4")} == {"Actor_01", "Actor_18"}
    for modality in ("av", "video"):
        for options, n in (
            ({}, 52),
            ({"calm": "keep"}, 60),
            ({"vocal": "song", "calm": "keep"}, 22),
            ({"intensity": "strong"}, 24),
        ):
            dataset = Ravdess(Ravdess.Options(path=tree, modality=modality, **options))
            samples = list(dataset.samples())
            assert len(samples) == n
            assert all(dataset.file(sample).is_file() for sample in samples)
    labels = {
        sample.sample_id: sample.label for sample in Ravdess(Ravdess.Options(path=tree)).samples()
    }
    assert labels["01-01-06-02-01-02-18"] == "fear"


def test_ravdess_modalities_show_the_same_pictures(tree: Path) -> None:
    name = "01-05-01-01-01-01.mp4"
    with av.open(str(tree / "Actor_01" / f"01-{name}")) as container:
        assert [stream.codec_context.name for stream in container.streams] == ["h264", "aac"]
    with av.open(str(tree / "Actor_01" / f"02-{name}")) as container:
        assert [stream.codec_context.name for stream in container.streams] == ["h264"]
    heard, silent = (
        list(decode_video(tree / "Actor_01" / f"{modality}-{name}", ALL_FRAMES))
        for modality in ("01", "02")
    )
    assert len(heard) == len(silent) == 6
    assert all(np.array_equal(a.image, b.image) for a, b in zip(heard, silent, strict=True))
    other = list(
        decode_video(tree / "Actor_01" / f"02-{name.replace('01-01.mp4', '02-01.mp4')}", ALL_FRAMES)
    )
    assert not np.array_equal(other[0].image, silent[0].image), "another repetition, other pictures"


def test_ravdess_archives_are_named_as_on_zenodo(tree: Path, tmp_path: Path) -> None:
    archives = write_archives(tree, tmp_path / "a")
    assert [path.name for path in archives] == [
        "Video_Speech_Actor_01.zip",
        "Video_Speech_Actor_18.zip",
        "Video_Song_Actor_01.zip",
    ]
    with zipfile.ZipFile(archives[0]) as archive:
        names = archive.namelist()
        assert len(names) == 60
        assert {name[:12] for name in names} == {"Actor_01/01-", "Actor_01/02-"}
        archive.extractall(tmp_path / "unpacked")
    assert len(list(Ravdess(Ravdess.Options(path=tmp_path / "unpacked")).samples())) == 26
    assert [path.read_bytes() for path in write_archives(tree, tmp_path / "b")] == [
        path.read_bytes() for path in archives
    ]


def test_ravdess_writes_the_same_bytes_in_any_order(tree: Path, tmp_path: Path) -> None:
    few = takes(
        "av",
        "speech",
        lambda clip: (
            clip.actor == "01" and clip.emotion in ("calm", "anger") and clip.statement == "kids"
        ),
    )
    for path in write_ravdess(tmp_path, few[::-1], size="tiny"):
        assert path.read_bytes() == (tree / path.relative_to(tmp_path)).read_bytes()
    with pytest.raises(ValueError, match="only modalities 01 and 02 have pictures: 03-01"):
        write_ravdess(tmp_path, takes("audio", "speech"), size="tiny")


def test_ravdess_clips_that_are_there_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has the real clips has them under these names."""
    few = takes(
        "av",
        "speech",
        lambda clip: clip.actor == "01" and clip.emotion == "calm" and clip.statement == "kids",
    )
    real = tmp_path / "Actor_01" / f"{few[1][0]}.mp4"
    real.parent.mkdir()
    real.write_bytes(b"real")
    with pytest.raises(
        FileExistsError,
        match=rf"1 of the {len(few)} clips to draw are there already, maybe real ones, the first "
        rf"is .*{few[1][0]}\.mp4",
    ):
        write_ravdess(tmp_path, few, size="tiny")
    assert [path for path in tmp_path.rglob("*.mp4") if path.read_bytes() != b"real"] == []
    assert len(write_ravdess(tmp_path, few, size="tiny", overwrite=True)) == len(few)
    assert real.read_bytes() != b"real"


@pytest.mark.slow
def test_ravdess_at_full_size(tmp_path: Path) -> None:
    (path,) = write_ravdess(
        tmp_path, takes("av", "speech", lambda clip: clip.stem == "01-01-03-02-01-01-07")
    )
    decoded = list(decode_video(path, ALL_FRAMES))
    assert len(decoded) == 65
    assert decoded[0].image.shape == (240, 320, 3)
