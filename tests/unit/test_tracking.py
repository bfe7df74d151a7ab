"""Faces are followed by their boxes over true time, and tracks are joined to people."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from faceoff.tracking import cuts, identities
from faceoff.tracking.association import Follower, Moment, follow

FPS = 25


def moment(time_s: float, *centres: float, side: float = 40) -> Moment:
    """Return faces of one size side by side."""
    boxes = [(x - side / 2, 100.0, side, side) for x in centres]
    return Moment(time_s, np.array(boxes, float).reshape(-1, 4))


def numbers(found: list[np.ndarray]) -> list[list[int]]:
    return [frame.tolist() for frame in found]


def test_two_people_who_cross_keep_their_tracks() -> None:
    """One is behind the other, unseen, for a quarter of a second."""
    moments, expected = [], []
    for place in range(60):
        time_s = place / FPS
        left, right = 50 + 150 * time_s, 410 - 150 * time_s
        if abs(left - right) < 40:
            moments.append(moment(time_s, left))
            expected.append([0])
        else:  # detectors list faces in any order
            moments.append(moment(time_s, *sorted((left, right))))
            expected.append([0, 1] if left < right else [1, 0])
    assert 3 <= sum(frame == [0] for frame in expected) <= 8
    assert numbers(follow(moments)) == expected


@pytest.mark.parametrize("fps", [5, 10, 25, 60, 240])
def test_a_walk_is_one_track_at_any_rate(fps: int) -> None:
    moments = [moment(place / fps, 50 + 300 * place / fps) for place in range(2 * fps)]
    assert numbers(follow(moments)) == [[0]] * (2 * fps)


def test_a_varying_rate_is_followed_by_its_times() -> None:
    times = np.cumsum(np.random.default_rng(0).uniform(0.005, 0.3, 60))
    assert numbers(follow([moment(time_s, 50 + 200 * time_s) for time_s in times])) == [[0]] * 60


@pytest.mark.parametrize(("away_s", "tracks"), [(0.5, 1), (2.0, 2)])
def test_a_return_is_the_same_track_within_the_gap_alone(away_s: float, tracks: int) -> None:
    times = np.arange(0, 4, 1 / FPS)
    seen = [moment(t, *([] if 1 <= t < 1 + away_s else [100.0])) for t in times]
    found = np.concatenate(follow(seen, gap_s=1.0))
    assert found.max() + 1 == tracks


def test_a_cut_ends_all_tracks_and_is_looked_for_only_where_a_face_jumps() -> None:
    moments = [moment(place / FPS, 100.0 if place < 5 else 125.0) for place in range(10)]
    asked: list[int] = []

    def is_cut(place: int) -> bool:
        asked.append(place)
        return True

    assert numbers(follow(moments)) == [[0]] * 10
    assert numbers(follow(moments, is_cut=is_cut)) == [[0]] * 5 + [[1]] * 5
    assert asked == [5]


def test_a_face_of_another_size_is_another_one() -> None:
    assert numbers(follow([moment(0.0, 100), moment(0.04, 100, side=80)])) == [[0], [1]]


def test_times_that_jump_or_go_back_break_nothing() -> None:
    times = [0.0, 0.04, -3.0, -2.96, -2.96, 100.0]
    found = numbers(follow([moment(time_s, 100) for time_s in times]))
    assert found == [[0]] * 5 + [[1]], "only the long gap ends the track"
    assert follow([]) == []
    assert numbers(follow([moment(0.0), moment(0.1)])) == [[], []]


def test_twenty_five_faces_keep_their_places() -> None:
    places = np.arange(25) * 60.0
    random = np.random.default_rng(1)
    for frame in follow([moment(t / FPS, *(places + random.normal(0, 2, 25))) for t in range(20)]):
        assert frame.tolist() == list(range(25))


# -- cuts ------------------------------------------------------------------------------------------


def test_a_scene_change_is_the_mean_change_of_hue_saturation_and_value() -> None:
    dark, bright = np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 3), np.uint8)
    bright[..., 2] = 90
    assert cuts.scene_change(dark, bright) == 30
    red, crimson = (np.full((2, 2, 3), (hue, 255, 200), np.uint8) for hue in (2, 254))
    assert cuts.scene_change(red, crimson) == pytest.approx(4 / 3), "hues 2 and 254 are 4 apart"
    grey, other = (np.full((2, 2, 3), (hue, 0, 200), np.uint8) for hue in (2, 128))
    assert cuts.scene_change(grey, other) == 0, "grey has no hue"


# -- identities ------------------------------------------------------------------------------------


def test_the_best_faces_are_spread_over_the_track() -> None:
    quality = np.array([1, 9, 2, 8, 3, 7.0])
    assert identities.best_faces(quality, 3).tolist() == [1, 3, 5]
    assert identities.best_faces(quality[:2], 8).tolist() == [0, 1]


def test_an_embedding_is_the_median_of_the_faces_that_have_one() -> None:
    faces = np.array([[1.0, 0], [3, 0], [2, 9], [np.nan, np.nan]])
    assert identities.embedding_of(faces).tolist() == [2, 0]
    assert np.isnan(identities.embedding_of(faces[3:])).all()


@pytest.mark.parametrize("seed", range(8))
def test_joining_is_average_linkage_as_scipy_has_it(seed: int) -> None:
    points = np.random.default_rng(seed).normal(0, 0.3, (12, 4))
    found = identities.join(points, np.zeros((12, 12), bool), 0.6)
    expected = fcluster(linkage(pdist(points), "average"), 0.6, "distance")
    same = expected[:, None] == expected
    assert ((found[:, None] == found) == same).all()
    assert found[0] == 0
    assert found.max() + 1 == len(set(expected))


def test_tracks_that_are_seen_together_are_two_people() -> None:
    points = np.array([[0.0], [0.01], [0.02], [9.0]])
    together = identities.seen_together([np.array([0, 1]), np.array([2]), np.array([3, 0])])
    assert identities.join(points, together, 0.5).tolist() == [0, 1, 1, 2]
    alone = np.zeros((4, 4), bool)
    assert identities.join(points, alone, 0.5).tolist() == [0, 0, 0, 1]


def test_a_track_without_an_embedding_is_an_identity_of_its_own() -> None:
    points = np.array([[0.0], [np.nan], [0.1], [np.nan]])
    assert identities.join(points, np.zeros((4, 4), bool), 0.5).tolist() == [0, 1, 0, 2]
    assert len(identities.join(np.empty((0, 3)), np.empty((0, 0), bool), 0.5)) == 0


def test_people_are_named_by_the_nearest_reference_and_once_in_a_moment() -> None:
    references, people = np.array([[0.0], [0.1], [1.0]]), np.array([4, 4, 7])
    alone = np.zeros((3, 3), bool)
    found = np.array([[0.02], [0.3], [np.nan]])
    assert identities.named(found, alone, references, people).tolist() == [4, 4, -1]
    together = np.array([[False, True, False], [True, False, False], [False, False, False]])
    # The second is nearer to 4, whom the first is; it is too far from 7.
    assert identities.named(found, together, references, people).tolist() == [4, -1, -1]
    assert identities.named(found, together, references, people, 0.8).tolist() == [4, 7, -1]
    assert identities.named(found[:0], alone[:0, :0], references, people).tolist() == []


def test_a_follower_tells_which_tracks_have_ended() -> None:
    follower = Follower(gap_s=1.0)
    assert follower.step(moment(0.0, 100, 400)).tolist() == [0, 1]
    assert follower.step(moment(0.5, 400)).tolist() == [1]
    assert follower.ended([0, 1]) == set()
    assert follower.step(moment(1.2, 400)).tolist() == [1]
    assert follower.ended([0, 1]) == {0}
    assert follower.step(moment(1.3, 700), lambda: True).tolist() == [2]
    assert follower.ended([0, 1, 2]) == {0, 1}
    assert follower.count == 3
