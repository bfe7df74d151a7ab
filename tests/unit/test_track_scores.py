"""Scores of tracks and identities: against TrackEval, scikit-learn and by hand (protocol §51)."""

from dataclasses import astuple

import numpy as np
import pytest
from sklearn import metrics

from faceoff.scoring.tracks import (
    TrackedFrame,
    changes_per_minute,
    cluster_scores,
    reentry,
    track_scores,
)


def frame(pairs: list[tuple[int, int]], truth: list[int], predicted: list[int]) -> TrackedFrame:
    """Return a frame in which the named people and tracks share a box, and no others do."""
    overlap = np.array([[float((a, b) in pairs) for b in predicted] for a in truth])
    shape = (len(truth), len(predicted))
    return TrackedFrame(np.array(truth, int), np.array(predicted, int), overlap.reshape(shape))


def scene(seed: int) -> list[TrackedFrame]:
    """Return forty frames of four people and six tracks with overlaps of every size."""
    random, frames = np.random.default_rng(seed), []
    for _ in range(40):
        truth = np.sort(random.permutation(4)[: random.integers(0, 5)])
        predicted = np.sort(random.permutation(6)[: random.integers(0, 7)])
        shape = (len(truth), len(predicted))
        overlap = random.uniform(0, 1, shape) * random.integers(0, 2, shape)
        for row, person in enumerate(truth):
            for column, track in enumerate(predicted):
                if track % 4 == person and random.uniform() < 0.8:
                    overlap[row, column] = random.uniform(0.5, 1)
        frames.append(TrackedFrame(truth, predicted, overlap))
    return frames


# What TrackEval 1.3.0 gives for these scenes: HOTA, DetA, AssA, MOTA, IDF1, misses, false alarms,
# switches.
TRACKEVAL = {
    0: (0.208727, 0.274576, 0.159589, -0.617978, 0.350877, 31, 81, 32),
    1: (0.188296, 0.275675, 0.128832, -0.621951, 0.284264, 33, 66, 34),
    2: (0.188691, 0.221710, 0.161055, -0.802632, 0.338308, 31, 80, 26),
    3: (0.165540, 0.215796, 0.128257, -1.133333, 0.285714, 22, 84, 22),
    4: (0.206426, 0.222420, 0.192028, -0.500000, 0.367568, 40, 65, 15),
    5: (0.208363, 0.230307, 0.188758, -0.680000, 0.371134, 28, 72, 26),
}


@pytest.mark.parametrize("seed", TRACKEVAL)
def test_scores_are_those_of_trackeval(seed: int) -> None:
    found = track_scores(scene(seed))
    assert (
        found.hota, found.deta, found.assa, found.mota, found.idf1,
        found.misses, found.false_alarms, found.switches,
    ) == pytest.approx(TRACKEVAL[seed], abs=1e-6)  # fmt: skip


def test_a_switch_by_hand() -> None:
    """One person in four frames, of whom two tracks have two frames each."""
    frames = [frame([(0, track)], [0], [track]) for track in (0, 0, 1, 1)]
    found = track_scores(frames)
    assert (found.mota, found.idf1) == (3 / 4, 2 * 2 / (4 + 4))
    assert (found.misses, found.false_alarms, found.switches) == (0, 0, 1)
    assert found.hota == pytest.approx(np.sqrt(1 * 0.5))
    assert (found.deta, found.assa) == (1, 0.5)


def test_perfect_tracks_score_one_and_no_track_scores_nothing() -> None:
    perfect = [frame([(0, 1), (1, 0)], [0, 1], [0, 1])] * 3
    assert astuple(track_scores(perfect)) == (1, 1, 1, 1, 1, 0, 0, 0)
    unseen = track_scores([frame([], [0, 1], [])] * 3)
    assert (unseen.mota, unseen.idf1, unseen.hota, unseen.misses) == (0, 0, 0, 6)


def test_without_a_true_face_there_are_only_false_alarms() -> None:
    found = track_scores([frame([], [], [0])] * 2)
    assert np.isnan([found.mota, found.idf1, found.hota]).all()
    assert found.false_alarms == 2
    assert track_scores([]).switches == 0


def test_a_return_counts_if_the_identity_is_that_of_before() -> None:
    here, away = frame([(0, 0)], [0], [0]), frame([], [], [])
    other, unseen = frame([(0, 1)], [0], [1]), frame([], [0], [])
    assert reentry([here, away, here]) == (1, 1)
    assert reentry([here, away, other]) == (0, 1)
    assert reentry([here, away, unseen]) == (0, 1)
    assert reentry([here, away, here], least=2) == (0, 0)
    assert reentry([here, unseen, away, here]) == (1, 1), "missed, not away, then away"
    assert reentry([here, away, unseen, here, other]) == (1, 1), "found a moment late"
    assert reentry([here, away, unseen, other, here]) == (0, 1), "the first face counts"
    assert reentry([here, away, unseen, away, here]) == (1, 2), "never found, then found"
    assert reentry([unseen, away, here]) == (0, 1), "nobody was known before"


def test_changes_of_the_chosen_person_per_minute() -> None:
    assert changes_per_minute([0, 0, None, 1, 1, 0], np.arange(6) * 2.0) == 60 * 2 / 10
    assert changes_per_minute([0, None, 0], np.array([0.0, 1.0, 2.0])) == 0
    assert np.isnan(changes_per_minute([0], np.array([0.0])))


@pytest.mark.parametrize("seed", range(5))
def test_clusters_against_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth, found = random.integers(0, 4, 60), random.integers(0, 6, 60)
    scores = cluster_scores(truth, found)
    assert scores.ari == pytest.approx(metrics.adjusted_rand_score(truth, found))
    assert scores.v_measure == pytest.approx(metrics.v_measure_score(truth, found))
    assert scores.surplus == len(set(found)) - len(set(truth))
    # B³ face by face, as its authors define it.
    same_person, same_cluster = truth[:, None] == truth, found[:, None] == found
    both = (same_person & same_cluster).sum(axis=1)
    assert scores.precision == pytest.approx((both / same_cluster.sum(axis=1)).mean())
    assert scores.recall == pytest.approx((both / same_person.sum(axis=1)).mean())


def test_all_in_one_and_each_apart() -> None:
    truth = np.array(["a", "a", "a", "b"])
    one, apart = cluster_scores(truth, np.zeros(4)), cluster_scores(truth, np.arange(4))
    assert (one.recall, one.precision, one.ari, one.surplus) == (1, (3 * 3 + 1) / 16, 0, -1)
    assert (apart.precision, apart.recall, apart.ari, apart.surplus) == (
        1,
        (3 * 1 / 3 + 1) / 4,
        0,
        2,
    )
    same = cluster_scores(truth, truth)
    assert (same.f1, same.ari, same.v_measure) == (1, 1, pytest.approx(1))
    with pytest.raises(ValueError, match="no face"):
        cluster_scores(np.array([]), np.array([]))
