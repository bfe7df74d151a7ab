"""Test that a dataset cut into shards gives what it gives in one piece.

A shard that fails is tried again alone.
"""

import copy
import os
import re
import time

import pytest

import runs
from faceoff.storage import columns, parquet

pytestmark = pytest.mark.slow

# The job dies where it meets the brightness that a file names; the picture itself is sound.
DIES = (
    "import os; os.path.exists(%r)"
    " and any(abs(row.mean() / 255 - float(open(%r).read())) < 1e-12 for row in crops)"
    " and os._exit(137)"
)


def _sharded(count):
    """Return a configuration with followed faces, a trained model and fusion, a rule over time,
    and pictures made worse.

    tests/cluster runs pictures in shards.
    """
    config = copy.deepcopy(runs.SMALL)
    config["datasets"]["posed_video"] = {"kinds": ["single"], "limit": 3, "fps": 2}
    del config["datasets"]["posed"]
    config["detectors"] = {"mediapipe_full": {}}
    config["fusions"] = {"stacked": {"rule": "stacking"}}
    config["figures"] = {"formats": ["svg"], "examples": 1}
    config["tracking"] = {"identities": False}  # the weights that tell faces apart are not here
    config["faces"] = {"policy": "main_track"}
    config["temporal"] = {"calm": {"rule": "hysteresis"}}
    config["corruptions"] = {
        "noise": {"corruption": "gaussian_noise", "levels": [0.1, 0.3], "of": ["*/fer"]},
        "drop": {"corruption": "frame_drop", "levels": [0.5], "of": ["*/fer"]},
    }
    for section in config["datasets"].values():
        section["shards"] = count
    return config


def test_shards_change_nothing(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, count in ((one, 1), (two, 2)):
        done = runs.run(folder, _sharded(count))
        assert done.returncode == 0, done.stdout[-4000:]
    whole, cut = runs.digests(one), runs.digests(two)
    # Detections of shards stay in their shards.
    assert {name for name in whole if "/detections/" not in name} <= set(cut)
    faces = list(parquet.rows(one / "results/small/faces/posed_video/mediapipe_full.parquet"))
    assert {(row["track_id"], row["main"]) for row in faces if row["success"]} == {(0, True)}
    stills = parquet.read_schema(one / "results/small/faces/posed-train/mediapipe_full.parquet")
    assert stills == columns.FACES
    # Two files differ: frames of shards stay in their shards, and the page shows the configuration.
    different = [
        name
        for name in whole
        if whole[name] != cut.get(name, whole[name])
        and "/frames/" not in name
        and not name.endswith("report.html")
    ]
    assert different == []
    assert runs.page(two) == runs.page(one)
    assert runs.jobs(runs.run(two, _sharded(2), "--dry-run").stdout) == {}, (
        "nothing to do the second time"
    )


def test_one_failed_shard_is_tried_again_alone(tmp_path):
    flag, plugins, fresh, folder = (
        tmp_path / "flag",
        tmp_path / "plugins",
        tmp_path / "fresh",
        tmp_path / "run",
    )
    runs.write_plugin(plugins, "flaky", on_predict=DIES % (str(flag), str(flag)))
    runs.write_plugin(plugins, "sound")
    config = copy.deepcopy(runs.SMALL) | {
        "plugins": [str(plugins)],
        "models": {"flaky": {}, "sound": {}},
        "detectors": {"whole": {}},
    }
    config["fusions"] = {"vote": {"check_order": False}}
    config["datasets"] = {"posed": {"rungs": ["plain"], "limit": 16, "shards": 2}}
    config["figures"] = {"formats": ["svg"], "examples": 1}
    whole = runs.run(fresh, config)
    assert whole.returncode == 0, whole.stdout[-3000:]

    # The brightness of the second shard's first picture makes its job die.
    first = next(parquet.rows(fresh / "results/small/predictions/posed@1of2/whole/flaky.parquet"))
    flag.write_text(repr(first["p_neutral"]))
    broken = runs.run(folder, config)
    assert broken.returncode != 0
    assert "FAILED posed: whole/flaky" in broken.stdout
    assert "50% of samples ended in an error" in (folder / "results/small/report.html").read_text()

    flag.unlink()
    mended = runs.run(folder, config)
    assert mended.returncode == 0, mended.stdout[-3000:]
    planned = runs.jobs(mended.stdout)
    assert planned["predict"] == planned["fuse"] == 1
    assert not {"shard", "frames", "detect"} & set(planned)
    assert runs.digests(folder) == runs.digests(fresh)


def test_a_job_that_reads_gathered_frames_asks_for_the_time_of_all_shards(tmp_path):
    """The gathered table only names the shards.

    Files of this size are holes; a plan looks at sizes and ages only.
    """
    config = copy.deepcopy(runs.SMALL)
    config["datasets"]["posed-train"]["shards"] = 3
    files = [
        "samples/posed-train",
        "frames/posed-train@0of3",
        "frames/posed-train@1of3",
        "frames/posed-train@2of3",
        "frames/posed-train",
        "faces/posed-train/whole",
    ]
    later = time.time() + 3600  # later than the scripts
    for age, name in enumerate(files):
        path = tmp_path / "results" / "small" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.truncate(path, 10**9 if "@" in name else 0)
        os.utime(path, (later + age, later + age))
    arguments = (
        "--dry-run",
        "--rerun-triggers",
        "input",
        "--forcerun",
        "train",
        "--",
        "results/small/trained/whole/landmarks_lr.npz",
    )
    planned = runs.run(tmp_path, config, *arguments).stdout
    assert runs.jobs(planned) == {"train": 1, "total": 1}
    assert re.findall(r"resources: .*runtime=(\d+)", planned) == [str(60 + 3 * 120)], planned
