"""Stage: say whether the lips and the sound of a dataset's clips run in step."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np

from faceoff.faces.chosen_signals import chosen_signals
from faceoff.plan.speech_jobs import SynchronyJob
from faceoff.scoring.synchrony import Clip, synchrony
from faceoff.speech.loudness import loudness
from faceoff.storage import columns, files, parquet

_LIPS = "mouth_openness"


def write_synchrony(
    samples: Path,
    frames: Path,
    faces: Path,
    signals: Path,
    audio: Path,
    output: Path,
    job: SynchronyJob,
) -> None:
    """Write the lag curves of one dataset by the lips that one signal measures, as JSON.

    `state`: ok, or error with a `reason`; the rest is as `synchrony` returns it.
    """
    about = {
        "kind": "synchrony",
        "dataset": job.dataset,
        "detector": job.detector,
        "signal": job.signal,
        "policy": job.policy,
    }
    if parquet.failed_files(signals):
        reason = next(parquet.rows(signals))["reason"]
        failed = {"state": columns.ERROR, "reason": reason}
        files.write_json(output, {**about, **failed, "lags_s": [], "parts": [], "clips": []})
        return
    rows = list(parquet.rows(samples, ["sample_id", "subject", "groups"]))
    found = synchrony(
        _clips(frames, faces, signals, audio, job.policy),
        {row["sample_id"]: row["subject"] for row in rows},
        {row["sample_id"]: dict(row["groups"] or ()) for row in rows},
        job.seed,
    )
    files.write_json(output, about | {"state": columns.OK, "reason": None, **found})


def _clips(frames: Path, faces: Path, signals: Path, audio: Path, policy: str) -> Iterator[Clip]:
    """Yield every clip. All tables have the order of the samples.

    Raises ValueError where the sound is of other samples.
    """
    seen = chosen_signals(frames, faces, signals, policy, [_LIPS])
    clips = groupby(seen, lambda pair: pair[0]["sample_id"])
    for (name, group), (heard, sound, missing) in zip(
        clips, loudness(parquet.rows(audio)), strict=True
    ):
        if name != heard:
            raise ValueError(f"{audio} does not belong to {frames}: {heard!r} for {name!r}")
        pairs = [
            (frame["timestamp_s"], measured and measured[_LIPS])
            for frame, measured in group
            if frame["timestamp_s"] is not None
        ]
        times, openness = np.array(pairs, float).reshape(-1, 2).T
        yield Clip(name, times, openness, sound, missing)
