"""Show a comparison of two runs as one self-contained HTML file that looks like report.html.

Every text reaches it through Jinja's autoescape.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from faceoff.results.run_comparison import words
from faceoff.results.run_comparison.compare import FAMILY, CellComparison, Comparison

_HERE = Path(__file__).parent
_WIDTH, _MARGIN = 200, 8  # of the drawn intervals, in CSS pixels


def render(found: Comparison) -> str:
    """Return the page's HTML; the same comparison gives the same bytes."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    datasets = [
        {
            "title": words.dataset_title(dataset),
            "task_remarks": words.task_remarks(dataset),
            "rows": _rows(dataset.cells),
            "remarks": words.remarks(dataset),
            "tests": ", ".join(sorted({cell.paired.test for cell in dataset.cells if cell.paired})),
        }
        for dataset in found.datasets
    ]
    return environment.get_template("page.html.j2").render(
        a=found.a,
        b=found.b,
        summary=words.summary(found),
        datasets=datasets,
        only=words.only_datasets(found),
        notes=found.notes,
        provenance=[
            (row.kind, words.what(row), words.value(row, "a"), words.value(row, "b"))
            for row in found.provenance
        ],
        family=FAMILY,
        width=_WIDTH,
        css=Markup((_HERE.parents[1] / "report" / "page.css").read_text(encoding="utf-8")),
    )


def _rows(cells: Sequence[CellComparison]) -> list[Mapping[str, Any]]:
    bounds = [
        0.0,
        *(
            bound
            for cell in cells
            if cell.paired
            for bound in (cell.paired.low, cell.paired.high, cell.paired.difference)
            if bound == bound
        ),
    ]
    low, high = min(bounds), max(bounds)
    scale = (_WIDTH - 2 * _MARGIN) / ((high - low) or 1.0)

    def place(value: float) -> float:
        return round(_MARGIN + scale * (value - low), 1)

    def bar(cell: CellComparison) -> dict[str, float] | None:
        if cell.paired is None:
            return None
        ends = [
            value if value == value else cell.paired.difference
            for value in (cell.paired.low, cell.paired.high)
        ]
        return {
            "zero": place(0.0),
            "low": place(ends[0]),
            "high": place(ends[1]),
            "dot": place(cell.paired.difference),
        }

    return [
        {
            "title": words.cell_title(cell),
            "a": words.level(cell.a),
            "b": words.level(cell.b),
            "difference": words.difference(cell),
            "bar": bar(cell),
            "p": words.p_adjusted(cell),
            "verdict": words.verdict(cell),
            "moves": words.moves(cell),
        }
        for cell in words.by_interest(cells)
    ]
