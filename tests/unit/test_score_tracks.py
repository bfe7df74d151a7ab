"""Scores of tracks of whole clips: sums, intervals, strips, and the stage (protocol §51)."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceoff.figures import tracks as figure
from faceoff.plan.job_specs import Plan
from faceoff.plan.track_scores import TrackScoresJob
from faceoff.report.part import Part
from faceoff.report.sections import tracks as section
from faceoff.results.dataset_results import DatasetResults
from faceoff.results.tables.table import Sources, load
from faceoff.scoring.clip_tracks import (
    FollowedClip,
    counts_of,
    intervals,
    of_clip,
    of_kinds,
    scored,
)
from faceoff.scoring.identity_strips import most_telling, strip
from faceoff.scoring.tracks import TrackedFrame, on_people, track_counts, track_scores
from faceoff.stages.score_tracks import write_track_scores
from faceoff.storage import columns, files, parquet

JOB = TrackScoresJob(dataset="d", detector="yunet", policy="largest", clips=3, seed=0)
Seen = list[tuple[str | None, int, int]]  # of each face: on whom, its track, its identity


def clip(name: str, kind: str | None, seen: list[tuple[list[str], Seen]]) -> FollowedClip:
    """Return a clip at ten frames a second: of each frame the people, and the faces found."""
    people = tuple(dict.fromkeys(person for truth, _ in seen for person in truth))
    frames, identities = [], []
    for truth, faces in seen:
        overlap = np.array([[float(on == person) for on, *_ in faces] for person in truth])
        frames.append(
            TrackedFrame(
                np.array([people.index(person) for person in truth], int),
                np.array([track for _, track, _ in faces], int),
                overlap.reshape(len(truth), len(faces)),
            )
        )
        identities.append(np.array([identity for *_, identity in faces], int))
    chosen = [0 if faces else None for _, faces in seen]
    return FollowedClip(name, kind, np.arange(len(seen)) / 10, people, frames, identities, chosen)


def away_and_back(track: int = 1, identity: int = 0, name: str = "x") -> FollowedClip:
    """Return a clip of a person seen for 1 s, away for 1 s and back for 1 s in another track."""
    here: list[tuple[list[str], Seen]] = [(["a"], [("a", 0, 0)])] * 10
    back: list[tuple[list[str], Seen]] = [(["a"], [("a", track, identity)])] * 10
    return clip(name, "returning", [*here, *[([], [])] * 10, *back])


def two(name: str = "y") -> FollowedClip:
    """Return a clip of two people whom the follower takes for one another after 1 s."""
    faces = [("a", 0, 0), ("b", 1, 1)]
    swapped = [("b", 0, 0), ("a", 1, 1)]
    return clip(name, "crossing", [(["a", "b"], faces)] * 10 + [(["a", "b"], swapped)] * 10)


def test_a_return_in_a_new_track_is_a_switch_and_joined_it_is_recognised() -> None:
    counts = counts_of(away_and_back())
    assert (counts.returns, counts.found, counts.surplus) == ((1, 1), (2, 1), 0)
    values = scored([counts])["values"]
    assert values["mota"] == 1 - 1 / 20
    assert values["idf1"] == pytest.approx(2 * 10 / 40)
    assert values["identity_idf1"] == values["b3_f1"] == values["reentry"] == 1
    assert np.isnan(values["ari"]), "one person cannot be told apart"
    apart = scored([counts_of(away_and_back(identity=1))])["values"]
    assert (apart["reentry"], apart["surplus"], apart["identity_idf1"]) == (0, 1, 0.5)
    assert (apart["b3_precision"], apart["b3_recall"]) == (1, 0.5)


def test_two_people_who_are_swapped() -> None:
    found = scored([counts_of(two())])
    assert found["counts"]["switches"] == 2
    assert found["values"]["mota"] == 1 - 2 / 40
    assert found["values"]["identity_idf1"] == 0.5
    assert found["values"]["b3_f1"] == 0.5
    assert found["values"]["ari"] == pytest.approx(0, abs=0.05)
    # The chosen face goes from a to b once in 1.9 s.
    assert found["values"]["changes_per_minute"] == pytest.approx(60 / 1.9)
    # Everybody in one: precision 1/2, recall 1. Each face apart: precision 1, recall 1/20.
    assert found["values"]["b3_f1_all_one"] == pytest.approx(2 / 3)
    assert found["values"]["b3_f1_all_apart"] == pytest.approx(2 * 0.05 / 1.05)


def test_faces_on_nobody_are_identities_too_but_no_change_of_person() -> None:
    seen: Any = [(["a"], [("a", 0, 0)])] * 5 + [(["a"], [(None, 1, 1), ("a", 0, 0)])] * 5
    counts = counts_of(clip("z", None, seen))
    assert (counts.surplus, counts.changes[0]) == (1, 0)
    assert scored([counts])["counts"]["false_alarms"] == 5


def test_counts_of_clips_add_up_to_those_of_the_clips_behind_one_another() -> None:
    one, other = away_and_back(), two()
    behind = [
        TrackedFrame(frame.truth + 1, frame.predicted + 2, frame.overlap) for frame in other.frames
    ]
    both = track_scores([*one.frames, *behind])
    pooled = scored([counts_of(one), counts_of(other)])["values"]
    for name in ("mota", "idf1", "hota", "deta", "assa"):
        assert pooled[name] == pytest.approx(getattr(both, name)), name
    assert track_counts([]).sum() == 0


def test_intervals_resample_clips_and_need_six_that_differ() -> None:
    clips = [away_and_back(1, place % 2, f"c{place}") for place in range(12)]
    counts = [counts_of(one) for one in clips]
    low, high = intervals(counts, 0)["reentry"]
    assert 0 <= low < scored(counts)["values"]["reentry"] == 0.5 < high <= 1
    assert intervals(counts, 0)["reentry"] == [low, high]
    assert np.isnan(intervals(counts[:5], 0)["reentry"]).all()
    assert np.isnan(intervals(counts[::2], 0)["mota"]).all(), "clips that are all alike"


def test_kinds_come_after_all_and_only_where_there_are_several() -> None:
    clips = [two("b"), away_and_back(name="a")]
    counts = [counts_of(one) for one in clips]
    parts = of_kinds(clips, counts, 0)
    assert [(part["kind"], part["n"]) for part in parts] == [
        (None, 2), ("crossing", 1), ("returning", 1),
    ]  # fmt: skip
    assert [part["kind"] for part in of_kinds(clips[:1], counts[:1], 0)] == [None]
    about = of_clip(clips[0], counts[0])
    assert (about["sample_id"], about["people"], about["switches"]) == ("b", 2, 2)
    assert about["idf1"] == 0.5


def test_clips_without_any_face_found_are_scored() -> None:
    empty = clip("e", None, [(["a", "b"], [])] * 8)
    values = scored([counts_of(empty)])["values"]
    assert (values["mota"], values["idf1"], values["hota"], values["surplus"]) == (0, 0, 0, -2)
    assert np.isnan(values["b3_f1"])
    (still,) = [clip("s", None, [(["a"], [("a", 0, 0)])])]
    assert np.isnan(scored([counts_of(still)])["values"]["changes_per_minute"])


def test_faces_lie_on_people_one_to_one() -> None:
    overlap = np.array([[0.9, 0.6, 0.1], [0.7, 0.2, 0.4]])
    frame = TrackedFrame(np.array([4, 7]), np.array([0, 1, 2]), overlap)
    assert on_people(frame).tolist() == [7, 4, -1]
    assert on_people(TrackedFrame(np.array([4]), np.empty(0, int), np.empty((1, 0)))).tolist() == []


# -- strips ----------------------------------------------------------------------------------------


def test_spans_of_people_and_identities() -> None:
    found = strip(away_and_back(identity=1))
    assert found["people"] == [{"name": "a", "spans": [[0.0, 1.0], [2.0, 3.0]]}]
    assert found["identities"] == [
        {"identity": 0, "spans": [[0.0, 1.0, 0]]},
        {"identity": 1, "spans": [[2.0, 3.0, 0]]},
    ]
    assert strip(two())["identities"][0]["spans"] == [[0.0, 1.0, 0], [1.0, 2.0, 1]]


def test_clips_that_tell_most_come_first_and_of_every_kind() -> None:
    plain = clip("p", "single", [(["a"], [("a", 0, 0)])] * 4)
    clips = [plain, two("b"), two("c"), away_and_back(name="d")]
    assert [one.sample_id for one in most_telling(clips, 9)] == ["b", "d", "p", "c"]
    assert most_telling(clips, 0) == []


# -- the stage, and what shows its file ------------------------------------------------------------


def write_tables(folder: Path, tracked: bool = True, people: bool = True) -> list[Path]:
    """Write a clip of two people whom the tracker takes for one another in its second half."""
    samples, frames, faces = (folder / f"{name}.parquet" for name in ("samples", "frames", "faces"))
    about = {"sample_id": "v", "kind": "video", "path": "v.mp4", "split": "test"}
    parquet.write_rows(samples, columns.SAMPLES, [about | {"groups": {"kind": "crossing"}}])
    boxes = [[10.0, 10.0, 40.0, 40.0], [100.0, 10.0, 30.0, 30.0]]
    shown, found = [], []
    for number in range(10):
        key = {"sample_id": "v", "frame": number, "timestamp_s": number / 5}
        state = {"width": 200, "height": 100, "state": columns.OK}
        known = {"boxes": boxes, "identities": ["ann", "bob"]} if people and number != 9 else {}
        shown.append(key | state | known)
        for place, (x, y, w, h) in enumerate(boxes):
            track = place if number < 5 else 1 - place
            face = {"face_id": place, "n_faces": 2, "success": 1, "state": columns.OK, "score": 0.9}
            box = {"x": x + 1, "y": y, "w": w, "h": h}
            follow = {"track_id": track, "identity": track, "main": track == 0}
            found.append(key | face | box | (follow if tracked else {}))
    parquet.write_rows(frames, columns.FRAMES, shown)
    parquet.write_rows(faces, columns.TRACKED_FACES if tracked else columns.FACES, found)
    return [samples, frames, faces]


def test_the_stage_writes_scores_that_table_page_and_figure_show(tmp_path: Path) -> None:
    output = tmp_path / "d" / "yunet.tracks.json"
    write_track_scores(*write_tables(tmp_path), output, JOB)
    found = files.read_json(output)
    assert found["state"] == "ok"
    (part,) = found["parts"]
    assert part["counts"]["faces"] == 18, "the last frame has no truth and does not count"
    assert part["counts"]["switches"] == 2
    assert part["values"]["changes_per_minute"] == 0, "the largest face is ann's throughout"
    assert part["values"]["reentry"] is None
    main = tmp_path / "d" / "main.tracks.json"
    job = TrackScoresJob(dataset="d", detector="main", policy="main_track", clips=0, seed=0)
    write_track_scores(*write_tables(tmp_path), main, job)
    told = files.read_json(main)
    assert told["parts"][0]["values"]["changes_per_minute"] == pytest.approx(60 / 1.6)
    assert told["strips"] == []

    (row,) = load("tracks").rows(Sources(tracks=[found]))
    assert (row["kind"], row["clips"], row["mota"]) == ("all", 1, part["values"]["mota"])
    assert row["mota_low"] is None

    results = DatasetResults("d", {}, [], None, tracks=[output])
    view = section.view(Part(dataset=results, key="d0", ids={}, links=lambda _: [], tracks=[found]))
    assert [lane["who"] for lane in view["strips"][0]["lanes"]] == [
        "truth", "truth", "yunet", "yunet",
    ]  # fmt: skip
    assert [bar["hue"] for bar in view["strips"][0]["lanes"][2]["bars"]] == [1, 2]
    assert section.view(Part(dataset=results, key="d0", ids={}, links=lambda _: [])) is None

    drawn, rows = figure.of_dataset(results)
    assert len(drawn.axes[0].patches) == 2 + 4
    assert [row["person"] for row in rows if row["by"] == "yunet"] == ["ann", "bob", "bob", "ann"]
    assert figure.of_dataset(DatasetResults("d", {}, [], None))[1] == []


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"tracked": False}, "there is no clip of several frames"),
        ({"people": False}, "no frame says who is seen"),
    ],
)
def test_what_cannot_be_scored_says_why(tmp_path: Path, wrong: dict, reason: str) -> None:
    write_track_scores(*write_tables(tmp_path, **wrong), tmp_path / "o.json", JOB)
    found = files.read_json(tmp_path / "o.json")
    assert (found["state"], found["reason"], found["parts"]) == ("error", reason, [])
    results = DatasetResults("d", {}, [], None, tracks=[tmp_path / "o.json"])
    part = Part(dataset=results, key="d0", ids={}, links=lambda _: [], tracks=[found])
    assert section.view(part)["failed"] == [{"detector": "yunet", "reason": reason}]
    assert load("tracks").rows(Sources(tracks=[found])) == []
    assert figure.of_dataset(results)[1] == []


def test_a_failed_detector_is_said(tmp_path: Path) -> None:
    samples, frames, faces = write_tables(tmp_path)
    rows = list(parquet.rows(faces))
    parquet.write_rows(faces, parquet.with_failure(columns.FACES, ["faces"]), rows)
    write_track_scores(samples, frames, faces, tmp_path / "o.json", JOB)
    assert files.read_json(tmp_path / "o.json")["reason"] == "the detector or the tracker failed"


def plan(tracking: bool, **datasets: dict[str, Any]) -> Plan:
    followed: dict[str, Any] = {"tracking": {}} if tracking else {}
    return Plan(
        {
            "run": "r",
            "datasets": datasets,
            "detectors": {"whole": {}, "haar": {}},
            "models": {"faceoff_small": {}},
            **followed,
        }
    )


def test_only_tracks_of_known_people_are_scored() -> None:
    asked = plan(True, posed={"limit": 8}, posed_video={"limit": 2})
    wanted = "results/r/scores/posed_video/haar.tracks.json"
    assert asked.track_score_files() == [wanted]
    assert wanted in asked.products()
    assert "tracks" in asked.table_names()
    assert [name for name in asked.figure_names() if name.startswith("tracks")] == [
        "tracks-posed_video"
    ]
    plain = plan(False, posed={"limit": 8}, posed_video={"limit": 2})
    assert plain.track_score_files() == []
    assert "tracks" not in plain.table_names()
    assert not [name for name in plain.figure_names() if name.startswith("tracks")]
