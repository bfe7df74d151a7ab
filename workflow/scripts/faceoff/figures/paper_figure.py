"""Describe a kind of figure: the entry `FIGURE` with which each figure's module ends.

`title`, `place` and `needs` are literals, since the plan of a run reads them without importing
matplotlib (`plan/figure_list.py`). The caption is in workflow/report/NAME.rst, where NAME is the
module's name.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faceoff.figures.canvas import Drawn
    from faceoff.results.dataset_results import DatasetResults


@dataclass(frozen=True, kw_only=True)
class PaperFigure:
    """Describe a kind of figure. Exactly one of `of_dataset` and `of_run` is given.

    title: what the page and `snakemake --report` call it; place: where it stands among the
    captions; needs: what a run must have for it (`plan.figure_list.Contents.needs`); of_dataset:
    draw the figure of one dataset; of_run: draw one figure of all datasets.
    """

    title: str
    place: int
    needs: tuple[str, ...] = ()
    of_dataset: "Callable[[DatasetResults], Drawn] | None" = None
    of_run: "Callable[[Sequence[DatasetResults]], Drawn] | None" = None


def load(kind: str) -> PaperFigure:
    """Return the figure that the module of this name draws."""
    figure: PaperFigure = importlib.import_module(f"faceoff.figures.{kind}").FIGURE
    return figure
