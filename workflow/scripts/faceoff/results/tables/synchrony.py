"""Lag of the sound behind the lips, of all clips and of each group of them (protocol §55)."""

from faceoff.results.tables.table import Column, Row, Sources, Table, plain, rounded


def rows(sources: Sources) -> list[Row]:
    """Return a row per dataset, detector, signal and group of clips; `all` is every clip."""
    return [
        {
            "dataset": found["dataset"],
            "detector": found["detector"],
            "signal": found["signal"],
            "group": part["group"] or "all",
            "level": part["level"] or "all",
            "clips": part["clips"],
            "measured": part["measured"],
            "peak_s": part["peak_s"],
            "peak_s_low": part["peak_interval"][0],
            "peak_s_high": part["peak_interval"][1],
            "height": part["height"],
            "p": part["p"],
            "significant": part["significant"],
            "off": part["off"],
        }
        for found in sources.synchrony
        for part in found["parts"]
    ]


def _peak(row: Row) -> str:
    """Return the peak with its sign and interval."""
    low, high = row["peak_s_low"], row["peak_s_high"]
    interval = "" if low is None else f" [{low:+.2f}, {high:+.2f}]"
    return f"{row['peak_s']:+.2f}{interval}"


TABLE = Table(
    rows=rows,
    needs=("synchrony",),
    columns=[
        *plain("dataset", "detector", "signal", "group", "level", "clips", "measured"),
        Column(header="peak, s", text=_peak),
        Column(header="correlation", text=rounded("height", 2)),
        Column(header="p", text=rounded("p", 3)),
        Column(header="off 0", text=lambda row: "yes" if row["off"] else "no"),
    ],
)
