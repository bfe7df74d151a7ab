"""Decisions for whole clips against the pipeline's own single frames (protocol §48)."""

import numpy as np
import pyarrow as pa
import pytest
from test_state_scores import truth_of

from faceoff.scoring import clip_policies
from faceoff.scoring.clip_policies import LabelledClips, at_rates, policies
from faceoff.scoring.frame_truth import ClipFrames

CLASSES = ("neutral", "happiness", "anger")


def clips_of(labels: list[int], frames: int, step_s: float = 0.04) -> LabelledClips:
    truth = truth_of(*[[0] * frames] * len(labels), step_s=step_s)
    ids = tuple(f"clip{number}" for number in range(len(labels)))
    still = np.full(len(labels), frames == 1)
    return LabelledClips(ClipFrames(pa.table({}), truth, ids, np.array(labels), still, CLASSES))


def test_each_policy_decides_as_it_says() -> None:
    seen = np.array([[0.4, 0.35, 0.25], [0.0, 0.6, 0.4], [0.95, 0.05, 0.0], [0.3, 0.4, 0.3]])
    assert clip_policies.middle(seen) == 1
    assert clip_policies.most_confident(seen) == 0
    assert clip_policies.mean(seen) == 0
    assert clip_policies.product(seen) == 1  # one frame that rules a class out decides
    assert set(clip_policies.POLICIES) == {
        "middle frame", "most confident frame", "mean", "product"
    }  # fmt: skip


def test_the_gain_is_over_the_share_of_right_frames() -> None:
    clips = clips_of([1, 2], frames=4)
    right, wrong = [0.1, 0.8, 0.1], [0.7, 0.2, 0.1]
    posteriors = np.array([right, right, right, wrong, wrong, wrong, wrong, [0.1, 0.1, 0.8]])
    found = {row["policy"]: row for row in policies(clips, {"d/m": posteriors}, [], seed=0)}
    mean = found["mean"]
    assert mean["frames"] == pytest.approx((3 / 4 + 1 / 4) / 2)
    assert mean["accuracy"] == 0.5
    assert mean["difference"] == pytest.approx(0.0)
    assert mean["verdict"] == "too few clusters"


def test_frames_without_a_face_are_wrong_and_clips_without_any_are_too() -> None:
    clips = clips_of([1, 1], frames=2)
    nothing = [np.nan] * 3
    posteriors = np.array([[0.1, 0.8, 0.1], nothing, nothing, nothing])
    (row,) = (row for row in policies(clips, {"d/m": posteriors}, [], 0) if row["policy"] == "mean")
    assert row["frames"] == pytest.approx(0.25)
    assert row["accuracy"] == 0.5


def test_a_clip_that_broke_off_at_once_counts_as_wrong() -> None:
    """One row without a face: in the same denominator as the leaderboard."""
    whole = truth_of([0, 0, 0], [0], step_s=0.2)
    frames = ClipFrames(
        pa.table({}), whole, ("good", "broken"), np.array([1, 1]), np.zeros(2, bool), CLASSES
    )
    posteriors = np.array([[0.1, 0.9, 0.0]] * 3 + [[np.nan] * 3])
    (row,) = (
        row
        for row in policies(LabelledClips(frames), {"d/m": posteriors}, [], 0)
        if row["policy"] == "mean"
    )
    assert (row["n"], row["accuracy"], row["frames"]) == (2, 0.5, 0.5)
    assert {row["accuracy"] for row in at_rates(LabelledClips(frames), {"d/m": posteriors})} == {
        0.5
    }


def test_a_rule_over_time_is_a_policy_of_the_pipeline_that_it_reads() -> None:
    clips = clips_of([1] * 8, frames=3)
    bare = np.tile([0.5, 0.4, 0.1], (24, 1))
    better = np.tile([0.1, 0.8, 0.1], (24, 1))
    rows = policies(clips, {"d/m": bare}, [("temporal/ema.d.m", "d/m", better)], seed=0)
    row = next(row for row in rows if row["policy"] == "mean of temporal/ema.d.m")
    assert (row["name"], row["difference"]) == ("d/m", 1.0)
    assert row["p"] == pytest.approx(2 / 2**8)


def test_lower_rates_show_the_frames_of_the_sampling_rule() -> None:
    """At 25 frames per second and 5 asked for, frame k is the last one at t₀ + k/5 or before."""
    clips = clips_of([1], frames=26)
    posteriors = np.tile([0.9, 0.1, 0.0], (26, 1))
    posteriors[::5] = [0.4, 0.6, 0.0]  # the frames at 0, 0.2, 0.4 … seconds are right
    found = {row["fps"]: row["accuracy"] for row in at_rates(clips, {"d/m": posteriors})}
    assert found == {1.0: 1.0, 2.0: 0.0, 5.0: 1.0, 10.0: 0.0, 25.0: 0.0}


def test_rates_above_the_clips_own_are_left_out() -> None:
    clips = clips_of([1], frames=6, step_s=0.2)
    assert [row["fps"] for row in at_rates(clips, {"d/m": np.ones((6, 3)) / 3})] == [1.0, 2.0, 5.0]


def test_stills_and_unlabelled_clips_are_no_clips() -> None:
    assert policies(clips_of([-1], frames=4), {"d/m": np.ones((4, 3)) / 3}, [], 0) == []
    assert at_rates(clips_of([1], frames=1), {"d/m": np.ones((1, 3)) / 3}) == []
