"""Stage: lay what a speech model reads of segments on the frames of the clips."""

from pathlib import Path

from faceoff.speech.at_frames import frame_rows
from faceoff.storage import columns, files, parquet


def write_predictions(
    frames: Path, speech: Path, speech_timing: Path, output: Path, timing: Path
) -> None:
    """Write the predictions table of a voice: one row per frame, as that of a face has.

    Its timing is that of the model on the segments.

    Raises RuntimeError if the model failed.
    """
    if parquet.failed_files(speech):
        raise RuntimeError(next(parquet.rows(speech))["reason"])
    classes = columns.classes_of(parquet.read_schema(speech))
    rows = frame_rows(
        parquet.rows(frames, ["sample_id", "frame", "timestamp_s"]), parquet.rows(speech), classes
    )
    parquet.write_rows(output, columns.predictions_schema(classes), rows)
    files.write_json(timing, files.read_json(speech_timing))
