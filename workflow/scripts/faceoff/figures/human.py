"""Pipelines beside people, where every sample has the votes of several."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from faceoff.figures.canvas import (
    DOUBLE_MM,
    INK,
    MARKERS,
    SMALL,
    Drawn,
    canvas,
    is_number,
    nothing,
    styled,
    titles,
)
from faceoff.figures.confusion import draw_panel
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results.dataset_results import DatasetResults, label, name_of
from faceoff.scoring.records import Score

_LINES = 6


@styled
def draw(
    series: Sequence[Mapping[str, Any]],
    people: Mapping[str, Any],
    space: Sequence[str],
    matrices: Sequence[Mapping[str, Any]],
) -> Figure:
    """Draw pipelines beside one person who is judged by the others.

    Above stands accuracy by how far people agree; below, whom each takes for what, in % of a row.
    series: {title, kl (or None), accuracy (s,), low (s,), high (s,)}; people: {strata (s,) titles,
    one_person (s,), overall}; matrices: {title, matrix (k, k+1), last (title of the last column)}.
    """
    figure = canvas(DOUBLE_MM, 150 if matrices else 76)
    if not series:
        return nothing(figure, figure.add_subplot(), "no votes")
    grid = figure.add_gridspec(
        2 if matrices else 1, max(1, len(matrices)), height_ratios=[1, 1.25] if matrices else [1]
    )
    axes = figure.add_subplot(grid[0, :])
    places = np.arange(len(people["strata"]))
    names = titles([line["title"] for line in series], 34)
    for number, line in enumerate(series):
        shift = 0.12 * (number - (len(series) - 1) / 2)
        heights = [100 * value if is_number(value) else np.nan for value in line["accuracy"]]
        marker, told = (
            MARKERS[number % len(MARKERS)],
            f": KL {line['kl']:.2f}" if is_number(line["kl"]) else "",
        )
        (drawn,) = axes.plot(
            places + shift,
            heights,
            marker=marker,
            markersize=3.5,
            linewidth=0.8,
            label=f"{names[number]}{told}",
        )
        for x, low, high in zip(places + shift, line["low"], line["high"], strict=True):
            if is_number(low) and is_number(high):
                axes.plot([x, x], [100 * low, 100 * high], color=drawn.get_color(), linewidth=0.8)
    person = [100 * value if is_number(value) else np.nan for value in people["one_person"]]
    overall = f" ({100 * people['overall']:.1f} % in all)" if is_number(people["overall"]) else ""
    axes.plot(
        places,
        person,
        color=INK,
        linestyle="--",
        marker="x",
        markersize=3.5,
        label=f"one person against the others{overall}",
    )
    axes.set_xticks(places, people["strata"])
    axes.set_title("Accuracy, %, by the share of votes on the winner")
    axes.set_ylim(0, 102)
    axes.grid(axis="y")
    axes.legend(loc="lower right", fontsize=SMALL)
    for place, panel in enumerate(matrices):
        titled = {**panel, "title": titles([panel["title"]], 40)[0]}
        draw_panel(
            figure.add_subplot(grid[1, place]),
            titled,
            space,
            0.36 * DOUBLE_MM,
            left=place == 0,
            bottom=True,
            percent=True,
            last=panel["last"],
        )
    return figure


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw the chosen best single and the leading fusions.

    The matrices are those of people and of the best single.
    """
    described: list[tuple[Score, Mapping[str, Any]]] = [
        (score, human) for score in dataset.shown(singles=1) if (human := score.get("human"))
    ]
    chosen = described[:_LINES]
    if not chosen:
        return draw([], {"strata": [], "one_person": [], "overall": None}, dataset.space, []), []
    best, best_human = chosen[0]
    strata = best_human["strata"]
    people = {
        "strata": [
            f"≤ {100 * s['high']:.0f} %"
            if s["low"] == 0
            else f"{100 * s['low']:.0f}–{100 * s['high']:.0f} %"
            for s in strata
        ],
        "one_person": [s["one_person"] for s in strata],
        "overall": best_human["one_person"],
    }
    series, rows = [], []
    for score, found in chosen:
        columns = {"accuracy": [s["accuracy"] for s in found["strata"]]}
        columns |= {
            name: [s["interval"][side] for s in found["strata"]]
            for side, name in enumerate(("low", "high"))
        }
        series.append({"title": label(name_of(score)), "kl": found["kl"], **columns})
        for s in found["strata"]:
            about = {
                "agreement_low": s["low"],
                "agreement_high": s["high"],
                "n": s["n"],
                "accuracy": s["accuracy"],
            }
            rows.append(
                {
                    "part": "stratum",
                    "pipeline": name_of(score),
                    **about,
                    "low": s["interval"][0],
                    "high": s["interval"][1],
                    "one_person": s["one_person"],
                }
            )
        names = (
            "cross_entropy",
            "vote_entropy",
            "kl",
            "one_person",
            "accuracy_as_tagger",
            "as_tagger_over_one_person",
        )
        rows.append(
            {
                "part": "summary",
                "pipeline": name_of(score),
                "n": found["n"],
                **{name: found[name] for name in names},
            }
        )
    matrices = [
        {
            "title": "one person (rows: the others)",
            "matrix": best_human["confusion"],
            "last": "other",
        },
        {"title": label(name_of(best)), "matrix": best["confusion"], "last": "no face"},
    ]
    for panel, who in zip(matrices, ("people", name_of(best)), strict=True):
        for truth, counts in zip(dataset.space, panel["matrix"], strict=True):
            taken = zip([*dataset.space, panel["last"]], counts, strict=True)
            rows += [
                {
                    "part": "confusion",
                    "pipeline": who,
                    "truth": truth,
                    "predicted": name,
                    "n": count,
                }
                for name, count in taken
            ]
    return draw(series, people, dataset.space, matrices), rows


FIGURE = PaperFigure(
    title="Pipelines beside people",
    place=90,
    needs=("votes",),
    of_dataset=of_dataset,
)
