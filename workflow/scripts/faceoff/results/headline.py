"""Say in one plain sentence what to use, for a reader who knows no statistics.

The tests behind it stand in `words.verdict`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from faceoff.results import words
from faceoff.results.dataset_results import DatasetResults, ranked


def headline(dataset: DatasetResults) -> str:
    """Return which pipeline to use and whether voting helps; '' where nothing was scored."""
    best = dataset.compared.get("best_single")
    if not best:
        return ""
    name, tests = words.label_short(best["name"]), dataset.fusion_tests
    better = [test for test in tests if test["verdict"] == "better" and _ranked(dataset, test["a"])]
    if not better and not _ranked(dataset, best["name"]):
        return (
            f"No pair can be recommended: the best single one, {name}, is not ranked, because it "
            "answers almost always the same or often fails."
        )
    if not tests:
        limits = _limits(*(best.get("interval") or (None, None)))
        share = f"it is right on {words.percent(best['accuracy'])} of the samples{limits}"
        return f"Use {name}: {share}." if len(dataset.cells) > 1 else f"{name}: {share}."
    if better:
        vote = words.fusion_phrase(dataset, better[0]["a"])
        return f"Use {vote}. Voting helped: {_gain(better[0])} over the best single pair, {name}."
    gain = _gain(tests[0])
    match tests[0]["verdict"]:
        case "worse":
            return f"Use {name}. Voting made it worse: {gain} at best."
        case "too few clusters":
            return (
                f"{name} scores highest of the single pairs. There are too few people to test "
                f"whether voting helps: {gain}."
            )
        case _:
            return f"Use {name}. Voting was not shown to help: {gain}."


def _ranked(dataset: DatasetResults, name: str) -> bool:
    score = dataset.find(name)
    return score is None or ranked(score)


def unlabelled(answers: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return what was answered on a dataset without labels, and the sentences below it.

    answers: what the stage `answers` wrote, with a pipeline at least.
    """
    n, rows = answers["n"], answers["pipelines"]
    total: Counter[str] = Counter()
    for row in rows:
        total.update(row["counts"])
    answered = [sum(row["counts"].values()) for row in rows]
    if not total:
        return f"None of the {n:,} samples got an answer.", [_NO_LABELS]
    emotion, count = min(total.items(), key=lambda item: (-item[1], item[0]))
    fewest, most = min(answered), max(answered)
    reach = f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"
    lead = (
        f"{reach} of {n:,} samples got an answer, most often {emotion} "
        f"({words.percent(count / total.total(), 0)} of all answers)."
    )
    return lead, [*_agreement(answers.get("agreement") or ()), _NO_LABELS]


_NO_LABELS = (
    "These samples have no labels: these are predictions only, and which pipeline is right cannot "
    "be told."
)


def _agreement(pairs: Sequence[Mapping[str, Any]]) -> list[str]:
    shares = [pair["same"] for pair in pairs if words.is_number(pair["same"])]
    if not shares:
        return []
    if len(shares) == 1:
        return [f"The two pipelines give the same answer on {words.percent(shares[0], 0)}."]
    return [
        f"Two pipelines give the same answer on {words.percent(min(shares), 0)} to "
        f"{words.percent(max(shares), 0)} of the samples that both answer."
    ]


def _gain(test: Mapping[str, Any]) -> str:
    """Return '+3.6 points, 95 % CI −0.3 to 7.6' of a vote against the best single pair."""
    difference = test["difference"]
    if not words.is_number(difference):
        return "by an unknown amount"
    sign = "+" if difference > 0 else ""
    points = f"{sign}{words.points(difference)}{words.NBSP}points"
    interval = words.span(test["low"], test["high"])
    return f"{points}, 95{words.NBSP}% CI {interval}" if interval else points


def _limits(low: float | None, high: float | None) -> str:
    interval = words.span(low, high)
    return f" (95{words.NBSP}% CI {interval})" if interval else ""
