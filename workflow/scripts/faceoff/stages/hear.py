"""Stage: read the emotion of every segment of speech, and train the models that learn to."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from faceoff.emotions import order
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin, trained_parameters
from faceoff.media.sound import RATE
from faceoff.plan.speech_jobs import HearJob
from faceoff.plugins.speech_protocols import SpeechModel, TrainableSpeechModel, Wave
from faceoff.progress import track
from faceoff.speech.segment_rows import batches
from faceoff.speech.speech_rows import BATCH, MOST_S, segment_waves, speech_rows
from faceoff.storage import columns, files, parquet


def write_speech(
    audio: Path,
    segments: Path,
    output: Path,
    timing: Path,
    job: HearJob,
    trained: Path | None = None,
) -> None:
    """Write the table of speech: one row per segment, one for a clip without any."""
    _refuse_failed(segments)
    clock = Clock()
    model: SpeechModel = load_plugin(job.plugin, clock, **trained_parameters(trained))
    classes = order(model.emotions)
    title = f"{job.dataset}: {job.segmenter} x {job.model}"
    rows = speech_rows(segment_waves(audio, segments), model, classes, clock)
    parquet.write_rows(
        output, columns.speech_schema(classes), track(rows, title, parquet.count(segments))
    )
    clock.write(
        timing,
        stage="hear",
        dataset=job.dataset,
        detector=job.segmenter,
        model=job.model,
        batch=BATCH,
    )


def write_trained(samples: Path, audio: Path, segments: Path, output: Path, job: HearJob) -> None:
    """Write what a model learns from the segments of labelled clips, as an .npz of plain arrays."""
    _refuse_failed(segments)
    model: TrainableSpeechModel = load_plugin(job.plugin, Clock())
    known = {row["sample_id"]: row["label"] for row in parquet.rows(samples)}
    pairs = track(
        segment_waves(audio, segments),
        f"{job.dataset}: train {job.model}",
        parquet.count(segments),
    )
    labelled = (
        (wave, str(known[row["sample_id"]]))
        for row, wave in pairs
        if wave is not None and known[row["sample_id"]]
    )

    def taught() -> Iterator[tuple[list[Wave], list[str]]]:
        for batch in batches(labelled, lambda pair: len(pair[0]) / RATE, MOST_S, BATCH):
            yield [wave for wave, _ in batch], [label for _, label in batch]

    arrays = model.fit(taught())
    with files.atomic(output) as scratch, open(scratch, "wb") as file:
        np.savez(file, **arrays)


def _refuse_failed(segments: Path) -> None:
    """Raise RuntimeError with the reason if the speech could not be searched."""
    if parquet.failed_files(segments):
        raise RuntimeError(f"segmenting failed: {next(parquet.rows(segments))['reason']}")
