"""Section: for whom and when it fails: accuracy by group (sex, age, lighting …).

Groups are those that the dataset or a table names, and those that the run measured of the faces. It
ranks how far apart the best and the worst served level of each are.
"""

from collections.abc import Sequence

from faceoff.report.part import NAME, REASON, Part, View, bar
from faceoff.results import words
from faceoff.results.dataset_results import name_of, shorten, tens
from faceoff.results.gaps import in_words, ranked, shown
from faceoff.scoring.records import Group, SubgroupTest

ANCHOR, TITLE, NAV = "groups", "Does it work equally well for all?", "Subgroups"
_PIPELINES = 12  # whose gaps are listed, by rank
_SENTENCES = 5  # gaps that are told in words


def view(part: Part) -> View | None:
    """Return the groups of the pipeline of most interest, and the gaps of the leading ones.

    None where there are no groups.
    """
    scores = [score for score in part.dataset.ranked if score.get("groups")]
    if not scores:
        return None
    chosen = next(
        (score for score in scores if name_of(score) == part.dataset.chosen_single), scores[0]
    )
    bounds = [
        bound
        for group in chosen["groups"]
        for level in group["levels"]
        for bound in (
            level["standardised"],
            level["standardised_low"],
            level["standardised_high"],
        )
    ]
    low, high = tens([bound for bound in bounds if words.is_number(bound)])
    groups = [
        {
            **_gap(group),
            "name": _named(group["name"]),
            "over": len(group["standardised_over"]),
            "test": group["test"],
            "levels": [
                {
                    **level,
                    "level": shorten(level["level"], NAME),
                    "bar": bar(
                        level["standardised"],
                        (level["standardised_low"], level["standardised_high"]),
                        low,
                        high,
                    ),
                }
                for level in group["levels"]
            ],
        }
        for group in chosen["groups"]
    ]
    names = [group["name"] for group in chosen["groups"]]
    tested = part.dataset.compared["subgroups"]
    gaps = [
        {
            "title": words.title_of(score),
            "gaps": [_gap(found[name]) if name in found else None for name in names],
        }
        for score in scores[:_PIPELINES]
        for found in [{group["name"]: group for group in score["groups"]}]
    ]
    return {
        "title": words.title_of(chosen),
        "low": low,
        "high": high,
        "groups": groups,
        "names": [_named(name) for name in names],
        "gaps": gaps,
        "sentences": [in_words(_readable(test)) for test in _distinct(tested["tests"])],
        "ranking": _ranking(tested["tests"]),
        "measured": [
            {**each, "name": _named(each["name"]), "reason": shorten(each["reason"], REASON)}
            for each in tested["measured"]
        ],
        "files": part.links("gaps"),
        "differences": [
            {**row, "a": words.label_short(row["a"]), "group": _named(row["group"])}
            for row in tested["differences"]
        ],
    }


def _distinct(tests: Sequence[SubgroupTest]) -> list[SubgroupTest]:
    """Return the shown gaps that are told in words: each group once, by its surest gap."""
    first = {test["group"]: test for test in reversed(shown(tests))}
    return [test for test in shown(tests) if first[test["group"]] is test][:_SENTENCES]


def _ranking(tests: Sequence[SubgroupTest]) -> View:
    """Return the rows of the ranked table, with their places on an axis of gaps."""
    bounds = [
        bound
        for test in tests
        for bound in (test["gap"], test["low"], test["high"])
        if words.is_number(bound)
    ]
    low, high = min([0.0, *bounds]), max([0.05, *bounds])
    return {
        "zero": round(100 * (0 - low) / (high - low), 2),
        "rows": [
            {**_readable(test), "bar": bar(test["gap"], (test["low"], test["high"]), low, high)}
            for test in ranked(tests)
        ],
    }


def _readable(test: SubgroupTest) -> SubgroupTest:
    """Return a test with names as people read them."""
    return {
        **test,
        "pipeline": words.label_short(test["pipeline"]),
        "group": _named(test["group"]),
        "source": shorten(test["source"], NAME),
        "best": shorten(test["best"], NAME),
        "worst": shorten(test["worst"], NAME),
    }


def _named(group: str) -> str:
    return shorten(group, NAME).replace("_", " ")


def _gap(group: Group) -> View:
    """Return the gap between the best and worst served level, and its p alone."""
    return {
        "gap": group["gap"],
        "p": group["p"],
        "best": shorten(group["best"], NAME),
        "worst": shorten(group["worst"], NAME),
    }
