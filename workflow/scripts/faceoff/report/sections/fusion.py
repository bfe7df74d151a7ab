"""Section: what voting brings.

It shows accuracies of votes beside the best single pair, the paired tests, and whether the pairs
err together.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from faceoff.report.part import NAME, Part, View, bar
from faceoff.results import words
from faceoff.results.dataset_results import DatasetResults, shorten
from faceoff.scoring.records import PairedComparison

ANCHOR, TITLE, NAV = "fusion", "Fusion against the best single pair", "Fusion vs single"
_TESTS = 66  # of every two of 12 pairs; of more pairs the CSV file has them
_PAIRS = 12  # of pairs shown, the most alike


def view(part: Part) -> View | None:
    """Return levels, tests, learnt weights and pairs that answer alike; None without scores."""
    dataset = part.dataset
    if not dataset.ranked:
        return None
    clones = dataset.compared.get("clones") or []
    return {
        "levels": _levels(dataset),
        "tests": _tests(dataset.fusion_tests),
        "single_tests": _tests(dataset.single_tests),
        "all_pairs": _tests(_every_two(dataset)),
        "clones": [[words.label_short(name) for name in pair] for pair in clones],
        "weights": _weights(dataset),
        "fold_means": [
            {"title": words.title_of(score), "pooled": score["metrics"]["accuracy"], **mean}
            for score in dataset.ranked
            if (mean := score.get("fold_mean"))
        ],
        "pairs": _pairs(dataset),
        "files": part.links("fusion"),
    }


def _levels(dataset: DatasetResults) -> list[View]:
    levels = dataset.levels
    bounds = [
        level[key]
        for level in levels
        for key in ("value", "low", "high")
        if words.is_number(level[key])
    ]
    start, end = (min(bounds), max(bounds)) if bounds else (0.0, 1.0)
    pad = 0.04 * (end - start) or 0.05
    rows = []
    for level in levels:
        name = words.of_level(level) if level["kind"] in {"best_single", "hindsight"} else ""
        drawn = bar(level["value"], (level["low"], level["high"]), start - pad, end + pad)
        rows.append({**level, "title": shorten(level["title"], NAME), "name": name, "bar": drawn})
    return rows


def _tests(tests: Sequence[Mapping[str, Any]]) -> View:
    bounds = [
        test[key]
        for test in tests
        for key in ("difference", "low", "high")
        if words.is_number(test[key])
    ]
    start, end = min([0.0, *bounds]), max([0.0, *bounds])
    pad = 0.06 * (end - start) or 0.01
    rows = [
        {
            **test,
            "title": words.label_short(test["a"].removeprefix("fusion/")),
            "against": words.label_short(test["b"]),
            "bar": bar(test["difference"], (test["low"], test["high"]), start - pad, end + pad),
        }
        for test in tests
    ]
    zero = bar(0.0, (None, None), start - pad, end + pad)
    return {"rows": rows, "zero": zero["point"] if zero else 50}


def _every_two(dataset: DatasetResults) -> list[PairedComparison]:
    """Return the comparisons of every two pairs, none where they would fill the page."""
    pairs = dataset.tests("all pairs")
    return pairs if len(pairs) <= _TESTS else []


def _weights(dataset: DatasetResults) -> list[View]:
    """Return what each fusion that learns weights gives to its members, the heaviest first."""
    return [
        {
            "title": words.title_of(score),
            "members": [
                {"name": words.label_short(name), "weight": weight}
                for name, weight in sorted(weights.items(), key=lambda item: (-item[1], item[0]))
            ],
        }
        for score in dataset.ranked
        if (weights := score.get("weights"))
    ]


def _pairs(dataset: DatasetResults) -> list[View]:
    """Return the most alike pairs first: they add least to a vote."""
    pairs = sorted(
        dataset.compared.get("pairs") or [],
        key=lambda pair: (-(pair["agreement"] or 0.0), pair["a"], pair["b"]),
    )
    return [
        {**pair, "a": words.label_short(pair["a"]), "b": words.label_short(pair["b"])}
        for pair in pairs[:_PAIRS]
    ]
