"""Videos become sampled frames with true times; broken ones end in a reason."""

import io
import json
import re
import shutil
import struct
import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from faceoff.media.clock import BEGINS_ANEW, NO_RISE, NO_STAMP, Clock
from faceoff.media.frame_rate import ALL_FRAMES, Sampling, sampled
from faceoff.media.images import DecodeError, decode_image, encode_png
from faceoff.media.kinds import sample_kind
from faceoff.media.videos import decode_animation, decode_video, survey, width_of
from faceoff.plugins.protocols import Annotation, Sample
from faceoff.stages import frames as stage


def write_video(
    path: Path,
    times_ms: list[int],
    size: tuple[int, int] = (64, 48),
    codec: str = "mpeg4",
    audio: bool = False,
    aspect: Fraction | None = None,
) -> Path:
    """Return a clip whose n-th frame is shown at times_ms[n] and is uniformly 10 + 8 n bright.

    Its left half is red, so that turning shows.

    aspect: of its pixels, width to height, as the file says it.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        sound = container.add_stream("aac", rate=16_000) if audio else None
        for index, time_ms in enumerate(times_ms):
            picture = np.full((size[1], size[0], 3), 10 + 8 * index, np.uint8)
            picture[:, : size[0] // 2, 0] = 250
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound:
            silence = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            silence.sample_rate, silence.pts = 16_000, 0
            container.mux(sound.encode(silence))
            container.mux(sound.encode(None))
    return path


@pytest.mark.parametrize(
    ("times", "fps", "expected"),
    [
        ([0.0, 0.1, 0.2, 0.3, 0.4, 0.5], 5, [(0, 0.0), (1, 0.2), (2, 0.4)]),
        (
            [0.0, 0.15, 0.25, 0.39, 0.41],
            5,
            [(0, 0.0), (1, 0.15), (2, 0.39)],
        ),  # the last frame not after each moment
        ([2.0, 2.1, 2.2], 10, [(0, 2.0), (1, 2.1), (2, 2.2)]),  # moments count from the first frame
        (
            [0.0, 1.0],
            4,
            [(0, 0.0), (1, 0.0), (2, 0.0), (3, 0.0), (4, 1.0)],
        ),  # a slow video's frame stands for several moments
        ([0.0, 0.3, 0.31], 0, [(0, 0.0), (1, 0.3), (2, 0.31)]),
        ([7.5], 5, [(0, 7.5)]),
        ([], 5, []),
    ],
)
def test_sampling_takes_the_last_frame_at_each_moment(times, fps, expected):
    assert [
        (number, seconds)
        for number, seconds, _ in sampled(((t, None) for t in times), Sampling(fps))
    ] == expected


def test_sampling_agrees_with_a_search_for_each_moment():
    """Against the rule written down literally, on random variable-rate times."""
    random = np.random.default_rng(5)
    for fps in (3.0, 5.0, 29.97):
        times = np.round(np.cumsum(random.uniform(0.001, 0.2, 200)), 3)
        moments = times[0] + np.arange(int((times[-1] - times[0]) * fps + 1e-9) + 1) / fps
        literal = [float(times[times <= moment + 1e-9].max()) for moment in moments]
        assert [
            seconds for _, seconds, _ in sampled(((float(t), None) for t in times), Sampling(fps))
        ] == literal


@pytest.mark.parametrize(
    ("fps", "expected"),
    [(1000, [0.0, 0.3, 0.31, 0.9]), (5, [0.0, 0.31]), (2, [0.0, 0.31]), (0, [0.0, 0.3, 0.31, 0.9])],
)
def test_no_frame_is_taken_twice_where_that_is_asked(fps, expected):
    times = [0.0, 0.3, 0.31, 0.9]
    found = list(sampled(((t, None) for t in times), Sampling(fps, once=True)))
    assert found == [(number, seconds, None) for number, seconds in enumerate(expected)]


def test_a_gap_in_the_times_ends_the_clip_instead_of_repeating_a_picture():
    """A 33-bit clock that begins anew, after 2**33 / 90,000 s; a minute is still no gap."""
    jump = 2**33 / 90_000
    found = []
    with pytest.raises(DecodeError, match=r"a gap of 95443\.3 s in its time stamps, after 0\.40 s"):
        found.extend(
            sampled(((t, None) for t in [1.0, 1.1, 1.4, 1.4 + jump - 0.4, 1.5 + jump]), Sampling(5))
        )
    assert [(number, seconds) for number, seconds, _ in found] == [(0, 1.0), (1, 1.1), (2, 1.4)]
    assert len(list(sampled(((t, None) for t in [0.0, 60.0]), Sampling(5)))) == 301
    assert len(list(sampled(((t, None) for t in [0.0, jump]), ALL_FRAMES))) == 2, (
        "taken one by one, none is repeated"
    )


def test_a_clip_with_a_gap_has_its_good_frames_and_a_reason(tmp_path):
    write_video(tmp_path / "gap.mp4", [0, 200, 400, 100_000, 100_200])
    rows = rows_of(tmp_path, "gap.mp4")
    assert [(row["frame"], row["state"]) for row in rows] == [
        (0, "ok"),
        (1, "ok"),
        (2, "ok"),
        (3, "unreadable"),
    ]
    assert rows[-1]["reason"].startswith("a gap of 99.6 s in its time stamps")


def test_variable_frame_rate_keeps_true_times(tmp_path):
    path = write_video(tmp_path / "vfr.mp4", [0, 40, 80, 500, 520, 1000])
    found = list(decode_video(path, ALL_FRAMES))
    assert [round(1000 * frame.timestamp_s) for frame in found] == [0, 40, 80, 500, 520, 1000]
    brightness = [int(frame.image[:, 40:].mean()) for frame in found]
    assert brightness == sorted(brightness)
    assert [round(1000 * frame.timestamp_s) for frame in decode_video(path, Sampling(5))] == [
        0,
        80,
        80,
        520,
        520,
        1000,
    ]


@pytest.mark.parametrize(
    ("turn", "matrix"), [(90, (0, 1, -1, 0)), (180, (-1, 0, 0, -1)), (270, (0, -1, 1, 0))]
)
def test_display_matrix_is_applied(tmp_path, turn, matrix):
    """Phones store pictures as the sensor lies and say how to turn them.

    The matrix of the track header, in 16.16 fixed point.
    """
    path = write_video(tmp_path / "turned.mp4", [0, 40])
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value * 65536 for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000)
    path.write_bytes(data)
    stored = next(decode_video(write_video(tmp_path / "plain.mp4", [0, 40]), ALL_FRAMES)).image
    upright = next(decode_video(path, ALL_FRAMES)).image
    clockwise = np.rot90(stored, -turn // 90)
    assert upright.shape == clockwise.shape
    assert np.abs(upright.astype(int) - clockwise).mean() < 2


@pytest.mark.parametrize(
    ("aspect", "width"), [(Fraction(2), 128), (Fraction(8, 9), 57), (Fraction(1), 64), (None, 64)]
)
@pytest.mark.parametrize("kind", ["square.mp4", "square.avi"])
def test_pixels_that_are_not_square_are_made_so(tmp_path, kind, aspect, width):
    """A face stored half as wide as it is (anamorphic tape) is shown at its width and its times."""
    plain = list(decode_video(write_video(tmp_path / kind, [0, 40, 80]), ALL_FRAMES))
    shown = list(
        decode_video(
            write_video(tmp_path / f"other_{kind}", [0, 40, 80], aspect=aspect), ALL_FRAMES
        )
    )
    assert [frame.timestamp_s for frame in shown] == [frame.timestamp_s for frame in plain]
    for stored, wide in zip(plain, shown, strict=True):
        assert wide.image.shape == (48, width, 3)
        if width == 64:
            assert np.array_equal(wide.image, stored.image), "the same bits"
        else:
            expected = Image.fromarray(stored.image).resize((width, 48), Image.Resampling.BICUBIC)
            assert np.abs(wide.image.astype(int) - np.asarray(expected)).mean() < 2


def test_a_turned_clip_is_widened_as_it_is_stored_and_an_absurd_aspect_is_a_reason(tmp_path):
    path = write_video(tmp_path / "turned.mp4", [0, 40], aspect=Fraction(2))
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    data[at : at + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 0x40000000)
    path.write_bytes(data)
    assert next(decode_video(path, ALL_FRAMES)).image.shape == (128, 48, 3)
    assert width_of(720, 576, Fraction(16, 15)) == 768
    with pytest.raises(
        DecodeError, match=r"720 x 576 pixels that are each 999 as wide as high exceed 100,000,000"
    ):
        width_of(720, 576, Fraction(999))


def test_animations_are_sampled_like_videos():
    pictures = [Image.new("RGB", (16, 12), (40 * index, 0, 0)) for index in range(5)]
    for kind in ("GIF", "WEBP"):
        buffer = io.BytesIO()
        pictures[0].save(
            buffer,
            format=kind,
            save_all=True,
            append_images=pictures[1:],
            duration=[100, 200, 100, 300, 100],
        )
        found = list(decode_animation(buffer.getvalue(), ALL_FRAMES))
        assert [round(frame.timestamp_s, 3) for frame in found] == [0.0, 0.1, 0.3, 0.4, 0.7], kind
        assert [round(float(frame.image[..., 0].mean()), -1) for frame in found] == pytest.approx(
            [0, 40, 80, 120, 160], abs=11
        ), kind
        assert [
            round(frame.timestamp_s, 3)
            for frame in decode_animation(buffer.getvalue(), Sampling(5))
        ] == [0.0, 0.1, 0.4, 0.4]


def test_a_slide_show_is_seen_to_its_end_in_bounds():
    """Three pictures of 16,000 s each, which an animation can say in 244 bytes.

    Each stands for a minute.
    """
    buffer = io.BytesIO()
    pictures = [Image.new("RGB", (16, 12), (80 * index, 0, 0)) for index in range(3)]
    pictures[0].save(
        buffer, format="WEBP", save_all=True, append_images=pictures[1:], duration=16_000_000
    )
    found = [frame.timestamp_s for frame in decode_animation(buffer.getvalue(), Sampling(5))]
    assert found == [0.0] * 300 + [60.0] * 300 + [120.0]


class Clips:
    """The least a dataset of clips must offer."""

    def __init__(self, folder: Path):
        self.folder = folder

    def file(self, sample: Sample) -> Path:
        return self.folder / sample.path


def rows_of(folder: Path, name: str, fps: float = 5.0) -> list[dict]:
    return list(
        stage._clip(
            Clips(folder),
            Sample(sample_id=name, path=name, kind="video"),
            Sampling(fps),
            stage.encoder(None),
        )
    )


def broken(kind: str, path: Path) -> None:
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("no video at all, only words " * 50)
    elif kind == "sound only":
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=16_000)
            silence = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            silence.sample_rate, silence.pts = 16_000, 0
            container.mux(stream.encode(silence))
            container.mux(stream.encode(None))
    elif kind == "header only":
        path.write_bytes(write_video(path.with_suffix(".avi"), [0, 40, 80]).read_bytes()[:600])


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("empty", "empty file"),
        ("text", "cannot decode"),
        ("sound only", "only sound"),
        ("header only", ""),
        ("absent", "No such file"),
    ],
)
def test_a_broken_clip_is_one_unreadable_row_with_a_reason(tmp_path, kind, said):
    broken(kind, tmp_path / "clip.mp4")
    rows = rows_of(tmp_path, "clip.mp4")
    assert [row["state"] for row in rows] == ["unreadable"]
    assert said in rows[0]["reason"]
    assert rows[0]["reason"]


def test_a_clip_cut_in_the_middle_keeps_its_good_frames(tmp_path):
    whole = write_video(tmp_path / "whole.avi", list(range(0, 4000, 40)))
    (tmp_path / "cut.avi").write_bytes(
        whole.read_bytes()[: whole.stat().st_size // 3]
    )  # an AVI ends in a long index
    good = [row for row in rows_of(tmp_path, "cut.avi", 0) if row["state"] == "ok"]
    assert 20 < len(good) < 100
    assert all(decode_image(row["image"]["bytes"]).shape == (48, 64, 3) for row in good)


def test_odd_sizes_and_a_cover_picture_do_not_matter(tmp_path):
    assert next(
        decode_video(write_video(tmp_path / "odd.avi", [0, 40], size=(50, 38)), ALL_FRAMES)
    ).image.shape == (38, 50, 3)
    with_sound = write_video(tmp_path / "sound.mp4", [0, 40, 80], audio=True)
    assert len(list(decode_video(with_sound, ALL_FRAMES))) == 3


def test_interlaced_clips_are_deinterlaced_at_their_own_times(tmp_path):
    """Two fields half a frame apart comb a moving edge.

    One picture per frame is left, without the comb. Progressive clips are not touched.
    """

    def comb(interlaced):
        path = tmp_path / f"{interlaced}.mpg"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg2video", rate=25)
            stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
            if interlaced:
                stream.codec_context.flags |= (
                    av.codec.context.Flags.interlaced_dct | av.codec.context.Flags.interlaced_me
                )
            for index in range(8):
                picture = np.zeros((64, 96, 3), np.uint8)
                picture[0::2, 8 * index : 8 * index + 8] = 255
                picture[1::2, 8 * index + 4 : 8 * index + 12] = 255
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        found = list(decode_video(path, ALL_FRAMES))
        assert len(found) == 8
        assert np.diff([frame.timestamp_s for frame in found]) == pytest.approx(np.full(7, 0.04))
        lines = found[4].image.astype(float).mean(axis=2)
        return np.abs(lines[1:-1] - (lines[:-2] + lines[2:]) / 2).mean()

    assert comb(interlaced=True) < 1 < 10 < comb(interlaced=False)


def test_of_several_video_streams_the_best_is_read(tmp_path):
    """A small preview stands before the film in the file; the film is read."""
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        streams = []
        for size in ((32, 24), (96, 64)):
            stream = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            streams.append(stream)
        for index in range(5):
            for stream in streams:
                frame = av.VideoFrame.from_ndarray(
                    np.full((stream.height, stream.width, 3), 100, np.uint8), format="rgb24"
                )
                frame.pts, frame.time_base = index, Fraction(1, 25)
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    assert {frame.image.shape for frame in decode_video(path, ALL_FRAMES)} == {(64, 96, 3)}


def test_every_nth_frame(tmp_path):
    path = write_video(tmp_path / "nth.mp4", [0, 40, 80, 500, 520, 1000, 1010])
    assert [
        (frame.number, round(1000 * frame.timestamp_s))
        for frame in decode_video(path, Sampling(0, every=3))
    ] == [(0, 0), (1, 500), (2, 1010)]


class Sequences:
    """Sequences of pictures at 10 per second; one picture of them is broken."""

    def __init__(self, root):
        self.root = root

    def pictures(self, sample):
        return (
            (index / 10, path)
            for index, path in enumerate(sorted((self.root / sample.path).iterdir()))
        )

    def annotation(self, sample, timestamp_s):
        return Annotation(
            label="happiness" if timestamp_s > 0.35 else "neutral",
            valence=timestamp_s,
            boxes=((1.0, 2.0, 3.0, 4.0),),
        )


def test_a_sequence_of_pictures_keeps_its_bytes_and_its_truth_over_time(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "none").mkdir()
    for index in range(6):
        (tmp_path / "s" / f"{index:03d}.png").write_bytes(
            b"broken" if index == 4 else encode_png(np.full((20, 30, 3), 40 * index, np.uint8))
        )
    sample = Sample(sample_id="s", path="s", kind="sequence")
    rows = list(stage._sequence(Sequences(tmp_path), sample, Sampling(5), stage.encoder(None)))
    assert [(row["frame"], row["timestamp_s"], row["state"]) for row in rows] == [
        (0, 0.0, "ok"),
        (1, 0.2, "ok"),
        (2, 0.4, "unreadable"),
    ]
    assert rows[1]["image"] == {"bytes": (tmp_path / "s/002.png").read_bytes(), "path": "002.png"}
    assert [(row["label"], row["valence"]) for row in rows] == [
        ("neutral", 0.0),
        ("neutral", 0.2),
        ("happiness", 0.4),
    ]
    assert rows[0]["boxes"] == ((1.0, 2.0, 3.0, 4.0),)
    late = Sequences(tmp_path)
    late.pictures = lambda sample: (
        (100.0 * index, path) for index, path in enumerate(sorted((tmp_path / "s").iterdir()))
    )
    first, last = stage._sequence(late, sample, Sampling(5), stage.encoder(None))
    assert (first["frame"], first["state"], last["frame"], last["state"], last["timestamp_s"]) == (
        0,
        "ok",
        1,
        "unreadable",
        None,
    )
    assert last["reason"].startswith("a gap of 100.0 s")
    for name in ("none", "absent"):
        (row,) = stage._sequence(
            Sequences(tmp_path),
            Sample(sample_id="x", path=name, kind="sequence"),
            Sampling(5),
            stage.encoder(None),
        )
        assert row["state"] == "unreadable"


def test_sound_alone_has_a_row_that_says_so(tmp_path):
    (row,) = stage.ROWS_OF_KIND["audio"](
        None, Sample(sample_id="a", path="a.wav", kind="audio"), Sampling(5), stage.encoder(None)
    )
    assert (row["state"], row["reason"]) == ("unreadable", "only sound, no picture")


def test_jpeg_storage_is_smaller_and_close():
    ramp = np.dstack([np.tile(np.arange(128, dtype=np.uint8), (128, 1))] * 3)
    lossless, lossy = stage.encoder(None)(ramp), stage.encoder(90)(ramp)
    assert np.array_equal(decode_image(lossless), ramp)
    assert len(lossy) < len(lossless) / 5
    assert np.abs(decode_image(lossy).astype(int) - ramp).max() <= 4


COUNTS = {
    "WolfgangLanger_Pexels.mp4": 472,
    "single_face.mp4": 72,
    "no_face.mp4": 95,
    "face_noface.mov": 169,
    "noface_face.mov": 169,
    "fer_test.mp4": 115,
    "woman2.mp4": 464,
    "multi_face.avi": 702,
    "default.wmv": 288,
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_real_videos_have_the_frames_that_are_really_in_them(data, name, count):
    """As `ffprobe -count_frames` counts them; no_face.mp4 says 98 in its header and holds 95."""
    times = [frame.timestamp_s for frame in decode_video(data / "media/videos" / name, ALL_FRAMES)]
    assert len(times) == count
    assert times == sorted(set(times))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
@pytest.mark.parametrize("name", COUNTS)
def test_times_of_real_videos_are_those_that_ffprobe_reads(data, name):
    """An independent reader: FFmpeg's own program, frame by frame, as decoded."""
    path = data / "media/videos" / name
    entries = [
        "-show_entries",
        "frame=best_effort_timestamp_time:stream=width,height:stream_side_data=rotation",
    ]
    command = [
        "ffprobe",
        "-v",
        "error",
        "-select_streams",
        "v:0",
        *entries,
        "-of",
        "json",
        str(path),
    ]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    expected = [
        float(frame["best_effort_timestamp_time"])
        for frame in found["frames"]
        if "best_effort_timestamp_time" in frame
    ]
    frames = list(decode_video(path, ALL_FRAMES))
    assert [frame.timestamp_s for frame in frames] == pytest.approx(expected, abs=1e-5)
    stream = found["streams"][0]
    turned = any(side.get("rotation", 0) % 180 for side in stream.get("side_data_list", ()))
    assert frames[0].image.shape[:2] == (
        (stream["width"], stream["height"]) if turned else (stream["height"], stream["width"])
    )


def test_a_folder_of_clips_runs_through_the_stages(tmp_path, data):
    """Real clips: frames, faces and posteriors per clip.

    The clip without a face is no_face and wrong.
    """
    from faceoff.plan.job_specs import Plan
    from faceoff.scoring.task import read_task, sample_posteriors
    from faceoff.stages.detect import write_faces
    from faceoff.stages.predict import write_predictions
    from faceoff.stages.samples import write_samples

    for label, name in (("happiness", "single_face.mp4"), ("neutral", "no_face.mp4")):
        (tmp_path / "clips" / label).mkdir(parents=True)
        (tmp_path / "clips" / label / name).symlink_to(data / "media/videos" / name)
    (tmp_path / "clips/neutral/broken.mp4").write_bytes(b"nothing")
    dataset = {"clips": {"type": "folder", "path": str(tmp_path / "clips"), "fps": 2}}
    plan = Plan(
        {
            "run": "v",
            "datasets": dataset,
            "detectors": {"mediapipe_short": {}},
            "models": {"fer": {}},
        }
    )
    paths = {
        name: tmp_path / f"{name}.parquet" for name in ("samples", "frames", "faces", "predictions")
    }
    write_samples(paths["samples"], plan.samples_job("clips"))
    stage.write_frames(paths["samples"], paths["frames"], plan.frames_job("clips"))
    frames = pq.read_table(paths["frames"]).to_pylist()
    assert [row["frame"] for row in frames if row["sample_id"].endswith("single_face.mp4")] == [
        0,
        1,
        2,
        3,
        4,
    ]
    write_faces(
        paths["frames"],
        paths["faces"],
        tmp_path / "t.json",
        plan.detect_job("clips", "mediapipe_short"),
    )
    write_predictions(
        paths["frames"],
        paths["faces"],
        paths["predictions"],
        tmp_path / "t.json",
        plan.predict_job("clips", "mediapipe_short", "fer"),
    )
    task = read_task(paths["samples"])
    found = dict(
        zip(task.ids, sample_posteriors(paths["predictions"], task.ids).states, strict=True)
    )
    assert found == {
        "happiness/single_face.mp4": "ok",
        "neutral/no_face.mp4": "no_face",
        "neutral/broken.mp4": "unreadable",
    }


class Stamped:
    """A frame with a time stamp and its place in the clip."""

    def __init__(self, place, time):
        self.place, self.time = place, time


def mended(times, step=0.04):
    """Return (the times of all frames, what was mended) of a clip with these time stamps."""
    clock = Clock(step)
    found = list(clock.timed(Stamped(place, time) for place, time in enumerate(times)))
    assert [frame.place for _, frame in found] == list(range(len(times))), "all, in their order"
    seconds = [time for time, _ in found]
    assert all(a < b for a, b in pairwise(seconds))
    return seconds, dict(clock.mended)


EVEN = [0.04 * k for k in range(30)]


@pytest.mark.parametrize(
    "times",
    [EVEN, [time - 0.5 for time in EVEN], [0, 1, 1.5, 1.501, 60], [7.0], [], [0, 5.0, 10.0]],
    ids=["even", "negative", "variable", "one", "none", "slow"],
)
def test_times_that_rise_stay_as_they_are(times):
    assert mended(times) == (times, {})


@pytest.mark.parametrize(
    ("times", "expected", "said"),
    [
        ([None] * 30, EVEN, {NO_STAMP: 30}),
        ([0.0] * 30, EVEN, {BEGINS_ANEW: 29}),
        ([*EVEN[:5], None, None, *EVEN[7:]], EVEN, {NO_STAMP: 2}),
        ([None, None, *EVEN[2:]], EVEN, {NO_STAMP: 2}),
        ([*EVEN[:5], EVEN[4], *EVEN[6:]], EVEN, {NO_RISE: 1}),
        ([*EVEN[:5], -3.0, *EVEN[6:]], EVEN, {NO_RISE: 1}),
        ([*EVEN[:5], 95_000.0, *EVEN[6:]], EVEN, {NO_RISE: 1}),
        ([*EVEN[:12], *EVEN[:18]], EVEN, {BEGINS_ANEW: 1}),
        ([*EVEN[:10], *EVEN[:10], *EVEN[:10]], EVEN, {BEGINS_ANEW: 2}),
        ([*EVEN[:20], *[None] * 10], EVEN, {NO_STAMP: 10}),
        ([time / 90_000 for time in EVEN], EVEN, {BEGINS_ANEW: 29}),
        # A 33-bit clock that wraps, in seconds.
        (
            [2**33 / 90_000 - 0.4 + time for time in EVEN[:10]] + EVEN[:20],
            [2**33 / 90_000 - 0.4 + time for time in EVEN],
            {BEGINS_ANEW: 1},
        ),
    ],
    ids=[
        *("none at all", "all equal", "missing", "missing first", "equal", "negative", "far off"),
        *("restart", "two restarts", "missing last", "too fast", "wrapped"),
    ],
)
def test_times_that_do_not_rise_are_mended_and_said(times, expected, said):
    seconds, counts = mended(times)
    assert seconds == pytest.approx(expected, abs=1e-6)
    assert counts == said


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(st.none(), st.floats(-1e6, 1e6), st.sampled_from([0.0, 0.04, 0.08, 95_443.7])),
        max_size=60,
    )
)
def test_whatever_the_time_stamps_every_frame_has_a_rising_time(times):
    seconds, said = mended(times)
    assert len(seconds) == len(times)
    assert sum(said.values()) <= len(times)


def steady(path, codec, count, rate=25, form="yuv420p", noisy=False, **container_options):
    """Return a clip of frames at a steady rate, each brighter than the one before, or of noise."""
    with av.open(str(path), "w", **container_options) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, form
        for index in range(count):
            random = np.random.default_rng(index)
            picture = (
                random.integers(0, 256, (48, 64, 3), np.uint8)
                if noisy
                else np.full((48, 64, 3), 10 + 2 * index, np.uint8)
            )
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def joined(tmp_path):
    """Return two recordings of ten frames behind one another, each on its own clock."""
    parts = [steady(tmp_path / f"{name}.ts", "mpeg2video", 10).read_bytes() for name in "ab"]
    (tmp_path / "joined.ts").write_bytes(b"".join(parts))
    return tmp_path / "joined.ts"


def test_two_recordings_behind_one_another_keep_all_frames(tmp_path):
    found = list(decode_video(joined(tmp_path), ALL_FRAMES))
    assert len(found) == 20
    assert np.diff([frame.timestamp_s for frame in found]) == pytest.approx(np.full(19, 0.04))
    assert [frame.note for frame in found if frame.note] == ["the clock begins anew"]
    rows = rows_of(tmp_path, "joined.ts")
    assert [row["state"] for row in rows] == ["ok"] * 4
    assert [row["reason"] for row in rows if row["reason"]] == [
        "its time stamps were mended: the clock begins anew"
    ]


def test_a_stream_without_a_container_has_the_times_of_its_rate(tmp_path):
    steady(tmp_path / "bare.m2v", "mpeg2video", 20, rate=50, format="mpeg2video")
    times = [frame.timestamp_s for frame in decode_video(tmp_path / "bare.m2v", ALL_FRAMES)]
    assert len(times) == 20
    assert np.diff(times) == pytest.approx(np.full(19, 0.02), abs=1e-6)


def told(path, threads=1):
    """Return (times of all frames, the reason that follows them)."""
    found = []
    try:
        for frame in decode_video(path, ALL_FRAMES, threads):
            found.append(frame.timestamp_s)
    except DecodeError as error:
        return found, str(error)
    return found, None


@pytest.mark.parametrize("which", [0, 12, 13, 24, "all but 3"])
@pytest.mark.parametrize("threads", [1, 2])
def test_damaged_packets_are_skipped_wherever_they_stand(tmp_path, which, threads):
    """Pictures of MJPEG stand alone, so exactly those that are damaged are missing."""
    path = steady(tmp_path / "clip.avi", "mjpeg", 25, form="yuvj420p", noisy=True)
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    lost = {3} ^ set(range(25)) if which == "all but 3" else {which}
    data = path.read_bytes()
    for number in lost:
        data = data.replace(packets[number], bytes(len(packets[number])), 1)
    path.write_bytes(data)
    times, reason = told(path, threads)
    assert [round(25 * time) for time in times] == [n for n in range(25) if n not in lost]
    assert reason.startswith(f"{len(lost)} damaged packet")


def cut(path, share):
    """Keep this share of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    return path


@pytest.mark.parametrize("suffix", [".mkv", ".flv"])
@pytest.mark.parametrize("share", [0.4, 0.7])
def test_a_clip_that_is_shorter_than_its_header_says_so(tmp_path, suffix, share):
    codec = "flv" if suffix == ".flv" else "mpeg4"
    whole = write_video(tmp_path / f"whole{suffix}", list(range(0, 8000, 40)), codec=codec)
    assert told(whole) == (pytest.approx([0.04 * k for k in range(200)], abs=1e-3), None)
    times, reason = told(cut(whole, share))
    assert 20 < len(times) < 180
    assert re.search(r"ends after \d\.\d\d s, its header says [78]\.\d\d s", reason)
    rows = rows_of(tmp_path, whole.name)
    assert [row["state"] for row in rows[-2:]] == ["ok", "unreadable"]
    assert "its header says" in rows[-1]["reason"]
    seen = survey(whole)
    assert seen.first.shape == (48, 64, 3)
    assert "its header says" in seen.lost
    assert not seen.mended


@pytest.mark.parametrize(
    ("name", "codec", "form"),
    [
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.avi", "mjpeg", "yuvj420p"),
        ("a.wmv", "wmv2", "yuv420p"),
        ("a.webm", "libvpx", "yuv420p"),
    ],
)
def test_what_the_header_says_is_looked_up_where_ffmpeg_does_not_tell(tmp_path, name, codec, form):
    whole = steady(tmp_path / name, codec, 150, form=form, noisy=True)
    times, reason = told(whole)
    assert (len(times), reason) == (150, None)
    times, reason = told(cut(whole, 0.5))
    assert 50 < len(times) < 100
    assert "its header says 6.0" in reason


def test_a_cut_clip_without_its_index_says_so(tmp_path):
    whole = steady(tmp_path / "a.mp4", "mpeg4", 50, noisy=True)
    assert told(cut(whole, 0.7)) == ([], "cannot decode: cut, its index (moov) is missing")


def test_a_cut_clip_whose_index_stands_first_says_so(tmp_path):
    faststart = {"movflags": "faststart"}
    steady(tmp_path / "c.mp4", "mpeg4", 100, noisy=True, options=faststart)
    times, reason = told(cut(tmp_path / "c.mp4", 0.6))
    assert 30 < len(times) < 80
    assert "its header says 4.00 s" in reason


@pytest.mark.parametrize(
    ("turn", "moved"),
    [
        ((1, 0, 0, 1), lambda stored: stored),
        ((-1, 0, 0, 1), lambda stored: stored[:, ::-1]),
        ((1, 0, 0, -1), lambda stored: stored[::-1]),
        ((-1, 0, 0, -1), lambda stored: stored[::-1, ::-1]),
        ((0, 1, -1, 0), lambda stored: np.rot90(stored, -1)),
        ((0, -1, 1, 0), lambda stored: np.rot90(stored, 1)),
        ((0, 1, 1, 0), lambda stored: stored.swapaxes(0, 1)),
        ((0, -1, -1, 0), lambda stored: stored[::-1, ::-1].swapaxes(0, 1)),
        ((0, 0, 0, 0), lambda stored: stored),
        ((1, 0, 0, 0), lambda stored: stored),
        ((0, 0, 0, 1), lambda stored: stored),
        ((2, 0, 0, 2), lambda stored: stored),
    ],
    ids=[
        *("plain", "mirrored", "upside down", "half a turn", "right", "left", "transposed"),
        *("other diagonal", "zero", "no height", "no width", "twice as large"),
    ],
)
def test_display_matrices_that_mirror_or_say_nothing(tmp_path, turn, moved):
    """As FFmpeg's program turns them, which the next test asks."""
    stored, upright = with_matrix(tmp_path, turn)
    expected = moved(stored)
    assert upright.shape == expected.shape
    assert np.abs(upright.astype(int) - expected).mean() < 2


def with_matrix(folder, turn):
    """Return the first frame of a clip (as stored, as shown) whose track says this matrix."""
    path = folder / "turned.mp4"
    plain = write_video(folder / "plain.mp4", [0, 40])
    data = bytearray(plain.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (round(value * 65536) for value in turn)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000)
    path.write_bytes(data)
    return tuple(next(decode_video(clip, ALL_FRAMES)).image for clip in (plain, path))


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("degrees", [0, 10, 45, 90, 135, 180, 250, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_frames_are_turned_as_ffmpeg_turns_them(tmp_path, degrees, mirrored):
    angle = np.radians(degrees)
    sign = -1 if mirrored else 1
    turn = (np.cos(angle), np.sin(angle), -sign * np.sin(angle), sign * np.cos(angle))
    _, upright = with_matrix(tmp_path, turn)
    command = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "turned.mp4"), "-frames:v", "1"]
    subprocess.run([*command, str(tmp_path / "shown.png")], check=True)
    shown = np.asarray(Image.open(tmp_path / "shown.png").convert("RGB")).astype(int)
    assert upright.shape == shown.shape
    assert np.abs(upright - shown).mean() < 2


def test_a_playlist_is_no_video(tmp_path):
    """It would make the reader open other files, and addresses of the network."""
    steady(tmp_path / "secret.ts", "mpeg2video", 5)
    (tmp_path / "x.mp4").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n"
    )
    (tmp_path / "y.mp4").write_text("ffconcat version 1.0\nfile secret.ts\n")
    for name in ("x.mp4", "y.mp4"):
        with pytest.raises(DecodeError):
            list(decode_video(tmp_path / name, ALL_FRAMES))


@pytest.mark.parametrize(
    ("name", "count", "first", "reason"),
    [
        ("bad_packet0.mp4", 186, 1.0, r"1 damaged packet left out \(Invalid data"),
        ("joined_two_recordings.ts", 72, 1.4, None),
        ("raw_annexb.mp4", 72, 0.0, None),
        ("cut.mkv", 45, 0.021, r"ends after 1\.82 s, its header says 3\.30 s"),
        ("mirrored.mp4", 72, 0.0, None),
        ("x.m2ts", 15, 1.467, None),
        ("x.asf", 15, 0.0, None),
        ("x.3g2", 15, 0.0, None),
    ],
)
def test_the_clips_among_the_cases(cases, name, count, first, reason):
    assert sample_kind(cases / name) == "video"
    times, said = told(cases / name)
    assert len(times) == count
    assert all(a < b for a, b in pairwise(times))
    assert times[0] == pytest.approx(first, abs=1e-3)
    assert (said is None) == (reason is None), said
    assert reason is None or re.search(reason, said)
    if name == "raw_annexb.mp4":
        assert np.diff(times) == pytest.approx(np.full(71, 1 / 30), abs=1e-6)


def test_a_clip_without_frames_raises(tmp_path):
    (tmp_path / "x.mp4").write_bytes(b"")
    with pytest.raises(DecodeError, match="empty file"):
        list(decode_video(tmp_path / "x.mp4", Sampling(5)))
