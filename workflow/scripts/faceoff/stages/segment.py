"""Stage: find the speech of every clip, once per dataset and segmenter."""

from pathlib import Path

from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.plan.speech_jobs import SegmentJob
from faceoff.progress import track
from faceoff.speech.segment_rows import segment_rows
from faceoff.storage import columns, parquet


def write_segments(audio: Path, output: Path, timing: Path, job: SegmentJob) -> None:
    """Write the table of segments: one row per stretch of speech, one for a clip without any."""
    clock = Clock()
    segmenter = load_plugin(job.plugin, clock)
    sounds = track(
        parquet.rows(audio), f"{job.dataset}: speech by {job.segmenter}", parquet.count(audio)
    )
    parquet.write_rows(output, columns.SEGMENTS, segment_rows(iter(sounds), segmenter, clock))
    clock.write(timing, stage="segment", dataset=job.dataset, detector=job.segmenter)
