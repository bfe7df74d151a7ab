"""Tables: nothing half-written is ever seen, the same rows give the same bytes, and others can read
them.
"""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from faceoff.media.images import encode_png
from faceoff.storage import columns, parquet
from faceoff.storage.files import atomic, clear_leftovers, read_json, temporary, write_json

SCHEMA = pa.schema([pa.field("a", pa.int64(), nullable=False), pa.field("b", pa.string())])
ROWS = [{"a": index, "b": "x" * (index % 7)} for index in range(3000)]


def frame(index: int, pixels: np.ndarray) -> dict:
    image = {"bytes": encode_png(pixels), "path": f"{index}.png"}
    height, width = pixels.shape[:2]
    return {
        "sample_id": f"s{index}",
        "frame": 0,
        "timestamp_s": 0.0,
        "width": width,
        "height": height,
        "state": columns.OK,
        "sha256": "0",
        "image": image,
    }


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_atomic_shows_nothing_before_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "new" / "t.txt"
    with atomic(target) as scratch:
        assert scratch.parent == target.parent
        scratch.write_text("x")
        assert not target.exists()
    assert target.read_text() == "x"
    assert files(tmp_path) == ["t.txt"]


def test_failure_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "t.txt"
    target.write_text("old")

    def interrupted() -> None:
        with atomic(target) as scratch:
            scratch.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_text() == "old"
    assert files(tmp_path) == ["t.txt"]


@pytest.mark.parametrize("bad", [{"a": "no number"}, {"b": "the key that must be there is not"}])
@pytest.mark.parametrize("before", [0, 5, 2000])
def test_row_that_breaks_the_contract_leaves_the_old_table(
    tmp_path: Path, before: int, bad: dict
) -> None:
    target = tmp_path / "t.parquet"
    parquet.write_rows(target, SCHEMA, ROWS[:3])
    with pytest.raises((pa.ArrowException, ValueError)):
        parquet.write_rows(target, SCHEMA, [*ROWS[:before], bad])
    assert parquet.count(target) == 3
    assert files(tmp_path) == ["t.parquet"]


def test_error_while_rows_are_made_leaves_the_old_table(tmp_path: Path) -> None:
    target = tmp_path / "t.parquet"
    parquet.write_rows(target, SCHEMA, ROWS[:3])

    def failing():
        yield from ROWS[:1500]
        raise RuntimeError("a model broke")

    with pytest.raises(RuntimeError, match="a model broke"):
        parquet.write_rows(target, SCHEMA, failing())
    assert parquet.count(target) == 3
    assert files(tmp_path) == ["t.parquet"]


@pytest.mark.parametrize("chunk", [1, 7, 1024, 5000])
def test_same_rows_same_bytes_however_they_arrive(tmp_path: Path, chunk: int) -> None:
    parquet.write_rows(tmp_path / "once.parquet", SCHEMA, ROWS)
    with parquet.Writer(tmp_path / "again.parquet", SCHEMA) as writer:
        for batch in parquet.stream(tmp_path / "once.parquet", chunk):
            for row in batch:
                writer.write(row)
    assert (tmp_path / "once.parquet").read_bytes() == (tmp_path / "again.parquet").read_bytes()
    assert list(parquet.rows(tmp_path / "again.parquet")) == ROWS


def test_same_rows_same_bytes_in_another_process(tmp_path: Path) -> None:
    parquet.write_rows(tmp_path / "here.parquet", SCHEMA, ROWS[:50])
    code = (
        "import sys; from faceoff.storage import parquet; parquet.write_rows(sys.argv[2], "
        "pq.read_schema(sys.argv[1]), parquet.rows(sys.argv[1]))"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(parquet.__file__).parents[2]),
        "PYTHONHASHSEED": "5",
    }
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import pyarrow.parquet as pq; " + code,
            tmp_path / "here.parquet",
            tmp_path / "there.parquet",
        ],
        env=environment,
        check=True,
    )
    assert (tmp_path / "here.parquet").read_bytes() == (tmp_path / "there.parquet").read_bytes()


def test_row_groups_are_cut_by_count_and_by_image_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet.write_rows(tmp_path / "many.parquet", SCHEMA, ROWS)
    metadata = pq.read_metadata(tmp_path / "many.parquet")
    full, rest = divmod(len(ROWS), parquet.ROW_GROUP)
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [
        parquet.ROW_GROUP
    ] * full + [rest]
    monkeypatch.setattr(parquet, "GROUP_BYTES", 20_000)
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)  # 4.8 kB as PNG
    parquet.write_rows(
        tmp_path / "big.parquet", columns.FRAMES, (frame(index, noise) for index in range(12))
    )
    assert pq.read_metadata(tmp_path / "big.parquet").num_row_groups >= 2


@pytest.mark.parametrize("host", ["node7", "node7.cluster.example.org"])
def test_leftovers_of_dead_writers_are_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    mine = temporary(tmp_path / "a.parquet")
    dead = tmp_path / "deep" / f".b.parquet.{host}-{gone.pid}.tmp"
    elsewhere, stale = (
        tmp_path / ".c.parquet.othernode-1.tmp",
        tmp_path / ".d.parquet.othernode-1.tmp",
    )
    renamed = tmp_path / ".e.parquet.othernode-1.tmp"
    renamed.symlink_to(
        tmp_path / "nowhere"
    )  # like a file that its writer renames between being listed and being looked at
    dead.parent.mkdir()
    for path in (mine, dead, elsewhere, stale, tmp_path / "a.parquet", tmp_path / "notes.tmp"):
        path.write_text("x")
    os.utime(stale, (0, 0))
    clear_leftovers(tmp_path)
    assert mine.exists(), "its writer lives"
    assert not dead.exists()
    assert elsewhere.exists(), "another host's writer may live"
    assert not stale.exists()
    assert renamed.is_symlink()
    assert (tmp_path / "a.parquet").exists()
    assert (tmp_path / "notes.tmp").exists()


@pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="processes are told apart by /proc"
)
def test_zombies_and_processes_that_got_the_writers_number_write_nothing(tmp_path: Path) -> None:
    """A killed writer whose parent is gone may stay a zombie for ever, and its number may be
    another's by the next start.
    """
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    while Path(f"/proc/{zombie.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    left = tmp_path / f".a.parquet.{socket.gethostname()}-{zombie.pid}.tmp"
    old = temporary(tmp_path / "b.parquet")  # this very process, but the file is older than it
    mine = temporary(tmp_path / "c.parquet")
    for path in (left, old, mine):
        path.write_text("x")
    os.utime(old, (1e9, 1e9))
    clear_leftovers(tmp_path)
    zombie.wait()
    assert [path.exists() for path in (left, old, mine)] == [False, False, True]


def test_json_has_null_for_what_it_cannot_say(tmp_path: Path) -> None:
    value = {
        "nan": float("nan"),
        "inf": np.inf,
        "array": np.array([1.5, np.nan]),
        "int": np.int64(3),
        "nested": [{"x": (np.float32("nan"),)}],
        "flag": np.bool_(True),
        5: "é",
    }
    write_json(tmp_path / "v.json", value)
    text = (tmp_path / "v.json").read_text(encoding="utf-8")
    strict = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert strict == {
        "nan": None,
        "inf": None,
        "array": [1.5, None],
        "int": 3,
        "nested": [{"x": [None]}],
        "flag": True,
        "5": "é",
    }
    assert read_json(tmp_path / "v.json") == strict
    assert "é" in text
    assert text.endswith("\n")


def test_floats_keep_every_digit(tmp_path: Path) -> None:
    value = 2764 / 3153
    write_json(tmp_path / "v.json", {"x": value})
    assert read_json(tmp_path / "v.json")["x"] == value


def test_shards_read_as_one_table(tmp_path: Path) -> None:
    parquet.write_rows(tmp_path / "0.parquet", SCHEMA, ROWS[:10])
    parquet.write_rows(tmp_path / "1.parquet", SCHEMA, ROWS[10:25])
    assert parquet.read(tmp_path / "0.parquet", tmp_path / "1.parquet").to_pylist() == ROWS[:25]
    assert parquet.read(tmp_path / "1.parquet", columns=["a"]).column_names == ["a"]
    assert parquet.count(tmp_path / "1.parquet") == 15


def test_empty_table_is_a_table(tmp_path: Path) -> None:
    parquet.write_rows(tmp_path / "none.parquet", SCHEMA, [])
    assert parquet.count(tmp_path / "none.parquet") == 0
    assert list(parquet.rows(tmp_path / "none.parquet")) == []


def test_predictions_have_a_column_per_class_in_order() -> None:
    schema = columns.predictions_schema(("fear", "anger"), ("AU01", "AU12L"))
    assert columns.classes_of(schema) == ("fear", "anger")
    assert {
        "au_01",
        "au_12l",
        "valence",
        "arousal",
        "confidence",
        "sentiment",
        "state",
        "reason",
        "success",
    } <= set(schema.names)


def test_failed_file_says_so_and_a_sound_one_does_not(tmp_path: Path) -> None:
    sound, failed = tmp_path / "sound.parquet", tmp_path / "failed.parquet"
    parquet.write_rows(sound, SCHEMA, ROWS[:2])
    parquet.write_rows(failed, parquet.with_failure(SCHEMA, ["b", "a", "b"]), ROWS[:2])
    assert parquet.failed_files(sound) == []
    assert parquet.failed_files(failed) == ["a", "b"]
    assert list(parquet.rows(failed)) == ROWS[:2]
    assert json.loads(pq.read_schema(_frames_failed(tmp_path)).metadata[b"huggingface"]), (
        "other metadata stay"
    )


def _frames_failed(folder: Path) -> Path:
    parquet.write_rows(folder / "f.parquet", parquet.with_failure(columns.FRAMES, ["x"]), [])
    return folder / "f.parquet"


@pytest.mark.slow
def test_hugging_face_reads_frames_as_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    pictures = [
        np.random.default_rng(index).integers(0, 256, (8 + index, 6, 3), np.uint8)
        for index in range(3)
    ]
    unreadable = {
        "sample_id": "s9",
        "frame": 0,
        "state": columns.UNREADABLE,
        "reason": "empty file",
        "image": {"bytes": None, "path": "9.png"},
    }
    parquet.write_rows(
        tmp_path / "frames.parquet",
        columns.FRAMES,
        [*(frame(index, pixels) for index, pixels in enumerate(pictures)), unreadable],
    )
    loaded = datasets.load_dataset(
        "parquet",
        data_files=str(tmp_path / "frames.parquet"),
        split="train",
        cache_dir=str(tmp_path / "cache"),
    )
    assert isinstance(loaded.features["image"], datasets.Image)
    assert loaded.column_names == columns.FRAMES.names
    for index, pixels in enumerate(pictures):
        assert np.array_equal(np.asarray(loaded[index]["image"]), pixels)
    assert loaded["state"][3] == "unreadable"


@pytest.mark.parametrize("damage", ["cut short", "empty", "another file", "a garbled page"])
def test_a_damaged_parquet_file_is_named_with_the_remedy(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "p.parquet"
    parquet.write_rows(path, SCHEMA, ROWS)
    whole = path.read_bytes()
    garbled = whole[:20] + bytes(200) + whole[220:]
    path.write_bytes(
        {
            "cut short": whole[: len(whole) // 2],
            "empty": b"",
            "another file": b"a,b\n1,x\n" * 9,
            "a garbled page": garbled,
        }[damage]
    )
    ways = {
        "schema": lambda: parquet.read_schema(path), "rows": lambda: list(parquet.rows(path)),
        "table": lambda: parquet.read(path),
        "count": lambda: parquet.count(path), "failed": lambda: parquet.failed_files(path),
    }  # fmt: skip
    for name in (
        ("rows", "table") if damage == "a garbled page" else ways
    ):  # a footer alone is still whole
        with pytest.raises(
            ValueError,
            match=r"p\.parquet is no Parquet file, or a damaged one .*; remove it and run "
            r"snakemake",
        ):
            ways[name]()


def test_a_parquet_file_that_is_not_there_is_not_called_damaged(tmp_path: Path) -> None:
    for way in (
        parquet.read_schema,
        parquet.read,
        parquet.count,
        parquet.failed_files,
        lambda path: list(parquet.rows(path)),
    ):
        with pytest.raises(FileNotFoundError, match="absent"):
            way(tmp_path / "absent.parquet")


@pytest.mark.parametrize("content", [b'{"a": ', b"", b'{"a": "\xff"}'])
def test_a_damaged_json_file_is_named_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"s\.json is no JSON, or a damaged one .*; remove it and run snakemake"
    ):
        read_json(path)
