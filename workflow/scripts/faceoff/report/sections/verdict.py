"""Section: the head of a dataset's part.

It says in plain words what to use, below it the statistics, and shows a few faces.
"""

from faceoff.report.part import Part, View
from faceoff.report.sections import faces
from faceoff.results import words
from faceoff.results.dataset_results import shorten
from faceoff.results.headline import headline, unlabelled


def view(part: Part) -> View:
    """Return the verdict in words, with what qualifies it, and faces right and wrong."""
    if part.unlabelled:
        lead, more = unlabelled(part.answers or {})
    else:
        sentence, more = words.verdict(part.dataset)
        plain = headline(part.dataset)
        lead, more = (plain, [sentence, *more]) if plain else (sentence, more)
    task = part.dataset.task
    return {
        "faces": faces.glance(part),
        "task": task,
        "version": shorten(task["version"] if task else "", 120),
        "caveats": words.caveats(part.dataset),
        "lead": lead,
        "more": more,
    }
