"""Scores of states over time (protocol §46, §47): worked examples by hand and by scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import recall_score

from faceoff.scoring import state_scores
from faceoff.scoring.state_scores import FrameTruth
from faceoff.scoring.steady_choice import choose, read_clips
from faceoff.temporal import rule_list
from faceoff.temporal.rule import Setting


def truth_of(
    *clips: list[int], step_s: float = 0.1, k: int = 3, faceless: list[list[int]] | None = None
) -> FrameTruth:
    """Return clips of these labels; neutral is 0."""
    lengths = [len(clip) for clip in clips]
    clip = np.repeat(np.arange(len(clips)), lengths)
    return FrameTruth(
        clip=clip,
        times=np.concatenate([np.arange(n) * step_s for n in lengths]),
        truth=np.concatenate(clips).astype(np.int64),
        faceless=np.concatenate(faceless or [[0] * n for n in lengths]).astype(bool),
        people=np.array([f"subject {number}" for number in range(len(clips))]),
        k=k,
        neutral=0,
        intensity=np.full(len(clip), np.nan),
    )


def states(*clips: list[int]) -> np.ndarray:
    return np.concatenate(clips).astype(np.int64)


def test_uar_and_accuracy_equal_scikit_learn() -> None:
    random = np.random.default_rng(1)
    labels = [random.integers(0, 3, 40).tolist() for _ in range(8)]
    said = states(*[random.integers(-1, 3, 40).tolist() for _ in range(8)])
    truth = truth_of(*labels)
    found = state_scores.frame_scores(truth, said, seed=0)
    expected = recall_score(truth.truth, said, labels=[0, 1, 2], average="macro", zero_division=0)
    assert found["uar"] == pytest.approx(expected)
    assert found["accuracy"] == pytest.approx((truth.truth == said).mean())
    assert found["without_state"] == pytest.approx((said < 0).mean())
    low, high = found["uar_interval"]
    assert low < found["uar"] < high


def test_no_state_is_wrong_and_unlabelled_frames_do_not_count() -> None:
    truth = truth_of([0, 0, 1, 1, -1, -1], faceless=[[0, 0, 0, 0, 1, 1]])
    found = state_scores.frame_scores(truth, states([0, -1, 1, 1, 2, -1]), seed=0)
    assert found["n"] == 4
    assert found["accuracy"] == 0.75
    assert (found["faceless"], found["false_alarms"]) == (2, 0.5)


def test_the_collar_leaves_out_a_tenth_of_a_second_on_either_side() -> None:
    truth = truth_of([0] * 5 + [1] * 5)  # the change is at 0.5 s
    late = states([0] * 7 + [1] * 3)  # wrong at 0.5 s and 0.6 s
    found = state_scores.frame_scores(truth, late, seed=0)
    assert truth.collar.tolist() == [True] * 4 + [False] * 3 + [True] * 3
    assert found["accuracy"] == 0.8
    assert found["accuracy_collar"] == 1.0


def test_flicker_is_switches_above_those_of_the_truth() -> None:
    truth = truth_of([0] * 5 + [1] * 5)  # one second, one change
    found = state_scores.frame_scores(truth, states([0, 1, 0, 0, -1, 0, 1, 1, 1, 1]), seed=0)
    assert found["switches_per_minute"] == pytest.approx(3 * 60)  # no state between equals is none
    assert found["flicker"] == pytest.approx(2 * 60)


def test_lag_is_from_the_change_to_the_new_label() -> None:
    truth = truth_of([0] * 10 + [1] * 10 + [2] * 10 + [0] * 3)
    # 1 comes 0.3 s late, 2 comes 0.1 s early, the last segment is shorter than 0.4 s.
    said = states([0] * 13 + [1] * 6 + [2] * 11 + [0] * 3)
    found = state_scores.lag(truth, said)
    assert found["changes"] == 2
    assert found["hits_s"] == pytest.approx([0.3, -0.1])
    assert (found["hit_rate"], found["median_s"]) == (1.0, pytest.approx(0.1))


def test_a_missed_change_counts_as_its_segment() -> None:
    truth = truth_of([0] * 10 + [1] * 10)
    found = state_scores.lag(truth, states([0] * 20))
    assert (found["hit_rate"], found["median_s"]) == (0.0, None)
    assert found["mean_s"] == pytest.approx(1.0)


def test_a_label_held_from_long_before_leads_by_two_tenths() -> None:
    truth = truth_of([0] * 10 + [1] * 10)
    assert state_scores.lag(truth, states([1] * 20))["hits_s"] == pytest.approx([-0.2])


def test_a_return_of_the_face_is_no_change() -> None:
    truth = truth_of([0] * 5 + [-1] * 5 + [1] * 5)
    assert state_scores.lag(truth, states([1] * 15))["changes"] == 0


def test_segments_match_by_overlap_one_to_one() -> None:
    truth = truth_of([0] * 10 + [1] * 10)
    exact = states([0] * 10 + [1] * 10)
    assert state_scores.segmental_f1(truth, exact, 0.5) == 1.0
    # 0 is cut in two halves of overlap 0.4 and 0.5, 1 is whole: one of three finds no partner.
    split = states([0] * 4 + [2] + [0] * 5 + [1] * 10)
    assert state_scores.segmental_f1(truth, split, 0.45) == pytest.approx(2 * 2 / (2 * 2 + 2))
    # At 0.1 the earlier half takes the partner, the later one is wrong.
    assert state_scores.segmental_f1(truth, split, 0.1) == pytest.approx(2 * 2 / (2 * 2 + 2))
    assert state_scores.segmental_f1(truth, states([-1] * 20), 0.1) == 0.0


def test_speech_divides_the_frames() -> None:
    truth = truth_of([0, 0, 1, 1])
    talking = FrameTruth(**{**truth.__dict__, "talking": np.array([1, 0, 1, 0], bool)})
    found = state_scores.frame_scores(talking, states([1, 0, 1, 1]), seed=0)
    assert (found["talking_accuracy"], found["silent_accuracy"]) == (0.5, 1.0)
    assert (
        state_scores.frame_scores(truth, states([1, 0, 1, 1]), seed=0)["talking_accuracy"] is None
    )


def test_onset_apex_and_offset_of_a_shifted_course() -> None:
    """The reading rises 0.2 s late and falls 0.1 s late."""
    times = np.arange(0, 4.0001, 0.05)
    actual = np.interp(times, [1, 1.5, 2.5, 3], [0, 1, 1, 0])
    labels = np.where(actual > 0.3, 1, 0).tolist()
    truth = truth_of(labels, step_s=0.05)
    truth = FrameTruth(**{**truth.__dict__, "intensity": actual})
    read = np.interp(times, [1.2, 1.7, 2.6, 3.1], [0.1, 0.8, 0.8, 0.1])
    found = state_scores.timing(truth, read)
    assert found["onset"]["median_s"] == pytest.approx(0.2)
    assert found["offset"]["median_s"] == pytest.approx(0.1)
    assert found["onset"]["within"] == {"0.1": 0.0, "0.25": 1.0}
    assert found["apex"]["median_s"] == pytest.approx(0.2)
    unread = state_scores.timing(truth, np.full(len(times), 0.3))
    assert (unread["onset"]["read"], unread["onset"]["within"]["0.25"]) == (0, 0.0)


def test_clips_of_several_expressions_have_no_one_course() -> None:
    truth = truth_of([0] * 5 + [1] * 5 + [2] * 5)
    truth = FrameTruth(**{**truth.__dict__, "intensity": np.linspace(0, 1, 15)})
    assert state_scores.timing(truth, np.linspace(0, 1, 15))["apex"]["clips"] == 0


# -- constants that are chosen ---------------------------------------------------------------------


def noisy_clips(seed: int = 0, clips: int = 6) -> tuple[FrameTruth, np.ndarray]:
    """Return clips that change twice, and posteriors with much noise."""
    random = np.random.default_rng(seed)
    truth = truth_of(*[[0] * 50 + [1] * 50 + [2] * 50 for _ in range(clips)], step_s=0.04)
    strength = np.eye(3)[truth.truth] + random.normal(0, 0.8, (len(truth.truth), 3))
    weights = np.exp(strength)
    return truth, weights / weights.sum(axis=1, keepdims=True)


def test_the_choice_is_steady_and_the_best_of_those() -> None:
    truth, posteriors = noisy_clips()
    rule = rule_list.get("ema")
    chosen = choose(rule, {}, truth, posteriors)
    steady = [row for row in chosen.tried if row["steady"]]
    best = next(row for row in chosen.tried if row["constants"] == chosen.setting.constants)
    assert len(chosen.tried) == 5
    assert best["steady"]
    assert best["uar"] == max(row["uar"] for row in steady)
    assert any(row["uar"] > best["uar"] or not row["steady"] for row in chosen.tried)


def test_where_nothing_is_steady_the_fewest_switches_win() -> None:
    truth, posteriors = noisy_clips(clips=2)
    constant = FrameTruth(**{**truth.__dict__, "truth": np.zeros(len(truth.truth), np.int64)})
    chosen = choose(rule_list.get("mean"), {}, constant, posteriors)
    assert not any(row["steady"] for row in chosen.tried)
    best = next(row for row in chosen.tried if row["constants"] == chosen.setting.constants)
    assert best["switches_per_minute"] == min(row["switches_per_minute"] for row in chosen.tried)


def test_given_constants_are_not_chosen() -> None:
    truth, posteriors = noisy_clips()
    chosen = choose(rule_list.get("hysteresis"), {"tau_s": 0.3}, truth, posteriors)
    assert chosen.setting.constants["tau_s"] == 0.3
    assert len(chosen.tried) == 15


def test_clips_are_read_apart() -> None:
    """A rule forgets the clip before: every clip alone gives the same states."""
    truth, posteriors = noisy_clips(clips=3)
    rule = rule_list.get("ema")
    told = Setting({"tau_s": 0.8}, neutral=0)
    whole = read_clips(rule, truth, posteriors, told).states
    for number in range(3):
        inside = truth.clip == number
        alone = truth_of(truth.truth[inside].tolist(), step_s=0.04)
        assert (read_clips(rule, alone, posteriors[inside], told).states == whole[inside]).all()


def test_smoothing_helps_a_noisy_reader() -> None:
    truth, posteriors = noisy_clips(seed=5)
    raw = posteriors.argmax(axis=1)
    for name in ("ema", "mean", "hysteresis", "viterbi"):
        rule = rule_list.get(name)
        chosen = choose(rule, {}, truth, posteriors)
        smooth = read_clips(rule, truth, posteriors, chosen.setting).states
        assert state_scores.uar(truth, smooth) > state_scores.uar(truth, raw)
        assert state_scores.switches_of(truth, smooth) < state_scores.switches_of(truth, raw) / 2
