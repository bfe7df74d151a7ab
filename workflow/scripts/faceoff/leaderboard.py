"""A run's leaderboard in the terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from faceoff import tables


def show(run: str) -> None:
    """Print the leaderboard of results/<run>, one table per dataset, and the report's path. Raises FileNotFoundError without scores."""
    folder = Path("results") / run
    by_dataset: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((folder / "scores").glob("*/*/*.json")):
        score = tables.read_json(path)
        by_dataset.setdefault(score["dataset"], []).append(score)
    if not by_dataset:
        raise FileNotFoundError(f"{folder}/scores holds no score; run snakemake first, or name another run")
    console = Console(width=None if Console().width >= 100 else 100)  # names stay readable in a narrow terminal or a log
    for dataset, scores in by_dataset.items():
        console.print(_table(dataset, scores))
        for score in scores:
            if score["state"] != "ok":
                console.print(f"  {_name(score)}: {score['state']}, {score['reason']}", style="dim", markup=False, highlight=False)
    console.print(f"report: {(folder / 'report.html').resolve()}", soft_wrap=True, highlight=False)


def _name(score: Mapping[str, Any]) -> str:
    return f"fusion: {score['fusion']}" if score["kind"] == "fusion" else f"{score['detector']} × {score['model']}"


def _table(dataset: str, scores: Sequence[Mapping[str, Any]]) -> Table:
    ok = sorted((score for score in scores if score["state"] == "ok"), key=lambda score: (-score["metrics"]["accuracy"], _name(score)))
    task = ok[0]["task"] if ok else {}
    notes = [] if task.get("headline", True) else ["demonstration data, not for headline"]
    notes += ["limited: not for reporting"] if task.get("limited") else []
    title = f"{dataset}: {task.get('version', '?')}, n = {task.get('n', '?')}"
    table = Table(title=title, caption="; ".join(notes) or None, title_justify="left", caption_justify="left", box=SIMPLE_HEAD)
    table.add_column("detector × model", no_wrap=True)
    for heading in ("accuracy", "95 % CI", "covered %", "UAR %", "macro-F1 %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for score in ok:
        metrics, (low, high) = score["metrics"], score["intervals"]["accuracy"]
        accuracy = f"{metrics['n_correct']}/{metrics['n']} = {metrics['accuracy']:.6f}"
        shares = [f"{100 * metrics[name]:.2f}" for name in ("coverage", "balanced_accuracy", "macro_f1")]
        table.add_row(_name(score), accuracy, "–" if low is None else f"{100 * low:.1f}–{100 * high:.1f}", *shares)
    return table
