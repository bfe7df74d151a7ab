"""Rank the gaps between groups: for whom, and when, does a pipeline fail (protocol §42)?"""

from collections.abc import Iterable, Sequence

from faceoff.results.words import is_number, number, percent
from faceoff.scoring.records import SubgroupTest


def ranked(tests: Iterable[SubgroupTest]) -> list[SubgroupTest]:
    """Return the tests by the lower bound of their gap, the largest first.

    The lower bound is how large a gap is at least, with 95 % confidence: so a wide gap of few
    samples does not head the list. Gaps without an interval come last; ties go to the larger gap,
    then by name.
    """

    def key(test: SubgroupTest) -> tuple[bool, float, float, str, str]:
        low, gap = test["low"], test["gap"]
        known = is_number(low)
        return (
            not known,
            -low if is_number(low) else 0.0,
            -gap if is_number(gap) else 0.0,
            test["group"],
            test["pipeline"],
        )

    return sorted(tests, key=key)


def shown(tests: Sequence[SubgroupTest]) -> list[SubgroupTest]:
    """Return the tests whose gap is shown after Holm's correction, ranked."""
    return [test for test in ranked(tests) if test["verdict"] == "differs"]


def in_words(test: SubgroupTest) -> str:
    """Return a gap as a sentence: which level is read worse, by how much, and how sure that is.

    A gap's lower bound says how large it is at least.
    """
    least = (
        f", at least {number(100 * test['low'], 1)}"
        if is_number(test["low"]) and test["low"] > 0
        else ""
    )
    gap = number(None if test["gap"] is None else 100 * test["gap"], 1)
    return (
        f"{test['group']}: the {test['pipeline']} reads “{test['worst']}” worst, "
        f"{percent(test['worst_score'])} against {percent(test['best_score'])} of "
        f"“{test['best']}”: a gap of {gap} points{least}"
    )
