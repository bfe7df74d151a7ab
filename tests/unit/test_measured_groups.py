"""Groups by what a run measures of faces: numbers of samples, levels, the plan, the stage."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceoff.faces.measured_groups import of_samples
from faceoff.plan.config import ConfigError
from faceoff.plan.group_jobs import GroupsJob
from faceoff.plan.job_specs import Plan
from faceoff.scoring.measured_groups import MEASURES, TONES, levels
from faceoff.scoring.task import groups_of, measured_groups, read_task
from faceoff.stages.groups import write_groups
from faceoff.stages.samples import write_samples
from faceoff.storage import columns, parquet

# ---------------------------------------------------------------- levels


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("age", [12.9, 13, 19.9, 20, 60], ["under 13", "13 to under 20", "13 to under 20",
                                           "20 to under 60", "60 and over"]),
        ("sex", [0.2, 0.5, 0.9], ["female", "male", "male"]),
        ("yaw", [0, 29.9, 30, 60], ["under 30°", "under 30°", "30 to under 60°", "60° and over"]),
        # Chardon et al. 1991: a value at an edge is not above it.
        ("skin_tone", [-31, -30, -29, 10, 28, 41, 55, 56],
         [TONES[0], TONES[0], TONES[1], TONES[1], TONES[2], TONES[3], TONES[4], TONES[5]]),
        ("face_size", [40, 63.9, 64, 200], ["under 64 px", "under 64 px", "64 to under 128 px",
                                            "128 px and over"]),
        ("light", [10.4, 20.2, 30.1, 40, 50, 60], ["under 30", "under 30", "30 to under 50",
                                                   "30 to under 50", "50 and over", "50 and over"]),
    ],
)  # fmt: skip
def test_numbers_become_the_levels_of_the_literature(
    name: str, values: list[float], expected: list[str]
) -> None:
    found, _ = levels(name, np.array([*values, np.nan]))
    assert found == [*expected, None]


def test_bins_of_the_user_take_the_place_of_the_measures_own() -> None:
    found, note = levels("skin_tone", np.array([9.0, 11.0]), [10.0])
    assert found == ["under 10", "10 and over"]
    assert note == ""


def test_a_cut_by_the_data_is_said_and_needs_different_numbers() -> None:
    assert levels("light", np.array([40.0, 50, 60]))[1] == "cut at 50 and 60"
    assert levels("light", np.full(5, 40.0)) == ([None] * 5, "all samples are of one level")
    assert levels("face_size", np.array([65.0, 127.0]))[1] == "all samples are of one level"
    assert levels("age", np.full(2, np.nan)) == ([None, None], "known of no sample")


# ---------------------------------------------------------------- numbers of samples


def _tables(folder: Path) -> tuple[Path, Path, Path]:
    """Write a picture with two faces, a clip of three frames, and a picture without a face.

    The larger face of the picture is 50 years old; the clip's frames say 10, 30 and nothing.
    """
    shape = [  # sample, frame, success, x, w, age
        ("still", 0, 1, 0, 20, 8.0),
        ("still", 0, 1, 30, 40, 50.0),
        ("clip", 0, 1, 0, 10, 10.0),
        ("clip", 1, 1, 0, 10, 30.0),
        ("clip", 2, 1, 0, 10, None),
        ("nobody", 0, 0, None, None, None),
    ]
    frames = dict.fromkeys((sample, frame) for sample, frame, *_ in shape)
    fixed = {"timestamp_s": None, "state": "ok", "reason": None}
    parquet.write_rows(
        folder / "frames.parquet",
        columns.FRAMES,
        [
            {"sample_id": sample, "frame": frame, "width": 100, "height": 80, **fixed}
            for sample, frame in frames
        ],
    )
    faces, signals = [], []
    for place, (sample, frame, success, x, side, age) in enumerate(shape):
        key = {"sample_id": sample, "frame": frame, "face_id": place, "success": success, **fixed}
        box = {"x": x, "y": 0 if success else None, "w": side, "h": side, "score": 0.9}
        faces.append({**key, "n_faces": 1, **box, "landmarks": None})
        signals.append({**key, "age": age})
    folder.joinpath("d").mkdir()
    parquet.write_rows(folder / "d.parquet", columns.FACES, faces)
    parquet.write_rows(folder / "d" / "a.parquet", columns.signals_schema(["age"]), signals)
    return folder / "frames.parquet", folder / "d.parquet", folder / "d" / "a.parquet"


IDS = ["nobody", "clip", "still"]


def test_a_sample_has_the_median_of_its_chosen_faces(tmp_path: Path) -> None:
    frames, faces, signals = _tables(tmp_path)
    found = of_samples(IDS, frames, faces, signals, MEASURES["age"], "largest")
    np.testing.assert_array_equal(found, [np.nan, 20.0, 50.0])
    sizes = of_samples(IDS, frames, faces, None, MEASURES["face_size"], "largest")
    np.testing.assert_array_equal(sizes, [np.nan, 10.0, 40.0])
    left_most = of_samples(IDS, frames, faces, signals, MEASURES["age"], "centre")
    np.testing.assert_array_equal(left_most, [np.nan, 20.0, 50.0])


def test_medians_are_those_of_numpy(tmp_path: Path) -> None:
    """Thirty clips of 1 to 12 frames, some of whose numbers are unknown."""
    random = np.random.default_rng(3)
    owner = np.sort(random.integers(0, 30, 200))
    ages = np.where(np.arange(200) % 7 == 0, np.nan, random.uniform(1, 80, 200))
    keys = [
        {"sample_id": f"c{clip}", "frame": place, "timestamp_s": None, "state": "ok"}
        for place, clip in enumerate(owner)
    ]
    face = {"face_id": 0, "n_faces": 1, "success": 1, "x": 0, "y": 0, "w": 5, "h": 5, "score": 1}
    paths = [tmp_path / f"{name}.parquet" for name in ("frames", "faces", "signals")]
    parquet.write_rows(paths[0], columns.FRAMES, [{**key, "width": 9, "height": 9} for key in keys])
    parquet.write_rows(paths[1], columns.FACES, [{**key, **face} for key in keys])
    told = [{**key, **face, "age": age} for key, age in zip(keys, ages, strict=True)]
    names = columns.signals_schema(["age"]).names
    parquet.write_rows(
        paths[2],
        columns.signals_schema(["age"]),
        [{name: row.get(name) for name in names} for row in told],
    )
    ids = [f"c{clip}" for clip in range(30)]
    found = of_samples(ids, *paths, MEASURES["age"], "largest")
    expected = [
        np.nanmedian(own) if np.isfinite(own).any() else np.nan
        for clip in range(30)
        for own in [ages[owner == clip]]
    ]
    np.testing.assert_allclose(found, expected)


def test_a_table_about_other_faces_is_refused(tmp_path: Path) -> None:
    frames, faces, signals = _tables(tmp_path)
    rows = list(parquet.rows(signals))
    rows[0]["sample_id"] = "else"
    parquet.write_rows(signals, columns.signals_schema(["age"]), rows)
    with pytest.raises(ValueError, match="about other faces"):
        of_samples(IDS, frames, faces, signals, MEASURES["age"], "largest")


# ---------------------------------------------------------------- the plan

BASE: dict[str, Any] = {
    "run": "r",
    "datasets": {"posed": {"rungs": ["plain"]}},
    "detectors": {"whole": {}, "haar": {}},
    "models": {"faceoff_small": {}},
}
SIGNALS = {"who": {"signal": "age_sex", "detectors": ["haar"]}, "skin_tone": {}}


def plan(**sections: Any) -> Plan:
    return Plan({**BASE, "signals": SIGNALS, **sections}, check_modules=False)


def test_without_the_section_nothing_is_made() -> None:
    told = plan()
    assert told.group_files("posed") == []
    assert [path for path in told.files() if "/groups/" in path] == []


def test_measures_find_their_signal_and_the_first_detector_that_it_reads() -> None:
    told = plan(
        groups={"age": {}, "light": None, "face_size": {"detector": "haar"}, "intensity": {}}
    )
    found = {each.measure: (each.signal, each.detector) for each in told.group_measures()}
    assert found == {
        "age": ("who", "haar"),
        "light": ("skin_tone", "whole"),
        "face_size": (None, "haar"),
        "intensity": (None, ""),
    }
    errors = {each.measure: each.error for each in told.group_measures()}
    assert errors["age"].startswith("mean absolute error 4.54 years")
    assert errors["light"] == errors["face_size"] == "unknown"
    assert told.group_inputs("posed") == (
        ["results/r/faces/posed/haar.parquet", "results/r/faces/posed/whole.parquet"],
        [
            "results/r/signals/posed/haar/who.parquet",
            "results/r/signals/posed/whole/skin_tone.parquet",
        ],
    )
    assert "results/r/groups/posed.parquet" in told.products()
    job = told.groups_job("posed")
    assert GroupsJob.from_json(job.to_json()) == job


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        ({"agee": {}}, "'agee' is not valid, did you mean 'age'"),
        ({"yaw": {}}, r"groups\.yaw: no signal .* add signals: \{sixdrepnet: \{\}\}"),
        ({"age": {"signal": "skin_ton"}}, r"groups\.age\.signal: .* did you mean 'skin_tone'"),
        ({"age": {"detector": "haarr"}}, r"groups\.age\.detector: .* did you mean 'haar'"),
        ({"age": {"detector": "whole"}}, r"signals\.who\.detectors leaves out whole: .* haar"),
        ({"face_size": {"signal": "who"}}, r"groups\.face_size\.signal: the box gives it"),
        ({"intensity": {"detector": "haar"}}, r"groups\.intensity\.detector: the dataset gives"),
        ({"sex": {"bins": [1]}}, r"groups\.sex\.bins: it has two levels"),
        ({"age": {"bins": [18, 13]}}, r"groups\.age\.bins: the edges of bins have to rise"),
        ({"age": {"bin": [18]}}, "did you mean 'bins'"),
    ],
)
def test_wrong_sections_are_refused_with_their_cure(groups: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        plan(groups=groups)


def test_a_signal_that_cannot_run_leaves_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    told = plan(groups={"age": {}})
    monkeypatch.setattr(told, "signal_skip", lambda *names: "age_sex: no weights")
    assert [each.skip for each in told.group_measures()] == ["age_sex: no weights"]
    assert told.group_inputs("posed") == ([], [])


# ---------------------------------------------------------------- the stage


def test_levels_join_the_groups_of_the_samples(tmp_path: Path) -> None:
    """Predicted levels are marked; a skipped measure has its reason, another dataset its levels."""
    told = plan(groups={"age": {}, "light": {}, "intensity": {}})
    samples = tmp_path / "samples.parquet"
    write_samples(samples, told.samples_job("posed"))
    ids = [row["sample_id"] for row in parquet.rows(samples, ["sample_id"])]
    fixed = {"frame": 0, "timestamp_s": None, "state": "ok", "reason": None}
    parquet.write_rows(
        tmp_path / "frames.parquet",
        columns.FRAMES,
        [{"sample_id": name, "width": 240, "height": 240, **fixed} for name in ids],
    )
    key = {"face_id": 0, "success": 1, **fixed}
    box = {"n_faces": 1, "x": 0, "y": 0, "w": 9, "h": 9, "score": 1}
    (tmp_path / "haar").mkdir()
    faces, signals = tmp_path / "haar.parquet", tmp_path / "haar" / "who.parquet"
    parquet.write_rows(
        faces, columns.FACES, [{"sample_id": name, **key, **box, "landmarks": None} for name in ids]
    )
    ages = np.linspace(5, 65, len(ids))
    parquet.write_rows(
        signals,
        columns.signals_schema(["age"]),
        [{"sample_id": name, **key, "age": age} for name, age in zip(ids, ages, strict=True)],
    )
    job = told.groups_job("posed")
    age, light, intensity = job.measures
    job = replace(job, measures=(age, replace(light, skip="not today"), intensity))
    write_groups(samples, tmp_path / "frames.parquet", [faces], [signals],
                 tmp_path / "groups.parquet", job)  # fmt: skip
    task = read_task(samples)
    found = groups_of(samples, task, tmp_path / "groups.parquet")
    bare = groups_of(samples, task)
    by_id = dict(zip(ids, ages, strict=True))
    for name, own, before in zip(task.ids, found, bare, strict=True):
        assert (own["age (predicted)"] == "under 13") == (by_id[name] < 13)
        assert before["rung"] == own["rung"] == "plain"
        assert "light (predicted)" not in own
        edge = float(own["intensity"].split()[-1]) if own["intensity"].startswith("under") else None
        assert edge is None or float(before["intensity"]) < edge
    assert len({own["intensity"] for own in found}) == 3
    said = {each["name"]: each for each in measured_groups(tmp_path / "groups.parquet")}
    assert said["age (predicted)"]["source"] == "predicted by who of haar"
    assert said["age (predicted)"]["known"] == said["age (predicted)"]["n"] == len(ids)
    assert said["light (predicted)"]["reason"] == "not today"
    assert said["intensity"]["source"] == "dataset"
    assert measured_groups(None) == []


def test_a_signal_that_failed_or_lacks_the_column_has_its_reason(tmp_path: Path) -> None:
    frames, faces, signals = _tables(tmp_path)
    samples = tmp_path / "samples.parquet"
    about = {"kind": "image", "path": "p", "split": "test"}
    parquet.write_rows(samples, columns.SAMPLES, [{"sample_id": name, **about} for name in IDS])
    told = plan(groups={"light": {"signal": "who"}}).groups_job("posed")
    told = replace(told, measures=(replace(told.measures[0], detector="d", signal="a"),))
    write_groups(samples, frames, [faces], [signals], tmp_path / "g.parquet", told)
    assert measured_groups(tmp_path / "g.parquet")[0]["reason"] == (
        "the signal a has no column 'lightness'"
    )
