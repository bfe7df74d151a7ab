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
        for bound in (level["accuracy"], level["low"], level["high"])
    ]
    low, high = tens([bound for bound in bounds if words.is_number(bound)])
    groups = [
        {
            **_gap(group),
            "name": shorten(group["name"], NAME).replace("_", " "),
            "levels": [
                {
                    **level,
                    "level": shorten(level["level"], NAME),
                    "bar": bar(level["accuracy"], (level["low"], level["high"]), low, high),
                }
                for level in group["levels"]
            ],
        }
        for group in chosen["groups"]
    ]
    names = [group["name"] for group in chosen["groups"]]
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
        "names": [shorten(name, NAME).replace("_", " ") for name in names],
        "gaps": gaps,
        "tested": sum(len(score["groups"]) for score in ranked),
    }


def _gap(group: Group) -> View:
    """Return the gap between the best and worst served level.

    `p`: how often a random division into groups of these sizes shows so large a gap.
    """
    return {
        "gap": group["gap"],
        "p": group["p"],
        "best": shorten(group["best"], NAME),
        "worst": shorten(group["worst"], NAME),
    }
