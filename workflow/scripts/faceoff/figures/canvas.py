"""Give all figures their sizes, colours and style, and save them as the same bytes every time.

A figure is a module of this package with two functions and an entry. `draw` takes plain data and
returns a matplotlib Figure. `of_dataset` (`of_run` where it shows all datasets) takes that data
from a run's results and also returns the rows of the CSV beside the figure. The entry `FIGURE`
names it (paper_figure.py). Timelines are drawn by `faceoff timeline`, not by a run.

Accuracies, recalls, shares and their intervals are given as 0–1 and drawn in percent; differences
in percentage points. None (JSON's null) and NaN stand for "no value" and are drawn as a gap or a
dash, never as zero. How everything looks is in look.mplstyle. `titles` turns names from outside
into text: one line, told apart where they are cut, in letters that the font has. Lines differ in
more than colour.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeGuard

import matplotlib.style
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from faceoff.results.dataset_results import shorten_all
from faceoff.storage import files

Row = dict[str, Any]
Drawn = tuple[Figure, list[Row]]  # a figure and the rows of the CSV beside it

# One and two columns of a journal page; every figure has one of these widths.
SINGLE_MM, DOUBLE_MM = 89.0, 183.0
_STYLE = Path(__file__).with_name("look.mplstyle")
INK, MUTED, RULE = "#111111", "#666666", "#bbbbbb"
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE = "#CC79A7"
SEQUENTIAL = LinearSegmentedColormap.from_list(
    "faceoff", ["#f5f8fa", "#b9d6e6", "#5d9fc4", "#1f6a9a", "#0b3557"]
)
# Points of counts, half-widths of intervals and captions of faces inside a panel. All other text
# has the 8 points of look.mplstyle.
SMALL = 6.5
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
STYLES = (
    "-",
    "--",
    ":",
    "-.",
    (0, (5, 1, 1, 1, 1, 1)),
    (0, (1, 1)),
)  # of lines, in the order of MARKERS
LETTER_MM, SMALL_LETTER_MM = 1.6, 1.3  # mean width of a letter of 8 points, and of a small one
_STAMP_MM = 5.0
_COLUMNS = 3  # of panels
_FEW_STEPS = 7  # of an axis, of which each is named
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "Faceoff"},
    "pdf": {"CreationDate": None, "Creator": "Faceoff"},
    "png": {"Software": None},
}

P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw under look.mplstyle, whatever the user's own matplotlib settings are."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.style.context(_STYLE, after_reset=True):
            return draw(*args, **kwargs)

    return drawn


def save(figure: Figure, stem: Path, formats: Sequence[str], stamp: str = "") -> list[Path]:
    """Write a figure as `stem`.FORMAT for each format (svg, pdf, png).

    The bytes hold no date, host or random id. stamp: words above the whole figure.
    """
    if stamp:
        _stamp(figure, stamp)
    written = []
    for suffix in formats:
        path = stem.with_name(f"{stem.name}.{suffix}")
        with matplotlib.style.context(_STYLE, after_reset=True), files.atomic(path) as scratch:
            figure.savefig(scratch, format=suffix, metadata=_METADATA[suffix])
        written.append(path)
    return written


def _stamp(figure: Figure, words: str) -> None:
    """Put the words into a band of their own, by which the figure grows.

    All else keeps its size and its distance from the lower edge.
    """
    with matplotlib.style.context(_STYLE, after_reset=True):
        if engine := figure.get_layout_engine():
            engine.execute(figure)
        # With any engine, even the one that does nothing, each format would be drawn twice.
        with matplotlib.rc_context({"figure.constrained_layout.use": False}):
            figure.set_layout_engine()
        width, height = figure.get_size_inches()
        grown = height + _STAMP_MM / 25.4
        share = height / grown
        figure.set_size_inches(width, grown)
        for axes in figure.axes:
            place = axes.get_position(original=True)
            axes.set_position((place.x0, place.y0 * share, place.width, place.height * share))
        for text in figure.texts:
            text.set_y(text.get_position()[1] * share)
        for legend in figure.legends:
            legend.set_bbox_to_anchor((0, 0, 1, share), transform=figure.transFigure)
        figure.text(
            1.5 / (25.4 * width),
            1 - 1 / (25.4 * grown),
            words,
            va="top",
            color=RED,
            fontweight="bold",
        )


def canvas(width_mm: float, height_mm: float) -> Figure:
    """Return an empty figure of this size."""
    figure = Figure(figsize=(width_mm / 25.4, height_mm / 25.4))
    FigureCanvasAgg(figure)
    return figure


def single(width_mm: float, height_mm: float) -> tuple[Figure, Any]:
    """Return a figure of this size with one pair of axes."""
    figure = canvas(width_mm, height_mm)
    return figure, figure.add_subplot()


def panels(
    names: Sequence[str], height_mm: float, legend_mm: float, label: str
) -> tuple[Figure, list[tuple[str, Any]]]:
    """Return a figure with a titled panel for each name, three beside each other, and the panels.

    height_mm: of a row of panels; legend_mm: space above them; label: of the axis that they share.
    """
    rows = -(-max(1, len(names)) // _COLUMNS)
    figure = canvas(DOUBLE_MM, legend_mm + height_mm * rows)
    grid = figure.subplots(rows, _COLUMNS, sharey=True, squeeze=False)
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    for axes, title in zip(grid.flat, titles(names, 34), strict=False):
        axes.set_title(title)
    for axes in grid[:, 0]:
        axes.set_ylabel(label)
    return figure, list(zip(names, grid.flat, strict=False))


def nothing(figure: Figure, axes: Any, words: str) -> Figure:
    """Write on the axes why there is nothing to draw."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, words, ha="center", va="center", color=MUTED, transform=axes.transAxes)
    return figure


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether there is a value, and a finite one."""
    return value is not None and math.isfinite(value)


def titles(names: Sequence[str], length: int) -> list[str]:
    """Shorten names for a figure, as `shorten_all` does.

    A character that the figures' font lacks is written by its number, U+4E2D, as in the LaTeX
    tables.
    """
    return shorten_all(
        names,
        length,
        lambda letter: letter if ord(letter) in _letters() else f"U+{ord(letter):04X}",
    )


@functools.cache
def _letters() -> frozenset[int]:
    """Return the code points that the figures' font has, plain and bold."""
    plain, bold = (
        font_manager.get_font(font_manager.findfont(f"DejaVu Sans:{weight}")).get_charmap()
        for weight in ("regular", "bold")
    )
    return frozenset(plain) & frozenset(bold)


def ink_on(share: float) -> str:
    """Return the text colour on the sequential map at 0–1: white from where it reads better."""
    return "white" if share > 0.58 else INK


def draw_interval(
    axes: Any, y: float, value: Any, low: Any, high: Any, marker: str, colour: str
) -> None:
    """Draw a value and its interval (0–1) in percent, in row `y`."""
    if is_number(low) and is_number(high):
        axes.plot(
            [100 * low, 100 * high], [y, y], color=colour, linewidth=1.4, solid_capstyle="round"
        )
    if is_number(value):
        axes.plot(
            100 * value,
            y,
            marker=marker,
            color=colour,
            markersize=4.2,
            markeredgecolor="white",
            markeredgewidth=0.5,
        )


def label_rows(axes: Any, titles: Sequence[str]) -> None:
    """Name the rows of a plot, from the top down."""
    axes.set_yticks(range(len(titles)), titles)
    axes.set_ylim(max(1, len(titles)) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


def name_steps(axes: Any, values: Mapping[int, str]) -> None:
    """Name the places of an axis by their values, every other one where there are many."""
    places = sorted(values)
    step = 1 if len(places) <= _FEW_STEPS else 2
    named = ["" if index % step else values[place] for index, place in enumerate(places)]
    axes.set_xticks(places)
    axes.set_xticklabels(named, fontsize=SMALL, rotation=30, ha="right", rotation_mode="anchor")
