"""Stages steady and over_time: tables of states, constants from validation clips, failures."""

import json
from pathlib import Path

import numpy as np
import pytest

from faceoff.plan.jobs import OverTimeJob, SteadyJob
from faceoff.scoring.frame_truth import read_frames, read_said
from faceoff.stages.over_time import write_over_time
from faceoff.stages.steady import Tables, write_steady
from faceoff.storage import columns, files, parquet

SPACE = ("neutral", "happiness", "anger")
STEP_S = 0.1


def write_dataset(
    folder: Path, clips: int = 6, seed: int = 0, labelled: bool = True, space: tuple = SPACE
) -> Tables:
    """Write clips of neutral, then an emotion, and what a noisy model with four classes reads.

    Of the first clip the face is away for 0.3 s, and the last row of the last clip is unreadable.
    """
    folder.mkdir()
    random = np.random.default_rng(seed)
    frames, predictions, samples = [], [], []
    classes = (*SPACE, "contempt")
    for clip in range(clips):
        emotion = SPACE[1 + clip % 2]
        labels = ["neutral"] * 20 + [emotion] * 20
        samples.append({
            "sample_id": f"c{clip}", "kind": "video", "path": "", "label": emotion,
            "subject": f"p{clip}", "split": "test",
        })  # fmt: skip
        for place, label in enumerate(labels):
            key = {"sample_id": f"c{clip}", "frame": place, "timestamp_s": place * STEP_S}
            broken = clip == clips - 1 and place == 39
            away = broken or (clip == 0 and 5 <= place < 8)
            state = "unreadable" if broken else "no_face" if away else "ok"
            key["timestamp_s"] = None if broken else key["timestamp_s"]
            frames.append(
                key
                | {"state": "unreadable" if broken else "ok", "width": 9, "height": 9}
                | {"boxes": [] if away else [[0.0, 0.0, 5.0, 5.0]]}
                | {"label": label if labelled and not away else None}
                | {"talking": [] if away else [place % 2 == 0]}
            )
            sure = np.exp(random.normal(0, 1, 4) + 1.2 * np.eye(4)[classes.index(label)])
            row = key | {"face_id": -1 if away else 0, "success": int(not away), "state": state}
            if not away:
                row |= {f"p_{c}": float(v) for c, v in zip(classes, sure / sure.sum(), strict=True)}
                row |= {"emotion": classes[int(sure.argmax())], "valence": 0.5}
            predictions.append(row | {"reason": "no face found" if away else None})
    task = {
        "name": "clips", "type": "folder", "version": "1", "space": list(space), "limited": False,
        "headline": True,
    }  # fmt: skip
    schema = columns.SAMPLES.with_metadata({parquet.TASK: json.dumps(task)})
    made = Tables(*(folder / f"{name}.parquet" for name in ("predictions", "frames", "samples")))
    parquet.write_rows(made.predictions, columns.predictions_schema(classes), predictions)
    parquet.write_rows(made.frames, columns.FRAMES, frames)
    parquet.write_rows(made.samples, schema, samples)
    return made


def job(rule: str = "ema", **constants: float) -> SteadyJob:
    return SteadyJob(
        dataset="clips", temporal=f"smooth.{rule}", rule=rule, of="haar/net", constants=constants,
        validation="valid", code="",
    )  # fmt: skip


def learnt(path: Path) -> dict:
    return json.loads(parquet.read_schema(path).metadata[columns.LEARNT_OVER_TIME])


@pytest.fixture
def clips(tmp_path: Path) -> Tables:
    return write_dataset(tmp_path / "test")


@pytest.fixture
def valid(tmp_path: Path) -> Tables:
    return write_dataset(tmp_path / "valid", seed=1)


def test_every_frame_has_a_row_with_state_posteriors_and_what_was_read(
    clips: Tables, tmp_path: Path
) -> None:
    output = tmp_path / "out.parquet"
    write_steady(clips, output, job(tau_s=0.4), None)
    rows = list(parquet.rows(output))
    before = list(parquet.rows(clips.predictions))
    assert [(row["sample_id"], row["frame"]) for row in rows] == [
        (row["sample_id"], row["frame"]) for row in before
    ]
    assert columns.classes_of(parquet.read_schema(output)) == SPACE
    first = rows[0]
    inside = {name: before[0][f"p_{name}"] for name in SPACE}
    assert first["p_neutral"] == pytest.approx(inside["neutral"] / sum(inside.values()))
    assert first["valence"] == 0.5
    assert learnt(output)["constants"] == {"tau_s": 0.4}
    assert learnt(output)["chosen_on"] == "given in the configuration"


def test_a_short_absence_is_held_and_says_so(clips: Tables, tmp_path: Path) -> None:
    output = tmp_path / "out.parquet"
    write_steady(clips, output, job(tau_s=0.4), None)
    rows = list(parquet.rows(output))
    assert [row["success"] for row in rows[4:9]] == [1] * 5
    assert {row["emotion"] for row in rows[5:8]} == {rows[4]["emotion"]}
    assert all("the state is held" in row["reason"] for row in rows[5:8])
    assert rows[4]["reason"] is None


def test_constants_are_chosen_on_the_validation_clips(
    clips: Tables, valid: Tables, tmp_path: Path
) -> None:
    output = tmp_path / "out.parquet"
    write_steady(clips, output, job(), valid)
    told = learnt(output)
    assert told["chosen_on"] == "labelled frames of valid"
    assert [row["constants"]["tau_s"] for row in told["tried"]] == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert told["constants"] in [row["constants"] for row in told["tried"]]


@pytest.mark.parametrize("rule", ["viterbi", "ema"])
def test_without_labelled_validation_clips_the_defaults_serve(
    rule: str, clips: Tables, tmp_path: Path
) -> None:
    unlabelled = write_dataset(tmp_path / "unlabelled", labelled=False)
    for number, validation in enumerate((None, unlabelled)):
        output = tmp_path / f"out{number}.parquet"
        write_steady(clips, output, job(rule), validation)
        assert learnt(output)["chosen_on"] == "defaults: no labelled validation clips"
        assert {row["success"] for row in parquet.rows(output)} == {1}


def test_what_is_scored_is_not_looked_at(clips: Tables, tmp_path: Path) -> None:
    """Other labels of the test clips give the same states, for every kind of rule."""
    other = tmp_path / "other.parquet"
    rows = [row | {"label": None} for row in parquet.rows(clips.frames)]
    parquet.write_rows(other, columns.FRAMES, rows)
    hidden = Tables(clips.predictions, other, clips.samples)
    for rule in ("viterbi", "hysteresis", "dynamic_threshold"):
        outputs = [tmp_path / f"{rule}{number}.parquet" for number in range(2)]
        for tables, output in zip((clips, hidden), outputs, strict=True):
            write_steady(tables, output, job(rule), None)
        assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_other_classes_in_validation_are_refused(clips: Tables, tmp_path: Path) -> None:
    valid = write_dataset(tmp_path / "valid", space=SPACE[:2])
    with pytest.raises(ValueError, match="valid is scored among neutral, happiness, clips among"):
        write_steady(clips, tmp_path / "out.parquet", job(), valid)


def test_a_failed_reader_marks_its_states_as_failed(clips: Tables, tmp_path: Path) -> None:
    schema = parquet.with_failure(columns.predictions_schema(()), ["results/x.parquet"])
    rows = [
        {key: row[key] for key in ("sample_id", "frame", "timestamp_s")}
        | {"face_id": -1, "success": 0, "state": "error", "reason": "killed"}
        for row in parquet.rows(clips.frames, ["sample_id", "frame", "timestamp_s"])
    ]
    parquet.write_rows(clips.predictions, schema, rows)
    output = tmp_path / "out.parquet"
    write_steady(clips, output, job(tau_s=0.4), None)
    assert parquet.failed_files(output) == [str(output), "results/x.parquet"]
    assert {(row["state"], row["reason"]) for row in parquet.rows(output)} == {("error", "killed")}


# -- scores ----------------------------------------------------------------------------------------


def scored(clips: Tables, tmp_path: Path, **also: Path) -> dict:
    smooth = tmp_path / "smooth.parquet"
    write_steady(clips, smooth, job(tau_s=0.4), None)
    bare = {"haar/net": clips.predictions, **also}
    output = tmp_path / "over_time.json"
    told = OverTimeJob(
        dataset="clips", bare=tuple(bare), temporal={"smooth.haar.net": "haar/net"}, seed=0, code=""
    )
    write_over_time(clips.samples, clips.frames, list(bare.values()), [smooth], output, told)
    return files.read_json(output)


def test_a_rule_is_scored_beside_the_pipeline_that_it_reads(clips: Tables, tmp_path: Path) -> None:
    found = scored(clips, tmp_path)
    bare, smooth = found["pipelines"]
    assert (found["clips"], found["frames"]) == (6, 6 * 40 - 4)
    assert (bare["of"], smooth["of"]) == (None, "haar/net")
    assert smooth["scores"]["uar"] > bare["scores"]["uar"]
    assert smooth["scores"]["flicker"] < bare["scores"]["flicker"]
    (test,) = found["tests"]
    assert (test["a"], test["b"]) == ("temporal/smooth.haar.net", "haar/net")
    assert test["difference"] == pytest.approx(smooth["scores"]["uar"] - bare["scores"]["uar"])
    assert "mean of temporal/smooth.haar.net" in {row["policy"] for row in found["policies"]}


def test_talking_and_silent_frames_are_told_apart(clips: Tables, tmp_path: Path) -> None:
    bare, _ = scored(clips, tmp_path)["pipelines"]
    rows = zip(parquet.rows(clips.frames), parquet.rows(clips.predictions), strict=True)
    right: dict[bool, list[bool]] = {True: [], False: []}
    for frame, said in rows:
        if frame["label"] is not None:
            best = max(SPACE, key=lambda name: said[f"p_{name}"])
            right[frame["talking"][0]].append(best == frame["label"])
    assert bare["scores"]["talking_accuracy"] == pytest.approx(np.mean(right[True]))
    assert bare["scores"]["silent_accuracy"] == pytest.approx(np.mean(right[False]))


def test_a_failed_pipeline_has_its_reason_and_takes_no_part(clips: Tables, tmp_path: Path) -> None:
    failed = tmp_path / "failed.parquet"
    schema = parquet.with_failure(columns.predictions_schema(()), ["x"])
    keys = parquet.rows(clips.frames, ["sample_id", "frame", "timestamp_s"])
    error = {"face_id": -1, "success": 0, "state": "error", "reason": "killed"}
    parquet.write_rows(failed, schema, (row | error for row in keys))
    found = scored(clips, tmp_path, **{"haar/other": failed})
    row = next(pipe for pipe in found["pipelines"] if pipe["name"] == "haar/other")
    assert (row["state"], row["scores"]) == ("error", None)
    assert "log" in row["reason"]
    assert {policy["name"] for policy in found["policies"]} == {"haar/net"}


def test_clips_without_labels_of_frames_keep_their_policies(tmp_path: Path) -> None:
    found = scored(write_dataset(tmp_path / "test", labelled=False), tmp_path)
    assert "no frame has a label" in found["reason"]
    assert found["pipelines"][0]["scores"] is None
    assert found["tests"] == []
    assert {row["policy"] for row in found["policies"]} >= {"mean", "middle frame"}


def test_the_last_row_of_a_clip_that_breaks_off_keeps_the_clock(clips: Tables) -> None:
    read = read_frames(clips.samples, clips.frames)
    assert (np.diff(read.truth.times[read.truth.clip == 5]) >= 0).all()


def test_a_table_of_other_frames_is_refused(clips: Tables, tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    rows = list(parquet.rows(clips.predictions))
    rows[3]["frame"] = 77
    parquet.write_rows(other, parquet.read_schema(clips.predictions), rows)
    frames = read_frames(clips.samples, clips.frames)
    with pytest.raises(ValueError, match="does not belong to"):
        read_said(other, frames, clips.frames, stated=False)
