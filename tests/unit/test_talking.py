"""Talking: a mouth that opens and closes a few times a second, over true time."""

import numpy as np
import pyarrow as pa
import pytest

from faceoff.analysis.mouths import with_talking
from faceoff.analysis.result import frames_schema
from faceoff.faces import mouth
from faceoff.temporal.talking import CELL_S, SPARSE_S, WINDOW_S, movement, talking

TIMES = np.arange(0, 4, 0.04)


def syllables(times: np.ndarray, hz: float = 4.0, depth: float = 0.1) -> np.ndarray:
    """Return how far a mouth is open that opens and closes `hz` times a second."""
    return depth * np.sin(np.pi * hz * times) ** 2


def test_openness_is_the_gap_between_the_lips_per_width() -> None:
    points = np.zeros((3, 468, 2))
    points[:, 61], points[:, 291] = (-20, 5), (20, 5)
    points[0, 13], points[0, 14] = (0, 1), (0, 11)
    points[2, 61], points[2, 291] = (0, -20), (0, 20)  # a face that lies
    points[2, 13], points[2, 14] = (-4, 0), (4, 0)
    assert mouth.openness(points) == pytest.approx([0.25, 0.0, 0.2])
    assert mouth.openness(3 * points + 7) == pytest.approx([0.25, 0.0, 0.2])
    assert mouth.openness(np.zeros((0, 468, 2))).shape == (0,)


def test_movement_of_a_worked_example() -> None:
    """A mouth that goes from 0 to 0.3 and back within 0.6 s.

    The means of the ten cells are 0.03, 0.09 … 0.27, 0.27 … 0.03: there and back 8 · 0.06.
    """
    times = np.arange(0, 61) * 0.01
    peak = np.where(times <= 0.3, times, 0.6 - times)
    assert (WINDOW_S, CELL_S) == (0.6, 0.06)
    assert movement(times, peak)[30] == pytest.approx(8 * 0.06 / 0.6)
    # The ends know five cells, which only rise or only fall.
    assert movement(times, peak)[[0, -1]] == pytest.approx([0, 0], abs=1e-12)


def test_opening_and_closing_four_times_a_second_is_talking() -> None:
    assert talking(TIMES, syllables(TIMES)).all()
    assert talking(TIMES + 1e4, syllables(TIMES)).all()
    # The way is twice the depth a syllable, less what is net and what the cells level out.
    level = movement(TIMES, syllables(TIMES))[20:-20]
    assert 0.5 * 8 * 0.1 < level.min() <= level.max() < 8 * 0.1


@pytest.mark.parametrize(
    "openness",
    [
        np.zeros(len(TIMES)),
        np.full(len(TIMES), 0.6),  # held open
        0.3 / (1 + np.exp(-4 * (TIMES - 2))),  # a smile that parts the lips
        np.where(TIMES < 2, 0.05, 0.5),  # another face behind a cut
        0.02 * np.sin(2 * np.pi * TIMES / 3),  # breath
    ],
)
def test_a_mouth_that_is_held_or_goes_one_way_is_not(openness: np.ndarray) -> None:
    assert not talking(TIMES, openness).any()
    assert not np.isnan(movement(TIMES, openness)).any()


def test_noise_of_landmarks_is_not_talking() -> None:
    noise = np.random.default_rng(0).normal(0, 0.002, len(TIMES))
    assert talking(TIMES, 0.3 + noise).mean() < 0.02


def test_only_the_part_that_talks_is_flagged() -> None:
    spoken = (TIMES > 1.5) & (TIMES < 3)
    told = talking(TIMES, np.where(spoken, syllables(TIMES), 0.0))
    assert told[(TIMES > 1.6) & (TIMES < 2.9)].all()
    assert not told[(TIMES < 1.5 - WINDOW_S / 2) | (TIMES > 3 + WINDOW_S / 2)].any()


def test_frame_rates_give_the_same_flags() -> None:
    fast = np.arange(0, 4, 1 / 50)
    course = np.where((fast > 1.5) & (fast < 3), syllables(fast), 0.0)
    every = talking(fast, course)
    for step in (2, 3, 4):
        others = talking(fast[::step], course[::step])
        assert (others == every[::step]).mean() > 0.95, step
    # Times need not be even.
    kept = np.sort(np.random.default_rng(1).permutation(len(fast))[: len(fast) * 2 // 3])
    assert (talking(fast[kept], course[kept]) == every[kept]).mean() > 0.95


def test_frames_that_are_too_sparse_are_unknown() -> None:
    for fps, known in ((10, True), (9, False), (5, False)):
        times = np.arange(0, 4, 1 / fps)
        assert np.isnan(movement(times, syllables(times, 2.0))).all() != known, fps
    assert SPARSE_S == 0.1


def test_a_long_gap_ends_a_stretch_and_a_short_one_does_not() -> None:
    course = syllables(TIMES)
    course[30:45] = np.nan  # 0.64 s
    parted = movement(TIMES, course)
    assert np.isnan(parted[30:45]).all()
    # Either side is as if the other were not there.
    assert parted[:30] == pytest.approx(movement(TIMES[:30], course[:30]))
    assert parted[45:] == pytest.approx(movement(TIMES[45:], course[45:]))
    blink = syllables(TIMES)
    blink[30:32] = np.nan
    there = np.isfinite(blink)
    assert np.isfinite(movement(TIMES, blink)[there]).all()
    assert talking(TIMES, blink)[there].all()


def test_few_frames_are_unknown() -> None:
    for count in (0, 1, 5):
        told = movement(TIMES[:count], syllables(TIMES[:count]))
        assert told.shape == (count,)
        assert np.isnan(told).all()
    assert np.isnan(movement(TIMES, np.full(len(TIMES), np.nan))).all()


def table(rows: list[dict]) -> pa.Table:
    """Return a table of an analysis with these rows."""
    whole = {"success": 1, "state": "ok", "reliable": 1}
    schema = frames_schema((), (), ["mouth_openness"])
    return pa.Table.from_pylist([{**whole, **row} for row in rows], schema)


def test_each_person_is_told_by_the_frames_of_that_person() -> None:
    """Two faces at once, whose rows change places; one is followed twice; frames without a face."""
    speaks, silent = syllables(TIMES), np.full(len(TIMES), 0.4)
    rows = []
    for place, time_s in enumerate(TIMES.tolist()):
        if 40 <= place < 60:
            rows.append({"frame": place, "timestamp": time_s, "face_id": -1, "success": 0})
            continue
        faces = [(0, 0 if place < 40 else 2, speaks[place]), (1, 1, silent[place])]
        for face_id, (identity, track, openness) in enumerate(faces[:: 1 if place % 2 else -1]):
            rows.append({
                "frame": place, "timestamp": time_s, "face_id": face_id, "track_id": track,
                "identity": identity, "mouth_openness": None if place == 10 else openness,
            })  # fmt: skip
    told = with_talking(table(rows)).to_pylist()
    assert [row["talking"] for row in told if row["frame"] == 10] == [None, None]
    assert [row["talking"] for row in told if row["face_id"] < 0] == [None] * 20
    seen = [row for row in told if row["face_id"] >= 0 and row["frame"] != 10]
    assert {row["talking"] for row in seen if row["identity"] == 0} == {1}
    assert {row["talking"] for row in seen if row["identity"] == 1} == {0}


def test_batches_do_not_matter() -> None:
    openness = np.where(TIMES < 2, syllables(TIMES), 0.2)
    rows = [
        {"frame": place, "timestamp": time_s, "face_id": 0, "identity": 0, "mouth_openness": gap}
        for place, (time_s, gap) in enumerate(zip(TIMES.tolist(), openness.tolist(), strict=True))
    ]
    whole = with_talking(table(rows))
    parts = [table(rows[start : start + 7]) for start in range(0, len(rows), 7)]
    assert with_talking(pa.concat_tables(parts)).to_pylist() == whole.to_pylist()
    assert whole["talking"].to_pylist() == talking(TIMES, openness).astype(int).tolist()
    assert 0 < sum(whole["talking"].to_pylist()) < len(rows)


def test_a_table_without_a_mouth_stays_and_a_picture_is_unknown() -> None:
    plain = pa.table({"frame": [0]})
    assert with_talking(plain) is plain
    still = with_talking(
        table([{"frame": 0, "timestamp": 0.0, "face_id": face, "mouth_openness": 0.3}
               for face in (0, 1)])
    )  # fmt: skip
    assert still["talking"].to_pylist() == [None, None]
    assert with_talking(table([])).num_rows == 0
