"""Draw what pipelines are worth that may say "not detected" when they are unsure."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from faceoff.figures.canvas import (
    DOUBLE_MM,
    MARKERS,
    MUTED,
    RULE,
    SMALL,
    STYLES,
    Drawn,
    canvas,
    draw_interval,
    is_number,
    label_rows,
    nothing,
    styled,
    titles,
)
from faceoff.figures.paper_figure import PaperFigure
from faceoff.results.dataset_results import DatasetResults, label, name_of, scored
from faceoff.results.words import reached, share_reached

_LINES = 6


@styled
def draw(series: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the share of accepted answers that is wrong, and accuracy where some are rejected.

    series: {title, coverage (m,), risk (m,), aurc, auroc (of labelled samples against outliers, or
    None), at: [{coverage, accuracy, interval, n}], n}: `n` counts the accepted samples, and all.
    """
    steps = [(place, step) for place, line in enumerate(series) for step in line["at"]]
    figure = canvas(DOUBLE_MM, max(76, 20 + 4.2 * len(steps)) + 4 * -(-len(series) // 2))
    left, right = figure.subplots(1, 2, width_ratios=[1.1, 1])
    if not series:
        left.set_axis_off()
        return nothing(figure, right, "no scored pair")
    colours = []
    for place, (title, line) in enumerate(
        zip(titles([line["title"] for line in series], 34), series, strict=True)
    ):
        outliers = f", AUROC {line['auroc']:.3f}" if is_number(line["auroc"]) else ""
        (drawn,) = left.plot(
            [100 * x for x in line["coverage"]],
            [100 * y for y in line["risk"]],
            linestyle=STYLES[place % len(STYLES)],
            label=f"{title}: AURC {100 * line['aurc']:.1f} %{outliers}",
        )
        colours.append(drawn.get_color())
    left.set_title("Wrong among the accepted, %")
    left.set_xlabel("accepted, % of all samples")
    left.set(xlim=(0, 101))
    left.set_ylim(bottom=0)
    left.grid()
    figure.legend(loc="outside upper left", ncols=2, fontsize=SMALL, handlelength=2.6)
    for place, (number, step) in enumerate(steps):
        low, high = step["interval"] or (None, None)
        draw_interval(
            right,
            place,
            step["accuracy"],
            low,
            high,
            MARKERS[number % len(MARKERS)],
            colours[number],
        )
        words = f"{100 * step['accuracy']:.1f}" if is_number(step["accuracy"]) else "out of reach"
        right.text(
            1.01,
            place,
            words,
            va="center",
            fontsize=SMALL,
            color="black" if is_number(step["accuracy"]) else MUTED,
            transform=right.get_yaxis_transform(),
        )
        if place and number != steps[place - 1][0]:
            right.axhline(place - 0.5, color=RULE, linewidth=0.5)
    right.set_title("Accuracy of the accepted, %")
    names = titles([line["title"] for line in series], 24)
    label_rows(
        right, [f"{names[number]}, {reached(step, series[number]['n'])}" for number, step in steps]
    )
    right.tick_params(axis="y", labelsize=SMALL)
    return figure


def of_dataset(dataset: DatasetResults) -> Drawn:
    """Draw the chosen best single and the leading fusions."""
    chosen = [
        score for score in dataset.shown(singles=1) if score.get("rejection") and scored(score)
    ][:_LINES]
    series, rows = [], []
    for score in chosen:
        found = score["rejection"]
        outliers = found["outliers"]
        auroc = outliers["auroc"] if outliers else None
        series.append(
            {
                "title": label(name_of(score)),
                **found["curve"],
                "aurc": found["aurc"],
                "at": found["at"],
                "n": found["n"],
                "auroc": auroc,
            }
        )
        about = {"pipeline": name_of(score)}
        for coverage, risk in zip(found["curve"]["coverage"], found["curve"]["risk"], strict=True):
            rows.append({"part": "curve", **about, "coverage": coverage, "risk": risk})
        for step in found["at"]:
            low, high = step["interval"] or (None, None)
            accepted = {
                "threshold": step["threshold"],
                "n": step["n"],
                "reached": share_reached(step, found["n"]),
            }
            limits = {"accuracy": step["accuracy"], "low": low, "high": high}
            rows.append(
                {
                    "part": "at",
                    **about,
                    "coverage": step["coverage"],
                    **accepted,
                    **limits,
                    "outliers_rejected": step["outliers_rejected"],
                }
            )
        rows.append(
            {
                "part": "summary",
                **about,
                "aurc": found["aurc"],
                "e_aurc": found["e_aurc"],
                "auroc": auroc,
            }
        )
    return draw(series), rows


FIGURE = PaperFigure(
    title="What may be left out when unsure",
    place=80,
    of_dataset=of_dataset,
)
