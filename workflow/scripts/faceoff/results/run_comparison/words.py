"""Say a comparison of two runs in words, the same in the terminal and on the page.

They are plain texts, not escaped for either.
"""

import json
from collections.abc import Sequence
from typing import Any

from faceoff.results.dataset_results import label, shorten
from faceoff.results.run_comparison.compare import (
    CellComparison,
    Comparison,
    DatasetComparison,
    Provenance,
    Side,
)
from faceoff.results.words import p_in_table

_LENGTH = 90  # characters shown of a name or a value


def summary(found: Comparison) -> str:
    """Return what changed, in a sentence or two."""
    if not found.cells:
        return "Nothing could be compared."
    compared = sum(cell.compared for cell in found.cells)
    if found.results_differ is False:
        return f"Nothing differs: all {compared} cells predict the same for every sample."
    if found.results_differ is None:
        if not compared:
            return (
                f"Nothing could be compared: none of the {len(found.cells)} cells has"
                " predictions in both runs."
            )
        return (
            f"The {compared} cells that could be compared predict the same for every sample;"
            f" {len(found.cells) - compared} not compared."
        )
    counts = {
        "significantly better in B": sum(cell.verdict == "better" for cell in found.cells),
        "significantly worse in B": sum(cell.verdict == "worse" for cell in found.cells),
        "failed in B": sum(cell.failed_in_b for cell in found.cells),
        "changed without a significant difference": sum(
            bool(cell.changed and cell.paired) and cell.verdict not in {"better", "worse"}
            for cell in found.cells
        ),
        "changed, not tested": sum(
            cell.changed and not cell.paired and not cell.failed_in_b for cell in found.cells
        ),
        "unchanged": sum(unchanged(cell) for cell in found.cells),
        "not compared": sum(not cell.changed and not cell.compared for cell in found.cells),
    }
    told = (
        f"Of {len(found.cells)} cells: "
        + ", ".join(f"{number} {words}" for words, number in counts.items() if number)
        + "."
    )
    apart = sum(not dataset.compared for dataset in found.datasets)
    return (
        f"{told} Not compared, as their samples differ: {apart} of {len(found.datasets)} datasets."
        if apart
        else told
    )


def unchanged(cell: CellComparison) -> bool:
    """Return whether every sample was looked at and nothing differs."""
    return cell.compared and not cell.changed


def verdict(cell: CellComparison) -> str:
    """Return what is said of the cell in B."""
    if cell.failed_in_b:
        return "failed"
    if not cell.changed:
        return "unchanged" if cell.compared else "not compared"
    return cell.verdict or "–"


def cell_title(cell: CellComparison) -> str:
    return shorten(label(cell.name), _LENGTH)


def by_interest(cells: Sequence[CellComparison]) -> list[CellComparison]:
    """Return the cells sorted by interest.

    What failed comes first, then the largest difference, then the most changed predictions.
    """
    return sorted(
        cells,
        key=lambda cell: (
            not cell.failed_in_b,
            -abs(cell.paired.difference) if cell.paired else 0.0,
            -(cell.lost + cell.gained + cell.other),
            cell.name,
        ),
    )


def level(side: Side) -> str:
    """Return an accuracy in percent, or the state with its reason."""
    if side.accuracy is not None:
        return f"{100 * side.accuracy:.2f}"
    return (
        side.state
        if side.state == "ok" or not side.reason
        else shorten(f"{side.state}: {side.reason}", _LENGTH)
    )


def difference(cell: CellComparison) -> str:
    """Return B − A in percentage points with its interval, which too few clusters do not give."""
    if cell.paired is None:
        return "–"
    points = f"{100 * cell.paired.difference:+.2f}"
    if cell.paired.low != cell.paired.low:
        return points
    return f"{points} [{100 * cell.paired.low:+.2f}, {100 * cell.paired.high:+.2f}]"


def p_adjusted(cell: CellComparison) -> str:
    return p_in_table(cell.p_adjusted)


def moves(cell: CellComparison) -> str:
    """Return the changed predictions: right → wrong / wrong → right / other."""
    return "–" if cell.paired is None else f"{cell.lost} / {cell.gained} / {cell.other}"


def remarks(dataset: DatasetComparison) -> list[str]:
    """Return what else there is to say, a line each.

    Changes of state, of unlabelled predictions, of valence and arousal, notes, what was not
    compared and what only one run has.
    """
    lines = []
    apart = [
        cell_title(cell)
        for cell in dataset.cells
        if not cell.compared and not cell.note and not cell.changed
    ]
    if apart:
        names = shorten(", ".join(apart), 4 * _LENGTH)
        lines.append(f"not compared, without predictions in either run: {names}")
    for cell in dataset.cells:
        name = cell_title(cell)
        if cell.other and not cell.paired:
            lines.append(f"{name}: {cell.other} of {cell.n} predictions differ")
        lines += [f"{name}: {number} samples {change}" for change, number in cell.states.items()]
        if cell.note:
            lines.append(f"{name}: {shorten(cell.note, 4 * _LENGTH)}")
        lines += [
            f"{name}: CCC of {row.dimension} {_number(row.ccc_a)} {_span(row.interval_a)}"
            f" → {_number(row.ccc_b)} {_span(row.interval_b)}"
            + (
                f", of {row.n_a} and {row.n_b} moments"
                if row.n_a != row.n_b
                else f", n = {row.n_a}"
            )
            for row in cell.affect
        ]
    lines += [
        f"only in {run}: {shorten(label(name), _LENGTH)}"
        for run, names in (("A", dataset.only_a), ("B", dataset.only_b))
        for name in names
    ]
    return lines


def task_remarks(dataset: DatasetComparison) -> list[str]:
    """Return what the tasks differ in, and on which samples the cells were compared."""
    lines = [
        f"{what} differs: A {shorten(a, _LENGTH)}, B {shorten(b, _LENGTH)}"
        for what, a, b in dataset.differs
    ]
    if dataset.common:
        common = dataset.common
        lines.append(
            f"compared on the {common.n} common samples only, not on either task; left out:"
            f" {common.only_a} only in A, {common.only_b} only in B,"
            f" {common.relabelled} with another label"
        )
    elif dataset.differs:
        same_space = not any(
            what in {"label space", "labels", "set of unlabelled samples"}
            for what, _, _ in dataset.differs
        )
        lines.append(
            "not compared; --common compares the samples that both have"
            if same_space
            else "not compared: not the same question"
        )
    return lines


def dataset_title(dataset: DatasetComparison) -> str:
    task = f"n = {dataset.n}, no labels: predictions, valence and arousal are compared, no accuracy"
    if dataset.hash:
        task = f"{shorten(dataset.version, _LENGTH)}, n = {dataset.n}, task {dataset.hash}"
    if dataset.differs:
        task = (
            f"{dataset.common.n} common samples"
            if dataset.compared and dataset.common
            else "different tasks"
        )
    limited = (
        f"; limited in {' and '.join(dataset.limited)}: not for reporting"
        if dataset.limited
        else ""
    )
    return f"{shorten(dataset.name, _LENGTH)}: {task}{limited}"


def only_datasets(found: Comparison) -> list[str]:
    return [
        f"dataset only in {run}: {shorten(name, _LENGTH)}"
        for run, names in (("A", found.only_a), ("B", found.only_b))
        for name in names
    ]


def what(row: Provenance) -> str:
    return shorten(row.key, _LENGTH)


def value(row: Provenance, side: str) -> str:
    """Return a value of the provenance table: '–' where the run does not have it."""
    found: Any = getattr(row, side)
    return (
        "–"
        if found is None
        else shorten(
            found
            if isinstance(found, str)
            else json.dumps(found, sort_keys=True, ensure_ascii=False),
            _LENGTH,
        )
    )


def _number(number: float | None) -> str:
    return "–" if number is None else f"{number:.3f}"


def _span(interval: Sequence[float | None]) -> str:
    return "" if interval[0] is None else f"[{_number(interval[0])}, {_number(interval[1])}]"
