"""The paper figures: plain data in, a matplotlib Figure out, and `save`, which writes the same bytes for the same figure.

Accuracies, recalls, shares and their intervals are given as 0–1 and drawn in percent; differences in percentage points.
None (JSON's null) and NaN stand for "no value" and are drawn as a gap or a dash, never as zero. How everything looks is in figures.mplstyle.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from faceoff import tables

SINGLE_MM, DOUBLE_MM = 89.0, 183.0  # one and two columns of a journal page
_STYLE = Path(__file__).with_suffix(".mplstyle")
_INK, _MUTED, _RULE = "#111111", "#666666", "#bbbbbb"
_BLUE, _ORANGE, _GREEN, _RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
_SEQUENTIAL = LinearSegmentedColormap.from_list("faceoff", ["#f5f8fa", "#b9d6e6", "#5d9fc4", "#1f6a9a", "#0b3557"])
_SMALL = 6.5  # points; interval half-widths and counts under a percentage
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "Faceoff"},
    "pdf": {"CreationDate": None, "Creator": "Faceoff"},
    "png": {"Software": None},
}


P = ParamSpec("P")


def _styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw under figures.mplstyle, whatever the user's own matplotlib settings are."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.style.context(_STYLE, after_reset=True):
            return draw(*args, **kwargs)

    return drawn


def save(figure: Figure, stem: Path, formats: Sequence[str]) -> list[Path]:
    """Write `stem`.<format> for each format (svg, pdf, png); the bytes hold no date, host or random id."""
    written = []
    for suffix in formats:
        path = stem.with_name(f"{stem.name}.{suffix}")
        with matplotlib.style.context(_STYLE, after_reset=True), tables.atomic(path) as scratch:
            figure.savefig(scratch, format=suffix, metadata=_METADATA[suffix])
        written.append(path)
    return written


@_styled
def heatmap(detectors: Sequence[str], models: Sequence[str], cells: Mapping[tuple[str, str], Mapping[str, Any]], scale: tuple[float, float]) -> Figure:
    """Accuracy of every detector (row) × model (column).

    cells[detector, model]: state (ok, skipped, error), value, low and high (0–1 or None); scale: the values at the ends of the colours. Skipped cells are
    hatched with a dash, failed ones carry a cross; the small print is the interval's half-width in points.
    """
    detectors, models = list(detectors) or ["–"], list(models) or ["–"]
    low, high = scale
    side, longest = 15.0, max(len(name) for name in detectors)
    width = min(max(SINGLE_MM, 30 + 1.6 * longest + side * len(models)), DOUBLE_MM)
    figure, axes = _figure(width, 24 + 10.5 * len(detectors) + 1.1 * max(len(name) for name in models))
    for row, detector in enumerate(detectors):
        for column, model in enumerate(models):
            _heat_cell(axes, column, row, cells.get((detector, model)) or {"state": "skipped"}, low, high)
    axes.set(xlim=(-0.5, len(models) - 0.5), ylim=(len(detectors) - 0.5, -0.5))
    axes.set_xticks(range(len(models)), models, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(detectors)), detectors)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    mappable = matplotlib.cm.ScalarMappable(matplotlib.colors.Normalize(100 * low, 100 * high), _SEQUENTIAL)
    bar = figure.colorbar(mappable, ax=axes, fraction=0.05, pad=0.02, aspect=14)
    bar.outline.set_visible(False)
    bar.set_label("accuracy, %")
    return figure


@_styled
def confusion(panels: Sequence[Mapping[str, Any]], space: Sequence[str]) -> Figure:
    """Row-normalised confusion matrices with their counts.

    panels: {title, matrix (k, k+1) of counts, rows truth, columns predicted in `space` order then no_face}. The no-face column stands apart.
    """
    k = len(space)
    across = 1 if len(panels) == 1 else 2 if len(panels) <= 4 else 3
    down = max(1, math.ceil(len(panels) / across))
    width = {1: SINGLE_MM + 12, 2: DOUBLE_MM, 3: DOUBLE_MM}[across]
    figure = _canvas(width, down * ((width - 26) / across * k / (k + 1.5) + 8) + 20)
    grid = figure.add_gridspec(down, across)
    for index in range(max(1, len(panels))):
        axes = figure.add_subplot(grid[index // across, index % across])
        if not panels or not k:
            return _nothing(figure, axes, "no scored pair")
        # Tick labels only at the outer edge keep the panels large.
        last_row = index + across >= len(panels)
        _confusion_panel(axes, panels[index], space, left=index % across == 0, bottom=last_row, small=across == 3)
    figure.supxlabel("predicted", fontsize=8)
    figure.supylabel("true", fontsize=8)
    return figure


@_styled
def fusion_vs_single(levels: Sequence[Mapping[str, Any]], differences: Sequence[Mapping[str, Any]]) -> Figure:
    """Above: accuracies with intervals. Below: differences fusion − best single with intervals, Holm-adjusted p and verdict.

    levels: {title, kind (best_single, hindsight, fusion, oracle), value, low, high}; differences: {title, difference, low, high, p_adjusted, verdict}.
    """
    shown = max(1, len(levels)), max(1, len(differences))
    figure = _canvas(DOUBLE_MM, 30 + 5.2 * sum(shown))
    grid = figure.add_gridspec(2, 1, height_ratios=[shown[0] + 0.6, shown[1] + 0.6])
    top, bottom = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    _forest_levels(top, levels)
    _forest_differences(bottom, differences)
    return figure


@_styled
def ensemble(curve: Sequence[Mapping[str, Any]], worth: Sequence[Mapping[str, Any]], measure: str) -> Figure:
    """Left: accuracy against the number of members. Right: what each is worth to the vote of all, in points.

    curve: {size, accuracy, low, high} by rising size; worth: {title, value (share of 1)}; measure: shapley or leave_one_out.
    """
    figure = _canvas(DOUBLE_MM, max(62, 22 + 4.6 * len(worth)))
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.15])
    if not curve:
        left.set_axis_off()
        return _nothing(figure, right, "fewer than two scored pairs")
    sizes = [step["size"] for step in curve]
    if all(_number(step["low"]) and _number(step["high"]) for step in curve):
        left.fill_between(sizes, [100 * step["low"] for step in curve], [100 * step["high"] for step in curve], color=_BLUE, alpha=0.15, linewidth=0)
    left.plot(sizes, [100 * step["accuracy"] for step in curve], color=_BLUE, marker="o", markersize=3.5)
    left.axhline(100 * curve[0]["accuracy"], color=_RULE, linewidth=0.8, zorder=0)
    left.set_title("Accuracy of a soft mean of the best, %")
    left.set_xlabel("members, chosen on the other folds")
    left.xaxis.get_major_locator().set_params(integer=True)
    left.grid(axis="y")
    values = [100 * member["value"] for member in worth]
    right.barh(range(len(worth)), values, height=0.66, color=[_BLUE if value >= 0 else _RED for value in values])
    right.axvline(0, color=_MUTED, linewidth=0.8)
    right.set_title("Shapley value in a vote of all, points" if measure == "shapley" else "Lost when left out of a vote of all, points")
    _rows(right, [member["title"] for member in worth])
    return figure


@_styled
def per_class(space: Sequence[str], series: Sequence[Mapping[str, Any]]) -> Figure:
    """Recall (above) and F1 (below) of each emotion, one bar per pipeline. series: {title, fusion (bool), recall (k,), f1 (k,), n (k,)}."""
    figure = _canvas(DOUBLE_MM, 96 + 4.2 * math.ceil(len(series) / 3))
    grid = figure.add_gridspec(2, 1)
    upper = figure.add_subplot(grid[0])
    if not series or not len(space):
        return _nothing(figure, upper, "no scored pair")
    lower = figure.add_subplot(grid[1], sharex=upper)
    colours = _colours([bool(line["fusion"]) for line in series])
    breadth = 0.82 / len(series)
    for axes, measure, title in ((upper, "recall", "recall, %"), (lower, "f1", "F1, %")):
        for index, line in enumerate(series):
            x = np.arange(len(space)) - 0.41 + breadth * (index + 0.5)
            heights = [100 * value if _number(value) else 0.0 for value in line[measure]]
            axes.bar(
                x,
                heights,
                width=breadth * 0.92,
                color=colours[index],
                hatch="////" if line["fusion"] else None,
                edgecolor="white",
                linewidth=0.3,
                label=line["title"] if axes is upper else None,
            )
        axes.set(ylim=(0, 100), ylabel=title)
        axes.grid(axis="y")
        axes.tick_params(axis="x", length=0)
    upper.tick_params(labelbottom=False)
    lower.set_xticks(range(len(space)), [f"{emotion}\nn = {count}" for emotion, count in zip(space, series[0]["n"], strict=True)])
    figure.legend(loc="outside upper left", ncols=min(3, len(series)))
    return figure


@_styled
def examples(items: Sequence[Mapping[str, Any]]) -> Figure:
    """Face crops, right ones above, wrong ones below. items: {image (H, W, 3) uint8, truth, predicted, confidence, correct}."""
    across = 8
    groups = [("right", [item for item in items if item["correct"]]), ("wrong", [item for item in items if not item["correct"]])]
    rows = [(word, group[start : start + across], 5.5 if word == "right" else 8.5) for word, group in groups for start in range(0, len(group), across)]
    if not rows:
        figure, axes = _figure(DOUBLE_MM, 30)
        return _nothing(figure, axes, "no example faces")
    # Placed by hand in millimetres: layout engines give every picture another size when captions differ in length.
    left, side, gap = 6.0, 20.8, 1.3
    height = sum(side + caption for _, _, caption in rows) + 1.0
    figure = _canvas(DOUBLE_MM, height)
    figure.set_layout_engine("none")
    top = height - 0.6
    for word, group, caption in rows:
        for column, item in enumerate(group):
            place = ((left + column * (side + gap)) / DOUBLE_MM, (top - side) / height, side / DOUBLE_MM, side / height)
            _example(figure.add_axes(place), item, _GREEN if word == "right" else _RED, word if column == 0 else "")
        top -= side + caption
    return figure


@_styled
def coverage(panels: Sequence[Mapping[str, Any]]) -> Figure:
    """Shares of samples per detector and state. panels: {title, rows: [{detector, ok, no_face, unreadable, error, reason}]}, counts as integers."""
    panels = panels or [{"title": "", "rows": []}]
    sizes = [max(1, len(panel["rows"])) for panel in panels]
    figure = _canvas(DOUBLE_MM, 24 + sum(5.4 * size + 12 for size in sizes))
    grid = figure.add_gridspec(len(panels), 1, height_ratios=[size + 0.6 for size in sizes])
    states = (
        ("ok", "face found", _BLUE, None),
        ("no_face", "no face", _ORANGE, "...."),
        ("unreadable", "unreadable", "#999999", "////"),
        ("error", "error", _RED, "xxxx"),
    )
    for index, panel in enumerate(panels):
        axes = figure.add_subplot(grid[index])
        axes.set_title(panel["title"])
        for place, row in enumerate(panel["rows"]):
            total, left = sum(row[state] for state, *_ in states), 0.0
            for state, _, colour, hatch in states if total else ():
                share = 100 * row[state] / total
                axes.barh(place, share, left=left, height=0.66, color=colour, hatch=hatch, edgecolor="white", linewidth=0.4)
                left += share
            note = f"{100 * row['ok'] / total:.1f} % of {total:,}" if total else row["reason"] or "not run"
            axes.text(101 if total else 1, place, _cut(note, 90), va="center", ha="left", fontsize=7, color=_INK if total else _MUTED)
        axes.set(xlim=(0, 100), ylim=(len(panel["rows"]) - 0.4, -0.6))
        axes.set_yticks(range(len(panel["rows"])), [row["detector"] for row in panel["rows"]])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        if index == len(panels) - 1:
            axes.set_xlabel("share of samples, %")
    handles = [Rectangle((0, 0), 1, 1, facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0.4) for _, _, colour, hatch in states]
    figure.legend(handles, [words for _, words, *_ in states], loc="outside upper left", ncols=4)
    return figure


@_styled
def timeline(panels: Sequence[Mapping[str, Any]]) -> Figure:
    """Posteriors over time, a clip per panel. panels: {title, emotions (k), seconds (t,), posterior (t, k) with NaN rows, truth (t labels or empty)}.

    Where there is no face the line breaks and the ground is hatched; a strip below shows the labels of the moments where the dataset has them.
    """
    figure = _canvas(DOUBLE_MM, 18 + 34 * max(1, len(panels)))
    grid = figure.add_gridspec(max(1, len(panels)), 1)
    if not panels:
        return _nothing(figure, figure.add_subplot(grid[0]), "no clip of several frames")
    emotions = [emotion for emotion in _EMOTION_COLOURS if any(emotion in panel["emotions"] for panel in panels)]
    emotions += sorted({emotion for panel in panels for emotion in panel["emotions"]} - set(emotions))
    spare = iter(matplotlib.colormaps["tab20b"](np.linspace(0, 1, max(1, len(emotions)))))
    colours = {emotion: _EMOTION_COLOURS.get(emotion) or next(spare) for emotion in emotions}
    for index, panel in enumerate(panels):
        _timeline_panel(figure.add_subplot(grid[index]), panel, colours, last=index == len(panels) - 1)
    handles = [Rectangle((0, 0), 1, 1, facecolor=colours[emotion]) for emotion in emotions]
    figure.legend(handles, emotions, loc="outside upper left", ncols=min(8, len(emotions)))
    return figure


# -- parts ---------------------------------------------------------------------------------------------------------


def _canvas(width_mm: float, height_mm: float) -> Figure:
    figure = Figure(figsize=(width_mm / 25.4, height_mm / 25.4))
    FigureCanvasAgg(figure)
    return figure


def _figure(width_mm: float, height_mm: float) -> tuple[Figure, Any]:
    figure = _canvas(width_mm, height_mm)
    return figure, figure.add_subplot()


def _nothing(figure: Figure, axes: Any, words: str) -> Figure:
    axes.set_axis_off()
    axes.text(0.5, 0.5, words, ha="center", va="center", color=_MUTED, transform=axes.transAxes)
    return figure


def _number(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _ink_on(share: float) -> str:
    """Text colour on the sequential map at 0–1: white from where it reads better."""
    return "white" if share > 0.58 else _INK


def _heat_cell(axes: Any, x: int, y: int, cell: Mapping[str, Any], low: float, high: float) -> None:
    if cell["state"] == "ok" and _number(cell.get("value")):
        share = (cell["value"] - low) / (high - low)
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=_SEQUENTIAL(share), edgecolor="white", linewidth=1.2))
        axes.text(x, y - 0.12, f"{100 * cell['value']:.1f}", ha="center", va="center", color=_ink_on(share))
        if _number(cell.get("low")) and _number(cell.get("high")):
            half = 50 * (cell["high"] - cell["low"])
            axes.text(x, y + 0.25, f"± {half:.1f}", ha="center", va="center", fontsize=_SMALL, color=_ink_on(share))
        return
    failed = cell["state"] == "error"
    axes.add_patch(
        Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="#fbeee6" if failed else "#f4f4f4", edgecolor="#cccccc", hatch=None if failed else "/////", linewidth=0)
    )
    axes.text(x, y, "✗" if failed else "–", ha="center", va="center", color=_RED if failed else _MUTED, fontsize=10, bbox=None if failed else _PATCH)


_PATCH = {"boxstyle": "round,pad=0.15", "facecolor": "#f4f4f4", "edgecolor": "none"}


def _confusion_panel(axes: Any, panel: Mapping[str, Any], space: Sequence[str], *, left: bool, bottom: bool, small: bool) -> None:
    counts = np.asarray(panel["matrix"], dtype=float).reshape(len(space), len(space) + 1)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    # The last column is set apart by half a cell: no face is an outcome, not a class.
    places = [*range(len(space)), len(space) + 0.5]
    size = 5.0 if small else 6.5
    for row in range(len(space)):
        for column, x in enumerate(places):
            share, count = shares[row, column], counts[row, column]
            axes.add_patch(Rectangle((x - 0.5, row - 0.5), 1, 1, facecolor=_SEQUENTIAL(share), edgecolor="white", linewidth=0.6))
            if count:
                axes.text(x, row, f"{count:.0f}", ha="center", va="center", fontsize=size, color=_ink_on(share))
    axes.set(xlim=(-0.5, len(space) + 1), ylim=(len(space) - 0.5, -0.5), aspect="equal")
    axes.set_title(panel["title"], fontsize=7 if small else 8)
    axes.set_xticks(places, [*space, "no face"] if bottom else [""] * len(places), rotation=45, ha="right", rotation_mode="anchor", fontsize=7)
    axes.set_yticks(range(len(space)), space if left else [""] * len(space), fontsize=7)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


_KINDS = {"best_single": ("o", _INK), "hindsight": ("o", _MUTED), "fusion": ("D", _BLUE), "oracle": ("s", _GREEN)}


def _forest_levels(axes: Any, levels: Sequence[Mapping[str, Any]]) -> None:
    axes.set_title("Accuracy, % (95 % interval)")
    for place, level in enumerate(levels):
        marker, colour = _KINDS[level["kind"]]
        _interval(axes, place, level["value"], level["low"], level["high"], marker, colour)
        words = f"{100 * level['value']:.1f}" if _number(level["value"]) else "–"
        if _number(level["low"]) and _number(level["high"]):
            words += f"  [{100 * level['low']:.1f}, {100 * level['high']:.1f}]"
        axes.text(1.01, place, words, va="center", ha="left", fontsize=7, transform=axes.get_yaxis_transform())
    if levels and levels[0]["kind"] == "best_single" and _number(levels[0]["value"]):
        axes.axvline(100 * levels[0]["value"], color=_RULE, linewidth=0.6, zorder=0)
    _rows(axes, [level["title"] for level in levels])


def _forest_differences(axes: Any, differences: Sequence[Mapping[str, Any]]) -> None:
    axes.set_title("Fusion − best single, percentage points (95 % interval)")
    if not differences:
        axes.text(0.0, 0.0, "no fusion was compared", va="center", color=_MUTED, transform=axes.get_yaxis_transform())
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
    else:
        axes.axvline(0, color=_MUTED, linewidth=0.8, zorder=0)
    for place, row in enumerate(differences):
        colour = {"better": _BLUE, "worse": _RED}.get(row["verdict"], _MUTED)
        _interval(axes, place, row["difference"], row["low"], row["high"], "D", colour)
        p = f"Holm p {p_words(row['p_adjusted'])}" if _number(row["p_adjusted"]) else "no test"
        difference = f"{100 * row['difference']:+.1f}".replace("-", "−") if _number(row["difference"]) else "–"
        axes.text(1.01, place, f"{difference}   {p}   {row['verdict']}", va="center", ha="left", fontsize=7, transform=axes.get_yaxis_transform())
    _rows(axes, [row["title"] for row in differences])


def p_words(p: float) -> str:
    """'= 0.013', or '< 0.001'."""
    return "< 0.001" if p < 0.001 else f"= {p:.2f}" if p >= 0.1 else f"= {p:.3f}"


def _interval(axes: Any, y: int, value: Any, low: Any, high: Any, marker: str, colour: str) -> None:
    if _number(low) and _number(high):
        axes.plot([100 * low, 100 * high], [y, y], color=colour, linewidth=1.4, solid_capstyle="round")
    if _number(value):
        axes.plot(100 * value, y, marker=marker, color=colour, markersize=4.2, markeredgecolor="white", markeredgewidth=0.5)


_EMOTION_COLOURS = {
    "neutral": "#999999", "happiness": _ORANGE, "sadness": _BLUE, "surprise": "#56B4E9",
    "fear": "#CC79A7", "disgust": _GREEN, "anger": _RED, "contempt": "#000000",
}  # fmt: skip


def _timeline_panel(axes: Any, panel: Mapping[str, Any], colours: Mapping[str, Any], *, last: bool) -> None:
    seconds, posterior = np.asarray(panel["seconds"], float), 100 * np.asarray(panel["posterior"], float)
    # A moment stands until the next one; the last as long as the one before.
    edges = np.append(seconds, seconds[-1] + (seconds[-1] - seconds[-2] if len(seconds) > 1 else 1.0))
    missing = np.isnan(posterior).all(axis=1)
    for start, end in zip(edges[:-1][missing], edges[1:][missing], strict=True):
        axes.add_patch(Rectangle((start, 0), end - start, 100, facecolor="#f4f4f4", edgecolor="#cccccc", hatch="////", linewidth=0))
    for column, emotion in enumerate(panel["emotions"]):
        axes.plot(edges, np.append(posterior[:, column], posterior[-1, column]), drawstyle="steps-post", color=colours[emotion], linewidth=1.1)
    for start, end, label in zip(edges[:-1], edges[1:], panel["truth"]):
        if label:
            axes.add_patch(Rectangle((start, -13), end - start, 8, facecolor=colours.get(label, _RULE), linewidth=0))
    axes.set_title(panel["title"])
    axes.set(xlim=(edges[0], edges[-1]), ylim=(-15 if panel["truth"] else 0, 102), ylabel="probability, %")
    axes.set_yticks([0, 50, 100])
    if last:
        axes.set_xlabel("time, s" + ("; the strip shows the label of each moment" if panel["truth"] else ""))


def _rows(axes: Any, titles: Sequence[str]) -> None:
    axes.set_yticks(range(len(titles)), titles)
    axes.set_ylim(max(1, len(titles)) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


def _colours(fused: Sequence[bool]) -> list[Any]:
    """Blues for single pairs, warm colours for fusions, from dark to light, so that the two families can be told apart at a glance."""
    singles, fusions = fused.count(False), fused.count(True)
    cool = iter(matplotlib.colormaps["Blues"](np.linspace(0.85, 0.4, max(1, singles))))
    warm = iter(matplotlib.colormaps["Oranges"](np.linspace(0.75, 0.3, max(1, fusions))))
    return [next(warm if is_fusion else cool) for is_fusion in fused]


def _example(axes: Any, item: Mapping[str, Any], colour: str, word: str) -> None:
    axes.imshow(item["image"], interpolation="nearest" if max(np.shape(item["image"])[:2]) < 32 else "antialiased")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, edgecolor=colour, linewidth=1.4)
    if word:
        axes.set_ylabel(word, color=colour, fontweight="bold")
    confidence = f" {100 * item['confidence']:.0f} %" if _number(item["confidence"]) else ""
    outcome = f"{item['truth']}{confidence}" if item["correct"] else f"{item['truth']}\n→ {item['predicted']}{confidence}"
    axes.text(0.0, -0.05, outcome, fontsize=6.5, va="top", linespacing=1.2, transform=axes.transAxes)
