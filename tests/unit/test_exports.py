"""A run's predictions as one CSV and its sound as WAV files."""

import csv
import io
import json
import wave
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from faceoff.cli import app
from faceoff.layout import VERSION
from faceoff.results import exports
from faceoff.storage import columns, csv_text, files, parquet


def write_predictions(path: Path, classes: tuple[str, ...], *posterior: float) -> None:
    rows = [
        {
            "sample_id": "a",
            "frame": 0,
            "timestamp_s": 0.5,
            "face_id": 0,
            "success": 1,
            "state": columns.OK,
            **dict(zip([f"p_{c}" for c in classes], posterior, strict=True)),
        },
        {
            "sample_id": "b",
            "frame": 0,
            "timestamp_s": 0.0,
            "face_id": 0,
            "success": 0,
            "state": columns.NO_FACE,
        },
    ]
    parquet.write_rows(path, columns.predictions_schema(classes), rows)


def test_every_prediction_is_a_row_of_one_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cells that know other classes share one header; what a cell has not is empty.

    Fusions come with the detector "fusion".
    """
    monkeypatch.chdir(tmp_path)
    write_predictions(
        tmp_path / "results/r/predictions/d/whole/net.parquet", ("neutral", "anger"), 0.1, 0.9
    )
    write_predictions(
        tmp_path / "results/r/predictions/d/haar/other.parquet", ("neutral", "fear"), 1 / 3, 2 / 3
    )
    write_predictions(
        tmp_path / "results/r/fusion/d/vote.parquet", ("neutral", "anger"), 0.25, 0.75
    )
    done = CliRunner().invoke(app, ["export", "r", "out/all.csv"])
    assert done.exit_code == 0, done.output
    assert "3 detector x model cells and fusions" in done.output
    with open(tmp_path / "out/all.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["dataset"], row["detector"], row["model"], row["sample_id"]) for row in rows] == [
        ("d", detector, model, sample)
        for detector, model in (("fusion", "vote"), ("haar", "other"), ("whole", "net"))
        for sample in "ab"
    ]
    assert float(rows[2]["p_fear"]) == 2 / 3, "every digit"
    assert (rows[2]["p_anger"], rows[3]["p_fear"], rows[3]["state"]) == ("", "", "no_face")
    assert (rows[4]["p_fear"], rows[4]["p_anger"]) == ("", "0.9")


@pytest.mark.parametrize("suffix", exports.SUFFIXES)
def test_the_suffix_says_the_format(suffix: str, tmp_path: Path) -> None:
    for cell, classes in (("whole/net", ("neutral", "anger")), ("haar/o", ("neutral", "fear"))):
        write_predictions(tmp_path / f"predictions/d/{cell}.parquet", classes, 0.1, 0.9)
    output = tmp_path / f"all{suffix}"
    assert exports.write_predictions(tmp_path, output) == 2
    read = {
        ".csv": lambda: list(csv.DictReader(output.open(encoding="utf-8", newline=""))),
        ".json": lambda: json.loads(output.read_text()),
        ".jsonl": lambda: [json.loads(line) for line in output.read_text().splitlines()],
        ".parquet": lambda: pq.read_table(output).to_pylist(),
    }
    rows = read[suffix]()
    assert [(row["detector"], row["model"], row["sample_id"]) for row in rows] == [
        ("haar", "o", "a"), ("haar", "o", "b"), ("whole", "net", "a"), ("whole", "net", "b")
    ]  # fmt: skip
    assert [float(rows[0]["p_fear"]), float(rows[2]["p_anger"])] == [0.9, 0.9]
    assert not rows[3]["p_anger"]


@pytest.mark.parametrize("name", ["all.xlsx", "all", "all.csv.gz"])
def test_another_suffix_is_an_error(name: str, tmp_path: Path) -> None:
    write_predictions(tmp_path / "predictions/d/whole/net.parquet", ("neutral",), 1.0)
    with pytest.raises(ValueError, match=r"the suffix must be one of \.csv, \.json, \.jsonl, "):
        exports.write_predictions(tmp_path, tmp_path / name)
    assert not (tmp_path / name).exists()


def test_faces_are_exported_with_boxes_and_landmarks(tmp_path: Path) -> None:
    found = {"sample_id": "a", "frame": 0, "success": 1, "state": columns.OK, "n_faces": 2}
    faces = [found | {"face_id": i, "x": 1.5 * i, "landmarks": [1.0, 2.0]} for i in range(2)]
    none = {"sample_id": "b", "frame": 0, "face_id": -1, "n_faces": 0, "success": 0}
    rows = [*faces, none | {"state": columns.NO_FACE}]
    parquet.write_rows(tmp_path / "faces/d/yunet.parquet", columns.FACES, rows)
    parquet.write_rows(tmp_path / "faces/d@0of2/yunet.parquet", columns.FACES, rows)
    assert exports.write_faces(tmp_path, tmp_path / "f.json") == 1
    written = json.loads((tmp_path / "f.json").read_text())
    assert [(row["detector"], row["sample_id"], row["x"]) for row in written] == [
        ("yunet", "a", 0.0), ("yunet", "a", 1.5), ("yunet", "b", None)
    ]  # fmt: skip
    assert written[1]["landmarks"] == [1.0, 2.0]
    exports.write_faces(tmp_path, tmp_path / "f.csv")
    with open(tmp_path / "f.csv", newline="", encoding="utf-8") as file:
        assert json.loads(list(csv.DictReader(file))[1]["landmarks"]) == [1.0, 2.0]


def test_no_cell_of_a_csv_is_a_formula(tmp_path: Path) -> None:
    """Names come from files and labels of strangers; numbers stay numbers."""
    row = {"=1+1": "=cmd|' /C calc'!A0", "b": "@x", "c": -0.5, "d": "-0.5", "e": "a=b", "f": None}
    csv_text.write(tmp_path / "t.csv", list(row), [row])
    with open(tmp_path / "t.csv", newline="", encoding="utf-8") as file:
        headings, cells = csv.reader(file)
    assert headings == ["'=1+1", *"bcdef"]
    assert cells == ["'=cmd|' /C calc'!A0", "'@x", "-0.5", "-0.5", "a=b", ""]


def test_a_sharded_dataset_is_exported_once(tmp_path: Path) -> None:
    """The rows of a dataset's shards stand beside those of the whole."""
    for dataset in ("d", "d@0of2", "d@1of2"):
        write_predictions(
            tmp_path / f"predictions/{dataset}/whole/net.parquet", ("neutral", "anger"), 0.1, 0.9
        )
    assert exports.write_predictions(tmp_path, tmp_path / "all.csv") == 1
    with open(tmp_path / "all.csv", newline="", encoding="utf-8") as file:
        assert [(row["dataset"], row["sample_id"]) for row in csv.DictReader(file)] == [
            ("d", "a"),
            ("d", "b"),
        ]


def test_a_cell_that_left_the_configuration_is_left_out(tmp_path: Path) -> None:
    for cell in ("whole/net", "whole/old"):
        write_predictions(
            tmp_path / f"predictions/d/{cell}.parquet", ("neutral", "anger"), 0.1, 0.9
        )
    write_predictions(tmp_path / "fusion/d/vote.whole.parquet", ("neutral", "anger"), 0.1, 0.9)
    config = {
        "datasets": {"d": {}},
        "detectors": {"whole": {}},
        "models": {"net": {}},
        "fusions": {"vote": {}},
    }
    files.write_json(tmp_path / "manifest.json", {"layout": VERSION, "config": config})
    assert exports.write_predictions(tmp_path, tmp_path / "all.csv") == 2
    with open(tmp_path / "all.csv", newline="", encoding="utf-8") as file:
        assert {row["model"] for row in csv.DictReader(file)} == {"vote.whole", "net"}
    files.write_json(
        tmp_path / "manifest.json", {"layout": VERSION, "config": config | {"datasets": {"e": {}}}}
    )
    with pytest.raises(FileNotFoundError, match="no predictions of its present configuration"):
        exports.write_predictions(tmp_path, tmp_path / "none.csv")


def wav(*values: int) -> bytes:
    """Return a WAV file of these samples."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(np.array(values, np.int16).tobytes())
    return buffer.getvalue()


def test_sounds_become_files_inside_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sounds = [
        {
            "sample_id": name,
            "part": part,
            "audio": {"bytes": content, "path": None},
            "state": columns.OK if content else "unreadable",
        }
        for name, part, content in (
            ("clip", 0, wav(1)),
            ("clip", 1, wav(2, 3)),
            ("../../up", 0, wav(4)),
            ("mute", 0, None),
            ("a/b", 0, wav(5)),
            ("a__b", 0, wav(6)),
            (".clip", 0, wav(7)),
            (".clip", 1, None),
            ("a%2Fb", 0, wav(8)),
        )
    ]
    parquet.write_rows(tmp_path / "results/r/audio/d.parquet", columns.AUDIO, sounds)
    done = CliRunner().invoke(app, ["export-audio", "r", "wav"])
    assert done.exit_code == 0, done.output
    assert "wav/d: 6 of 7 clips have sound" in done.output
    written = {
        path.relative_to(tmp_path / "wav").as_posix(): path.read_bytes()
        for path in tmp_path.rglob("*.wav")
    }
    assert written == {
        "d/clip.wav": wav(1, 2, 3),
        "d/%2E.%2F..%2Fup.wav": wav(4),
        "d/a%2Fb.wav": wav(5),
        "d/a__b.wav": wav(6),
        "d/%2Eclip.wav": wav(7),
        "d/a%252Fb.wav": wav(8),
    }


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("export", "results/r holds no predictions"),
        ("export-audio", "results/r/audio holds no sound"),
    ],
)
def test_a_run_without_any_is_said(
    command: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/r").mkdir(parents=True)
    for name in ("r", "results/r", str(tmp_path / "results/r")):
        done = CliRunner().invoke(app, [command, name, "out"])
        assert done.exit_code == 1
        assert reason in done.output
    absent = CliRunner().invoke(app, [command, "none", "out"])
    assert absent.exit_code == 1
    assert "none: neither results/none nor none is the folder of a run" in absent.output
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
