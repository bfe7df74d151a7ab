"""Segments of states, and the course of an intensity (protocol §47)."""

import numpy as np
import pytest

from faceoff.temporal.episodes import Segment, course, frame_seconds, segments


def test_segments_follow_each_other_without_a_gap() -> None:
    times = np.array([0.0, 0.1, 0.2, 0.5, 0.6])
    found = segments(times, np.array([1, 1, -1, 2, 2]))
    assert found == [
        Segment(1, 0, 1, 0.0, 0.2), Segment(-1, 2, 2, 0.2, 0.5), Segment(2, 3, 4, 0.5, 0.7)
    ]  # fmt: skip
    assert sum(part.seconds for part in found) == pytest.approx(frame_seconds(times).sum())


def test_a_clip_without_frames_has_no_segment() -> None:
    assert segments(np.empty(0), np.empty(0, int)) == []
    assert [part.seconds for part in segments(np.zeros(1), np.zeros(1, int))] == [0.0]


def test_the_course_of_a_trapezium() -> None:
    """From 0.1 at 1 s to 0.9 at 2 s, back from 3 s to 4 s: 20 % of the rise is 0.26."""
    times = np.arange(0, 5.0001, 0.05)
    intensity = np.interp(times, [1, 2, 3, 4], [0.1, 0.9, 0.9, 0.1])
    found = course(times, intensity)
    assert found is not None
    assert found.onset_s == pytest.approx(1.2)
    assert found.offset_s == pytest.approx(3.8)
    assert (found.apex_s, found.peak) == (pytest.approx(2.0), pytest.approx(0.9))


def test_the_course_of_what_never_falls_ends_with_the_clip() -> None:
    times = np.arange(0, 3, 0.1)
    found = course(times, np.interp(times, [1, 2], [0.0, 1.0]))
    assert found is not None
    assert found.offset_s == pytest.approx(2.9)
    assert found.onset_s == pytest.approx(1.2)


@pytest.mark.parametrize("intensity", [[], [np.nan, np.nan], [0.4, 0.4, 0.4]])
def test_what_does_not_rise_has_no_course(intensity: list[float]) -> None:
    assert course(np.arange(float(len(intensity))), np.array(intensity)) is None


def test_moments_that_were_not_read_are_left_out() -> None:
    times = np.arange(6.0)
    with_gap = course(times, np.array([0.0, 0.0, np.nan, 1.0, 0.0, 0.0]))
    assert with_gap is not None
    assert with_gap.onset_s == pytest.approx(1 + 2 * 0.2)
