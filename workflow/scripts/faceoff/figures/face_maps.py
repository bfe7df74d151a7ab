"""A face with the map of what a model looks at, and how true the map is."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from faceoff.figures.canvas import BLUE, DOUBLE_MM, GREEN, MUTED, ORANGE, canvas, styled
from faceoff.plugins.protocols import RGB
from faceoff.saliency.explanation import Explanation
from faceoff.saliency.faithfulness import SCORES
from faceoff.saliency.overlay import overlay

_LINES = {"map": (BLUE, "-"), "centre": (GREEN, "--"), "random": (ORANGE, ":")}
_AXIS = {"deletion": "pixels taken away (%)", "insertion": "pixels put back (%)"}


@styled
def draw(face: RGB, found: Explanation, title: str) -> Figure:
    """Draw the face, the map over it, and the curves of deletion and insertion.

    face: (height, width, 3) as a person sees it; title: of the method and the model.
    """
    figure = canvas(DOUBLE_MM, 56)
    axes = figure.subplots(1, 4, width_ratios=(1, 1, 1.1, 1.1))
    said = f"{found.emotion} {100 * found.probability:.0f} %"
    for place, picture, words in ((0, face, said), (1, overlay(face, found.heat), title)):
        axes[place].imshow(picture)
        axes[place].set_axis_off()
        axes[place].set_title(words, fontsize=7)
    for place, kind in zip((2, 3), SCORES, strict=True):
        _curves(axes[place], {name: of_map[kind] for name, of_map in found.curves.items()})
        axes[place].set_xlabel(_AXIS[kind])
        area = found.areas["map"][kind]
        axes[place].set_title(f"{kind}: AUC {area:.3f}", fontsize=7)
    axes[2].set_ylabel("probability (%)")
    axes[3].legend(loc="lower right", fontsize=6)
    return figure


def _curves(axes: Any, curves: Mapping[str, np.ndarray]) -> None:
    for name, (colour, style) in _LINES.items():
        curve = curves[name]
        shares = np.linspace(0, 100, len(curve))
        axes.plot(shares, 100 * curve, color=colour, linestyle=style, label=name)
    axes.set_ylim(0, 102)
    axes.set_xlim(0, 100)
    axes.grid(color=MUTED, alpha=0.2)
