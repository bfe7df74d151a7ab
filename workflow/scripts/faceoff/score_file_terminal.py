"""The scores of a file of posteriors in the terminal."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def show(found: dict[str, Any], predictions: Path, console: Console) -> None:
    """Print what `stages.score_file` found of this file: the metrics with their intervals, then counts and flags."""
    task, metrics, intervals = found["task"], found["metrics"], found["intervals"]
    table = Table(title=f"{predictions.name} on {task['name']} ({task['version']}), n = {task['n']}, task {task['hash']}")
    for heading in ("metric", "value", "95 % interval"):
        table.add_column(heading)
    for name, value in metrics.items():
        if isinstance(value, float):
            low, high = intervals.get(name, (None, None))
            table.add_row(name.replace("_", " "), f"{value:.6f}", f"{low:.4f} to {high:.4f}" if low is not None else "")
    console.print(table)
    print(f"correct {metrics['n_correct']} of {task['n']}; without a prediction {task['n'] - metrics['n_covered']}")
    if unknown := found["unknown_rows"]:
        first = ", ".join(repr(sample) for sample in list(unknown)[:3])
        print(f"mind: {sum(unknown.values())} rows of the file name no sample, such as {first}")
    for flag in found["flags"] + (["limited: not for reporting"] if task["limited"] else []):
        print(f"mind: {flag}")
