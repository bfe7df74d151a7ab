"""What pipelines are worth that may say "not detected" when they are unsure."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from faceoff.figures.canvas import DOUBLE_MM, MUTED, RULE, SMALL, Drawn, canvas, draw_interval, is_number, label_rows, nothing, styled
from faceoff.report.results import DatasetResults, label, name_of, scored, shorten

_LINES = 6


@styled
def draw(series: Sequence[Mapping[str, Any]]) -> Figure:
    """Left: share of the accepted that is wrong against the share that is accepted. Right: accuracy of the accepted at fixed shares, with 95 % intervals.

    series: {title, coverage (m,), risk (m,), aurc, auroc (of labelled samples against outliers, or None), at: [{coverage, accuracy, interval}]}.
    """
    steps = [(line, step) for line in series for step in line["at"]]
    figure = canvas(DOUBLE_MM, max(76, 20 + 4.2 * len(steps)))
    left, right = figure.subplots(1, 2, width_ratios=[1.1, 1])
    if not series:
        left.set_axis_off()
        return nothing(figure, right, "no scored pair")
    colours = {}
    for line in series:
        outliers = f", AUROC {line['auroc']:.3f}" if is_number(line["auroc"]) else ""
        (drawn,) = left.plot(
            [100 * x for x in line["coverage"]], [100 * y for y in line["risk"]], label=f"{line['title']}: AURC {100 * line['aurc']:.1f} %{outliers}"
        )
        colours[line["title"]] = drawn.get_color()
    left.set_title("Wrong among the accepted, %")
    left.set_xlabel("accepted, % of all samples, most confident first")
    left.set(xlim=(0, 101))
    left.set_ylim(bottom=0)
    left.grid()
    left.legend(loc="upper left", fontsize=SMALL)
    for place, (line, step) in enumerate(steps):
        low, high = step["interval"] or (None, None)
        draw_interval(right, place, step["accuracy"], low, high, "o", colours[line["title"]])
        words = f"{100 * step['accuracy']:.1f}" if is_number(step["accuracy"]) else "out of reach"
        right.text(
            1.01, place, words, va="center", fontsize=SMALL, color="black" if is_number(step["accuracy"]) else MUTED, transform=right.get_yaxis_transform()
        )
        if place and line is not steps[place - 1][0]:
            right.axhline(place - 0.5, color=RULE, linewidth=0.5)
    right.set_title("Accuracy of the accepted, %")
    label_rows(right, [f"{shorten(line['title'], 24)}, {100 * step['coverage']:.0f} %" for line, step in steps])
    right.tick_params(axis="y", labelsize=SMALL)
    return figure


def of_dataset(dataset: DatasetResults) -> Drawn:
    """The chosen best single and the leading fusions."""
    chosen = [score for score in dataset.shown(singles=1) if score.get("rejection") and scored(score)][:_LINES]
    series, rows = [], []
    for score in chosen:
        found = score["rejection"]
        auroc = (found["outliers"] or {}).get("auroc")
        series.append({"title": shorten(label(name_of(score)), 34), **found["curve"], "aurc": found["aurc"], "auroc": auroc, "at": found["at"]})
        about = {"pipeline": name_of(score)}
        for coverage, risk in zip(found["curve"]["coverage"], found["curve"]["risk"], strict=True):
            rows.append({"part": "curve", **about, "coverage": coverage, "risk": risk})
        for step in found["at"]:
            low, high = step["interval"] or (None, None)
            limits = {"threshold": step["threshold"], "n": step["n"], "accuracy": step["accuracy"], "low": low, "high": high}
            rows.append({"part": "at", **about, "coverage": step["coverage"], **limits, "outliers_rejected": step["outliers_rejected"]})
        rows.append({"part": "summary", **about, "aurc": found["aurc"], "e_aurc": found["e_aurc"], "auroc": auroc})
    return draw(series), rows
