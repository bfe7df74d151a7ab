"""Section: the head of a dataset's part.

It says what was asked of the pipelines, and the answer in one sentence with its interval.
"""

from faceoff.report.part import Part, View
from faceoff.results import words
from faceoff.results.dataset_results import shorten


def view(part: Part) -> View:
    """Return the verdict in words, with what qualifies it."""
    sentence, more = words.verdict(part.dataset)
    task = part.dataset.task
    return {
        "task": task,
        "version": shorten(task["version"] if task else "", 120),
        "caveats": words.caveats(part.dataset),
        "lead": sentence,
        "more": more,
    }
