"""Scores of action units, head pose and gaze, against other implementations and by hand."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.transform import Rotation
from sklearn.metrics import average_precision_score, f1_score, matthews_corrcoef

from faceoff.scoring import signals_angles, signals_units
from faceoff.scoring.signals_summary import signal_scores
from faceoff.statistics import rotations

N = 400
OWNERS = np.repeat([f"subject {k}" for k in range(10)], N // 10)


@pytest.fixture
def unit() -> tuple[np.ndarray, np.ndarray]:
    """Return true and predicted intensities; some frames have no face."""
    rng = np.random.default_rng(3)
    truth = np.clip(rng.normal(1, 1.6, N), 0, 5)
    predicted = np.clip(truth + rng.normal(0, 1.2, N), 0, 5).round(1)  # many are equal
    predicted[rng.random(N) < 0.1] = np.nan
    return truth, predicted


# -- action units ----------------------------------------------------------------------------------


def test_presence_is_sklearns_with_no_face_as_absent(unit: tuple[np.ndarray, np.ndarray]) -> None:
    truth, predicted = unit
    found = signals_units.presence(truth, predicted, 2.5, OWNERS, seed=0)
    there, said = truth >= 2, np.nan_to_num(predicted, nan=-1) >= 2.5
    covered = np.isfinite(predicted)
    assert found["f1"] == pytest.approx(f1_score(there, said))
    assert found["covered_f1"] == pytest.approx(f1_score(there[covered], said[covered]))
    assert found["covered_f1"] > found["f1"]
    assert found["mcc"] == pytest.approx(matthews_corrcoef(there, said))
    assert found["pr_auc"] == pytest.approx(
        average_precision_score(there, np.nan_to_num(predicted, nan=-1))
    )
    assert found["always_positive"] == pytest.approx(f1_score(there, np.ones(N, bool)))
    assert found["base_rate"] == pytest.approx(there.mean())
    assert found["f1_low"] < found["f1"] < found["f1_high"]


def test_a_unit_that_is_never_there_has_no_f1() -> None:
    found = signals_units.presence(np.zeros(8), np.full(8, 3.0), 2.0, np.arange(8), seed=0)
    assert np.isnan([found[name] for name in ("f1", "covered_f1", "always_positive", "mcc")]).all()
    assert np.isnan([found[name] for name in ("f1_low", "f1_high", "pr_auc")]).all()
    assert found["base_rate"] == 0


def test_a_unit_that_is_never_read_is_missed() -> None:
    truth, silent = np.array([0.0, 3, 4, 0]), np.full(4, np.nan)
    found = signals_units.presence(truth, silent, 2.0, np.arange(4), seed=0)
    assert found["f1"] == 0
    assert np.isnan(found["covered_f1"])
    assert np.isnan(list(signals_units.intensity(truth, silent).values())).all()


def test_no_frame_has_no_score() -> None:
    nothing = np.zeros(0)
    found = signals_units.presence(nothing, nothing, 2.0, nothing.astype(str), seed=0)
    assert found["n"] == 0
    assert np.isnan(found["f1"])


def _icc_by_anova(a: np.ndarray, b: np.ndarray) -> float:
    """Return ICC(3,1) from the mean squares of a two-way table, as pingouin computes it."""
    table = np.column_stack([a, b])
    n, k = table.shape
    total = ((table - table.mean()) ** 2).sum()
    targets = k * ((table.mean(axis=1) - table.mean()) ** 2).sum()
    raters = n * ((table.mean(axis=0) - table.mean()) ** 2).sum()
    mse = (total - targets - raters) / ((n - 1) * (k - 1))
    msb = targets / (n - 1)
    return float((msb - mse) / (msb + (k - 1) * mse))


def test_icc_is_that_of_the_analysis_of_variance(unit: tuple[np.ndarray, np.ndarray]) -> None:
    truth, predicted = unit
    covered = np.isfinite(predicted)
    assert signals_units.icc(truth[covered], predicted[covered]) == pytest.approx(
        _icc_by_anova(truth[covered], predicted[covered])
    )


def test_icc_of_two_of_shrouts_and_fleisss_judges() -> None:
    """Judges 1 and 3 of their table 2 rate six targets; the mean squares are worked out by hand."""
    first, third = np.array([9.0, 6, 8, 7, 10, 6]), np.array([5.0, 3, 6, 2, 6, 4])
    difference = first - third  # 4 3 2 5 4 2: EMS is half their variance
    error = difference.var(ddof=1) / 2
    between = 2 * ((first + third) / 2).var(ddof=1)
    assert (error, between) == (pytest.approx(11 / 15), pytest.approx(4.6))
    assert signals_units.icc(first, third) == pytest.approx((4.6 - 11 / 15) / (4.6 + 11 / 15))


def test_icc_sees_no_offset_and_no_constant_truth() -> None:
    truth = np.array([0.0, 1, 3, 5])
    assert signals_units.icc(truth, truth + 1) == pytest.approx(1)
    assert np.isnan(signals_units.icc(np.full(4, 2.0), truth))
    assert np.isnan(signals_units.icc(truth[:1], truth[:1]))


def test_intensity_is_scipys(unit: tuple[np.ndarray, np.ndarray]) -> None:
    truth, predicted = unit
    found, covered = signals_units.intensity(truth, predicted), np.isfinite(predicted)
    assert found["pearson"] == pytest.approx(
        stats.pearsonr(truth[covered], predicted[covered]).statistic
    )
    assert found["mae"] == pytest.approx(np.abs(truth - predicted)[covered].mean())


def test_the_macro_means_count_lacking_units_or_leave_them_out() -> None:
    of_units = {"AU01": {"f1": 0.8}, "AU02": {"f1": 0.4}, "AU99": {"f1": float("nan")}}
    found = signals_units.macro(of_units, ["AU01", "AU02", "AU04"])
    assert found == {
        "units_common": 2,
        "macro_f1_common": pytest.approx(0.6),
        "units_all": 3,
        "macro_f1_all": pytest.approx(0.4),
    }


# -- angles ----------------------------------------------------------------------------------------


@pytest.fixture
def heads() -> tuple[np.ndarray, np.ndarray]:
    """Return true and measured yaw, pitch, roll; measured yaw is half, some frames are lost."""
    rng = np.random.default_rng(4)
    truth = rng.uniform((-80, -30, -170), (80, 30, 170), (N, 3))
    measured = truth * (0.5, 1, 1) + rng.normal(0, 2, (N, 3))
    measured[rng.random(N) < 0.2] = np.nan
    return truth, measured


def _theirs(angles: np.ndarray) -> Rotation:
    return Rotation.from_euler("ZXY", angles[:, ::-1], degrees=True)


def test_the_error_of_poses_is_scipys(heads: tuple[np.ndarray, np.ndarray]) -> None:
    truth, measured = heads
    seen = np.isfinite(measured[:, 0])
    angle = (_theirs(truth[seen]).inv() * _theirs(measured[seen])).magnitude()
    error = np.degrees(angle)
    found = signals_angles.pose(truth, measured, OWNERS, seed=0)
    assert found["coverage"] == pytest.approx(seen.mean())
    assert found["error"] == pytest.approx(error.mean())
    assert found["median"] == pytest.approx(np.median(error))
    assert found["within_20"] == pytest.approx((error <= 20).sum() / N), "no face is outside"
    assert found["error_low"] < found["error"] < found["error_high"]
    line = stats.linregress(truth[seen, 0], measured[seen, 0])
    assert found["slope_yaw"] == pytest.approx(line.slope)
    assert found["r_yaw"] == pytest.approx(line.rvalue)
    assert found["slope_yaw"] == pytest.approx(0.5, abs=0.02)


def test_bins_of_yaw_share_all_frames(heads: tuple[np.ndarray, np.ndarray]) -> None:
    truth, measured = heads
    bins = signals_angles.pose(truth, measured, OWNERS, seed=0)["bins"]
    size = np.abs(truth[:, 0])
    assert [each["n"] for each in bins] == [
        (size < 30).sum(),
        ((size >= 30) & (size < 60)).sum(),
        (size >= 60).sum(),
    ]
    assert bins[0]["error"] < bins[1]["error"] < bins[2]["error"]


def test_angles_wrap_around_the_back() -> None:
    truth, measured = np.array([[0.0, 0, 179]] * 3), np.array([[0.0, 0, -179]] * 3)
    found = signals_angles.pose(truth, measured, np.arange(3), seed=0)
    assert found["mae_roll"] == pytest.approx(2)
    assert found["error"] == pytest.approx(2, abs=1e-4)


def test_a_pose_that_is_never_read_has_no_error() -> None:
    found = signals_angles.pose(np.ones((4, 3)), np.full((4, 3), np.nan), np.arange(4), seed=0)
    assert (found["coverage"], found["within_20"]) == (0, 0)
    assert np.isnan([found[name] for name in ("error", "median", "mae_yaw", "slope_yaw")]).all()


def test_gaze_is_the_angle_between_directions() -> None:
    truth = np.array([[10.0, 5], [0, 0], [90, 0]])
    measured = np.array([[10.0, 5], [0, 30], [0, 0]])
    found = signals_angles.gaze(truth, measured, np.arange(3), seed=0)
    assert found["error"] == pytest.approx(np.mean([0, 30, 90]), abs=1e-5)
    assert found["within_5"] == pytest.approx(1 / 3)
    assert "mae_roll" not in found


def test_gaze_turns_with_the_head_in_the_frame_of_the_camera() -> None:
    head = np.array([[20.0, 0, 0], [0, 0, 90], [0, 15, 0]])
    looks = np.array([[10.0, 0], [30, 0], [0, -15]])
    found = signals_angles.in_camera(looks, head)
    # a head on its side that looks to its right looks down
    assert found == pytest.approx(np.array([[30, 0], [0, -30], [0, 0]]), abs=1e-6)


# -- a signal --------------------------------------------------------------------------------------


def test_a_signal_is_scored_on_what_both_know() -> None:
    rng = np.random.default_rng(0)
    au, yaw = rng.uniform(0, 5, N), rng.uniform(-40, 40, N)
    zero = np.zeros(N)
    truth = {
        **{"au_01": au, "au_12l": au, "au_45": au, "au_99": au, "au_98": zero},
        **{"pose_yaw": yaw, "pose_pitch": zero, "pose_roll": zero},
        **{"gaze_yaw": zero, "gaze_pitch": zero},
    }
    measured = {
        **{"au_01": au, "au_12l": zero, "blink": (au > 3).astype(float), "eye_openness": -au},
        **{"pose_yaw": yaw, "pose_pitch": zero, "pose_roll": zero, "age": zero},
        **{"gaze_yaw": yaw, "gaze_pitch": zero},
    }
    found = signal_scores(truth, measured, OWNERS, threshold=2.0, gaze_frame="camera", seed=0)
    assert sorted(found["action_units"]) == ["AU01", "AU12L"]
    assert found["action_units"]["AU01"]["f1"] == 1
    assert found["macro"] == {
        "units_common": 2,
        "macro_f1_common": 0.5,
        "units_all": 4,
        "macro_f1_all": 0.25,
    }
    assert found["blink"]["f1"] == pytest.approx(f1_score(au >= 2, au > 3))
    assert found["blink"]["pr_auc"] == pytest.approx(1), "by how far the eyes are open"
    assert found["pose"]["error"] == pytest.approx(0, abs=1e-4)
    assert found["gaze"]["error"] == pytest.approx(0, abs=1e-4), "the eyes look where the face does"
    head = signal_scores(truth, measured, OWNERS, threshold=2.0, gaze_frame="head", seed=0)
    assert head["gaze"]["error"] == pytest.approx(np.abs(yaw).mean())
    assert signal_scores({}, measured, OWNERS, threshold=2, gaze_frame=None, seed=0) == {}


def test_rotations_of_unknown_angles_are_unknown() -> None:
    lost = np.full(1, np.nan)
    assert np.isnan(rotations.geodesic(rotations.rotations(lost, lost, lost), np.eye(3)[None]))
