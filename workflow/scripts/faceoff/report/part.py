"""Say what a section of the page is made from, and place its numbers on an axis.

A section is a module and a template of the same name in sections/. The module has `ANCHOR` (the end
of its id), `TITLE` (its heading), `NAV` (its entry in the contents) and `view(part)`, which turns
results into plain rows for the template, or returns None where this run has nothing to say there:
then the section is left out. A view's `heading` replaces `TITLE`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from faceoff.results import words
from faceoff.results.dataset_results import DatasetResults, name_of, shorten, shorten_all
from faceoff.scoring.records import Score

NAME, REASON, LABEL = 60, 400, 24  # characters shown of a name, of a reason, of an emotion
MEANINGLESS = 0.8  # width of an interval of shares, 0–1: of one to three samples
View = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """Hold one dataset's share of the page.

    key: how its ids begin; ids: pipeline -> id of its panel; links: kind of figure -> its files'
    links; faces: whether pictures of faces may be shown; models: what the models' cards say;
    voices: the segmenters, whose cells read voices; pictures: the examples table, None where no
    face is shown; overlaps, answers, multiverse, over_time, tracks (of each detector), signals (of
    each), robustness (of each corruption), saliency (of each cell): what those stages wrote; strip:
    the table of a face under every corruption; explained: 'detector/model' -> table of explained
    faces, where faces may be shown; synchrony: of each signal of lips, what its stage wrote; speed:
    link to the speed page.
    """

    dataset: DatasetResults
    key: str
    ids: Mapping[str, str]
    links: Callable[[str], list[View]]
    faces: bool = False
    models: Mapping[str, Any] = field(default_factory=dict)
    voices: frozenset[str] = frozenset()
    pictures: Path | None = None
    overlaps: Mapping[str, Any] | None = None
    answers: Mapping[str, Any] | None = None
    multiverse: Mapping[str, Any] | None = None
    over_time: Mapping[str, Any] | None = None
    tracks: Sequence[Mapping[str, Any]] = ()
    signals: Sequence[Mapping[str, Any]] = ()
    robustness: Sequence[Mapping[str, Any]] = ()
    strip: Path | None = None
    saliency: Sequence[Mapping[str, Any]] = ()
    explained: Mapping[str, Path] = field(default_factory=dict)
    synchrony: Sequence[Mapping[str, Any]] = ()
    speed: str | None = None

    @property
    def unlabelled(self) -> bool:
        """Return whether no sample has a label, so that what was answered is all there is."""
        found = self.answers or {}
        return not found.get("labelled", True) and bool(found.get("pipelines"))

    def emotion(self, name: str) -> str:
        """Return an emotion as the page writes it everywhere."""
        return self._emotions.get(name) or shorten(name, LABEL)

    @cached_property
    def _emotions(self) -> dict[str, str]:
        return dict(zip(self.dataset.space, shorten_all(self.dataset.space, LABEL), strict=True))


def bar(
    value: float | None, interval: Sequence[float | None], start: float, end: float
) -> View | None:
    """Return the places of a value and its interval on an axis, in percent of its length.

    None where there is no value or no axis. An interval wider than `MEANINGLESS` says nothing and
    is not drawn.
    """
    if not words.is_number(value) or end <= start:
        return None

    def place(x: float) -> float:
        return round(100 * min(1.0, max(0.0, (x - start) / (end - start))), 2)

    left = right = place(value)
    low, high = interval
    if words.is_number(low) and words.is_number(high) and high - low <= MEANINGLESS:
        left, right = place(low), place(high)
    return {"point": place(value), "left": left, "width": round(right - left, 2)}


def shade(share: float) -> int:
    """Return a share as whole percent of the colour scale."""
    return round(100 * min(1.0, max(0.0, share)))


def by_interest(dataset: DatasetResults) -> list[Score]:
    """Return every scored pipeline: the chosen best single first, then as ranked."""
    first = [score for score in dataset.ranked if name_of(score) == dataset.chosen_single]
    return first + [score for score in dataset.ranked if score not in first]


def relative(file: Path, output: Path) -> str:
    """Return a link from the page at `output` to a file."""
    return quote(os.path.relpath(file, output.parent))
