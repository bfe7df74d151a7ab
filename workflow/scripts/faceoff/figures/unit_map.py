"""Action units over time, as a heat map."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from faceoff.figures.canvas import DOUBLE_MM, SEQUENTIAL, SMALL, canvas, nothing, styled, titles
from faceoff.statistics.arrays import Floats
from faceoff.temporal.episodes import borders

STRONGEST = 5  # FACS's E


@styled
def draw(title: str, units: Sequence[str], seconds: Floats, intensities: Floats) -> Figure:
    """Draw a row per unit and a column per moment.

    Parameters
    ----------
    title
        Above the map.
    units
        u names, such as AU12.
    seconds
        (t,) rising.
    intensities
        (t, u) from 0 to 5; NaN is drawn as the ground.
    """
    figure = canvas(DOUBLE_MM, 22 + 4.2 * len(units))
    axes = figure.add_subplot()
    if not len(seconds) or not units:
        return nothing(figure, axes, "no action unit was measured")
    edges = borders(seconds)
    rows = np.arange(len(units) + 1)
    mesh = axes.pcolormesh(
        edges, rows, intensities.T, cmap=SEQUENTIAL, vmin=0, vmax=STRONGEST, rasterized=True
    )
    axes.set_yticks(np.arange(len(units)) + 0.5, units, fontsize=SMALL)
    axes.set_ylim(len(units), 0)
    axes.tick_params(axis="y", length=0)
    axes.set_facecolor("#dddddd")
    axes.set_title(titles([title], 80)[0])
    axes.set_xlabel("time, s")
    bar = figure.colorbar(mesh, ax=axes, pad=0.01, aspect=30)
    bar.set_label("intensity", fontsize=SMALL)
    bar.outline.set_visible(False)
    return figure
