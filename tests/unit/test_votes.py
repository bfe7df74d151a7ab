"""Members' predictions are read side by side, and refused where they do not belong together."""

from pathlib import Path

import numpy as np
import pytest

from faceoff.storage import columns, parquet
from faceoff.storage.votes import read_members

CLASSES = ("neutral", "happiness", "sadness")
FRAMES = [("a", 0), ("a", 1), ("b", 0)]


def write_member(
    path: Path, classes: tuple[str, ...], rows: list[tuple[tuple[str, int], list[float] | None]]
) -> Path:
    """Write predictions; None stands for a frame that the member cannot answer."""
    written = []
    for (sample, frame), posterior in rows:
        answered = posterior is not None
        written.append({
            "sample_id": sample,
            "frame": frame,
            "timestamp_s": frame / 5,
            "face_id": 0,
            "success": int(answered),
            "state": columns.OK if answered else columns.NO_FACE,
            "reason": None if answered else "no face",
            **{f"p_{name}": value for name, value in zip(classes, posterior or ())},
            "valence": 0.5 if answered else None,
            "arousal": -0.5 if answered else None,
        })  # fmt: skip
    parquet.write_rows(path, columns.predictions_schema(classes), written)
    return path


def test_members_stand_side_by_side(tmp_path: Path) -> None:
    """Classes are matched by name; what a member does not say is NaN."""
    three = [[0.5, 0.25, 0.25], None, [0.0, 0.5, 0.5]]
    first = write_member(tmp_path / "a.parquet", CLASSES, list(zip(FRAMES, three)))
    two = [[0.25, 0.75], [1.0, 0.0], None]
    order = ("sadness", "neutral")
    second = write_member(tmp_path / "b.parquet", order, list(zip(FRAMES, two)))
    members = read_members([first, second], CLASSES)
    nan = np.nan
    assert len(members) == 3
    assert members.keys["sample_id"].to_pylist() == ["a", "a", "b"]
    np.testing.assert_array_equal(
        members.posteriors,
        [
            [[0.5, 0.25, 0.25], [nan] * 3, [0.0, 0.5, 0.5]],
            [[0.75, nan, 0.25], [0.0, nan, 1.0], [nan] * 3],
        ],
    )
    np.testing.assert_array_equal(
        members.affect,
        [[[0.5, -0.5], [nan] * 2, [0.5, -0.5]], [[0.5, -0.5], [0.5, -0.5], [nan] * 2]],
    )
    assert members.state.to_pylist() == ["ok", "no_face", "ok"]
    assert members.reason.to_pylist() == [None, "no face", None]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (FRAMES[:2], r"b\.parquet: 2 rows, .*a\.parquet has 3: members of a fusion must"),
        ([*FRAMES[:2], ("c", 0)], r"b\.parquet: row 2 is \('c', 0\), .* has \('b', 0\): members"),
        (FRAMES[::-1], r"b\.parquet: row 0 is \('b', 0\)"),
    ],
)
def test_members_of_other_frames_are_refused(
    tmp_path: Path, frames: list[tuple[str, int]], message: str
) -> None:
    sure = [1.0, 0.0, 0.0]
    first = write_member(tmp_path / "a.parquet", CLASSES, [(frame, sure) for frame in FRAMES])
    second = write_member(tmp_path / "b.parquet", CLASSES, [(frame, sure) for frame in frames])
    with pytest.raises(ValueError, match=message):
        read_members([first, second], CLASSES)


def test_a_frame_twice_is_refused(tmp_path: Path) -> None:
    rows = [(frame, [1.0, 0.0, 0.0]) for frame in [*FRAMES, ("a", 1)]]
    first = write_member(tmp_path / "a.parquet", CLASSES, rows)
    with pytest.raises(ValueError, match=r"\('a', 1\) occurs 2 times"):
        read_members([first], CLASSES)


@pytest.mark.parametrize(("last", "refused"), [(0.502, True), (0.5009, False)])
def test_a_sum_may_be_off_by_rounding_only(tmp_path: Path, last: float, refused: bool) -> None:
    rows = [(FRAMES[0], None), (FRAMES[1], [0.5, 0.0, last])]
    first = write_member(tmp_path / "a.parquet", CLASSES, rows)
    if not refused:
        assert read_members([first], CLASSES).posteriors[0, 1, 2] == last
        return
    with pytest.raises(ValueError, match=r"probabilities of \('a', 1\) sum to 1\.0020, expected 1"):
        read_members([first], CLASSES)
