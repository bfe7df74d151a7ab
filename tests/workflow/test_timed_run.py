"""Test a run that times its pipelines on single pictures.

No result depends on the timing, and a pipeline that cannot be timed is tried again.
"""

import copy
import csv
import json
from pathlib import Path

import pytest

import runs

pytestmark = pytest.mark.slow
# This model fails where it is loaded for single pictures, and nowhere else.
CLUMSY = (
    "from faceoff.inference import hardware;"
    " assert hardware.batch_size(64) == 64, 'cannot do with one'"
)
CONFIG = {
    "run": "timed",
    "datasets": {"posed": {"rungs": ["plain"], "limit": 8}},
    "detectors": {"whole": {}},
    "models": {"able": {}, "clumsy": {}},
    "fusions": {"vote": {}},
    "figures": {"formats": ["svg"], "examples": 0},
    "speed": {"queries": 20},
}


def table(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    with open(folder / "results/timed/tables/latency.csv", newline="", encoding="utf-8") as file:
        return {(row["part"], row["model"]): row for row in csv.DictReader(file)}


def test_a_timed_run(tmp_path: Path) -> None:
    folder, plugins = tmp_path / "run", tmp_path / "plugins"
    config = copy.deepcopy(CONFIG) | {"plugins": [str(plugins)]}
    runs.write_plugin(plugins, "able")
    runs.write_plugin(plugins, "clumsy", on_init=CLUMSY)

    failed = runs.run(folder, config)
    assert failed.returncode != 0
    assert "FAILED timing, posed: whole/clumsy: AssertionError: cannot do with one" in failed.stdout
    rows = table(folder)
    assert (rows["pipeline", "clumsy"]["state"], rows["pipeline", "clumsy"]["p90_ms"]) == (
        "error",
        "",
    )
    assert "cannot do with one" in (folder / "results/timed/speed.html").read_text()
    assert "cannot do with one" not in (folder / "results/timed/report.html").read_text(), (
        "its answers are fine"
    )
    accuracy = (folder / "results/timed/tables/accuracy.csv").read_text()

    runs.write_plugin(plugins, "clumsy")
    mended = runs.run(folder, config)
    assert mended.returncode == 0, mended.stdout[-3000:]
    rows = table(folder)
    assert set(rows) == {("detector", "")} | {
        (part, model) for part in ("model", "pipeline") for model in ("able", "clumsy")
    } | {("fusion", "vote")}
    for row in rows.values():
        assert (row["state"], row["queries"], row["failed"], row["threads"]) == (
            "ok",
            "20",
            "0",
            "1",
        )
        assert 0 < float(row["p50_ms"]) <= float(row["p90_ms"]) <= float(row["p99_ms"])
    detector, *models = (
        json.loads((folder / f"results/timed/latency/posed/whole{name}").read_text())
        for name in (".json", "/able.json", "/clumsy.json")
    )
    assert all(model["sample_id"] == detector["sample_id"] for model in models)
    summed = sorted(map(sum, zip(detector["ms"], models[0]["ms"], strict=True)))
    assert float(rows["pipeline", "able"]["p90_ms"]) == summed[17]  # 18 of 20 took no longer
    assert "One picture at a time" in (folder / "results/timed/speed.html").read_text()
    assert (folder / "results/timed/tables/accuracy.csv").read_text() == accuracy
    assert "Nothing to be done" in runs.run(folder, config).stdout
