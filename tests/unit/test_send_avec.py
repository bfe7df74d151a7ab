"""SEND and AVEC 2013: valence over time from rating files to the frames table, and the
evaluator-weighted estimator by hand.
"""

from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faceoff.datasets import send
from faceoff.datasets._raters import at, evaluator_weighted, evaluator_weights
from faceoff.datasets.avec2013 import Avec2013
from faceoff.datasets.send import Send
from faceoff.plan.job_specs import Plan
from faceoff.stages.frames import write_frames
from faceoff.stages.samples import write_samples
from faceoff.storage import parquet

# -- evaluator-weighted estimator ------------------------------------------------------------------


def test_weights_by_hand() -> None:
    """Mean of 1 2 3 4, 2 4 6 8 and 1 1 1 3 is (4, 7, 10, 15) / 3; deviations -5 -2 1 6 (x 1/3)."""
    ratings = np.array([[1, 2, 3, 4], [2, 4, 6, 8], [1, 1, 1, 3]], float)
    # r = Σ dx·dm / sqrt(Σ dx² · Σ dm²), with Σ dm² = 66: rater 1: dx -1.5 -.5 .5 1.5, Σ dx·dm = 18,
    # Σ dx² = 5; rater 3: dx -.5 -.5 -.5 1.5, Σ = 12, 3.
    first, third = 18 / np.sqrt(5 * 66), 12 / np.sqrt(3 * 66)
    assert evaluator_weights(ratings) == pytest.approx([first, first, third])
    expected = (first * ratings[0] + first * ratings[1] + third * ratings[2]) / (2 * first + third)
    assert evaluator_weighted(ratings) == pytest.approx(expected)


def test_two_items_and_three_raters() -> None:
    """All three rise together, so all weigh 1 and the estimate is the mean (the example of
    audpsychometric's documentation).
    """
    assert evaluator_weighted(np.array([[1, 1, 0], [2, 2, 1]], float).T) == pytest.approx(
        [2 / 3, 5 / 3]
    )


def test_constant_and_opposed_raters_weigh_nothing() -> None:
    rising = np.array([0.0, 1.0, 2.0, 3.0])
    ratings = np.stack([rising, rising + 1, np.full(4, 50.0), -rising])
    assert evaluator_weights(ratings) == pytest.approx([1, 1, 0, 0])
    assert evaluator_weighted(ratings) == pytest.approx(rising + 0.5)
    assert evaluator_weighted(np.array([[5.0, 5.0], [7.0, 7.0]])) == pytest.approx([6, 6]), (
        "nobody varies: the plain mean"
    )
    assert evaluator_weighted(np.array([[1.0, 4.0, 2.0]])) == pytest.approx([1, 4, 2]), "one rater"


def test_missing_ratings() -> None:
    nan = np.nan
    ratings = np.array([[0, 1, 2, nan], [0, 1, nan, nan], [nan, nan, nan, nan]])
    assert evaluator_weighted(ratings)[:3] == pytest.approx([0, 1, 2])
    assert np.isnan(evaluator_weighted(ratings)[3])
    assert evaluator_weights(ratings)[2] == 0
    for wrong in (np.zeros(3), np.zeros((0, 3))):
        with pytest.raises(ValueError, match="raters, times"):
            evaluator_weighted(wrong)


@settings(deadline=None)
@given(
    arrays(
        float,
        st.tuples(st.integers(1, 6), st.integers(2, 12)),
        elements=st.integers(0, 100).map(float),
    )
)
def test_estimate_lies_between_the_raters(ratings: np.ndarray) -> None:
    estimate = evaluator_weighted(ratings)
    assert (
        (estimate >= ratings.min(axis=0) - 1e-9) & (estimate <= ratings.max(axis=0) + 1e-9)
    ).all()
    assert evaluator_weighted(ratings[::-1]) == pytest.approx(estimate), (
        "the raters' order does not matter"
    )
    assert evaluator_weighted(ratings / 50 - 1) == pytest.approx(estimate / 50 - 1, abs=1e-6), (
        "nor does the scale"
    )


def test_value_at_a_moment() -> None:
    seconds, values = np.array([0.5, 1.0, 1.5, 2.0]), np.array([0.0, 1.0, np.nan, 0.0])
    assert at(seconds, values, 0.75, 0.5) == pytest.approx(0.5)
    assert at(seconds, values, 1.5, 0.5) == pytest.approx(0.5), "over a missing rating"
    assert at(seconds, values, 0.0, 0.5) == at(seconds, values, 2.4, 0.5) == 0.0
    assert at(seconds, values, 2.6, 0.5) is None
    assert at(seconds, np.full(4, np.nan), 1.0, 0.5) is None


# -- SEND ------------------------------------------------------------------------------------------


def clip(path: Path, seconds: float = 2.0, rate: int = 10) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(int(seconds * rate)):
            container.mux(
                stream.encode(
                    av.VideoFrame.from_ndarray(
                        np.full((48, 64, 3), 10 * index % 250, np.uint8), format="rgb24"
                    )
                )
            )
        container.mux(stream.encode(None))


def rated(
    root: Path,
    key: str,
    values: list[float],
    split: str = "Test",
    raters: list[list[float]] | None = None,
) -> None:
    """The three rating files of one clip, as released: 0-100 for observers, 0-1 for the speaker."""
    seconds = [0.5 * number for number in range(len(values))]
    folders = {
        name: root / "ratings" / split / name for name in ("observer_EWE", "observer", "target")
    }
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    raters = raters or [values, values]
    (folders["observer_EWE"] / f"results_{key}.csv").write_text(
        "time,evaluatorWeightedEstimate\n"
        + "".join(f"{t},{v}\n" for t, v in zip(seconds, values, strict=True))
    )
    header = ",".join(["time", *(f"rater{number}" for number in range(len(raters)))])
    (folders["observer"] / f"results_{key}.csv").write_text(
        f"{header}\n"
        + "".join(f"{','.join(map(str, row))}\n" for row in zip(seconds, *raters, strict=True))
    )
    (folders["target"] / f"target_{key}_normal.csv").write_text(
        "time, rating\n"
        + "".join(f"{t}, {v / 100}\n" for t, v in zip(seconds, values, strict=True))
    )


@pytest.fixture
def send_tree(tmp_path: Path) -> Path:
    root = tmp_path / "send"
    rated(root, "112_2", [0, 50, 100, 50, 0], raters=[[0, 50, 100, 50, 0], [10, 20, 90, 20, 10]])
    rated(root, "112_10", [50] * 5)
    rated(root, "99_1", [100] * 5)  # agreed to ratings only: no clip is given out
    rated(root, "200_1", [50] * 5, split="Train")
    for name in ("ID112_vid2", "ID112_vid10_downsized", "ID200_vid1", "ID7_vid1"):
        clip(root / "videos" / f"{name}.mp4")
    return root


def narratives(root: Path, **options: object) -> Send:
    return Send(Send.Options(path=root, **options))


def test_send(send_tree: Path, capsys: pytest.CaptureFixture) -> None:
    dataset = narratives(send_tree)
    samples = list(dataset.samples())
    assert [(sample.sample_id, sample.subject, sample.label) for sample in samples] == [
        ("ID112_vid2", "112", None),
        ("ID112_vid10", "112", None),
    ]
    assert all(
        (sample.kind, sample.split, sample.groups) == ("video", "test", {"person": "112"})
        for sample in samples
    )
    assert [sample.valence for sample in samples] == pytest.approx([-0.2, 0.0])
    assert dataset.file(samples[1]) == send_tree / "videos/ID112_vid10_downsized.mp4"
    assert dataset.left_out["ratings without a clip"] == 1
    said = capsys.readouterr().err
    assert "2 of the 31 clips of test" in said
    assert "left out 1 × ratings without a clip" in said
    assert dataset.version == "v1-test-observer_EWE@1"
    assert [sample.sample_id for sample in narratives(send_tree, split="train").samples()] == [
        "ID200_vid1"
    ]


def test_send_over_time(send_tree: Path) -> None:
    dataset = narratives(send_tree)
    first = next(iter(dataset.samples()))
    assert [
        dataset.annotation(first, t).valence for t in (0, 0.25, 0.5, 1.0, 1.2, 2.0, 2.5)
    ] == pytest.approx([-1, -0.5, 0, 1, 0.6, -1, -1])
    assert dataset.annotation(first, 2.6).valence is None
    assert dataset.annotation(first, 1.0).label is None


def test_send_gold_standards(send_tree: Path) -> None:
    computed, own = narratives(send_tree, gold="observer"), narratives(send_tree, gold="target")
    first = next(iter(computed.samples()))
    raters = np.array([[0, 50, 100, 50, 0], [10, 20, 90, 20, 10]], float)
    assert computed.annotation(first, 0.5).valence == pytest.approx(
        evaluator_weighted(raters)[1] / 50 - 1
    )
    assert own.annotation(first, 1.0).valence == pytest.approx(1.0)
    assert len({narratives(send_tree, gold=gold).version for gold in send.GOLD}) == 3
    assert computed.fingerprint() != own.fingerprint()


def test_send_through_the_stages(send_tree: Path, tmp_path: Path) -> None:
    """Every sampled frame has its own valence; the clip keeps its mean."""
    dataset = {"send": {"path": str(send_tree), "fps": 4}}
    plan = Plan(
        {"run": "s", "datasets": dataset, "detectors": {"whole": {}}, "models": {"fer": {}}}
    )
    samples, frames = tmp_path / "samples.parquet", tmp_path / "frames.parquet"
    write_samples(samples, plan.samples_job("send"))
    write_frames(samples, frames, plan.frames_job("send"))
    assert parquet.task_of(samples)["version"] == "v1-test-observer_EWE@1"
    assert pq.read_table(samples)["valence"].to_pylist() == pytest.approx([-0.2, 0.0])
    rows = [row for row in pq.read_table(frames).to_pylist() if row["sample_id"] == "ID112_vid2"]
    assert [row["state"] for row in rows] == ["ok"] * 8
    assert [row["timestamp_s"] for row in rows] == pytest.approx(
        [0, 0.2, 0.5, 0.7, 1.0, 1.2, 1.5, 1.7]
    )
    assert [row["valence"] for row in rows] == pytest.approx([-1, -0.6, 0, 0.4, 1, 0.6, 0, -0.4])
    assert all(row["label"] is None and row["arousal"] is None for row in rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,estimate\n0,1\n", "no column 'evaluatorWeightedEstimate'"),
        ("Time,evaluatorWeightedEstimate\n0,1\n", "no column 'time', did you mean 'Time'"),
        ("time,evaluatorWeightedEstimate\n", "no ratings"),
        ("", "no column 'time'"),
        (
            "time,evaluatorWeightedEstimate\n0,50\n0.5,101\n",
            r"row 2: rating 101 is outside 0 to 100 \(dataset key 'gold'\)",
        ),
        ("time,evaluatorWeightedEstimate\n0,50\n0.5\n", "row 2: not a time and a rating"),
        ("time,evaluatorWeightedEstimate\n0,x\n", "row 1: not a time and a rating"),
        ("time,evaluatorWeightedEstimate\n0.5,50\n0.5,50\n", "'time' does not increase"),
    ],
)
def test_send_wrong_ratings(send_tree: Path, text: str, message: str) -> None:
    (send_tree / "ratings/Test/observer_EWE/results_112_2.csv").write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        list(narratives(send_tree).samples())
    assert "results_112_2.csv" in str(error.value)


def test_send_spaces_and_missing_ratings(send_tree: Path) -> None:
    (send_tree / "ratings/Test/observer_EWE/results_112_2.csv").write_text(
        "time , evaluatorWeightedEstimate \n0, 0 \n\n0.5,\n1.0, 100\n"
    )
    dataset = narratives(send_tree)
    first = next(iter(dataset.samples()))
    assert dataset.annotation(first, 0.5).valence == pytest.approx(0)
    assert first.valence == pytest.approx(0)


def test_send_nothing_found(send_tree: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="dataset key 'path'"):
        narratives(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="dataset key 'videos'"):
        narratives(send_tree, videos=tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="ratings/Valid/observer_EWE"):
        narratives(send_tree, split="valid")
    with pytest.raises(FileNotFoundError, match=r"no clip such as ID112_vid1\.mp4"):
        list(narratives(send_tree, videos=tmp_path / "send" / "ratings").samples())
    for path in (send_tree / "ratings/Test/target").glob("*.csv"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match="target_112_1_normal"):
        list(narratives(send_tree, gold="target").samples())


def test_send_other_cases_and_copies(send_tree: Path) -> None:
    (send_tree / "ratings/Test").rename(send_tree / "ratings/test")
    clip(send_tree / "videos" / "copy" / "ID112_vid2.mp4")
    (send_tree / "videos" / "ID112_vid2.txt").touch()
    samples = list(narratives(send_tree).samples())
    assert [sample.path for sample in samples] == [
        "videos/ID112_vid2.mp4",
        "videos/ID112_vid10_downsized.mp4",
    ]
    apart = narratives(send_tree / "ratings", videos=send_tree / "videos")
    assert [(sample.sample_id, apart.file(sample)) for sample in apart.samples()] == [
        (sample.sample_id, narratives(send_tree).file(sample)) for sample in samples
    ]
    before = narratives(send_tree).fingerprint()
    rated(send_tree, "112_2", [0, 1, 2, 3, 4], split="test")
    assert narratives(send_tree).fingerprint() != before


def test_send_counts() -> None:
    assert sum(send.CLIPS.values()) == 193
    assert sum(send.SHARED.values()) == 112


# -- AVEC 2013 -------------------------------------------------------------------------------------


@pytest.fixture
def avec_tree(tmp_path: Path) -> Path:
    root = tmp_path / "avec"
    for key in ("205_1", "203_2"):
        clip(root / "Development" / f"{key}_cut_combined.mp4")
    clip(root / "Training" / "300_1_cut_combined.mp4")
    labels = root / "Labels" / "Development"
    labels.mkdir(parents=True)
    (labels / "203_2_Valence.csv").write_text(
        "".join(f"{value}\n" for value in np.linspace(-1, 1, 61))
    )
    (labels / "203_2_Arousal.csv").write_text(
        "frame,arousal\n" + "".join(f"{number},0.5 \n" for number in range(61))
    )
    (labels / "203_2_Depression.csv").write_text("7\n")
    return root


def recordings(root: Path, **options: object) -> Avec2013:
    return Avec2013(Avec2013.Options(path=root, **options))


def test_avec2013(avec_tree: Path, capsys: pytest.CaptureFixture) -> None:
    dataset = recordings(avec_tree)
    samples = list(dataset.samples())
    assert [(sample.sample_id, sample.subject, sample.label,
        sample.kind) for sample in samples] == [
        ("203_2", "203", None, "video"), ("205_1", "205", None, "video"),
    ]  # fmt: skip
    assert (samples[0].valence, samples[0].arousal) == pytest.approx((0, 0.5))
    assert samples[1].valence is samples[1].arousal is None
    assert [dataset.annotation(samples[0], t).valence for t in (0, 0.5, 1, 2)] == pytest.approx(
        [-1, -0.5, 0, 1]
    )
    assert dataset.annotation(samples[0], 1.0).arousal == pytest.approx(0.5)
    assert dataset.annotation(samples[0], 2.1).valence is None
    assert dataset.annotation(samples[1], 0).valence is None
    assert "1 × clip without labels" in capsys.readouterr().err
    slower = recordings(avec_tree, label_hz=15)
    assert slower.annotation(samples[0], 4).valence == pytest.approx(1)
    assert slower.version != dataset.version
    assert [sample.sample_id for sample in recordings(avec_tree, split="train").samples()] == [
        "300_1"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.1\nx\n", "line 2: 'x' is no number"),
        ("0.1\n1.5\n", "line 2: 1.5 is outside -1 to 1"),
        ("", "no value"),
    ],
)
def test_avec2013_wrong_labels(avec_tree: Path, text: str, message: str) -> None:
    (avec_tree / "Labels/Development/203_2_Valence.csv").write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        list(recordings(avec_tree).samples())
    assert "203_2_Valence.csv" in str(error.value)


def test_avec2013_two_label_files_of_one_clip(avec_tree: Path) -> None:
    (avec_tree / "Labels/Development/203_2_rater1_Valence.csv").write_text("0\n")
    with pytest.raises(ValueError, match="a second valence file"):
        recordings(avec_tree)


def test_avec2013_nothing_found_and_fingerprint(avec_tree: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="dataset key 'path'"):
        recordings(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"Testing/203_1_cut_combined\.mp4"):
        recordings(avec_tree, split="test")
    moved = tmp_path / "disk"
    (avec_tree / "Labels").rename(moved)
    (avec_tree / "Labels").symlink_to(moved)
    assert any(sample.valence is not None for sample in recordings(avec_tree).samples()), (
        "a linked folder's files count"
    )
    before = recordings(avec_tree).fingerprint()
    (avec_tree / "Labels/Development/205_1_Valence.csv").write_text("0\n")
    assert recordings(avec_tree).fingerprint() != before
