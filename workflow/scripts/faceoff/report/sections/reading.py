"""Explain how to read the page: what each number means."""

from faceoff.report.part import View
from faceoff.results import words

ANCHOR, TITLE = "reading", "How to read this page"


def view() -> View:
    """Return what the section says of training status."""
    return {"train_status": words.TRAIN_STATUS}
