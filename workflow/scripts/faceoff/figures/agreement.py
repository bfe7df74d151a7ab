"""Draw which pairs answer alike: chance-corrected agreement of their predictions."""

from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from faceoff.figures.canvas import (
    DOUBLE_MM,
    MUTED,
    RULE,
    SEQUENTIAL,
    SINGLE_MM,
    SMALL,
    Drawn,
    Row,
    ink_on,
    is_number,
    nothing,
    single,
    styled,
    titles,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results.dataset_results import DatasetResults, label, name_of

_PAIRS = 20  # as many rows and columns as can be read; the CSV has all
_WRITTEN = 12  # up to so many their kappa stands in the square


@styled
def draw(names: Sequence[str], kappa: Mapping[tuple[int, int], float | None]) -> Figure:
    """Draw Cohen's kappa (−1 … 1) of every two of `names`, as a square.

    kappa: by the indices of two names (first < second). Below 0 it has the colour of 0.
    """
    if len(names) < 2:
        return nothing(*single(SINGLE_MM, 40), "fewer than two scored pairs")
    shown = titles(names, 32)
    longest = max(map(len, shown))
    side = min(11.0, (DOUBLE_MM - 30 - 1.4 * longest) / len(shown))
    width = SINGLE_MM if 34 + 1.4 * longest + side * len(shown) <= SINGLE_MM else DOUBLE_MM
    figure, axes = single(width, 24 + 1.1 * longest + side * len(shown))
    figure.set_layout_engine(
        "compressed"
    )  # the plain one lets long labels of square axes run off the page
    for row in range(len(shown)):
        axes.add_patch(
            Rectangle((row - 0.5, row - 0.5), 1, 1, facecolor="#f4f4f4", edgecolor="white")
        )
        for column in range(row):
            value = kappa.get((column, row))
            for x, y in ((row, column), (column, row)):
                colour = SEQUENTIAL(max(0.0, value)) if is_number(value) else "#f4f4f4"
                axes.add_patch(
                    Rectangle(
                        (x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor="white", linewidth=0.6
                    )
                )
                if not is_number(value):
                    axes.text(x, y, "–", ha="center", va="center", color=MUTED)
                elif len(shown) <= _WRITTEN:
                    axes.text(
                        x,
                        y,
                        f"{value:.2f}".replace("0.", ".", 1),
                        ha="center",
                        va="center",
                        fontsize=SMALL,
                        color=ink_on(max(0.0, value)),
                    )
    axes.set(xlim=(-0.5, len(shown) - 0.5), ylim=(len(shown) - 0.5, -0.5), aspect="equal")
    axes.set_xticks(range(len(shown)), shown, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(shown)), shown)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(
        matplotlib.cm.ScalarMappable(matplotlib.colors.Normalize(0, 1), SEQUENTIAL),
        ax=axes,
        fraction=0.05,
        pad=0.02,
        aspect=14,
    )
    bar.outline.set_edgecolor(RULE)
    bar.set_label("Cohen's kappa")
    return figure


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw the leading pairs, best first."""
    pairs: list[Row] = [{**pair} for pair in dataset.compared.get("pairs") or []]
    known = {pair[side] for pair in pairs for side in ("a", "b")}
    shown = [name_of(score) for score in dataset.ranked if name_of(score) in known][:_PAIRS]
    place = {name: index for index, name in enumerate(shown)}
    kappa = {}
    for pair in pairs:
        if pair["a"] in place and pair["b"] in place:
            first, second = sorted((place[pair["a"]], place[pair["b"]]))
            kappa[first, second] = pair["kappa"]
    return draw([label(name) for name in shown], kappa), pairs


FIGURE = PaperFigure(
    title="Which pairs answer alike",
    place=50,
    needs=("several_pairs",),
    of_dataset=of_dataset,
)
