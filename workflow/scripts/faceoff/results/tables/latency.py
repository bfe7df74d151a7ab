"""List how long one picture takes, asked about one after the other and alone on the machine."""

from faceoff.results import latency
from faceoff.results.tables.table import Column, Row, Sources, Table, as_it_is, plain, rounded


def rows(sources: Sources) -> list[Row]:
    """Return a row per detector, model, pipeline of both, and fusion."""
    return latency.rows(sources.latencies, sources.cells)


def _notes(row: Row) -> str:
    failed = f"{row['failed']} pictures raised an error" if row["failed"] else ""
    return row["reason"] or failed


TABLE = Table(
    rows=rows,
    needs=("latency",),
    columns=[
        *plain("dataset", "part", "detector", "model"),
        Column(header="queries", text=as_it_is("queries")),
        Column(header="p50 ms", text=rounded("p50_ms", 2)),
        Column(header="p90 ms", text=rounded("p90_ms", 2)),
        Column(header="p99 ms", text=rounded("p99_ms", 2)),
        Column(header="offline/s", text=rounded("offline_per_s", 1)),
        Column(header="notes", text=_notes),
    ],
)
