"""Say in words what the numbers say: the verdict per dataset (protocol §17–19); write numbers."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from faceoff.fusion import rule_list
from faceoff.results.dataset_results import DatasetResults, label, name_of, shorten
from faceoff.scoring.records import Score
from faceoff.temporal import rule_list as temporal_rules

NBSP = "\u00a0"
# It stands on every output of a run of which only some samples were taken.
LIMITED = "limited: not for reporting"
TRAIN_STATUS = {
    "in-sample": "the model was trained on these very pictures: its score is not evidence",
    "held-out": "trained on another part of the same data set",
    "selected-on": "its checkpoint was chosen on these pictures: the score flatters",
    "relabelled": "trained on the same pictures with other labels",
    "cross-corpus": "trained on other data",
    "not trained": "rules, nothing learnt from data",
    "mixed": "the members differ",
    "unknown": "its training data are not known",
}


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share in percent: 0.7 -> '70.0 %'; '–' for no value."""
    return f"{number(100 * value, digits)}{NBSP}%" if is_number(value) else "–"


def number(value: float | None, digits: int = 3) -> str:
    """Return a fixed number of decimals with a true minus sign; '–' for no value."""
    # Rounding first, plus 0, makes a negative zero a zero.
    return f"{round(value, digits) + 0:.{digits}f}".replace("-", "−") if is_number(value) else "–"


def points(value: float | None, digits: int = 1) -> str:
    """Return a share or a difference of shares times 100, without a unit.

    '–' for no value.
    """
    return number(None if value is None else 100 * value, digits)


def is_number(value: float | None) -> TypeGuard[float]:
    """Return whether there is a value, and a finite one."""
    return value is not None and math.isfinite(value)


def span(low: float | None, high: float | None, digits: int = 1) -> str:
    """Return an interval in percent or points: '64.0–76.0'.

    It is written with 'to' where a minus sign would be misread.
    """
    if not (is_number(low) and is_number(high)):
        return ""
    between = " to " if low < 0 else "–"
    return f"{number(100 * low, digits)}{between}{number(100 * high, digits)}"


def p_relation(p: float) -> str:
    """Return '= 0.12' or '= 0.012', or '< 0.001' below that."""
    return "< 0.001" if p < 0.001 else f"= {p:.2f}" if p >= 0.1 else f"= {p:.3f}"


def p_value(p: float | None) -> str:
    """Return 'p = 0.012', unbroken; 'no p' for no value."""
    return f"p {p_relation(p)}".replace(" ", NBSP) if is_number(p) else "no p"


def p_in_table(p: float | None) -> str:
    """Return '0.0123', or '< 0.0001' below that; '–' for no value."""
    return "< 0.0001" if is_number(p) and p < 0.0001 else number(p, 4)


def kinship(score: Mapping[str, Any]) -> list[str]:
    """Return the marks of a pipeline that is related to drawn data (protocol §16, §41)."""
    marks = {"circular": "circular", "same_generator": "same generator"}
    return [mark for key, mark in marks.items() if score.get(key)]


def lacks(classes: Sequence[str], ceiling: float | None) -> str:
    """Return 'lacks contempt: at most 96.2 %' (protocol §36); '' for a pipeline that has all."""
    return f"lacks {', '.join(classes)}: at most {percent(ceiling)}" if classes else ""


def share_reached(step: Mapping[str, Any], n: int) -> float | None:
    """Return the share of `n` samples that a step of the reject option accepts.

    It is at least the step's `coverage`, and more where confidences tie; None where out of reach.
    """
    return step["n"] / n if step["n"] is not None and n else None


def further(step: Mapping[str, Any], n: int) -> str:
    """Return '100 %' where that share was accepted, more than a point beyond the one asked for.

    '' where it was met.
    """
    share = share_reached(step, n)
    return percent(share, 0) if share is not None and share - step["coverage"] > 0.01 else ""


def reached(step: Mapping[str, Any], n: int) -> str:
    """Return '≥ 80 %', or '≥ 80 % (100 %)' where so many were accepted."""
    share = further(step, n)
    return f"≥{NBSP}{percent(step['coverage'], 0)}{f' ({share})' if share else ''}"


def agreement(difference: int, n: int) -> str:
    """Return how far a measured count of right answers is from a published one, of n."""
    if difference == 0:
        return f"the same count of {n:,}"
    side = "more" if difference > 0 else "fewer"
    return f"{abs(difference)} {side} of {n:,} right than published"


def rule(name: str) -> str:
    """Return a fusion rule's title; a run of another version may have rules that are not here."""
    return rule_list.get(name).title if name in rule_list.names() else name.replace("_", " ")


def temporal_rule(name: str) -> str:
    """Return the title of a rule over time, likewise."""
    known = name in temporal_rules.names()
    return str(temporal_rules.stated(name)["title"]) if known else name.replace("_", " ")


def caveats(dataset: DatasetResults) -> list[str]:
    """Return why this dataset's numbers are not for a headline."""
    task = dataset.task
    found = []
    if task and not task.get("headline", True):
        found.append("demonstration data, not for headline")
    if dataset.limited:
        found.append(LIMITED)
    return found


def verdict(dataset: DatasetResults) -> tuple[str, list[str]]:
    """Return the sentence that answers the question, and the sentences that qualify it."""
    tests = dataset.fusion_tests
    best = dataset.compared.get("best_single")
    if not best:
        return "No pair could be scored here; the leaderboard names the reasons.", []
    single = _single(best)
    if not tests:
        return f"The best single pair scores {single}.", [
            "No fusion was compared with it in this run.",
            *_ceiling(dataset),
        ]
    more = [f"The best single pair scores {single}."]
    if len(tests) > 1:
        more.insert(0, _tally(tests))
    return _lead(dataset, tests), more + _ceiling(dataset)


def _lead(dataset: DatasetResults, tests: Sequence[Mapping[str, Any]]) -> str:
    """Return the sentence on the fusion that stands best against the best single pair."""
    better = [test for test in tests if test["verdict"] == "better"]
    test = (better or tests)[0]
    what, side = (
        fusion_phrase(dataset, test["a"]),
        "above" if (test["difference"] or 0) >= 0 else "below",
    )
    points = (
        f"{number(abs(100 * test['difference']), 1)}{NBSP}points"
        if is_number(test["difference"])
        else "an unknown amount"
    )
    # The interval is of the difference as signed; "worse by 2" turns it round.
    low, high = (
        (-test["high"], -test["low"])
        if test["verdict"] == "worse" and is_number(test["low"])
        else (test["low"], test["high"])
    )
    p = f"Holm{NBSP}{p_value(test['p_adjusted'])}" if is_number(test["p_adjusted"]) else ""
    figures = "; ".join(
        part for part in (f"95{NBSP}% CI {span(low, high)}" if span(low, high) else "", p) if part
    )
    evidence = f" ({figures})" if figures else ""
    capital = what[0].upper() + what[1:]
    apart = f"{points} {side} the best single pair"
    match test["verdict"]:
        case "better":
            return f"{capital} is better than the best single pair by {points}{evidence}."
        case "worse":
            return (
                f"No fusion beats the best single pair: {what} comes closest and is worse by"
                f" {points}{evidence}."
            )
        case "too few clusters":
            return (
                "No verdict: there are too few subjects (clusters) for a paired test."
                f" {capital} scores {apart}{evidence}."
            )
        case "inconclusive":
            return f"Inconclusive: {what} scores {apart}, but test and interval disagree{evidence}."
        case _:
            return f"No difference is shown: {what} scores {apart}{evidence}."


def fusion_phrase(dataset: DatasetResults, name: str) -> str:
    """Return 'a vote of 4 pairs (soft mean)' for 'fusion/vote'."""
    score = dataset.find(name)
    if score is None or not score.get("members"):
        return f"the fusion {shorten(name.removeprefix('fusion/'), 60)}"
    written = shorten(score["fusion"], 60)
    called = rule(score.get("rule", ""))
    named = (
        called
        if written.replace("_", " ") in {called, str(score.get("rule", "")).replace("_", " ")}
        else f"{written}: {called}"
    )
    return f"a vote of {pairs(score)} ({named})"


def pairs(score: Mapping[str, Any]) -> str:
    """Return how many members a fusion has: '4 pairs'.

    It is '2 of 4 pairs' where only the most accurate vote.
    """
    members, top = len(score.get("members") or ()), score.get("top")
    of_all = f"{top} of " if top and top < members else ""
    return f"{of_all}{members} pair{'s' if members != 1 else ''}"


def _tally(tests: Sequence[Mapping[str, Any]]) -> str:
    counted = Counter(test["verdict"] for test in tests)
    phrases = {
        "better": "better",
        "no difference": "not shown to differ",
        "inconclusive": "inconclusive",
        "worse": "worse",
        "too few clusters": "without a test",
    }
    parts = [
        f"{counted[key]} {'is' if counted[key] == 1 else 'are'} {phrase}"
        for key, phrase in phrases.items()
        if counted[key]
    ]
    return f"Of {len(tests)} fusions, {_and(parts)}."


def _single(best: Mapping[str, Any]) -> str:
    interval = span(*(best.get("interval") or (None, None)))
    choices = Counter(choice["cell"] for choice in best.get("choices") or [])
    name = label_short(best["name"])
    times = f"{choices[best['name']]} of {sum(choices.values())} times"
    often = f", most often {name} ({times})" if len(choices) > 1 else f": {name}"
    limits = f" (95{NBSP}% CI {interval})" if interval else ""
    return f"{percent(best['accuracy'])}{limits}, {best['how']}{often}"


def of_level(level: Mapping[str, Any]) -> str:
    """Return whose accuracy a level of `DatasetResults.levels` is.

    It is a pair's, or that of several where each fold chose its own.
    """
    pair = label_short(level["name"])
    return f"chosen per fold, most often {pair}" if level["mixed"] else pair


def _ceiling(dataset: DatasetResults) -> list[str]:
    found = dataset.compared
    sentences = []
    hindsight, oracle = found.get("hindsight"), found.get("oracle")
    best = found.get("best_single")
    if hindsight and (not best or hindsight["accuracy"] != best["accuracy"]):
        name, share = label_short(hindsight["name"]), percent(hindsight["accuracy"])
        sentences.append(f"With hindsight the best pair is {name} at {share}.")
    if oracle and len(oracle.get("members") or []) > 1:
        effective = found.get("effective_members")
        worth = (
            f"; the {len(oracle['members'])} pairs err like {number(effective, 1)} independent ones"
            if is_number(effective)
            else ""
        )
        sentences.append(
            f"At least one pair is right on {percent(oracle['accuracy'])} (oracle){worth}."
        )
    return sentences


def label_short(name: str) -> str:
    """Return a name as people read it, at most 70 characters."""
    return shorten(label(name), 70)


def title_of(score: Score) -> str:
    """Return a score's name for headings."""
    return label_short(name_of(score))


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
