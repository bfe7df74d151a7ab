"""Section: accuracy by what a dataset says of its samples (sex, age, lighting …).

It shows how far apart the best and the worst served group are.
"""

from faceoff.report.part import NAME, Part, View, bar
from faceoff.results import words
from faceoff.results.dataset_results import name_of, shorten, tens
from faceoff.scoring.records import Group

ANCHOR, TITLE, NAV = "groups", "Does it work equally well for all?", "Subgroups"
_PIPELINES = 12  # whose gaps are listed, by rank


def view(part: Part) -> View | None:
    """Return the groups of the pipeline of most interest, and the gaps of the leading ones.

    None where the dataset names no groups.
    """
    ranked = [score for score in part.dataset.ranked if score.get("groups")]
    if not ranked:
        return None
    chosen = next(
        (score for score in ranked if name_of(score) == part.dataset.chosen_single), ranked[0]
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
        for score in ranked[:_PIPELINES]
        for found in [{group["name"]: group for group in score["groups"]}]
    ]
    return {
        "title": words.title_of(chosen),
        "low": low,
        "high": high,
        "groups": groups,
        "names": [_named(name) for name in names],
        "gaps": gaps,
        "tests": [
            {
                **test,
                "pipeline": words.label_short(test["pipeline"]),
                "group": _named(test["group"]),
                "best": shorten(test["best"], NAME),
                "worst": shorten(test["worst"], NAME),
            }
            for test in tested["tests"]
        ],
        "differences": [
            {**row, "a": words.label_short(row["a"]), "group": _named(row["group"])}
            for row in tested["differences"]
        ],
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
