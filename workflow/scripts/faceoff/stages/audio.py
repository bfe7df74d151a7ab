"""Stage: extract the sound of a dataset's clips, for models that listen."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from faceoff.media.images import DecodeError
from faceoff.media.sound import RATE, Sound, sounds
from faceoff.plan.jobs import DatasetJob
from faceoff.plugins.open_dataset import open_dataset
from faceoff.plugins.protocols import ClipDataset, Sample, SpokenDataset, Utterance
from faceoff.plugins.sample_rows import sample_of
from faceoff.progress import track
from faceoff.storage import columns, parquet


def write_audio(samples: Path, output: Path, job: DatasetJob) -> None:
    """Write the audio table: one row for every sample, and one more for each further part of it.

    A sample without sound has a row `unreadable` with the reason.
    """
    dataset, _ = open_dataset(job.source, job.class_name, job.options, job.seed)

    def rows() -> Iterator[dict[str, Any]]:
        for row in track(parquet.rows(samples), f"sound of {job.dataset}", parquet.count(samples)):
            yield from _rows(dataset, sample_of(row))

    parquet.write_rows(output, columns.AUDIO, rows())


def _rows(dataset: ClipDataset, sample: Sample) -> Iterator[dict[str, Any]]:
    """Yield the rows of a sample; where a later part cannot be read, the earlier ones stay."""
    part, name = 0, f"{sample.sample_id}.wav"
    said = list(dataset.utterances(sample)) if isinstance(dataset, SpokenDataset) else None
    about: dict[str, Any] = {"sample_id": sample.sample_id}
    try:
        if sample.kind not in {"video", "audio"}:
            raise DecodeError("pictures have no sound")
        for sound in sounds(dataset.file(sample)):
            yield about | {
                "part": part,
                "state": columns.OK,
                "reason": sound.note,
                "start_s": sound.start_s,
                "duration_s": sound.duration_s,
                "sampling_rate": RATE,
                "audio": {"bytes": sound.wav, "path": name},
                **_said_in(sound, said),
            }
            part += 1
    except (DecodeError, OSError) as error:
        reason = (
            f"cannot read: {error.strerror or error}" if isinstance(error, OSError) else str(error)
        )
        missing = {"part": part, "state": columns.UNREADABLE, "reason": reason}
        yield about | missing | {"audio": {"bytes": None, "path": name}}


def _said_in(sound: Sound, said: Sequence[Utterance] | None) -> dict[str, Any]:
    """Return the utterances that a part of a clip's sound holds, or begins to hold."""
    if said is None:
        return {}
    end_s = sound.start_s + sound.duration_s
    heard = [each for each in said if each.start_s < end_s and each.end_s > sound.start_s]
    return {
        "starts_s": [each.start_s for each in heard],
        "ends_s": [each.end_s for each in heard],
        "speakers": [each.speaker for each in heard],
        "voice_emotions": [each.emotion for each in heard],
    }
