"""Measure what reading videos costs.

    python benchmarks/media.py [--videos FOLDER] [--only extract|hour|back] [--threads 1]

Time frame extraction beside a bare PyAV loop, the memory over an hour of video, and reading frames
back. Figures depend on the machine; the last column says what should hold anywhere. Without
`--videos`, the clips are drawn.
"""

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

SCRIPTS = Path(__file__).resolve().parents[1] / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))

from faceoff.drawing import scenes  # noqa: E402
from faceoff.media.images import decode_image  # noqa: E402
from faceoff.media.videos import VIDEO_SUFFIXES  # noqa: E402
from faceoff.plan.job_specs import Plan  # noqa: E402
from faceoff.plan.jobs import DatasetJob  # noqa: E402
from faceoff.stages.frames import write_frames  # noqa: E402
from faceoff.stages.samples import write_samples  # noqa: E402
from faceoff.storage import columns, parquet  # noqa: E402

FPS = 5


def write_clip(
    path: Path, seconds: float, size: tuple[int, int] = (640, 480), fps: int = 25
) -> None:
    """Write a clip of a drawn face that moves a little, with sensor noise."""
    face = np.asarray(Image.fromarray(scenes.draw(scenes.plan("test")[3])[0]).resize(size))
    noise = np.random.default_rng(0).integers(-6, 7, (16, *face.shape), np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps, options={"qscale": "4"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for index in range(int(seconds * fps)):
            picture = np.clip(np.roll(face, index % 40, axis=1) + noise[index % 16], 0, 255)
            frame = av.VideoFrame.from_ndarray(picture.astype(np.uint8), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def bare(path: Path, threads: int) -> int:
    """Return how many frames the loop keeps that a user would write.

    It decodes everything and keeps RGB of the frames at each fifth of a second.
    """
    kept, following = 0, None
    with av.open(str(path)) as container:
        stream = container.streams.best("video")
        stream.codec_context.thread_count = threads
        for frame in container.decode(stream):
            following = frame.time if following is None else following
            if frame.time >= following:
                frame.to_ndarray(format="rgb24")
                kept, following = kept + 1, following + 1 / FPS
    return kept


def jobs_of(folder: Path, **options: object) -> tuple[DatasetJob, DatasetJob]:
    dataset = {"type": "folder", "path": str(folder), "labelled": False, "fps": FPS, **options}
    pipeline = {"detectors": {"whole": {}}, "models": {"fer": {}}}
    plan = Plan({"run": "b", "datasets": {"clips": dataset}, **pipeline})
    return plan.samples_job("clips"), plan.frames_job("clips")


def extract(videos: Path, scratch: Path, threads: int, table: Table) -> None:
    """Time frame extraction to a table beside the bare loop.

    They run three times in turn; the fastest run of each counts.
    """
    os.environ["OMP_NUM_THREADS"] = str(threads)
    clips = sorted(path for path in videos.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES)
    for name, options in (("losslessly", {}), ("as JPEG 95", {"jpeg": 95})):
        samples, frames = jobs_of(videos, **options)
        write_samples(scratch / "samples.parquet", samples)
        loops, ours = [], []
        for _ in range(3):
            start = time.perf_counter()
            for path in clips:
                bare(path, threads)
            loops.append(time.perf_counter() - start)
            start = time.perf_counter()
            write_frames(scratch / "samples.parquet", scratch / "frames.parquet", frames)
            ours.append(time.perf_counter() - start)
        n = parquet.count(scratch / "frames.parquet")
        rate = f"{n / min(ours):.0f} frames/s"
        table.add_row(
            f"extract {n} frames of {len(clips)} clips {name}",
            f"{min(ours):.2f} s, {rate}",
            f"{min(loops) / min(ours):.2f} x bare PyAV",
            ">= 0.8 x",
        )


def hour(scratch: Path, threads: int, table: Table) -> None:
    """Measure the peak memory of extracting five minutes and an hour of video."""
    for minutes in (5, 60):
        folder = scratch / f"{minutes}min"
        folder.mkdir()
        write_clip(folder / "clip.avi", 60 * minutes, (320, 240))
        samples, _ = jobs_of(folder)
        write_samples(scratch / "samples.parquet", samples)
        places = [str(SCRIPTS), str(Path(__file__).parent)]
        tables = [str(scratch / f"{name}.parquet") for name in ("samples", "frames")]
        code = (
            f"import sys; sys.path[:0] = {places!r}\n"
            "from pathlib import Path; import media\n"
            f"samples, frames = map(Path, {tables!r})\n"
            f"media.write_frames(samples, frames, media.jobs_of(Path({str(folder)!r}))[1])"
        )
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(code)
        seconds, n = time.perf_counter() - start, parquet.count(scratch / "frames.parquet")
        table.add_row(
            f"{minutes} min of video, {n} frames",
            f"{seconds:.1f} s",
            f"{usage.ru_maxrss / 1024:.0f} MiB at most",
            "< 600 MiB, flat",
        )


def back(scratch: Path, table: Table) -> None:
    """Time reading frames back and decoding them, on one core."""
    face = scenes.draw(scenes.plan("test")[3])[0][8:232, 8:232]
    buffer = io.BytesIO()
    Image.fromarray(face).save(buffer, format="JPEG", quality=90)
    key = {
        "frame": 0,
        "timestamp_s": 0.0,
        "state": columns.OK,
        "width": 224,
        "height": 224,
        "image": {"bytes": buffer.getvalue(), "path": "x.jpg"},
    }
    parquet.write_rows(
        scratch / "back.parquet",
        columns.FRAMES,
        (key | {"sample_id": f"s{index}"} for index in range(5000)),
    )
    start = time.perf_counter()
    for row in parquet.rows(scratch / "back.parquet"):
        decode_image(row["image"]["bytes"])
    table.add_row(
        "read back 5000 JPEGs of 224 px",
        f"{5000 / (time.perf_counter() - start):.0f} /s",
        "",
        ">= 1000 /s on one core",
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--videos", type=Path)
    parser.add_argument("--only", choices=("extract", "hour", "back"))
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    table = Table("what", "measured", "", "should be", title="videos")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if arguments.only in (None, "extract"):
            videos = arguments.videos or scratch / "clips"
            if not arguments.videos:
                videos.mkdir()
                for index in range(4):
                    write_clip(videos / f"{index}.mp4", 10)
            extract(videos, scratch, arguments.threads, table)
        if arguments.only in (None, "hour"):
            hour(scratch, arguments.threads, table)
        if arguments.only in (None, "back"):
            back(scratch, table)
    Console().print(table)


if __name__ == "__main__":
    main()
