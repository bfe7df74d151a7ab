"""Say what one picture takes in a run's jobs, whose times are of whole datasets (protocol §25)."""

from collections.abc import Iterable, Mapping
from typing import Any

Job = tuple[str, ...]  # (dataset, detector) or (dataset, detector, model)


def job_of(timing: Mapping[str, Any]) -> Job:
    """Return the job that a timing file is of."""
    return tuple(timing[key] for key in ("dataset", "detector", "model") if timing.get(key))


def per_picture(timings: Iterable[Mapping[str, Any]]) -> dict[Job, float]:
    """Return seconds of computing per picture by job; loading is apart.

    A model's time, too, is over the pictures that its detector was shown, not over the faces among
    them: so the parts of a pipeline add up to its time. Jobs whose detector has no timing, or was
    shown no picture, are left out.
    """
    found = {job_of(timing): timing for timing in timings}
    pictures = {job: found[job[:2]]["items"] for job in found if job[:2] in found}
    return {job: found[job]["compute_s"] / count for job, count in pictures.items() if count}
