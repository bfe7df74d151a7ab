"""Show a run's leaderboard in the terminal, or write it as CSV."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from faceoff.layout import Layout
from faceoff.results import run_folder
from faceoff.results.dataset_results import (
    columns_of,
    interval,
    label,
    name_of,
    ranked,
    standing,
)
from faceoff.scoring.metric_list import shown_in
from faceoff.scoring.records import Score
from faceoff.spelling import suggestion
from faceoff.storage import csv_text, files

Scores = dict[str, list[Score]]  # dataset -> content of its score files

LEAST_WIDTH = 108  # columns: names and headings stay whole in a narrow terminal or a log


def read(run: str, datasets: Sequence[str] = ()) -> Scores:
    """Return the scores of a run, best first, of these datasets or all.

    The run is named as for `run_folder.run_folder`. Raises FileNotFoundError without scores,
    ValueError for a dataset that has none.
    """
    folder = run_folder.run_folder(run)
    by_dataset: Scores = {}
    for path in run_folder.of_run(folder):
        score = files.read_json(path)
        by_dataset.setdefault(score["dataset"], []).append(score)
    if not by_dataset:
        raise FileNotFoundError(
            f"{folder}/scores holds no score; run snakemake first, or name another run"
        )
    for name in datasets:
        if name not in by_dataset:
            raise ValueError(
                f"{folder}/scores has no dataset {name!r}{suggestion(name, by_dataset)}"
            )
    return {
        name: sorted(scores, key=standing)
        for name, scores in by_dataset.items()
        if not datasets or name in datasets
    }


def show(run: str, datasets: Sequence[str] = ()) -> None:
    """Print the leaderboard of a run, one table per dataset, and the report's path.

    Cells that failed have a table of their own, and what the run lacks is said. Raises as `read`;
    where every cell failed, there is no score to print.
    """
    console = Console(width=max(LEAST_WIDTH, Console().width))
    folder = run_folder.run_folder(run)
    failed = [
        row for row in run_folder.failures(folder) if not datasets or row["dataset"] in datasets
    ]
    try:
        by_dataset = read(run, datasets)
    except FileNotFoundError:
        if not failed:
            raise
        by_dataset = {}
    for dataset, scores in by_dataset.items():
        answers = _unlabelled(folder, dataset)
        console.print(_table(dataset, scores) if answers is None else _answers(dataset, answers))
        if unread := _unread(scores):
            console.print(unread, style="dim", markup=False, highlight=False)
        answered = {row["name"] for row in (answers or {}).get("pipelines", ())}
        for score in scores:
            if name_of(score) in answered and score["state"] == "skipped":
                continue
            if score["state"] != "ok":
                console.print(
                    f"  {_name(score)}: {score['state']}, {score['reason']}",
                    style="dim",
                    markup=False,
                    highlight=False,
                )
            elif not ranked(score):
                console.print(
                    f"  {_name(score)}: not ranked, {'; '.join(score['flags'])}",
                    style="dim",
                    markup=False,
                    highlight=False,
                )
    if failed:
        console.print(_failures(failed))
    for line in lacks(folder):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    report = Path(Layout(str(folder)).report)
    if report.is_file():
        console.print(f"report: {report.resolve()}", soft_wrap=True, highlight=False)


def _unread(scores: Sequence[Score]) -> str:
    """Return how many samples could not be read, '' for none."""
    counts: list[Mapping[str, Any]] = [score["counts"] for score in scores if score.get("counts")]
    least = min(counts, key=lambda count: count["unreadable"], default=None)
    if least is None or not least["unreadable"]:
        return ""
    return (
        f"  {least['unreadable']:,} of {sum(least.values()):,} samples could not be read; "
        "their rows in `faceoff export` say why"
    )


def lacks(folder: Path) -> list[str]:
    """Return a line for each thing that a leaderboard of this run lacks (`run_folder.lacks`)."""
    layout = Layout(str(folder))
    return run_folder.lacks(folder, layout.score("*", "*", "*"), layout.report)


def _unlabelled(folder: Path, dataset: str) -> dict[str, Any] | None:
    """Return what was answered on a dataset without labels; None for all others."""
    path = folder / "answers" / f"{dataset}.json"
    found: dict[str, Any] = files.read_json(path) if path.is_file() else {}
    return None if found.get("labelled", True) else found


def _answers(dataset: str, answers: Mapping[str, Any]) -> Table:
    """Return the table of a dataset that nothing can be scored on."""
    n = answers["n"]
    table = Table(
        title=f"{dataset}: no labels, n = {n}; what was answered",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    table.add_column("detector × model", no_wrap=True)
    for heading in ("answered", "confidence %"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("answers")
    for row in answers["pipelines"]:
        counts = sorted(row["counts"].items(), key=lambda item: (-item[1], item[0]))
        total = sum(count for _, count in counts)
        sure = row["confidence"]
        table.add_row(
            label(row["name"]),
            f"{total} of {n}",
            "–" if sure is None else f"{100 * sure:.1f}",
            ", ".join(f"{emotion} {100 * count / total:.0f} %" for emotion, count in counts),
        )
    return table


def write_csv(by_dataset: Scores, output: Path) -> int:
    """Write a row per cell and fusion, best first within its dataset, with every digit.

    Returns the number of rows.
    """
    shown = shown_in("csv")
    rows = []
    for dataset, scores in by_dataset.items():
        for score in scores:
            task: Mapping[str, Any] = score.get("task") or {}
            metrics: Mapping[str, Any] = score.get("metrics") or {}
            detector, model = columns_of(score)
            row = {
                "dataset": dataset,
                "task": task.get("version"),
                "n": task.get("n"),
                "task_hash": task.get("hash"),
                "limited": task.get("limited"),
                "kind": score["kind"],
                "detector": detector,
                "model": model,
                "state": score["state"],
                "reason": score.get("reason"),
                "n_correct": metrics.get("n_correct"),
                **{metric.key: metrics.get(metric.key) for metric in shown},
            }
            for metric in shown:
                if metric.interval:
                    low, high = interval(score, metric.key)
                    row |= {f"{metric.key}_low": low, f"{metric.key}_high": high}
            rows.append(row)
    csv_text.write(output, list(rows[0]), rows)
    return len(rows)


def _name(score: Score) -> str:
    return f"fusion: {score['fusion']}" if score["kind"] == "fusion" else label(name_of(score))


def _failures(failed: Sequence[Mapping[str, str]]) -> Table:
    """Return a table of what failed; rules over time fail with what they read and are counted."""
    over_time = [row for row in failed if row["name"].startswith("temporal/")]
    own = [row for row in failed if row not in over_time] or over_time
    more = len(failed) - len(own)
    table = Table(
        title="failed",
        caption=f"and {more} under rules over time, which read these" if more else None,
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
    )
    for heading in ("dataset", "detector", "model", "reason"):
        table.add_column(heading, overflow="fold")
    for row in own:
        detector, _, model = row["name"].partition("/")
        table.add_row(*map(Text, (row["dataset"], detector, model, row["reason"])))
    return table


def _table(dataset: str, scores: Sequence[Mapping[str, Any]]) -> Table:
    ok = [score for score in scores if score["state"] == "ok"]
    task = ok[0]["task"] if ok else {}
    notes = [] if task.get("headline", True) else ["demonstration data, not for headline"]
    notes += ["limited: not for reporting"] if task.get("limited") else []
    title = (
        f"{dataset}: {task['version']}, n = {task['n']}" if task else f"{dataset}: nothing scored"
    )
    table = Table(
        title=title,
        caption="; ".join(notes) or None,
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
    )
    table.add_column("detector × model", no_wrap=True)
    others = [metric for metric in shown_in("terminal") if metric.key != "accuracy"]
    for heading in ("accuracy", "95 % CI", *(metric.with_unit for metric in others)):
        table.add_column(heading, justify="right", no_wrap=True)
    for score in ok:
        metrics, (low, high) = score["metrics"], score["intervals"]["accuracy"]
        accuracy = f"{metrics['n_correct']}/{metrics['n']} = {metrics['accuracy']:.6f}"
        shares = [f"{metric.factor * metrics[metric.key]:.2f}" for metric in others]
        table.add_row(
            _name(cast(Score, score)),
            accuracy,
            "–" if low is None else f"{100 * low:.1f}–{100 * high:.1f}",
            *shares,
        )
    return table
