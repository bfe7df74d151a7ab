"""Who was seen when: true people and found identities of a few clips as bars over time."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from faceoff.figures.canvas import (
    BLUE,
    DOUBLE_MM,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    RED,
    RULE,
    Drawn,
    Row,
    canvas,
    nothing,
    styled,
    titles,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results.dataset_results import DatasetResults
from faceoff.storage import files

_PEOPLE = (BLUE, ORANGE, GREEN, PURPLE, RED, "#56B4E9", "#F0E442")
_ROW_MM, _PANEL_MM = 4.2, 15.0


@styled
def draw(panels: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw a clip per panel.

    panels: {title, start, end (s), lanes: [{name, true, bars: [(start, end, person)]}]}; the true
    people come first. A bar has the colour of its person, and is hatched for nobody (-1).
    """
    if not panels:
        figure = canvas(DOUBLE_MM, 40)
        return nothing(figure, figure.add_subplot(), "no clip was followed")
    sizes = [len(panel["lanes"]) for panel in panels]
    figure = canvas(DOUBLE_MM, 6 + sum(_ROW_MM * size + _PANEL_MM for size in sizes))
    grid = figure.add_gridspec(len(panels), 1, height_ratios=sizes)
    for place, panel in enumerate(panels):
        axes = figure.add_subplot(grid[place])
        lanes = panel["lanes"]
        for row, lane in enumerate(lanes):
            for start, end, person in lane["bars"]:
                axes.add_patch(Rectangle((start, row - 0.36), end - start, 0.72, **_look(person)))
        people = sum(lane["true"] for lane in lanes)
        axes.axhline(people - 0.5, color=INK, linewidth=0.8)
        axes.set_title(titles([panel["title"]], 80)[0])
        axes.set_yticks(range(len(lanes)), titles([lane["name"] for lane in lanes], 30))
        axes.set(xlim=(panel["start"], panel["end"]), ylim=(len(lanes) - 0.5, -0.5))
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        if place == len(panels) - 1:
            axes.set_xlabel("time, s")
    return figure


def _look(person: int) -> dict[str, Any]:
    """Return how a bar of this person looks."""
    if person < 0:
        return {"facecolor": "white", "edgecolor": MUTED, "hatch": "////", "linewidth": 0.4}
    return {
        "facecolor": _PEOPLE[person % len(_PEOPLE)],
        "edgecolor": RULE,
        "linewidth": 0.4,
    }


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw the clips that the scores of the dataset's tracks show; the CSV has every bar."""
    read = [files.read_json(path) for path in dataset.tracks]
    sound = [found for found in read if found["state"] == "ok"]
    panels = [_panel(sound, place) for place in range(len(sound[0]["strips"]) if sound else 0)]
    rows: list[Row] = [
        {
            "dataset": dataset.name,
            "sample_id": panel["sample_id"],
            "by": lane["by"],
            "who": lane["who"],
            "start_s": start,
            "end_s": end,
            "person": "" if person < 0 else panel["people"][person],
        }
        for panel in panels
        for lane in panel["lanes"]
        for start, end, person in lane["bars"]
    ]
    return draw(panels), rows


def _panel(sound: Sequence[Mapping[str, Any]], place: int) -> dict[str, Any]:
    """Return a clip's true people, and every detector's identities below them."""
    first = sound[0]["strips"][place]
    people = [person["name"] for person in first["people"]]
    lanes: list[dict[str, Any]] = [
        {
            "by": "truth",
            "who": person["name"],
            "name": f"true {person['name']}",
            "true": True,
            "bars": [(*span, number) for span in person["spans"]],
        }
        for number, person in enumerate(first["people"])
    ]
    for found in sound:
        lanes += [
            {
                "by": found["detector"],
                "who": identity["identity"],
                "name": f"{found['detector']} {identity['identity']}",
                "true": False,
                "bars": identity["spans"],
            }
            for identity in found["strips"][place]["identities"]
        ]
    kind = f" ({first['kind']})" if first["kind"] else ""
    return {
        "sample_id": first["sample_id"],
        "title": first["sample_id"] + kind,
        "start": first["start"],
        "end": first["end"],
        "people": people,
        "lanes": lanes,
    }


FIGURE = PaperFigure(
    title="Who was seen when",
    place=120,
    needs=("tracks",),
    of_dataset=of_dataset,
)
