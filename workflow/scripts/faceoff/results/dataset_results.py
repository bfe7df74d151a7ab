"""Order and group a run's scores and comparisons as figures, tables and page show them.

No drawing, no HTML.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from faceoff.scoring.records import (
    Comparison,
    FamilyName,
    PairedComparison,
    Score,
    TaskInfo,
    nothing_to_compare,
)
from faceoff.storage import columns, files


def name_of(score: Score) -> str:
    """Return the name of a score's pipeline: 'detector/model', 'fusion/name', 'temporal/name'.

    A signal's is 'detector/name (signal)', that of worse pictures 'name (corruption)', that of a
    cell's maps 'detector/model (maps)'; these are compared with nothing.
    """
    match score["kind"]:
        case "fusion":
            return f"fusion/{score['fusion']}"
        case "temporal":
            return f"temporal/{score['temporal']}"
        case "signal":
            return f"{score['detector']}/{score['signal']} (signal)"
        case "corruption":
            return f"{score['corruption']} (corruption)"
        case "saliency":
            return f"{score['detector']}/{score['model']} (maps)"
    return f"{score['detector']}/{score['model']}"


def columns_of(score: Score) -> tuple[str, str]:
    """Return what stands in the columns detector and model of a table: 'fusion' and its name …"""
    head, _, tail = name_of(score).partition("/")
    return head, tail


def cells_of(score: Score) -> list[tuple[str, str]]:
    """Return the (detector, model) pairs in a pipeline."""
    if score["kind"] == "cell":
        return [(score["detector"], score["model"])]
    named = (member.partition("/") for member in score.get("members") or ())
    return [(detector, model) for detector, _, model in named]


def label(name: str) -> str:
    """Return a name as people read it.

    'detector/model' becomes 'detector × model', 'fusion/name' becomes 'name (fusion)', and
    'temporal/rule.detector.model' becomes 'detector × model, rule'.
    """
    head, _, tail = name.partition("/")
    if not tail:
        return head
    if head == "temporal":
        rule, _, of = tail.partition(".")
        return f"{label(of.replace('.', '/', 1))}, {rule}"
    return f"{tail} (fusion)" if head == "fusion" else f"{head} × {tail}"


def shorten(text: str, length: int = 40) -> str:
    """Return one printable line of at most `length` characters, cut with '…'."""
    line = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]+", " ", str(text)).strip()
    return line if len(line) <= length else line[: length - 1] + "…"


def shorten_all(names: Sequence[str], length: int, spell: Callable[[str], str] = str) -> list[str]:
    """Return each name as one printable line, different names as different lines.

    A line has at most `length` characters. spell: a letter -> how it is written. Names that are too
    long lose their end; all of them their middle where that tells them apart; and where nothing
    does, those alike bear their numbers.
    """
    spelled = [[spell(letter) for letter in shorten(name, 10 * length)] for name in names]
    for tail in (0, length // 2):
        shown = [_cut(letters, length - tail, tail) for letters in spelled]
        if len(set(shown)) == len(set(names)):
            return shown
    twins = [
        {name for name, line in zip(names, shown, strict=True) if line == own} for own in shown
    ]
    numbers = {name: f" ({number})" for number, name in enumerate(dict.fromkeys(names), start=1)}
    return [
        _cut(letters, length - len(numbers[name]), 0) + numbers[name] if len(alike) > 1 else line
        for name, letters, line, alike in zip(names, spelled, shown, twins, strict=True)
    ]


def _cut(letters: Sequence[str], head: int, tail: int) -> str:
    """Return the first `head` and the last `tail` characters, or all where they fit.

    The last of the first ones is '…'.
    """
    if sum(map(len, letters)) <= head + tail:
        return "".join(letters)
    first, last = list(letters), list(letters)
    while sum(map(len, first)) > head - 1:
        first.pop()
    while sum(map(len, last)) > tail:
        last.pop(0)
    return f"{''.join(first)}…{''.join(last)}"


@dataclass(frozen=True)
class DatasetResults:
    """Hold everything that a run says about one test dataset.

    examples: the table of example faces, of which a figure shows `examples_shown` right and as many
    wrong ones; multiverse, over_time: the scores under every label rule, and over time; tracks: the
    scores of tracks, a file per detector; synchrony: lag curves, a file per detector and
    signal; robustness: scores on worse pictures, a file per corruption.
    """

    name: str
    card: Mapping[str, Any]
    scores: Sequence[Score]
    comparison: Comparison | None
    examples: Path | None = None
    examples_shown: int = 0
    multiverse: Path | None = None
    over_time: Path | None = None
    tracks: Sequence[Path] = ()
    synchrony: Sequence[Path] = ()
    robustness: Sequence[Path] = ()

    @cached_property
    def task(self) -> TaskInfo | None:
        """Return the task that was scored; None when nothing was."""
        tasks = [score["task"] for score in self.scores if score.get("task")]
        return tasks[0] if tasks else self.compared.get("task")

    @property
    def compared(self) -> Comparison:
        """Return the comparison; where there is none, one with nothing in it."""
        return self.comparison or nothing_to_compare(self.name, None)

    @property
    def limited(self) -> bool:
        """Return whether only some samples were taken (protocol §6).

        Then the numbers are not for reporting.
        """
        return bool(self.task and self.task["limited"])

    @cached_property
    def space(self) -> list[str]:
        """Return the classes of the task, in order."""
        return list(self.task["space"]) if self.task else []

    @cached_property
    def detectors(self) -> list[str]:
        """Return the detectors of the cells, sorted."""
        return sorted({score["detector"] for score in self.cells})

    @cached_property
    def models(self) -> list[str]:
        """Return the models of the cells, sorted."""
        return sorted({score["model"] for score in self.cells})

    @cached_property
    def cells(self) -> list[Score]:
        """Return the scores of the detector x model pairs."""
        return [score for score in self.scores if score["kind"] == "cell"]

    @cached_property
    def leaderboard(self) -> list[Score]:
        """Return all scores, best first, as `standing` orders them."""
        return sorted(self.scores, key=standing)

    @cached_property
    def ranked(self) -> list[Score]:
        """Return the leaderboard's rows that have an accuracy."""
        return [score for score in self.leaderboard if scored(score)]

    def find(self, name: str) -> Score | None:
        """Return the score of this name, None where there is none."""
        return next((score for score in self.scores if name_of(score) == name), None)

    @cached_property
    def chosen_single(self) -> str | None:
        """Return the best single pair, chosen off the test data (protocol §19)."""
        best = self.compared.get("best_single")
        return best["name"] if best else None

    def shown(self, singles: int = 3) -> list[Score]:
        """Return the rows worth a panel of their own.

        They are the chosen best single, the leading cells up to `singles`, then every fusion.
        """
        cells = [score for score in self.ranked if score["kind"] == "cell"]
        first = [score for score in cells if name_of(score) == self.chosen_single]
        return (first + [score for score in cells if score not in first])[:singles] + [
            score for score in self.ranked if score["kind"] == "fusion"
        ]

    def tests(self, family: FamilyName) -> list[PairedComparison]:
        """Return the comparisons of one family; the largest difference comes first."""
        return sorted(
            (row for row in self.compared.get("comparisons") or [] if row["family"] == family),
            key=lambda row: (
                -(row["difference"] if row["difference"] is not None else -2.0),
                row["a"],
                row["b"],
            ),
        )

    @cached_property
    def fusion_tests(self) -> list[PairedComparison]:
        """Return the comparisons of each fusion with the best single pair."""
        return self.tests("fusions")

    @cached_property
    def single_tests(self) -> list[PairedComparison]:
        """Return the comparisons of each pair with the top one."""
        return self.tests("top")

    @cached_property
    def coverage(self) -> list[dict[str, Any]]:
        """Return per detector the count of samples in each state.

        It is that of its least troubled cell: a failing model is not the detector's fault.
        """
        rows = []
        for detector in self.detectors:
            cells = [score for score in self.cells if score["detector"] == detector]
            found: list[dict[str, int]] = [
                columns.outcomes(counts) for score in cells if (counts := _counts(score))
            ]
            best = max(
                (counts for counts in found if any(counts.values())),
                key=lambda counts: (counts[columns.OK], -counts[columns.ERROR]),
                default=None,
            )
            reason = next((score["reason"] for score in cells if score.get("reason")), None)
            rows.append(
                {
                    "detector": detector,
                    "reason": None if best else reason or "not run",
                    **(best or dict.fromkeys(columns.OUTCOMES, 0)),
                }
            )
        return rows

    @cached_property
    def levels(self) -> list[dict[str, Any]]:
        """Return the accuracy of best single, hindsight best, every fusion and oracle.

        They have intervals where these exist. `mixed`: the accuracy is no one pair's, as folds
        chose different ones; `name` is the one most often chosen.
        """
        found: Mapping[str, Any] = self.compared
        rows = []
        for key, title in (
            ("best_single", "best single"),
            ("hindsight", "best single (hindsight)"),
        ):
            entry = found.get(key)
            if entry:
                # The hindsight pair was chosen on these very samples: no interval is about it.
                chosen = key == "best_single" and entry.get("interval")
                low, high = chosen or (None, None)
                mixed = len({choice["cell"] for choice in entry.get("choices") or ()}) > 1
                rows.append(
                    {
                        "kind": key,
                        "title": title,
                        "name": entry["name"],
                        "mixed": mixed,
                        "value": entry["accuracy"],
                        "low": low,
                        "high": high,
                    }
                )
        for score in self.ranked:
            if score["kind"] == "fusion":
                low, high = interval(score, "accuracy")
                value = score["metrics"]["accuracy"]
                rows.append(
                    {
                        "kind": "fusion",
                        "title": score["fusion"],
                        "name": name_of(score),
                        "mixed": False,
                        "value": value,
                        "low": low,
                        "high": high,
                    }
                )
        oracle = found.get("oracle")
        if oracle:
            low, high = oracle.get("interval") or (None, None)
            value = oracle["accuracy"]
            rows.append(
                {
                    "kind": "oracle",
                    "title": "oracle (any pair right)",
                    "name": "",
                    "mixed": False,
                    "value": value,
                    "low": low,
                    "high": high,
                }
            )
        return rows


def scored(score: Score) -> bool:
    """Return whether a score has an accuracy: it ran, and its dataset was not empty."""
    return score["state"] == "ok" and metric(score, "accuracy") is not None


def accuracy_of(score: Score) -> float:
    """Return the accuracy of a score that has one; raise ValueError for another."""
    value = metric(score, "accuracy")
    if value is None:
        raise ValueError(f"{name_of(score)} has no accuracy on {score['dataset']}")
    return value


def task_of(score: Score) -> TaskInfo:
    """Return the task of a score that has one; raise ValueError for another."""
    if score["task"] is None:
        raise ValueError(f"{name_of(score)} was not scored on {score['dataset']}")
    return score["task"]


def _counts(score: Score) -> Mapping[str, Any]:
    """Return how many samples are in each state; nothing where the score does not say."""
    return score.get("counts") or {}


def ranked(score: Score) -> bool:
    """Return whether a scored pipeline takes part in rankings.

    It does without a warning that its answers collapsed or broke off (protocol §14).
    """
    return score.get("ranked", True)


def metric(score: Score, name: str) -> float | None:
    """Return a metric, None where the score has none."""
    metrics: Mapping[str, Any] = score.get("metrics") or {}
    value: float | None = metrics.get(name)
    return value


def interval(score: Score, name: str) -> tuple[float | None, float | None]:
    """Return a metric's interval, (None, None) where it has none."""
    intervals: Mapping[str, Any] = score.get("intervals") or {}
    low, high = intervals.get(name) or (None, None)
    return low, high


def tens(values: Sequence[float]) -> tuple[float, float]:
    """Return the values' range widened to whole tens of percent; 0–1 without values."""
    if not values:
        return 0.0, 1.0
    return max(0.0, math.floor(10 * min(values) + 1e-9) / 10), min(
        1.0, math.ceil(10 * max(values) - 1e-9) / 10
    )


def colour_scale(scores: Sequence[Score]) -> tuple[float, float]:
    """Return the accuracies at the ends of a heat map's colours.

    They are never less than 20 points apart, so that a small gap does not look like a chasm.
    """
    return colour_scale_of([accuracy_of(score) for score in scores if scored(score)])


def colour_scale_of(accuracies: Sequence[float]) -> tuple[float, float]:
    """Return the same for accuracies, 0–1."""
    low, high = tens(accuracies)
    high = max(high, 0.2)
    return max(0.0, min(low, high - 0.2)), high


def standing(score: Score) -> tuple[Any, ...]:
    """Return the key by which every leaderboard is sorted.

    By accuracy, then log loss, then name; pipelines that are not ranked come after those that are,
    then empty datasets, then failed cells, then skipped ones.
    """
    place = not ranked(score) if scored(score) else {"ok": 2, "error": 3}.get(score["state"], 4)
    accuracy, log_loss = metric(score, "accuracy"), metric(score, "log_loss")
    return (
        place,
        -(accuracy or 0.0),
        float("inf") if log_loss is None else log_loss,
        name_of(score),
    )


def read(
    scores: Iterable[Path],
    comparisons: Iterable[Path],
    names: Sequence[str],
    cards: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[DatasetResults]:
    """Return the results of the named datasets, in that order, with what their cards say.

    Scores of other datasets (validation) are left out.
    """
    found: dict[str, list[Score]] = {name: [] for name in names}
    for path in scores:
        score = files.read_json(path)
        if score["dataset"] in found:
            found[score["dataset"]].append(score)
    compared = {
        comparison["dataset"]: comparison for comparison in map(files.read_json, comparisons)
    }
    return [
        DatasetResults(
            name,
            (cards or {}).get(name, {}),
            sorted(found[name], key=name_of),
            compared.get(name),
        )
        for name in names
    ]
