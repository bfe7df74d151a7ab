"""Example faces, right and wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from faceoff.figures.canvas import (
    DOUBLE_MM,
    GREEN,
    RED,
    SMALL,
    Drawn,
    canvas,
    is_number,
    nothing,
    single,
    styled,
    titles,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.media.images import decode_image
from faceoff.results.dataset_results import DatasetResults, name_of
from faceoff.storage import parquet


@styled
def draw(items: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw face crops, right ones above, wrong ones below.

    items: {image (H, W, 3) uint8, truth, predicted, confidence, correct}.
    """
    across = 8
    groups = [
        ("right", [item for item in items if item["correct"]]),
        ("wrong", [item for item in items if not item["correct"]]),
    ]
    rows = [
        (word, group[start : start + across], 5.5 if word == "right" else 8.5)
        for word, group in groups
        for start in range(0, len(group), across)
    ]
    if not rows:
        figure, axes = single(DOUBLE_MM, 30)
        return nothing(figure, axes, "no example faces")
    # Placed by hand in millimetres: layout engines give every picture another size when captions
    # differ in length.
    left, side, gap = 6.0, 20.8, 1.3
    height = sum(side + caption for _, _, caption in rows) + 1.0
    figure = canvas(DOUBLE_MM, height)
    figure.set_layout_engine("none")
    top = height - 0.6
    for word, group, caption in rows:
        for column, item in enumerate(group):
            place = (
                (left + column * (side + gap)) / DOUBLE_MM,
                (top - side) / height,
                side / DOUBLE_MM,
                side / height,
            )
            _example(
                figure.add_axes(place),
                item,
                GREEN if word == "right" else RED,
                word if column == 0 else "",
            )
        top -= side + caption
    return figure


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw faces of the best single cell, as many right and wrong ones as the run asks for."""
    found = list(parquet.rows(dataset.examples)) if dataset.examples else []
    cells = [
        name_of(score)
        for score in dataset.shown(singles=len(dataset.cells))
        if score["kind"] == "cell"
    ]
    best = next((cell for cell in cells if any(row["cell"] == cell for row in found)), None)
    chosen = [
        row
        for correct in (True, False)
        for row in [row for row in found if row["cell"] == best and row["correct"] == correct][
            : dataset.examples_shown
        ]
    ]
    emotions = list(dict.fromkeys(row[key] for row in chosen for key in ("truth", "predicted")))
    shown = dict(zip(emotions, titles(emotions, 16), strict=True))
    items = [
        {
            **row,
            "image": decode_image(row["image"]["bytes"]),
            "truth": shown[row["truth"]],
            "predicted": shown[row["predicted"]],
        }
        for row in chosen
    ]
    return draw(items), [
        {
            key: row[key]
            for key in ("cell", "sample_id", "truth", "predicted", "confidence", "correct")
        }
        for row in chosen
    ]


def _example(axes: Any, item: Mapping[str, Any], colour: str, word: str) -> None:
    axes.imshow(
        item["image"],
        interpolation="nearest" if max(np.shape(item["image"])[:2]) < 32 else "antialiased",
    )
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, edgecolor=colour, linewidth=1.4)
    if word:
        axes.set_ylabel(word, color=colour, fontweight="bold")
    confidence = f" {100 * item['confidence']:.0f} %" if is_number(item["confidence"]) else ""
    outcome = (
        f"{item['truth']}{confidence}"
        if item["correct"]
        else f"{item['truth']}\n→ {item['predicted']}{confidence}"
    )
    axes.text(
        0.0, -0.05, outcome, fontsize=SMALL, va="top", linespacing=1.2, transform=axes.transAxes
    )


FIGURE = PaperFigure(
    title="Examples, right and wrong",
    place=110,
    needs=("faces",),
    of_dataset=of_dataset,
)
