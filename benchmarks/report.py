"""Measure the report of a large run.

    python benchmarks/report.py [--detectors 10] [--models 5] [--samples 10000] [--folder FOLDER]

Print the size of the page and the seconds to choose its faces, to render it, to draw the figures,
and to open it in headless Chromium. The script makes a synthetic run (drawn faces with noise,
random posteriors), runs the stages `examples`, `overlaps`, `answers`, `report` and `figures` on it,
and opens the page. Scores are those of the tests' fixtures: their size does not depend on the
number of samples. Goals: page < 15 MB, open < 2 s, page and figures < 30 s.
"""

import argparse
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests" / "unit")]

import report_fixtures as fixtures  # noqa: E402

from faceoff.drawing import scenes  # noqa: E402
from faceoff.plan.jobs import AnswersJob, ExamplesJob, OverlapsJob  # noqa: E402
from faceoff.plugins.jobs import CropJob  # noqa: E402
from faceoff.stages.answers import write_answers  # noqa: E402
from faceoff.stages.examples import write_examples  # noqa: E402
from faceoff.stages.figures import write_figures  # noqa: E402
from faceoff.stages.overlaps import write_overlaps  # noqa: E402
from faceoff.stages.report import write_report  # noqa: E402
from faceoff.storage import parquet  # noqa: E402
from faceoff.storage.columns import FACES, FRAMES, SAMPLES, predictions_schema  # noqa: E402

CHROMIUM = "/usr/bin/chromium"
_DRAWN = 60  # different faces; noise makes all others from them


def timed(what: str, work: Callable[[], object]) -> None:
    start, cpu = time.perf_counter(), time.process_time()
    work()
    wall, computing = time.perf_counter() - start, time.process_time() - cpu
    print(f"{what:32} {wall:7.2f} s  ({computing:.2f} s of computing)", flush=True)


def write_data(
    folder: Path, detectors: list[str], models: list[str], samples: int
) -> dict[str, list[Path]]:
    """Write samples, frames, faces and predictions of a run, as its first stages leave them."""
    rng = np.random.default_rng(11)
    drawn = [scenes.draw(scene)[0] for scene in scenes.plan("test")[:_DRAWN]]
    ids = [f"s{place:05d}" for place in range(samples)]
    truth = rng.integers(0, len(fixtures.SPACE), samples)
    rows = [
        {
            "sample_id": name,
            "kind": "image",
            "path": name,
            "label": fixtures.SPACE[label],
            "split": "test",
        }
        for name, label in zip(ids, truth, strict=True)
    ]
    metadata = {b"faceoff_task": json.dumps(fixtures.task("alpha", samples)).encode()}
    parquet.write_rows(folder / "samples.parquet", SAMPLES.with_metadata(metadata), rows)
    height, width = drawn[0].shape[:2]

    def frames():
        for place, name in enumerate(ids):
            noisy = np.clip(drawn[place % _DRAWN] + rng.normal(0, 6, 3), 0, 255).astype(np.uint8)
            yield {
                "sample_id": name,
                "frame": 0,
                "width": width,
                "height": height,
                "state": "ok",
                "image": {"bytes": encode_jpeg(noisy), "path": name},
            }

    parquet.write_rows(folder / "frames.parquet", FRAMES, frames())
    found = {"faces": [], "predictions": []}
    key = {
        "sample_id": ids,
        "frame": [0] * samples,
        "timestamp_s": [None] * samples,
        "face_id": [0] * samples,
        "success": [1] * samples,
        "state": ["ok"] * samples,
    }
    for detector in detectors:
        box = np.array([0.2 * width, 0.15 * height, 0.6 * width, 0.7 * height])
        box = box + rng.normal(0, 2, (samples, 4))
        columns = {
            **key,
            "n_faces": [1] * samples,
            **dict(zip("xywh", box.T, strict=True)),
            "score": np.ones(samples),
        }
        path = folder / "faces" / "alpha" / f"{detector}.parquet"
        found["faces"].append(_write(path, FACES, columns))
        for model in models:
            posterior = rng.dirichlet(np.full(len(fixtures.SPACE), 0.5), samples)
            posterior[np.arange(samples), truth] += 0.4
            posterior /= posterior.sum(axis=1, keepdims=True)
            schema = predictions_schema(fixtures.SPACE)
            names = [f"p_{emotion}" for emotion in fixtures.SPACE]
            columns = {**key, **dict(zip(names, posterior.T, strict=True))}
            path = folder / "predictions" / "alpha" / detector / f"{model}.parquet"
            found["predictions"].append(_write(path, schema, columns))
    return found


def encode_jpeg(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=85)
    return buffer.getvalue()


def _write(path: Path, schema: pa.Schema, columns: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    length = len(columns["sample_id"])
    table = pa.table(
        [pa.array(columns.get(field.name, [None] * length), field.type) for field in schema],
        schema=schema,
    )
    pq.write_table(table, path, row_group_size=parquet.ROW_GROUP)
    return path


def open_page(path: Path) -> None:
    """Print how long Chromium takes to open the page.

    The times run from asking for it to its first paint and to the end of its scripts.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(offline=True, viewport={"width": 1440, "height": 900}).new_page()
        for attempt in ("first", "again"):
            page.goto(path.as_uri())
            page.wait_for_timeout(500)
            loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
            painted = page.evaluate(
                "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
            )
            print(
                f"{f'opened ({attempt})':32} {loaded / 1000:7.2f} s"
                f"  (first paint {painted / 1000:.2f} s)",
                flush=True,
            )
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--detectors", type=int, default=10)
    parser.add_argument("--models", type=int, default=5)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="where to leave the run; default: nowhere")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        measure(options.folder or Path(scratch), options.detectors, options.models, options.samples)


def measure(folder: Path, detectors: int, models: int, samples: int) -> None:
    names = [f"detector_{place}" for place in range(detectors)]
    readers = [f"model_{place}" for place in range(models)]
    print(
        f"{detectors * models} cells x {samples:,} samples, load average {os.getloadavg()[0]:.1f}"
    )
    found: dict[str, list[Path]] = {}
    timed("making the data", lambda: found.update(write_data(folder, names, readers, samples)))
    cells = [f"{detector}/{model}" for detector in names for model in readers]
    crop, common = CropJob(policy="largest"), {"dataset": "alpha"}
    inputs = (folder / "samples.parquet", folder / "frames.parquet")
    example_job = ExamplesJob(
        examples=8, gallery=4, megabytes=8.0, crops=dict.fromkeys(cells, crop), seed=0, **common
    )
    examples = folder / "examples" / "alpha.parquet"
    overlaps, answers = (folder / name / "alpha.json" for name in ("overlaps", "answers"))
    tables = found["faces"], found["predictions"]
    timed("examples", lambda: write_examples(*inputs, *tables, examples, example_job))
    boxed = OverlapsJob(policy="largest", calibrations=dict.fromkeys(names), **common)
    timed("overlaps", lambda: write_overlaps(inputs[1], found["faces"], overlaps, boxed))
    answers_job = AnswersJob(clips=4, faces=True, seed=0, **common)
    timed("answers", lambda: write_answers(*inputs, found["predictions"], answers, answers_job))
    scores = [
        fixtures.score("alpha", *cell.split("/"), 0.3 + 0.01 * place)
        for place, cell in enumerate(cells)
    ]
    spec = fixtures.spec({"alpha": "test"}, {}, ("svg", "pdf", "png"))
    spec["config"] |= {
        "detectors": {name: {} for name in names},
        "models": {name: {} for name in readers},
    }
    run = fixtures.write_run(folder, spec, scores, [fixtures.comparison("alpha", ())], {})
    common_inputs = (run.scores, run.comparisons, [examples], folder / "figures")
    page = folder / "report.html"
    timed("figures", lambda: write_figures(*common_inputs, run.jobs().figures))
    timed(
        "page",
        lambda: write_report(*common_inputs, None, page, run.jobs().report, [overlaps], [answers]),
    )
    print(f"{'size of the page':32} {page.stat().st_size / 1e6:7.2f} MB")
    if os.path.exists(CHROMIUM):
        open_page(page)


if __name__ == "__main__":
    main()
