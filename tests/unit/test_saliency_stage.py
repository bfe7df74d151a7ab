"""Maps in a run: faces are drawn over all outcomes, scored by hand-worked numbers, and shown."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import report_fixtures as fixtures

from faceoff.faces import crops
from faceoff.faces.upright import SIDE, upright
from faceoff.media.images import encode
from faceoff.plan.saliency_jobs import ScoreSaliencyJob
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import CropSpec
from faceoff.results.dataset_results import name_of
from faceoff.saliency.maps import normalised
from faceoff.scoring.drawn_samples import drawn
from faceoff.scoring.saliency_summary import saliency_scores
from faceoff.stages.failure import record_failure
from faceoff.stages.report import write_report
from faceoff.stages.score_saliency import write_saliency_score
from faceoff.stages.tables import write_tables
from faceoff.storage import columns, parquet

SPACE = ("neutral", "happiness", "sadness")
JOB = ScoreSaliencyJob(
    dataset="alpha", detector="yunet", model="net", method="occlusion", samples=6
)


def row(number: int, correct: bool, deletion: float, **more: Any) -> dict[str, Any]:
    """Return an explained face whose controls are worse by 0.2 and 0.1."""
    areas = {
        "map_deletion": deletion, "random_deletion": deletion + 0.2,
        "centre_deletion": deletion + 0.1, "map_insertion": 0.8, "random_insertion": 0.5,
        "centre_insertion": 0.7,
    }  # fmt: skip
    heat = np.zeros((SIDE, SIDE))
    heat[10:20, 10:20] = 1
    return {
        "sample_id": f"s{number}", "truth": "happiness" if correct else "sadness",
        "predicted": "happiness", "correct": correct, "state": "ok", "reason": None,
        "emotion": "happiness", "probability": 0.9, **areas, "sanity": 0.1 * number,
        "heat": normalised(heat).ravel().tolist(), **more,
    }  # fmt: skip


def test_every_outcome_gives_a_sample_before_any_gives_two() -> None:
    ids = [f"s{number}" for number in range(60)]
    truth = np.repeat([0, 1, 2], 20)
    posterior = np.full((60, 3), 0.1)
    answer = truth.copy()
    answer[:2], answer[20] = 1, 0  # of neutral two are wrong, of happiness one
    posterior[np.arange(60), answer] = 0.8
    posterior[59] = np.nan  # not read
    found = drawn(ids, SPACE, truth, posterior, 10, seed=0)
    outcomes = Counter((one.correct, one.truth) for one in found)
    assert outcomes == {
        (True, "neutral"): 3, (True, "happiness"): 2, (True, "sadness"): 2,
        (False, "neutral"): 2, (False, "happiness"): 1,
    }  # fmt: skip
    assert len({one.sample_id for one in found}) == 10
    assert found == drawn(ids, SPACE, truth, posterior, 10, seed=0)
    other = drawn(ids, SPACE, truth, posterior, 10, seed=1)
    assert {one.sample_id for one in found} != {one.sample_id for one in other}
    everything = drawn(ids, SPACE, truth, posterior, 1000, seed=0)
    assert {one.sample_id for one in everything} == set(ids[:-1])
    unlabelled = drawn(ids, SPACE, None, posterior, 3, seed=0)
    assert {(one.truth, one.correct) for one in unlabelled} == {(None, None)}
    assert {one.predicted for one in unlabelled} == set(SPACE)


def test_scores_are_means_and_paired_gains_with_intervals_over_people() -> None:
    rows = [row(number, number % 2 == 0, 0.1 * number) for number in range(6)]
    people = np.array(["a", "a", "b", "b", "c", "c"])
    found = saliency_scores(rows, people)
    assert (found["n"], found["groups"]) == (6, 3)
    assert found["areas"]["map"]["deletion"]["mean"] == pytest.approx(0.25)
    # Means of the people: 0.05, 0.25, 0.45; their standard error 0.2 / √3, t of 2 degrees 4.3027.
    half = 4.302653 * 0.2 / np.sqrt(3)
    assert found["areas"]["map"]["deletion"]["high"] == pytest.approx(0.25 + half, abs=1e-5)
    assert found["areas"]["map"]["deletion"]["low"] == 0, "an area is not below 0"
    for control, deletion, insertion in (("random", 0.2, 0.3), ("centre", 0.1, 0.1)):
        gain = found["gain"][control]
        assert gain["deletion"]["low"] == pytest.approx(deletion)
        assert gain["insertion"]["mean"] == pytest.approx(insertion)
    assert found["outcomes"]["right"]["n"] == 3
    assert found["outcomes"]["wrong"]["deletion"]["mean"] == pytest.approx(0.3)
    assert found["sanity"]["mean"] == pytest.approx(0.25)
    rows[0]["sanity"] = None
    assert saliency_scores(rows, people)["sanity"]["n"] == 5
    bare = saliency_scores([{**one, "sanity": None, "correct": None} for one in rows], people)
    assert (bare["sanity"], bare["outcomes"]) == (None, {})


def test_a_face_is_laid_on_the_template_by_its_landmarks() -> None:
    """Mark the eyes of a tilted face; they come to lie where the template has them."""
    spec, job = CropSpec(size=(64, 64), margin=0.0), CropJob(policy="largest")
    points = np.array([[130, 150], [170, 130], [155, 165], [150, 190], [180, 175]], float)
    face = {"x": 100.0, "y": 100.0, "w": 100.0, "h": 100.0, "landmarks": points.ravel().tolist()}
    picture = np.zeros((64, 64))
    inside = (points - 100) * 0.64
    for x, y in inside[:2].round().astype(int):
        picture[y - 1 : y + 2, x - 1 : x + 2] = 1
    laid = upright(picture, spec, job, face)
    target = ((crops.TEMPLATE - 0.5) / 1.25 + 0.5) * SIDE
    for left, (x, y) in zip((True, False), target[:2], strict=True):
        half = laid.copy()
        half[:, slice(SIDE // 2, None) if left else slice(None, SIDE // 2)] = 0
        rows, across = np.nonzero(half > 0.5 * half.max())
        # Landmarks of a face fit the template up to a few pixels.
        assert abs(across.mean() - x) < 4
        assert abs(rows.mean() - y) < 4
    plain = upright(picture, spec, job, {**face, "landmarks": None})
    assert plain.shape == (SIDE, SIDE)
    assert not np.allclose(plain, laid)


def write(folder: Path, rows: list[dict[str, Any]]) -> tuple[Path, Path]:
    """Write samples s0 … s5 and a table of maps; return both."""
    samples, table = folder / "samples.parquet", folder / "saliency/alpha/yunet/net.parquet"
    table.parent.mkdir(parents=True)
    told = [
        {"sample_id": f"s{number}", "path": "", "kind": "image", "split": "test", "subject": None}
        for number in range(6)
    ]
    parquet.write_rows(samples, columns.SAMPLES, told)
    parquet.write_rows(table, columns.SALIENCY, rows)
    return samples, table


def picture(value: int) -> bytes:
    return encode(np.full((SIDE, SIDE, 3), value, np.uint8))


def shown_rows() -> list[dict[str, Any]]:
    seen = {"upright": picture(90), "face": picture(90), "overlay": picture(120)}
    return [
        *(row(number, number % 2 == 0, 0.1 * number, **seen) for number in range(5)),
        {"sample_id": "s5", "state": "error", "reason": "the model found no face in the crop"},
    ]


def test_the_score_file_has_means_per_emotion_and_what_was_lost(tmp_path: Path) -> None:
    samples, table = write(tmp_path, shown_rows())
    write_saliency_score(samples, table, tmp_path / "score.json", JOB)
    found = json.loads((tmp_path / "score.json").read_text())
    assert (found["state"], found["n"], found["groups"]) == ("ok", 5, 5)
    assert found["lost"] == [{"n": 1, "reason": "the model found no face in the crop"}]
    (emotion,) = found["emotions"]
    assert (emotion["emotion"], emotion["n"]) == ("happiness", 5)
    heat = np.reshape(emotion["heat"], (SIDE, SIDE))
    assert heat[15, 15] > 4
    assert heat[30, 30] < 0
    assert np.ptp(emotion["face"]) <= 2
    assert name_of(found) == "yunet/net (maps)"


def test_a_failed_job_and_a_cell_without_a_map_say_why(tmp_path: Path) -> None:
    samples, table = write(tmp_path, [])
    log = tmp_path / "log"
    log.write_text("ModuleNotFoundError: No module named 'captum'\n")
    record_failure("saliency", 1, log, table, timing=tmp_path / "timing.json")
    write_saliency_score(samples, table, tmp_path / "score.json", JOB)
    found = json.loads((tmp_path / "score.json").read_text())
    assert found["state"] == "error"
    assert "captum" in found["reason"]
    assert found["failed_files"] == [str(table)], "the next run makes it again"
    lost = {"sample_id": "s0", "state": "error", "reason": "Grad-CAM needs a network"}
    parquet.write_rows(table, columns.SALIENCY, [lost])
    write_saliency_score(samples, table, tmp_path / "score.json", JOB)
    found = json.loads((tmp_path / "score.json").read_text())
    assert (found["state"], found["reason"]) == ("skipped", "Grad-CAM needs a network")


def report(folder: Path, faces: bool, score: Path, table: Path) -> str:
    """Return the page of a run of one cell."""
    cell = fixtures.score("alpha", "yunet", "net", 0.7)
    spec = fixtures.spec({"alpha": "test"})
    spec["config"]["report"]["faces"] = faces
    run = fixtures.write_run(folder, spec, [cell], [], {"alpha": []})
    write_report(
        run.scores, [], run.examples, folder / "figures", None, folder / "page.html",
        run.jobs().report, saliency=[score], explained=[table],
    )  # fmt: skip
    write_tables(run.scores, [], [], folder / "tables", run.jobs().tables, saliency=[score])
    return (folder / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("faces", [True, False])
def test_the_page_shows_faces_beside_their_maps_unless_faces_are_hidden(
    tmp_path: Path, faces: bool
) -> None:
    samples, table = write(tmp_path, shown_rows())
    score = tmp_path / "scores/alpha/saliency/yunet/net.json"
    score.parent.mkdir(parents=True)
    write_saliency_score(samples, table, score, JOB)
    text = report(tmp_path, faces, score, table)
    part = text[text.index('aria-label="Scores of the maps of alpha"') :]
    assert "<b>0.200</b>" in part, "it beats both controls"
    assert ("Face labelled sadness, predicted happiness" in part) == faces
    assert "Mean map of the faces read as happiness" in part
    with open(tmp_path / "tables/saliency.csv", encoding="utf-8") as file:
        (found,) = csv.DictReader(file)
    assert float(found["deletion"]) == pytest.approx(0.2)
    assert float(found["gain_random_deletion"]) == pytest.approx(0.2)
    assert float(found["centre_insertion"]) == pytest.approx(0.7)
    assert "0.200 [" in (tmp_path / "tables/saliency.md").read_text(encoding="utf-8")


def test_a_run_without_maps_has_no_section(tmp_path: Path) -> None:
    cell = fixtures.score("alpha", "yunet", "net", 0.7)
    run = fixtures.write_run(tmp_path, fixtures.spec({"alpha": "test"}), [cell], [], {"alpha": []})
    page = tmp_path / "page.html"
    write_report(run.scores, [], run.examples, tmp_path / "f", None, page, run.jobs().report)
    assert "Where it looks" not in page.read_text(encoding="utf-8")
