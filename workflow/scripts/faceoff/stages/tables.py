"""Stage 8: write all scores as tidy tables: CSV (every digit), Markdown and LaTeX (rounded)."""

from collections.abc import Sequence
from pathlib import Path

from faceoff.plan.aggregate_jobs import TablesJob
from faceoff.plan.table_list import table_names
from faceoff.results.dataset_results import standing
from faceoff.results.tables.printing import in_print
from faceoff.results.tables.table import Row, Sources, load
from faceoff.results.words import LIMITED
from faceoff.storage import csv_text, files


def write_tables(
    scores: Sequence[Path],
    comparisons: Sequence[Path],
    timings: Sequence[Path],
    output: Path,
    job: TablesJob,
    multiverse: Sequence[Path] = (),
    over_time: Sequence[Path] = (),
    latencies: Sequence[Path] = (),
    overlaps: Sequence[Path] = (),
    tracks: Sequence[Path] = (),
    signals: Sequence[Path] = (),
    robustness: Sequence[Path] = (),
    saliency: Sequence[Path] = (),
    synchrony: Sequence[Path] = (),
) -> None:
    """Write every table of results/tables/ into the folder `output`.

    Each row says at its end whether its dataset (of ranks: one of them) is limited. multiverse,
    over_time, latencies, tracks, signals, robustness, saliency, synchrony: the files of those
    stages, where the run asks for them; without any there is no such table.
    """
    cells = [files.read_json(path) for path in scores]
    read = [files.read_json(path) for path in sorted(timings)]
    sources = Sources(
        cells=sorted(cells, key=lambda cell: (cell["dataset"], *standing(cell))),
        comparisons=[files.read_json(path) for path in sorted(comparisons)],
        timings=[timing for timing in read if not timing.get("failed")],
        universes=[files.read_json(path) for path in sorted(multiverse)],
        over_time=[files.read_json(path) for path in sorted(over_time)],
        latencies=[files.read_json(path) for path in sorted(latencies)],
        overlaps=[files.read_json(path) for path in sorted(overlaps)],
        tracks=[files.read_json(path) for path in sorted(tracks)],
        signals=[files.read_json(path) for path in sorted(signals)],
        robustness=[files.read_json(path) for path in sorted(robustness)],
        saliency=[files.read_json(path) for path in sorted(saliency)],
        synchrony=[files.read_json(path) for path in sorted(synchrony)],
    )
    met = {
        "multiverse": multiverse,
        "over_time": over_time,
        "latency": latencies,
        "several_datasets": comparisons[1:],
        "tracks": tracks,
        "signals": signals,
        "robustness": robustness,
        "saliency": saliency,
        "synchrony": synchrony,
    }
    for name in table_names({need for need, paths in met.items() if paths}):
        table = load(name)
        rows = [{**row, "limited": _limited(row, job)} for row in table.rows(sources)]
        columns = list(dict.fromkeys(column for row in rows for column in row)) or ["dataset"]
        csv_text.write(output / f"{name}.csv", columns, rows)
        note = LIMITED if any(row["limited"] for row in rows) else ""
        markdown, latex = in_print(table, rows, note)
        files.write_text(output / f"{name}.md", markdown)
        files.write_text(output / f"{name}.tex", latex)


def _limited(row: Row, job: TablesJob) -> bool:
    """Return whether a dataset that the row is about is limited."""
    about = [row["dataset"]] if "dataset" in row else row["on"].split("; ")
    return not set(about).isdisjoint(job.limited)
