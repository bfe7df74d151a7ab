"""Last stage: check that every cell succeeded.

If not, name the failed ones with their reasons, so that the next run tries exactly those again.
"""

from collections.abc import Sequence
from pathlib import Path

from faceoff.results.dataset_results import name_of
from faceoff.storage import files


def check(
    scores: Sequence[Path],
    output: Path,
    latencies: Sequence[Path] = (),
    failures: Path | None = None,
) -> int:
    """Write `output` and return 0 if no cell and no timing failed.

    Else print the failures and list them in the file `failures`, remove the files that derive from
    them, and return 1.
    """
    read = {path: files.read_json(path) for path in scores}
    for score in read.values():
        if score["state"] == "skipped":
            print(f"skipped {score['dataset']}: {name_of(score)}: {score['reason']}")
    failed = {
        path: score
        for path, score in read.items()
        if score["failed_files"] or score["state"] == "error"
    }
    timed = {path: files.read_json(path) for path in latencies}
    untimed = {path: latency for path, latency in timed.items() if latency["state"] == "error"}
    if not failed and not untimed:
        files.write_text(output, "".join(f"{path}\n" for path in sorted(map(str, scores))))
        return 0
    listed = []
    for score in failed.values():
        reason = score["reason"] or "a member failed"
        print(f"FAILED {score['dataset']}: {name_of(score)}: {reason}")
        listed.append({"dataset": score["dataset"], "name": name_of(score), "reason": reason})
    for latency in untimed.values():
        name = "/".join(latency[key] for key in ("detector", "model") if key in latency)
        print(f"FAILED timing, {latency['dataset']}: {name}: {latency['reason']}")
        listed.append(
            {
                "dataset": latency["dataset"],
                "name": f"timing of {name}",
                "reason": latency["reason"],
            }
        )
    if failures:
        counted = {"cells": len(scores), "timings": len(latencies), "failed": listed}
        files.write_json(failures, counted)
    # Remove score files last: if this job is killed in between, the next run still finds them and
    # comes here again.
    for name in sorted({name for score in failed.values() for name in score["failed_files"]}):
        Path(name).unlink(missing_ok=True)
    for path in (*failed, *untimed):
        path.unlink(missing_ok=True)
    if untimed:
        print(
            f"{len(untimed)} of {len(latencies)} timings failed; tables/latency.csv has them; "
            "the next run tries only these again"
        )
    if failed:
        print(
            f"{len(failed)} of {len(scores)} cells failed; the report shows them; "
            "the next run tries only these again"
        )
    return 1
