"""Scatter and gather: shards in order are the dataset, and what is gathered is what one job would
have written.
"""

import json
from itertools import pairwise

import pyarrow.parquet as pq
import pytest

from faceoff.plan.job_specs import Plan
from faceoff.plan.jobs import ShardJob
from faceoff.plan.shards import MOST_SHARDS, SHARD_COST, shards_for
from faceoff.stages import shards
from faceoff.storage import columns, parquet

TASK = {"space": ["neutral"], "version": "1"}
SAMPLES = columns.SAMPLES.with_metadata({b"faceoff_task": json.dumps(TASK)})
PREDICTIONS = columns.predictions_schema(("neutral", "happiness"))


def _samples(folder, count):
    rows = (
        {
            "sample_id": f"s{i:04}",
            "kind": "image",
            "path": f"{i}.png",
            "split": "test",
            "groups": [("age", "old")],
        }
        for i in range(count)
    )
    parquet.write_rows(folder / "all.parquet", SAMPLES, rows)
    return folder / "all.parquet"


def _prediction(number):
    row = {
        "sample_id": f"s{number:04}",
        "frame": 0,
        "timestamp_s": 0.0,
        "face_id": 0,
        "success": 1,
        "state": columns.OK,
    }
    return row | {"p_neutral": number / 1000, "p_happiness": 1 - number / 1000}


def _face(number):
    row = {
        "sample_id": f"s{number:04}",
        "frame": 0,
        "timestamp_s": 0.0,
        "face_id": 0,
        "n_faces": 1,
        "success": 1,
        "state": columns.OK,
    }
    return row | {
        "x": 1.0,
        "y": 2.0,
        "w": 3.0,
        "h": 4.0,
        "score": 0.5,
        "landmarks": [float(number)] * 10,
    }


@pytest.mark.parametrize(("count", "cut"), [(10, 3), (600, 2), (2, 5)])
def test_shards_in_order_are_the_dataset(tmp_path, count, cut):
    whole = _samples(tmp_path, count)
    parts = [tmp_path / f"{number}.parquet" for number in range(cut)]
    for number, path in enumerate(parts):
        shards.write_shard(whole, path, ShardJob(number=number, shards=cut))
    assert [row for path in parts for row in parquet.rows(path)] == list(parquet.rows(whole))
    sizes = [parquet.count(path) for path in parts]
    assert max(sizes) - min(sizes) <= 1
    assert all(parquet.task_of(path) == TASK for path in parts), (
        "a shard says what task it belongs to"
    )


@pytest.mark.parametrize(
    ("schema", "row"),
    [
        (PREDICTIONS, _prediction),
        (columns.FACES, _face),
        (parquet.with_notes(columns.TRACKED_FACES, ["read me"]), _face),
    ],
)
def test_gathered_bytes_are_those_of_one_job(tmp_path, schema, row):
    parquet.write_rows(tmp_path / "one.parquet", schema, map(row, range(700)))
    cuts = [0, 100, 100, 650, 700]
    paths = [tmp_path / f"{number}.parquet" for number in range(len(cuts) - 1)]
    for path, (start, end) in zip(paths, pairwise(cuts), strict=True):
        parquet.write_rows(path, schema, map(row, range(start, end)))
    shards.gather(paths, tmp_path / "joined.parquet")
    assert (tmp_path / "joined.parquet").read_bytes() == (tmp_path / "one.parquet").read_bytes()


def test_a_failed_shard_keeps_its_reason_and_asks_to_be_made_again(tmp_path):
    sound, broken, joined = (tmp_path / f"{name}.parquet" for name in ("sound", "broken", "joined"))
    parquet.write_rows(sound, PREDICTIONS, map(_prediction, range(3)))
    failure = {
        "sample_id": "s0003",
        "frame": 0,
        "timestamp_s": 0.0,
        "face_id": -1,
        "success": 0,
        "state": columns.ERROR,
        "reason": "killed",
    }
    parquet.write_rows(
        broken, parquet.with_failure(columns.predictions_schema(()), [str(broken), "up"]), [failure]
    )
    for order in ([sound, broken], [broken, sound]):
        shards.gather(order, joined)
        assert columns.classes_of(pq.read_schema(joined)) == ("neutral", "happiness")
        assert parquet.failed_files(joined) == sorted([str(joined), str(broken), "up"])
        assert {row["reason"] for row in parquet.rows(joined) if row["state"] == columns.ERROR} == {
            "killed"
        }
        assert parquet.count(joined) == 4


def test_gathered_frames_copy_no_picture_and_read_like_a_table(tmp_path):
    def frame(number):
        row = {
            "sample_id": f"s{number}",
            "frame": 0,
            "timestamp_s": 0.0,
            "width": 1,
            "height": 1,
            "state": columns.OK,
        }
        return row | {"image": {"bytes": b"x" * 50_000, "path": None}}

    (tmp_path / "parts").mkdir()
    paths = [tmp_path / "parts" / f"{number}.parquet" for number in range(3)]
    for number, path in enumerate(paths):
        parquet.write_rows(path, columns.FRAMES, [frame(number)])
    whole = tmp_path / "frames.parquet"
    shards.gather_media(paths, whole)
    assert whole.stat().st_size < 20_000
    assert parquet.count(whole) == 3
    assert [row["sample_id"] for row in parquet.rows(whole, ["sample_id"])] == ["s0", "s1", "s2"]
    (tmp_path / "parts").rename(tmp_path / "gone")
    with pytest.raises(FileNotFoundError, match=r"0\.parquet"):
        list(parquet.rows(whole))


def test_timings_add_up():
    def used(wall_s, peak_rss_mib, peak_vram_mib=None, device="cpu", batches=(64,)):
        memory = {"peak_rss_mib": peak_rss_mib, "peak_vram_mib": peak_vram_mib}
        return memory | {
            "wall_s": wall_s,
            "device": device,
            "network_batches": list(batches),
            "energy_j": 1.0,
        }

    a = {
        "dataset": "d",
        "items": 10,
        "items_per_s": 5.0,
        "load_s": 1.0,
        "compute_s": 2.0,
        "p90_ms": 3.0,
    } | used(5.0, 100.0)
    b = {
        "dataset": "d",
        "items": 30,
        "items_per_s": 10.0,
        "load_s": 2.0,
        "compute_s": 3.0,
        "p90_ms": 4.0,
    } | used(6.0, 90.0, 10.0, "cuda (Tesla T4)", (32, 64))
    empty = {
        "dataset": "d",
        "items": 0,
        "items_per_s": None,
        "load_s": 0.5,
        "compute_s": 0.0,
        "p90_ms": None,
    } | used(1.0, 80.0, batches=())
    joined = shards.joined([a, {"failed": True}, b, empty])
    together = {
        "dataset": "d",
        "items": 40,
        "items_per_s": 8.0,
        "load_s": 3.5,
        "compute_s": 5.0,
        "p90_ms": 4.0,
        "shards": 4,
    }
    machine = {
        "wall_s": 12.0,
        "peak_rss_mib": 100.0,
        "peak_vram_mib": 10.0,
        "device": "cpu; cuda (Tesla T4)",
        "network_batches": [32, 64],
        "energy_j": None,
    }
    assert joined == together | machine
    assert shards.joined([{"failed": True}]) == {"failed": True}


def _plan(**dataset):
    return Plan(
        {
            "run": "t",
            "datasets": {"posed": dataset, "other": {"type": "posed"}},
            "detectors": {"whole": {}},
            "models": {"fer": {}},
        }
    )


def test_no_file_has_two_rules_that_make_it():
    worked, gathered = _plan(shards=3).patterns()
    assert (worked, gathered) == (r"other|posed@\d+of3", "posed") or (worked, gathered) == (
        r"posed@\d+of3|other",
        "posed",
    )
    assert _plan().patterns()[1] == "(?!)", "matches nothing"
    assert _plan(shards=3).shard_names("posed") == ["posed@0of3", "posed@1of3", "posed@2of3"]


def test_results_do_not_depend_on_shards():
    assert _plan(shards=3).samples_job("posed") == _plan().samples_job("posed")


def test_auto_cuts_by_what_the_dataset_holds_and_lists_it_once(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path))
    assert _plan(shards="auto").shards("posed") == 1
    monkeypatch.setattr("faceoff.plan.shards.SHARD_COST", SHARD_COST // 100)
    (kept,) = (tmp_path / "shards").iterdir()
    assert _plan(shards="auto").shards("posed") > 1
    kept.write_text("1")
    assert _plan(shards="auto").shards("posed") == 1, "the listing is kept"


def test_shards_grow_with_the_data_up_to_what_can_be_planned():
    assert [shards_for(cost) for cost in (0, 1, SHARD_COST, SHARD_COST + 1, 10**9)] == [
        1,
        1,
        1,
        2,
        MOST_SHARDS,
    ]
