"""List how fast each detector and model worked in this run, on its machine."""

from faceoff.results.tables.table import Column, Row, Sources, Table, as_it_is, plain, rounded

_NAMES = (
    "dataset",
    "stage",
    "detector",
    "model",
    "items",
    "items_per_s",
    "p90_ms",
    "load_s",
    "compute_s",
    "wall_s",
    "batch",
    "shards",
    "threads",
    "device",
    "peak_rss_mib",
    "peak_vram_mib",
    "energy_j",
)


def rows(sources: Sources) -> list[Row]:
    """Return a row per detection and prediction job."""
    return [{name: timing.get(name) for name in _NAMES} for timing in sources.timings]


TABLE = Table(
    rows=rows,
    columns=[
        *plain("dataset", "stage", "detector"),
        Column(header="model", text=lambda row: row["model"] or ""),
        Column(header="images", text=as_it_is("items")),
        Column(header="images/s", text=rounded("items_per_s", 1)),
        Column(header="p90 ms", text=rounded("p90_ms", 2)),
        Column(header="load s", text=rounded("load_s", 2)),
        Column(header="peak MiB", text=rounded("peak_rss_mib", 0)),
    ],
)
