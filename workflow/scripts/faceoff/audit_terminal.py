"""What was found in datasets, in the terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from faceoff import audit


def show(title: str, audits: Sequence[audit.Audit], versions: Mapping[str, str], console: Console) -> None:
    """Print a table of the datasets, then a line per thing worth knowing. versions: of each dataset by its name."""
    table = Table(title=title)
    for heading in ("dataset", "version", "samples", "subjects", "labels"):
        table.add_column(heading)
    for found in audits:
        labels = ", ".join(f"{label} {count}" for label, count in sorted(found.labels.items()))
        table.add_row(found.name, versions[found.name], str(found.n), str(len(found.subjects) or "–"), labels)
    console.print(table)
    for line in audit.findings(audits):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
