"""Section: scores beside people.

It shows what one of the taggers would have reached, and where people agree less than the pipelines.
"""

from faceoff.report.part import Part, View, bar
from faceoff.results import words
from faceoff.results.dataset_results import name_of, tens

ANCHOR, TITLE, NAV = "human", "Beside people", "Beside people"


def view(part: Part) -> View | None:
    """Return a row per pipeline, and accuracy by how far people agree.

    None where samples have no votes.
    """
    scores = [(score, human) for score in part.dataset.ranked if (human := score.get("human"))]
    if not scores:
        return None
    single = part.dataset.chosen_single
    chosen, about = next((pair for pair in scores if name_of(pair[0]) == single), scores[0])
    strata = about["strata"]
    bounds = [
        bound
        for row in strata
        for bound in (row["accuracy"], *row["interval"], row["one_person"])
        if words.is_number(bound)
    ]
    low, high = tens(bounds)
    return {
        "rows": [
            {"title": words.title_of(score), "id": part.ids[name_of(score)], **human}
            for score, human in scores
        ],
        "about": about,
        "title": words.title_of(chosen),
        "strata": [
            {**row, "bar": bar(row["accuracy"], row["interval"], low, high)} for row in strata
        ],
    }
