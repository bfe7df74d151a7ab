"""The last stage: did every cell succeed? If not, say which and why, and clear the way for the next run to try exactly those again."""

from collections.abc import Sequence
from pathlib import Path

from faceoff.results.dataset_results import name_of
from faceoff.storage import files


def check(scores: Sequence[Path], output: Path, latencies: Sequence[Path] = ()) -> int:
    """Write `output` and return 0 when no cell failed, nor the timing of one; else print the failures, remove what derives from them, and return 1."""
    failed = {
        path: score
        for path, score in ((path, files.read_json(path)) for path in scores)
        if score["failed_files"] or score["state"] == "error"
    }
    skipped = [score for score in map(files.read_json, scores) if score["state"] == "skipped"]
    for score in skipped:
        print(f"skipped {score['dataset']}: {name_of(score)}: {score['reason']}")
    untimed = {
        path: latency
        for path, latency in ((path, files.read_json(path)) for path in latencies)
        if latency["state"] == "error"
    }
    if not failed and not untimed:
        files.write_text(output, "".join(f"{path}\n" for path in sorted(map(str, scores))))
        return 0
    for score in failed.values():
        print(
            f"FAILED {score['dataset']}: {name_of(score)}: {score['reason'] or 'a member failed'}"
        )
    for latency in untimed.values():
        print(
            f"FAILED timing, {latency['dataset']}: {'/'.join(latency[key] for key in ('detector', 'model') if key in latency)}: {latency['reason']}"
        )
    # Score files last: if this job is killed in between, the next run still meets them and comes here again.
    for name in sorted({name for score in failed.values() for name in score["failed_files"]}):
        Path(name).unlink(missing_ok=True)
    for path in (*failed, *untimed):
        path.unlink(missing_ok=True)
    if untimed:
        print(
            f"{len(untimed)} of {len(latencies)} timings failed; tables/latency.csv has them; the next run tries only these again"
        )
    if failed:
        print(
            f"{len(failed)} of {len(scores)} cells failed; the report shows them; the next run tries only these again"
        )
    return 1
