"""Keep the state of a run beside its results: what is damaged, what is yet to be made.

The Snakefile calls these functions in the process that starts the jobs. `results/run_folder.py`
reads what they write.
"""

from collections.abc import Sequence
from pathlib import Path

from faceoff.plan.job_specs import Plan
from faceoff.storage import checksums, files


def remove_damaged(plan: Plan) -> list[str]:
    """Remove the files of the run that are damaged, so that it makes them again.

    Returns their paths.
    """
    folder, known = Path(plan.layout.folder), checksums.read(Path(plan.layout.checksums))
    found = list(checksums.damaged(folder, plan.files(), known))
    for path in found:
        path.unlink()
    return list(map(str, found))


def begin(plan: Plan, jobs: int, pending: Sequence[Sequence[str]]) -> None:
    """Note what a run is about to make.

    jobs: the number of all its jobs; pending: the outputs of each job that is to run now.
    """
    layout, made = plan.layout, {path for outputs in pending for path in outputs}
    folder, record = Path(layout.folder), Path(layout.checksums)
    known = checksums.read(record)
    names = {Path(path).relative_to(folder).as_posix() for path in made}
    if names & set(known):
        files.write_json(record, {name: known[name] for name in known if name not in names})
    if layout.check not in made:  # a part of the run was asked for
        return
    for path in (layout.check, layout.failed):
        Path(path).unlink(missing_ok=True)
    # A job is done when its file is another one than now.
    files.write_json(
        layout.unfinished,
        {
            "jobs": jobs,
            "pending": {
                Path(outputs[0]).relative_to(folder).as_posix(): _time(outputs[0])
                for outputs in pending
            },
        },
    )


def end(plan: Plan) -> None:
    """Note what a run has made, after it ended well."""
    layout = plan.layout
    record = Path(layout.checksums)
    known = checksums.read(record)
    files.write_json(record, checksums.renewed(Path(layout.folder), plan.files(), known))
    if Path(layout.check).is_file():
        Path(layout.unfinished).unlink(missing_ok=True)


def _time(path: str) -> int | None:
    """Return the time of a file in nanoseconds, None where there is none."""
    return Path(path).stat().st_mtime_ns if Path(path).is_file() else None
