"""mCE, relative CE and the half-point size, on tables worked out by hand."""

import math

import pytest

from faceoff.results.robustness import errors_of
from faceoff.scoring.corruption_error import (
    corruption_error,
    half_point,
    mean_of,
    relative_corruption_error,
)


def test_corruption_error_of_a_hand_made_table():
    # Hendrycks & Dietterich: Σ E / Σ E_ref = (0.2 + 0.4 + 0.6) / (0.4 + 0.5 + 0.7) = 1.2 / 1.6
    assert corruption_error([0.2, 0.4, 0.6], [0.4, 0.5, 0.7]) == pytest.approx(0.75)


def test_relative_error_is_of_what_is_added_to_the_clean_error():
    # (0.1 + 0.3 + 0.5) / (0.1 + 0.2 + 0.4) = 0.9 / 0.7
    found = relative_corruption_error([0.1, 0.3, 0.5], [0.1, 0.2, 0.4])
    assert found == pytest.approx(0.9 / 0.7)


def test_errors_without_a_denominator_are_not_defined():
    assert corruption_error([0.1], [0.0]) is None
    assert relative_corruption_error([0.1], [0.0]) is None
    assert mean_of([0.5, None]) is None
    assert mean_of([]) is None
    assert mean_of([0.5, 0.7]) == pytest.approx(0.6)


def test_unequal_severities_are_refused():
    with pytest.raises(ValueError, match="2 and 1 severities"):
        corruption_error([0.1, 0.2], [0.1])
    with pytest.raises(ValueError, match="1 and 2 severities"):
        relative_corruption_error([0.1], [0.1, 0.2])


def test_half_point_lies_midway_between_clean_and_chance_in_log_pixels():
    # Clean 0.9, chance 0.1: the midpoint 0.5 is half way from 0.7 at 32 px to 0.3 at 8 px.
    side, why = half_point([64, 32, 8], [0.9, 0.7, 0.3], 0.9, 0.1)
    assert side == pytest.approx(2 ** ((math.log2(32) + math.log2(8)) / 2)) == pytest.approx(16)
    assert why == ""


def test_half_point_says_why_there_is_none():
    assert half_point([64, 32], [0.9, 0.8], 0.9, 0.1) == (None, "not reached")
    assert half_point([64, 32], [0.4, 0.3], 0.9, 0.1) == (None, "above 64 px")
    assert half_point([64], [0.1], 0.1, 0.125)[1] == "clean accuracy is not above chance"
    with pytest.raises(ValueError, match="expected falling ones"):
        half_point([32, 64], [0.9, 0.8], 0.9, 0.1)
    with pytest.raises(ValueError, match="expected as many"):
        half_point([32], [0.9, 0.8], 0.9, 0.1)


def _curve(cell, accuracies, clean, mode="clean_crop"):
    return {
        "cell": cell,
        "mode": mode,
        "state": "ok",
        "reason": None,
        "clean": {"accuracy": clean},
        "levels": [
            {"accuracy": value, "against_clean": {"difference": value - clean}}
            for value in accuracies
        ],
        "half_point": 20.0,
        "half_point_reason": "",
    }


def _file(name, variants, pixels=False):
    return {
        "corruption": name,
        "pixels": pixels,
        "levels": [{"value": "1"}, {"value": "2"}],
        "variants": [{"name": key, "curves": curves} for key, curves in variants.items()],
    }


def test_mce_counts_the_variants_of_a_corruption_as_one():
    """Two variants of one corruption weigh as much as another corruption alone."""
    noise = _file(
        "noise", {"noise": [_curve("d/a", [0.6, 0.4], 0.8), _curve("d/b", [0.5, 0.3], 0.7)]}
    )
    size = _file(
        "size",
        {
            "size.x": [_curve("d/a", [0.8, 0.6], 0.8), _curve("d/b", [0.8, 0.4], 0.7)],
            "size.y": [_curve("d/a", [0.7, 0.5], 0.8), _curve("d/b", [0.2, 0.2], 0.7)],
        },
        pixels=True,
    )
    rows = {row.cell: row for row in errors_of([noise, size])}
    assert rows["d/b"].reference == "d/a"
    ce = {"noise": 1.2 / 1.0, "size.x": 0.8 / 0.6, "size.y": 1.6 / 0.8}
    assert rows["d/b"].ce == pytest.approx(ce)
    assert rows["d/b"].mce == pytest.approx((ce["noise"] + (ce["size.x"] + ce["size.y"]) / 2) / 2)
    # Relative: what d/b adds to its clean error of 0.3, over what d/a adds to 0.2.
    assert rows["d/b"].relative["noise"] == pytest.approx((0.5 + 0.7 - 0.6) / (0.4 + 0.6 - 0.4))
    assert rows["d/a"].mce == pytest.approx(1.0)
    assert rows["d/a"].half_points == {"size.x": (20.0, ""), "size.y": (20.0, "")}


def test_what_is_lost_is_lost_of_the_samples_that_could_be_made_worse():
    """At a size above most faces' own a few samples are left, which are easier than all."""
    curves = [_curve("d/a", [0.9, 0.5], 0.8), _curve("d/b", [0.7, 0.5], 0.7)]
    curves[0]["levels"][0]["against_clean"]["difference"] = -0.05  # of few: 0.95 on clean ones
    curves[1]["levels"][0]["against_clean"]["difference"] = -0.15
    rows = {row.cell: row for row in errors_of([_file("size", {"size": curves})])}
    assert rows["d/b"].relative["size"] == pytest.approx((0.15 + 0.2) / (0.05 + 0.3))


def test_end_to_end_errors_are_those_of_the_faces_found_again():
    """A cell without a detector that looks has those of the clean crop."""
    curves = [
        _curve("d/a", [0.8, 0.8], 0.8),
        _curve("d/a", [0.6, 0.4], 0.8, "detect_again"),
        _curve("whole/a", [0.5, 0.5], 0.6),
    ]
    rows = {row.cell: row for row in errors_of([_file("noise", {"noise": curves})])}
    assert rows["whole/a"].ce["noise"] == pytest.approx((0.5 + 0.5) / (0.4 + 0.6))


def test_means_are_over_corruptions_that_every_cell_was_asked_to_read():
    """A box that is the whole picture cannot be shifted: no mean is over the shift."""
    noise = _file(
        "noise", {"noise": [_curve("d/a", [0.5, 0.5], 0.8), _curve("w/a", [0.5, 0.5], 0.7)]}
    )
    shift = _file("shift", {"shift": [_curve("d/a", [0.1, 0.1], 0.8)]})
    rows = {row.cell: row for row in errors_of([noise, shift])}
    assert rows["w/a"].over == ["noise"]
    assert rows["w/a"].mce == pytest.approx(1.0)
    assert rows["d/a"].mce == pytest.approx(1.0)
    assert "shift" in rows["d/a"].ce
