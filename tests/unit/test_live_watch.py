"""`faceoff live`: files, cameras and streams in the terminal, the newest frame first."""

import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rtsp_server
from rich.console import Console
from typer.testing import CliRunner, Result

import faceoff
from faceoff.analysis import outputs
from faceoff.analysis.pictures import Pictures
from faceoff.cli import app
from faceoff.drawing import clips
from faceoff.drawing.video import write_video
from faceoff.live import drawn, terminal, window
from faceoff.live.capture import Capture, Captured
from faceoff.live.sources import Frames, SourceError, Stream, source_of
from faceoff.live.watching import Watcher
from faceoff.media.frame_rate import ALL_FRAMES
from faceoff.media.images import DecodeError

PAIR = ("mediapipe_short", "faceoff_small")
OTHER = ("mediapipe_short", "geometry")
FRAMES, FPS = 12, 8


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a drawn clip of 1.5 s: neutral, then happiness."""
    path = tmp_path_factory.mktemp("clips") / "face.mp4"
    frames = islice(clips.frames(drawn.CLIP), FRAMES)
    write_video(path, (image for _, image, _ in frames), FPS)
    return path


def live(*arguments: str | Path) -> Result:
    """Return what the command does; its output is no terminal."""
    return CliRunner().invoke(app, ["live", *map(str, arguments)])


def test_a_file_that_is_saved_has_the_numbers_of_analyze_to_the_bit(
    clip: Path, tmp_path: Path
) -> None:
    pipelines = [part for pair in (PAIR, OTHER) for part in ("--pipeline", "/".join(pair))]
    done = live(clip, "--fast", "--save", tmp_path / "live", *pipelines)
    assert done.exit_code == 0, done.output
    for detector, model in (PAIR, OTHER):
        found = faceoff.analyze(clip, detector, [model], identities=False, temporal="ema")
        outputs.write(found, tmp_path / model, ["json", "csv"])
        own = tmp_path / "live" / f"{detector}-{model}"
        names = {path.name for path in own.iterdir()}
        assert names == {path.name for path in (tmp_path / model).iterdir()}
        assert {"analysis.json", "timeline.json", "frames.csv"} <= names
        for name in names:
            assert (own / name).read_bytes() == (tmp_path / model / name).read_bytes(), name


def test_frames_that_are_read_one_by_one_agree_but_for_rounding(clip: Path) -> None:
    watcher = Watcher([PAIR], temporal="ema", keep=True)
    pictures = Pictures(clip, ALL_FRAMES)
    told = []
    for row in pictures.rows():
        (one,) = watcher.see(Captured(row, time.perf_counter()), 0)
        told.append(one.told)
        assert one.image is row["pixels"]
    expected = faceoff.analyze(clip, *PAIR[:1], PAIR[1:], identities=False, temporal="ema")
    (found,) = watcher.analyses(pictures).values()
    for mine, its in zip(found.frames.rows(), expected.frames.rows(), strict=True):
        assert mine == pytest.approx(its, abs=1e-5)
    assert [frame["frame"] for frame in told] == list(range(FRAMES))
    states = [frame["faces"][0]["states"]["/".join(PAIR)] for frame in told]
    assert [state for state, _ in groupby(states)] == ["neutral", "happiness"]


def test_the_newest_frame_of_a_file_at_its_own_pace_wins(clip: Path) -> None:
    stop = threading.Event()
    capture = Capture(Pictures(clip, ALL_FRAMES), stop, paced=True)
    began, late, numbers = time.perf_counter(), [], []
    for frame in capture:
        late.append(time.perf_counter() - began - frame.row["timestamp_s"])
        numbers.append(frame.row["frame"])
        time.sleep(0.3)  # as slow networks, 2.4 frames of the clip
    capture.close()
    assert numbers == sorted(set(numbers))
    assert 4 <= len(numbers) <= 7
    assert len(numbers) + capture.dropped == FRAMES
    assert max(late) < 0.3  # however long it goes on, a frame is at most one reading old
    assert time.perf_counter() - began < 1.5 + 0.3 + 0.5


def test_every_frame_of_a_file_as_fast_as_it_goes_comes_in_order(clip: Path) -> None:
    capture = Capture(Pictures(clip, ALL_FRAMES), threading.Event(), whole=True)
    began = time.perf_counter()
    assert [frame.row["frame"] for frame in capture] == list(range(FRAMES))
    assert capture.dropped == 0
    assert time.perf_counter() - began < 1.0  # the clip takes 1.4 s


def test_the_first_frame_of_each_tenth_of_a_second_is_given() -> None:
    images = ((number / 30, np.zeros((8, 8, 3), np.uint8)) for number in range(61))
    pictures = Pictures(images, ALL_FRAMES, title="clip")
    capture = Capture(pictures, threading.Event(), every_s=0.1, whole=True)
    assert [frame.row["frame"] for frame in capture] == list(range(0, 61, 3))


def test_lines_are_json_of_the_frames_that_were_asked_for(clip: Path) -> None:
    done = live(clip, "--json", "--fast", "--every", "0.5", "--temporal", "none")
    assert done.exit_code == 0, done.output
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [frame["time_s"] for frame in told] == [0.0, 0.5, 1.0]
    assert "face.mp4: 3 frames read" in done.stderr
    (face,) = told[2]["faces"]
    assert face["vote"]["emotion"] == "happiness"
    assert face["states"] == {}
    words = live(clip, "--fast", "--every", "0.5")
    assert re.search(r"1\.00 s  face 0: happiness 0\.\d\d \[\w+\]", words.stdout)


def test_what_was_read_is_saved_where_nobody_reads_the_lines_any_more(
    clip: Path, tmp_path: Path
) -> None:
    """As of `faceoff live clip.mp4 --save folder | head -1`."""
    command = [sys.executable, "-m", "faceoff", "live", str(clip), "--json"]
    with subprocess.Popen(
        [*command, "--save", str(tmp_path / "saved")], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        json.loads(process.stdout.readline())
        process.stdout.close()
        assert process.wait(30) == 1
        assert b"Traceback" not in process.stderr.read()
    rows = (tmp_path / "saved" / "frames.csv").read_text(encoding="utf-8").splitlines()
    assert 1 <= len(rows) - 1 < FRAMES


def test_the_block_has_a_bar_for_each_emotion_of_each_pipeline(clip: Path) -> None:
    watcher = Watcher([PAIR, OTHER], temporal="ema")
    row = next(Pictures(clip, ALL_FRAMES).rows())
    (frame,) = watcher.see(Captured(row, time.perf_counter()), 3)
    console = Console(width=100, force_terminal=True, color_system=None, record=True)
    with open(os.devnull, "w") as nowhere:
        console.file = nowhere
        console.print(terminal.block(frame.told, "face.mp4", console.width))
    text = console.export_text()
    assert "face.mp4  320 × 240  0.0 s" in text
    assert "dropped 3" in text
    assert "/".join(PAIR) in text
    assert "not felt" in text
    share = frame.told["faces"][0]["readings"]["/".join(PAIR)]["posterior"]["neutral"]
    (bar,) = re.findall(rf"neutral +(█+)\S* +{share:.0%}", text)
    assert len(bar) == int(20 * share)
    assert re.search(r"over time +neutral", text)


def test_bars_are_as_short_as_the_terminal_asks(clip: Path) -> None:
    """Four pipelines in 80 columns: each of their numbers is there."""
    watcher = Watcher([PAIR, OTHER])
    row = next(Pictures(clip, ALL_FRAMES).rows())
    (frame,) = watcher.see(Captured(row, time.perf_counter()), 0)
    (face,) = frame.told["faces"]
    both = face["readings"]
    readings = {**both, **{f"{name} again": one for name, one in both.items()}}
    told = {**frame.told, "faces": [{**face, "readings": readings}]}
    console = Console(width=80, force_terminal=True, color_system=None, record=True)
    with open(os.devnull, "w") as nowhere:
        console.file = nowhere
        console.print(terminal.block(told, "face.mp4", 80))
    shares = [f"{one['posterior']['neutral']:.0%}" for one in readings.values()]
    (line,) = re.findall(r"^neutral .*$", console.export_text(), re.M)
    assert re.findall(r"\d+%", line) == shares


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_ends_in_good_order_and_saves(clip: Path, tmp_path: Path) -> None:
    """The clip is shown again and again, so that only Ctrl-C ends it."""
    long = tmp_path / "long.mp4"
    command = ["ffmpeg", "-loglevel", "error", "-stream_loop", "40", "-i", str(clip)]
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    subprocess.run([*command, "-c", "copy", str(long)], check=True)
    mine, its = pty.openpty()
    command = [sys.executable, "-m", "faceoff", "live", str(long)]
    with subprocess.Popen(
        [*command, "--save", str(tmp_path / "saved")], stdin=its, stdout=its,
        stderr=subprocess.PIPE, start_new_session=True, env={**os.environ, "TERM": "xterm"},
    ) as process:  # fmt: skip
        os.close(its)
        shown = b""
        while "frames/s  latency" not in shown.decode(errors="replace"):
            shown += os.read(mine, 4096)
        process.send_signal(signal.SIGINT)
        while True:
            try:
                shown += os.read(mine, 4096)
            except OSError:  # the terminal's other end is closed
                break
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    os.close(mine)
    text = shown.decode()
    assert "█" in text
    read = int(re.findall(r"long\.mp4: (\d+) frames? read", text)[0])
    rows = (tmp_path / "saved" / "frames.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) - 1 == read > 0


@pytest.fixture
def port() -> int:
    """Return a port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def sent_by_ffmpeg(clip: Path, port: int) -> Iterator[None]:
    """Let ffmpeg send a clip at its own pace to the one client that comes."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    command = ["ffmpeg", "-loglevel", "quiet", "-re", "-i", str(clip), "-c", "copy"]
    command += ["-f", "mpegts", "-listen", "1", f"http://127.0.0.1:{port}/clip"]
    with subprocess.Popen(command) as process:
        try:
            until = time.monotonic() + 10
            while port not in listening() and time.monotonic() < until:
                time.sleep(0.02)
            yield
        finally:
            process.kill()


def listening() -> set[int]:
    """Return the ports of this machine on which somebody listens."""
    lines = Path("/proc/net/tcp").read_text(encoding="utf-8").splitlines()[1:]
    fields = [line.split() for line in lines]
    return {int(field[1].rpartition(":")[2], 16) for field in fields if field[3] == "0A"}


@pytest.mark.slow
def test_a_stream_over_http_that_breaks_is_read_on_once_it_is_back(clip: Path, port: int) -> None:
    """Its sender goes away after each showing; the third time nobody comes back."""
    stop = threading.Event()
    frames = Frames(source_of(f"http://127.0.0.1:{port}/clip"), 5.0, 1, stop)
    came: list[float] = []
    images = iter(frames)
    for _ in range(2):
        with sent_by_ffmpeg(clip, port):
            for time_s, image in images:
                came.append(time_s)
                assert image.shape == (240, 320, 3)
                if len(came) % FRAMES == 0:
                    break
    with pytest.raises(DecodeError, match=r"^after 1 attempt to connect again: Connection refused"):
        next(images)
    assert len(came) == 2 * FRAMES
    assert came == sorted(came)
    assert frames.breaks == 2


def test_a_stream_over_rtsp_is_read_and_its_end_is_said(clip: Path, tmp_path: Path) -> None:
    with rtsp_server.serving(clip, 1.5) as server:
        address = server.url.replace("rtsp://", "rtsp://user:secret@")
        done = live(address, "--retries", "0", "--json", "--save", tmp_path / "saved")
    assert server.asked == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
    assert done.exit_code == 3, done.output
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [frame["faces"][0]["vote"]["emotion"] for frame in told][-1] == "happiness"
    assert f"faceoff: {server.url}: the stream ended" in done.stderr
    assert "secret" not in done.output + (tmp_path / "saved" / "analysis.json").read_text()
    metadata = json.loads((tmp_path / "saved" / "analysis.json").read_text())["analysis_metadata"]
    assert metadata["state"] == "damaged"


def test_a_device_is_opened_by_its_kind_and_read_until_it_is_stopped(clip: Path) -> None:
    """FFmpeg's own device for pictures that it makes is in the place of a camera."""
    stop = threading.Event()
    device = Stream("camera of tests", f"movie={clip}", "lavfi")
    seen = []
    for _, image in Frames(device, 5.0, 0, stop):
        seen.append(image)
        if len(seen) == 5:
            stop.set()
    assert len(seen) == 5
    expected = [row["pixels"] for row in islice(Pictures(clip, ALL_FRAMES).rows(), 5)]
    assert all(map(np.array_equal, seen, expected))


def test_an_address_that_says_nothing_ends_by_a_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for scheme in ("http", "rtsp"):
            began = time.monotonic()
            address = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/x"
            frames = Frames(source_of(address), 0.5, 8, threading.Event())
            with pytest.raises(SourceError, match=r"nothing came within 0\.5 s"):
                next(iter(frames))
            assert time.monotonic() - began < 5


def test_a_playlist_may_not_name_files_of_this_machine(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "clip.ts").write_bytes(rtsp_server.transport_stream(clip))
    for name, part in (("own", "clip.ts"), ("local", f"file://{tmp_path}/clip.ts")):
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:2", "#EXTINF:1.5,", part, "#EXT-X-ENDLIST"]
        (tmp_path / f"{name}.m3u8").write_text("\n".join(lines), encoding="utf-8")
    handler = partial(_Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = {}
        for name in ("own", "local"):
            address = f"http://127.0.0.1:{server.server_port}/{name}.m3u8"
            frames = Frames(source_of(address), 5.0, 0, threading.Event())
            try:
                found[name] = len(list(frames))
            except SourceError:
                found[name] = 0
        server.shutdown()
    assert found == {"own": FRAMES, "local": 0}


class _Quiet(SimpleHTTPRequestHandler):
    """Serve files, and print nothing."""

    def log_message(self, *_: Any) -> None:
        pass


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "no camera": (("/dev/video97",), "camera /dev/video97: no such camera; cameras of this"),
    "no file": (("nowhere.mp4",), "nowhere.mp4: no such file; a camera is its number"),
    "nobody there": (("rtsp://127.0.0.1:1/x",), "rtsp://127.0.0.1:1/x: Connection refused"),
    "no such machine": (("http://me:secret@no.invalid/?key=secret",), "no machine of this name"),
    "a wrong scheme": (("rtps://x/y",), "did you mean 'rtsp"),
    "no machine named": (("rtsp:///x",), "names no machine"),
    "no address": (("http://[camera",), "no address"),
    "a password that ends it": (("rtsp://me:secret#1@camera/x",), "in a password / ? #"),
    "a folder": ((".",), ".: a folder: name one file of it"),
    "a pipeline without a model": (("0", "--pipeline", "yunet"), "give DETECTOR/MODEL"),
    "an unknown model": (("0", "--pipeline", "mediapipe_short/fr"), "unknown model 'fr'"),
    "a rule that looks ahead": (("0", "--temporal", "centred_mean"), "looks at later frames"),
    "an unknown rule": (("0", "--temporal", "emo"), "did you mean 'ema'"),
    "a camera as fast as it goes": (("0", "--fast"), "--fast is for files"),
    "a folder that is not empty": (("0", "--save", "."), "not empty"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_in_one_line(what: str) -> None:
    arguments, reason = WRONG[what]
    done = live(*arguments)
    assert done.exit_code == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("faceoff: ")]
    assert reason in line
    assert "secret" not in done.output


def test_a_file_that_is_no_video_has_its_reason(tmp_path: Path) -> None:
    (tmp_path / "face.mp4").write_text("no video")
    done = live(tmp_path / "face.mp4")
    assert done.exit_code == 3
    assert "faceoff: face.mp4: " in done.stderr


def test_a_camera_is_named_as_each_system_wants_it() -> None:
    assert source_of("1", "linux") == Stream("camera 1", "/dev/video1", "v4l2")
    assert source_of("/dev/video2", "linux") == Stream("camera /dev/video2", "/dev/video2", "v4l2")
    mac = source_of("0", "darwin")
    assert (mac.file, mac.form) == ("0:none", "avfoundation")
    windows = source_of("video=Integrated Camera", "win32")
    assert (windows.file, windows.form) == ("video=Integrated Camera", "dshow")
    with pytest.raises(ValueError, match="Windows names its cameras"):
        source_of("0", "win32")
    shown = source_of("rtsp://user:secret@camera.local:554/one?token=secret")
    assert shown.name == "rtsp://camera.local:554/one"


def test_a_window_is_refused_where_there_is_none_and_its_picture_is_drawn(clip: Path) -> None:
    import cv2

    if re.search(r"GUI: *NONE", cv2.getBuildInformation()):
        done = live(clip, "--window")
        assert done.exit_code == 1
        assert "opencv-python-headless" in done.stderr
    watcher = Watcher([PAIR])
    row = next(Pictures(clip, ALL_FRAMES).rows())
    (frame,) = watcher.see(Captured(row, time.perf_counter()), 0)
    assert frame.image is not None
    shown = window.drawn(frame.image, frame.rows)
    changed = np.argwhere((shown != frame.image).any(2))
    x, y, w, h = frame.told["faces"][0]["box"]
    assert np.abs(changed.max(0) - (y + h, x + w)).max() < 4
    assert abs(changed[:, 1].min() - x) < 4
