"""Test what is drawn onto a video: where, at the video's own times, upright, of any size."""

import struct
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import faceoff
from faceoff.analysis import outputs, overlay
from faceoff.analysis.result import frames_schema
from faceoff.cli import app
from faceoff.drawing import clips, scenes
from faceoff.media.encoder import Encoder
from faceoff.media.frame_rate import ALL_FRAMES
from faceoff.media.videos import VideoFrame, decode_video

TIMES = [0.5, 0.54, 0.62, 1.1, 1.15]


def frames_of(path: Path) -> list[VideoFrame]:
    return list(decode_video(path, ALL_FRAMES))


def grey(side: tuple[int, int], value: int) -> np.ndarray:
    return np.full((*side, 3), value, np.uint8)


@pytest.mark.parametrize("size", [(48, 64), (49, 64), (48, 65), (49, 65)])
def test_pictures_of_any_size_keep_their_times(tmp_path: Path, size: tuple[int, int]) -> None:
    with Encoder(tmp_path / "a.mp4") as encoder:
        for number, time_s in enumerate(TIMES):
            encoder.write(grey(size, 40 * number + 20), time_s)
    found = frames_of(tmp_path / "a.mp4")
    assert [frame.timestamp_s for frame in found] == pytest.approx(TIMES, abs=1e-5)
    assert found[0].image.shape == (size[0] + size[0] % 2, size[1] + size[1] % 2, 3)
    assert [round(float(frame.image.mean()), -1) for frame in found] == [20, 60, 100, 140, 180]


def test_a_time_that_does_not_rise_is_left_out_and_another_size_is_stretched(
    tmp_path: Path,
) -> None:
    with Encoder(tmp_path / "a.mp4") as encoder:
        for size, time_s in (((48, 64), 0.0), ((48, 64), 0.0), ((96, 32), 0.1)):
            encoder.write(grey(size, 90), time_s)
    assert [frame.image.shape for frame in frames_of(tmp_path / "a.mp4")] == [(48, 64, 3)] * 2


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn clip of varying rate that is stored lying down, as phones store it."""
    path = tmp_path_factory.mktemp("turned") / "turned.mp4"
    drawn = clips.frames(clips.plan("test")[0])
    with Encoder(path) as encoder:
        for time_s, (_, image, _) in zip(TIMES, islice(drawn, len(TIMES))):
            encoder.write(np.ascontiguousarray(np.rot90(image)), time_s)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    data[at : at + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def test_the_overlay_has_the_videos_times_and_stands_upright(turned: Path, tmp_path: Path) -> None:
    arguments = ["analyze", str(turned), "--out", str(tmp_path), "--json", "--overlay"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    made = sorted(path.name for path in (tmp_path / "turned").iterdir())
    assert set(made) - {"done.json", "source.json"} == {
        "analysis.json", "overlay.mp4", "summary.txt", "timeline.json",
    }  # fmt: skip
    source, shown = frames_of(turned), frames_of(tmp_path / "turned" / "overlay.mp4")
    assert [frame.timestamp_s for frame in shown] == pytest.approx(TIMES, abs=1e-5)
    for before, after in zip(source, shown, strict=True):
        assert after.image.shape == before.image.shape
        change = np.abs(after.image.astype(int) - before.image)
        assert 1 < change.mean() < 25  # drawn upon, not another picture
        assert np.median(change) <= 4


def row(**more: object) -> dict[str, object]:
    schema = frames_schema(("neutral", "happiness"), ("AU06", "AU12"))
    seen = {"success": 1, "reliable": 1, "identity": 0, "state": "ok", "emotion": "happiness"}
    return {**dict.fromkeys(schema.names), **seen, "confidence": 0.5, "face_id": 0, **more}


def test_boxes_and_bars_lie_where_they_belong() -> None:
    image = grey((200, 300), 100)
    box = {"x": 60.0, "y": 80.0, "w": 50.0, "h": 60.0}
    shown = overlay.drawn(image, [row(**box, au_06=0.0, au_12=5.0)])
    assert (image == 100).all(), "the frame itself stays"
    colour = shown[110, 60]
    assert (shown[80:140, 110] == colour).all()
    assert (shown[85:135, 65:105] == 100).all(), "the face itself stays visible"
    beside = (shown[80:140, 115:200] == colour).all(axis=2)
    high, low = np.flatnonzero(beside.any(axis=1))[[0, -1]]
    assert beside[high : low + 1].sum() > 100
    assert low - high < 12, "a bar of the one unit that is there"
    other = overlay.drawn(image, [row(**box, reliable=0)])
    assert (other[110, 60] == 150).all()


def test_labels_and_bars_stay_inside_small_pictures() -> None:
    image = grey((31, 17), 100)
    for x, y in ((-5.0, -5.0), (10.0, 25.0)):
        shown = overlay.drawn(image, [row(x=x, y=y, w=20.0, h=20.0, au_06=2.0, au_12=3.0)])
        assert shown.shape == image.shape
        assert (shown != 100).any()


def test_a_picture_gets_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    Image.fromarray(scenes.draw(scenes.plan("test")[0])[0]).save(path)
    found = faceoff.analyze(path)
    outputs.write(found, tmp_path / "out", ["csv", "overlay"])
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert made == ["frames.csv", "overlay.png", "summary.txt"]
    assert Image.open(tmp_path / "out" / "overlay.png").size == Image.open(path).size


def test_arrays_have_no_overlay(tmp_path: Path) -> None:
    found = faceoff.analyze(scenes.draw(scenes.plan("test")[0])[0])
    with pytest.raises(ValueError, match="onto a file"):
        outputs.write(found, tmp_path, ["overlay"])
