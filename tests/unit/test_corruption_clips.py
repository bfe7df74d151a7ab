"""Corruptions of clips: coded as H.264 at a quality or a rate, and with frames dropped."""

import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from faceoff.corruption import corruption_list
from faceoff.corruption.corruption import Seen, generators
from faceoff.drawing import scenes
from faceoff.drawing.video import H264

CLIP_KINDS = {
    name: kind
    for name in corruption_list.names()
    if (kind := corruption_list.get(name)).on == "clip"
}
CODED = ("bitrate", "compress")
every_coded = pytest.mark.parametrize("name", CODED)


def clip(length: int, height: int = 160, width: int = 200) -> list[np.ndarray]:
    """Return pictures of a drawn face that moves two pixels a frame."""
    face = scenes.draw(scenes.plan("test")[3])[0]
    return [
        np.ascontiguousarray(np.roll(face, 2 * number, axis=1)[:height, :width])
        for number in range(length)
    ]


def seen(name: str, sample: str = "a") -> Seen:
    return Seen(None, None, *generators(0, sample, 0, name, 1))


def worse(name: str, frames: list[np.ndarray], value: float) -> list[np.ndarray | None]:
    return list(CLIP_KINDS[name].apply(iter(frames), value, seen(name), {}))


def change(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    return float(np.mean([np.abs(x.astype(int) - y).mean() for x, y in zip(a, b, strict=True)]))


def test_there_are_three() -> None:
    assert sorted(CLIP_KINDS) == ["bitrate", "compress", "frame_drop"]


@every_coded
def test_it_grows_with_severity_and_is_the_same_twice(name: str) -> None:
    frames = clip(12)
    before = [frame.copy() for frame in frames]
    made = [worse(name, frames, value) for value in CLIP_KINDS[name].levels]
    assert all((a == b).all() for a, b in zip(frames, before, strict=True))
    changes = [change(shown, frames) for shown in made]
    assert 0 < changes[0] < 4  # colours at half the size, too
    assert all(low < high for low, high in pairwise(changes)), changes
    again = worse(name, frames, CLIP_KINDS[name].levels[2])
    assert all((a == b).all() for a, b in zip(again, made[2], strict=True))


def test_each_picture_comes_back_in_its_place() -> None:
    """A coded picture is nearer to its own original than to the one before or behind."""
    frames = clip(12)
    for at, shown in enumerate(worse("compress", frames, 23.0)):
        distances = [np.abs(shown.astype(int) - frame).mean() for frame in frames]
        assert int(np.argmin(distances)) == at


def through_a_file(
    frames: list[np.ndarray], path: Path, options: dict[str, str]
) -> list[np.ndarray]:
    """Return pictures that were written into a video file and read again."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.codec_context.thread_count = "yuv420p", 1
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_it_is_what_a_file_would_show(tmp_path: Path) -> None:
    """In memory, frame by frame, it is to the bit a file that was written and read."""
    frames = clip(15)
    expected = through_a_file(frames, tmp_path / "clip.mp4", {**H264, "crf": "37"})
    made = worse("compress", frames, 37.0)
    assert len(made) == len(expected) == 15
    assert all((a == b).all() for a, b in zip(made, expected, strict=True))


def test_a_rate_is_in_bits_per_pixel(tmp_path: Path) -> None:
    """The file that shows the same pictures has about as many bits as were asked for."""
    frames, path = clip(75), tmp_path / "clip.mp4"
    told = {key: value for key, value in H264.items() if key != "crf"}
    pixels = 160 * 200
    expected = through_a_file(frames, path, {**told, "b": str(round(0.1 * pixels * 25))})
    made = worse("bitrate", frames, 0.1)
    assert all((a == b).all() for a, b in zip(made, expected, strict=True))
    assert 8 * path.stat().st_size / (75 * pixels) == pytest.approx(0.1, rel=0.3)


@every_coded
@pytest.mark.parametrize("size", [(1, 1), (1, 30), (17, 2), (33, 47)])
def test_odd_and_tiny_pictures_keep_their_size(name: str, size: tuple[int, int]) -> None:
    for frames in (clip(3, *size), [np.zeros((*size, 3), np.uint8)] * 3):
        for value in CLIP_KINDS[name].levels:
            assert [made.shape for made in worse(name, frames, value)] == [(*size, 3)] * 3


@every_coded
def test_frames_of_other_sizes_have_an_encoder_of_their_own(name: str) -> None:
    value = CLIP_KINDS[name].levels[1]
    small, large = clip(4, 60, 80), clip(5, 90, 120)
    made = worse(name, [*small, *large, *small], value)
    assert [picture.shape for picture in made] == [p.shape for p in (*small, *large, *small)]
    parts = [*worse(name, small, value), *worse(name, large, value), *worse(name, small, value)]
    assert all((a == b).all() for a, b in zip(made, parts, strict=True))


@pytest.mark.parametrize("name", CLIP_KINDS)
def test_a_clip_of_no_or_one_frame(name: str) -> None:
    assert worse(name, [], CLIP_KINDS[name].levels[0]) == []
    assert len(worse(name, clip(1), CLIP_KINDS[name].levels[0])) == 1


@pytest.mark.parametrize("name", CLIP_KINDS)
def test_it_reads_few_frames_ahead(name: str) -> None:
    """Of a long clip only some frames are in memory: it is read as it is asked for."""
    taken = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal taken
        frames = clip(8, 32, 32)
        while True:
            taken += 1
            yield frames[taken % 8]

    made = CLIP_KINDS[name].apply(endless(), CLIP_KINDS[name].levels[0], seen(name), {})
    for _ in range(100):
        next(made)
    assert taken <= 140
    tracemalloc.start()
    for _ in range(400):
        next(made)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60 * 32 * 32 * 3 * 3


def test_frames_are_dropped_at_their_rate() -> None:
    frame = np.zeros((1, 1, 3), np.uint8)
    for share in (0.0, 0.3, 0.9, 1.0):
        made = worse("frame_drop", [frame] * 4000, share)
        lost = np.array([picture is None for picture in made])
        assert lost.mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 4000))
        if 0 < share < 1:  # independent of the frame before
            assert abs(np.corrcoef(lost[1:], lost[:-1])[0, 1]) < 4 / np.sqrt(4000)
        assert all(picture is frame for picture in made if picture is not None)
    one, other = (
        [picture is None for picture in CLIP_KINDS["frame_drop"].apply(
            iter([frame] * 50), 0.5, seen("frame_drop", sample), {}
        )]
        for sample in "ab"
    )  # fmt: skip
    assert one != other
