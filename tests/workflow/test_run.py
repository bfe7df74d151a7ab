"""Test a small run end to end: its files, that it repeats itself, and what a change reruns."""

import copy
import csv
import json

import pyarrow.parquet as pq
import pytest

import runs

pytestmark = pytest.mark.slow


def rows(folder, name):
    with open(folder / f"results/small/tables/{name}.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_everything_is_there_and_accounts_for_every_sample(finished):
    results = finished / "results/small"
    assert (results / "report.html").stat().st_size > 10_000
    assert {
        "accuracy.csv",
        "accuracy.md",
        "accuracy.tex",
        "comparisons.csv",
        "confusion.csv",
        "speed.csv",
    } <= {path.name for path in (results / "tables").iterdir()}
    assert list((results / "figures").glob("*.svg"))
    samples = pq.read_table(results / "samples/posed.parquet").num_rows
    for path in results.glob("predictions/posed/*/*.parquet"):
        assert pq.read_table(path).num_rows == samples, path
    for row in rows(finished, "coverage"):
        assert sum(int(row[state]) for state in ("ok", "no_face", "unreadable", "error")) == int(
            row["n"]
        )


def test_accuracy_is_recomputed_from_the_prediction_rows(finished):
    results = finished / "results/small"
    truth = dict(
        zip(
            *(
                pq.read_table(results / "samples/posed.parquet").to_pydict()[name]
                for name in ("sample_id", "label")
            ),
            strict=True,
        )
    )
    for row in rows(finished, "accuracy"):
        part = "fusion/posed" if row["kind"] == "fusion" else f"predictions/posed/{row['detector']}"
        predicted = pq.read_table(results / part / f"{row['model']}.parquet").to_pylist()
        scored = [p for p in predicted if truth[p["sample_id"]]]
        # Seven-class models never say contempt, so their own winner is also the task's.
        right = sum(p["success"] and p["emotion"] == truth[p["sample_id"]] for p in scored)
        assert float(row["accuracy"]) == pytest.approx(right / len(scored), abs=1e-12), row["cell"]


def test_limited_runs_say_so(finished):
    assert all(row["limited"] == "True" for row in rows(finished, "accuracy"))
    assert "not for reporting" in (finished / "results/small/tables/accuracy.md").read_text()
    assert "not for reporting" in (finished / "results/small/report.html").read_text()


def test_manifest_names_what_made_it(finished):
    manifest = json.loads((finished / "results/small/manifest.json").read_text())
    assert manifest["config"]["run"] == "small"
    assert {asset["sha256"] for asset in manifest["weights"].values()}
    assert manifest["tasks"]["posed"]["n"] == 24
    assert manifest["versions"]["snakemake"]
    assert set(manifest["devices"]) == {"detect", "predict"}


def test_nothing_to_do_the_second_time(finished):
    again = runs.run(finished, runs.SMALL)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout


def test_deleted_and_damaged_files_come_back(finished, copy_of_finished):
    """The page is emptied, a table and a prediction are changed, a figure and a score are gone."""
    folder = copy_of_finished()
    results = folder / "results/small"
    (results / "report.html").write_bytes(b"")
    (results / "tables/accuracy.csv").write_bytes(b"dataset\n")
    damaged = results / "predictions/posed/whole/fer.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    (results / "figures/heatmap-posed.svg").unlink()
    (results / "scores/posed/fusion/soft_mean.json").unlink()
    between = results / "examples/posed.parquet"
    between.write_bytes(between.read_bytes()[:-9])
    again = runs.run(folder, runs.SMALL)
    assert again.returncode == 0, again.stdout[-3000:]
    assert "fer.parquet was damaged or changed: it is made again" in again.stdout
    assert (
        "examples/posed.parquet was damaged or changed: removed; a job that needs it makes it again"
        in again.stdout
    )
    assert not {"frames", "detect", "train"} & set(runs.jobs(again.stdout))
    assert runs.digests(folder) == runs.digests(finished)


def test_faceoff_run_is_a_few_lines_and_the_leaderboard(finished, copy_of_finished):
    folder = copy_of_finished()
    runs.command(folder, runs.SMALL)  # writes its configuration
    (folder / "results/small/tables/accuracy.csv").unlink()
    said, _ = runs.faceoff_run(folder).communicate(timeout=120)
    lines = said.splitlines()
    assert "faceoff: 2 jobs to do" in lines  # tables, check
    assert len(lines) < 25
    assert any(line.startswith("faceoff: 2 of 2 jobs done in 0:") for line in lines)
    assert lines[-1].endswith("results/small/report.html")
    again, _ = runs.faceoff_run(folder).communicate(timeout=120)
    assert "faceoff: Nothing to be done: every file is there and up to date" in again
    assert again.splitlines()[-1] == lines[-1]
    assert runs.digests(folder) == runs.digests(finished)


def test_two_runs_from_scratch_give_the_same_bytes(finished, again):
    assert runs.digests(again) == runs.digests(finished)


def test_a_new_model_costs_only_its_own_cells(copy_of_finished):
    config = copy.deepcopy(runs.SMALL)
    config["models"]["geometry"] = {}
    config["fusions"] = {
        "soft_mean": {"members": ["*/fer", "*/landmarks_lr"]},
        "majority": config["fusions"]["majority"] | {"members": ["*/fer", "*/landmarks_lr"]},
    }
    planned = runs.jobs(runs.run(copy_of_finished(), config, "--dry-run").stdout)
    assert planned["predict"] == 2
    assert planned["score"] == 2
    assert not {"samples", "frames", "detect", "train", "fuse"} & set(planned)


def test_a_new_calibration_detects_nothing_again(copy_of_finished):
    config = copy.deepcopy(runs.SMALL)
    config["faces"] = {"box": "raw"}
    planned = runs.jobs(runs.run(copy_of_finished(), config, "--dry-run").stdout)
    assert planned["predict"] == 2  # `whole` has no calibration to lose
    assert planned["train"] == 1
    assert "detect" not in planned
