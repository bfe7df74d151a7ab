"""A comparison of two runs in the terminal."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from faceoff.results.run_comparison import words
from faceoff.results.run_comparison.compare import Comparison, DatasetComparison

_WIDTH = 120  # at least: names and intervals stay readable in a narrow terminal or a log
_COLOURS = {"better": "green", "worse": "red", "inconclusive": "yellow"}


def show(found: Comparison, console: Console) -> None:
    """Print what differs; cells in which nothing changed are only counted."""
    if console.width < _WIDTH:
        console = Console(width=_WIDTH)

    def line(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    line(f"A: {found.a}\nB: {found.b}")
    console.print(words.summary(found), style="bold", markup=False, highlight=False)
    for dataset in found.datasets:
        console.print(
            words.dataset_title(dataset),
            style="bold cyan",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        for text in words.task_remarks(dataset):
            line(f"  {text}")
        changed = [cell for cell in dataset.cells if cell.changed]
        if any(cell.paired or cell.a.state != cell.b.state for cell in changed):
            console.print(_table(dataset))
        if same := sum(map(words.unchanged, dataset.cells)):
            line(f"  unchanged: {same} of {len(dataset.cells)} cells")
        for text in words.remarks(dataset):
            line(f"  {text}")
    for text in (*words.only_datasets(found), *found.notes):
        line(text)
    if found.provenance:
        table = Table(title="What made them differs in", title_justify="left", box=SIMPLE_HEAD)
        for heading in ("kind", "what", "A", "B"):
            table.add_column(heading, overflow="fold")
        for row in found.provenance:
            table.add_row(
                *(
                    escape(text)
                    for text in (
                        row.kind,
                        words.what(row),
                        words.value(row, "a"),
                        words.value(row, "b"),
                    )
                )
            )
        console.print(table)


def _table(dataset: DatasetComparison) -> Table:
    tests = sorted({cell.paired.test for cell in dataset.cells if cell.paired})
    caption = (
        f"paired test: {', '.join(tests)}; Holm over this dataset's cells;"
        " lost: right in A, wrong in B"
        if tests
        else None
    )
    table = Table(caption=caption, caption_justify="left", box=SIMPLE_HEAD)
    table.add_column("detector × model", overflow="fold")
    for heading in ("A %", "B %", "B − A, points [95 % CI]", "Holm p"):
        table.add_column(heading, justify="right", overflow="fold")
    table.add_column("verdict on B")
    table.add_column("lost / gained / other", justify="right")
    for cell in words.by_interest(dataset.cells):
        if cell.changed:
            verdict = words.verdict(cell)
            colour = "red" if cell.failed_in_b else _COLOURS.get(verdict, "default")
            texts = (
                words.cell_title(cell),
                words.level(cell.a),
                words.level(cell.b),
                words.difference(cell),
                words.p_adjusted(cell),
            )
            table.add_row(*map(escape, texts), f"[{colour}]{verdict}[/]", words.moves(cell))
    return table
