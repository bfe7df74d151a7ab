"""The same predictions under every way of making labels."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from faceoff.figures.canvas import (
    DOUBLE_MM,
    INK,
    MARKERS,
    MUTED,
    RED,
    RULE,
    SMALL,
    Drawn,
    canvas,
    is_number,
    nothing,
    styled,
    titles,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results.dataset_results import DatasetResults, label, name_of
from faceoff.scoring.multiverse import rows
from faceoff.storage import files

_LINES = 5


@styled
def draw(universes: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Figure:
    """Draw the accuracy of each pipeline in every universe, and what each universe chooses.

    universes: {factors, accuracy, low, high (one value per name), home (bool), swapped (int or
    None)}, sorted by the first pipeline. A red mark stands where pipelines are in another order
    than at home, the dashed line at home; without a home there is neither.
    """
    factors = list(
        dict.fromkeys(factor for universe in universes for factor in universe["factors"])
    )
    options = [
        (factor, option)
        for factor in factors
        for option in sorted({universe["factors"][factor] for universe in universes})
    ]
    figure = canvas(DOUBLE_MM, 92 + 3.4 * len(options))
    if not universes or not names:
        return nothing(figure, figure.add_subplot(), "no scored pair")
    grid = figure.add_gridspec(2, 1, height_ratios=[76, 8 + 3.4 * len(options)])
    upper = figure.add_subplot(grid[0])
    lower = figure.add_subplot(grid[1], sharex=upper)
    places = range(len(universes))
    for number, title in enumerate(titles(names, 34)):
        values = [
            100 * universe["accuracy"][number]
            if is_number(universe["accuracy"][number])
            else float("nan")
            for universe in universes
        ]
        (drawn,) = upper.plot(
            places,
            values,
            marker=MARKERS[number % len(MARKERS)],
            markersize=2.4,
            linewidth=0.5,
            label=title,
        )
        for place, universe in zip(places, universes, strict=True):
            if is_number(universe["low"][number]):
                limits = [100 * universe["low"][number], 100 * universe["high"][number]]
                upper.plot(
                    [place, place], limits, color=drawn.get_color(), linewidth=0.6, alpha=0.6
                )
    moved = [
        place for place, universe in zip(places, universes, strict=True) if universe["swapped"]
    ]
    upper.plot(
        moved,
        [0.015] * len(moved),
        linestyle="none",
        marker="|",
        markersize=5,
        color=RED,
        transform=upper.get_xaxis_transform(),
    )
    for place, universe in zip(places, universes, strict=True):
        if universe["home"]:
            upper.axvline(place, color=INK, linewidth=0.8, linestyle="--", zorder=0)
            lower.axvline(place, color=INK, linewidth=0.8, linestyle="--", zorder=0)
    home = (
        "; red: another order of pipelines than at the dashed line"
        if any(universe["home"] for universe in universes)
        else ""
    )
    upper.set_title(f"Accuracy, % (95 % interval){home}")
    upper.tick_params(labelbottom=False)
    upper.grid(axis="y")
    figure.legend(loc="outside upper left", ncols=3, fontsize=SMALL)
    for row, (factor, option) in enumerate(options):
        chosen = [
            place
            for place, universe in zip(places, universes, strict=True)
            if universe["factors"].get(factor) == option
        ]
        lower.plot(
            chosen, [row] * len(chosen), linestyle="none", marker="s", markersize=1.6, color=MUTED
        )
        if row and options[row - 1][0] != factor:
            lower.axhline(row - 0.5, color=RULE, linewidth=0.5)
    lower.set_yticks(
        range(len(options)),
        titles([f"{factor}: {option}" for factor, option in options], 44),
        fontsize=SMALL,
    )
    lower.set_ylim(len(options) - 0.5, -0.5)
    lower.set_xlim(-1, len(universes))
    lower.tick_params(length=0, labelbottom=False)
    lower.spines[:].set_visible(False)
    return figure


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw the chosen best single, the next cells and the leading fusions.

    The CSV has every pipeline of multiverse/<dataset>.json.
    """
    if dataset.multiverse is None:
        raise ValueError(f"{dataset.name} was not scored under every label rule")
    found = files.read_json(dataset.multiverse)
    names = found["pipelines"]
    shown = [names.index(name) for name in map(name_of, dataset.shown(singles=3)) if name in names][
        :_LINES
    ]
    home = found["home"]
    universes = [
        {
            **universe,
            "home": place == home,
            **{
                key: [universe[key][index] for index in shown]
                for key in ("accuracy", "low", "high")
            },
        }
        for place, universe in enumerate(found["universes"])
    ]
    universes.sort(
        key=lambda universe: [
            value if is_number(value) else -1.0 for value in universe["accuracy"][:1]
        ]
    )
    return draw(universes, [label(names[index]) for index in shown]), rows(found)


FIGURE = PaperFigure(
    title="The same predictions under every label rule",
    place=100,
    needs=("multiverse",),
    of_dataset=of_dataset,
)
