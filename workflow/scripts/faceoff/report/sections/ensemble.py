"""Show how accurate a vote of the best one, two, three … pairs is, and what each pair adds."""

from faceoff.report.part import Part, View, bar
from faceoff.results import dataset_results, words

ANCHOR, TITLE, NAV = "ensemble", "How many pairs does a vote need?", "How many pairs"


def view(part: Part) -> View | None:
    """Return the steps of greedy selection, with bars on a common axis.

    None where there is one pair only.
    """
    ensemble = part.dataset.compared.get("ensemble")
    curve = ensemble["curve"] if ensemble else []
    if not curve:
        return None
    bounds = [
        bound
        for step in curve
        for bound in (step["accuracy"], *step["interval"])
        if words.is_number(bound)
    ]
    low, high = dataset_results.tens(bounds)
    steps = [
        {
            **step,
            "added": words.label_short(step["added"]),
            "low": step["interval"][0],
            "high": step["interval"][1],
            "bar": bar(step["accuracy"], step["interval"], low, high),
        }
        for step in curve
    ]
    return {"low": low, "high": high, "steps": steps, "files": part.links("ensemble")}
