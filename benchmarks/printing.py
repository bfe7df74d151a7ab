"""Print a benchmark's table: in the terminal, or as Markdown to paste into the docs."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def show(
    header: Sequence[str], rows: Sequence[Sequence[str]], title: str = "", markdown: bool = False
) -> None:
    """Print a table; with `markdown`, as text whose first line is the title, if there is one."""
    if markdown:
        lines = ("| " + " | ".join(row) + " |" for row in (header, ("---",) * len(header), *rows))
        print("\n".join([title, "", *lines] if title else lines))
        return
    table = Table(*header, title=title or None)
    for row in rows:
        table.add_row(*map(escape, row))
    Console(width=None if sys.stdout.isatty() else 240).print(
        table
    )  # a file or pipe has no width at which to cut names off
