"""OpenFace's CSV: a real file, frames without a face, other programs' columns, and what
is refused.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from faceoff.emotions import EMOTIONS
from faceoff.faces import openface_csv
from faceoff.storage import columns, parquet

UNITS = openface_csv.UNITS
HEADER = "frame, face_id, timestamp, confidence, success, " + ", ".join(
    [f"{unit}_r" for unit in UNITS] + [f"{unit}_c" for unit in (*UNITS, "AU28")]
)


def line(
    frame: int, success: int = 1, confidence: float = 0.95, face_id: int = 0, **shown: float
) -> str:
    """One line of a file: these intensities, present where above 0."""
    intensity = [shown.get(unit, 0.0) for unit in UNITS]
    cells = [
        frame,
        face_id,
        (frame - 1) / 25,
        confidence,
        success,
        *intensity,
        *[int(value > 0) for value in intensity],
        0,
    ]
    return ", ".join(str(cell) for cell in cells)


def write(path: Path, *lines: str, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def real() -> openface_csv.Tracking:
    """A file that OpenFace wrote (100 frames, 0.001 s apart)."""
    path = Path(os.environ.get("FACEOFF_DATA", "")) / "media" / "OpenFace_Test.csv"
    if not path.is_file():
        pytest.skip("media/OpenFace_Test.csv is not in FACEOFF_DATA")
    return openface_csv.read_csv(path)


def test_real_file(real: openface_csv.Tracking) -> None:
    assert len(real) == 100
    assert (real.frame[0], real.frame[-1]) == (1, 100)
    assert real.timestamp_s[-1] == pytest.approx(0.099)
    assert real.success.all()
    assert real.confidence[0] == pytest.approx(0.883333)
    assert tuple(real.intensity) == UNITS
    assert set(real.presence) == {*UNITS, "AU28"}
    first = {unit: float(values[0]) for unit, values in real.intensity.items() if values[0] > 0}
    assert first == {
        "AU01": 0.6773,
        "AU02": 0.4275,
        "AU04": 0.2435,
        "AU05": 0.3434,
        "AU23": 0.4543,
        "AU45": 0.02348,
    }
    assert all(((values >= 0) & (values <= 5)).all() for values in real.intensity.values())


def test_rows_of_the_real_file_keep_the_contract(
    real: openface_csv.Tracking, tmp_path: Path
) -> None:
    rows = list(openface_csv.rows(real, "clip"))
    assert [row["frame"] for row in rows] == list(range(100))
    schema = columns.predictions_schema(EMOTIONS[:7], UNITS)
    parquet.write_rows(tmp_path / "p.parquet", schema, rows)
    stored = list(parquet.rows(tmp_path / "p.parquet"))
    assert len(stored) == 100
    assert all(
        sum(row[f"p_{emotion}"] for emotion in EMOTIONS[:7]) == pytest.approx(1) for row in stored
    )
    assert stored[0]["au_01"] == pytest.approx(real.intensity["AU01"][0])


def test_intensity_and_presence_are_told_apart(tmp_path: Path) -> None:
    """A smile that the presence model denies is no smile."""
    smile = line(1, AU06=4.0, AU12=4.0)
    tracking = openface_csv.read_csv(write(tmp_path / "a.csv", smile))
    assert next(openface_csv.rows(tracking, "a"))["emotion"] == "happiness"
    cells = smile.split(", ")
    for unit in ("AU06", "AU12"):
        cells[HEADER.split(", ").index(f"{unit}_c")] = "0"
    denied = openface_csv.read_csv(write(tmp_path / "b.csv", ", ".join(cells)))
    row = next(openface_csv.rows(denied, "b"))
    assert row["emotion"] == "neutral"
    assert row["au_12"] == 4.0


def test_a_lost_face_is_a_row(tmp_path: Path) -> None:
    tracking = openface_csv.read_csv(
        write(
            tmp_path / "a.csv", line(1), line(2, success=0, confidence=0.1), line(3, confidence=0.4)
        )
    )
    rows = list(openface_csv.rows(tracking, "a", min_confidence=0.5))
    assert [(row["frame"], row["success"], row["state"]) for row in rows] == [
        (0, 1, "ok"),
        (1, 0, "no_face"),
        (2, 0, "no_face"),
    ]
    assert rows[1]["reason"] == "OpenFace: success 0, confidence 0.10"
    assert rows[2]["reason"] == "OpenFace: below 0.5, confidence 0.40"
    assert "emotion" not in rows[1]


def test_several_faces_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        line(1, face_id=0),
        line(1, face_id=1, AU06=5, AU12=5),
        header="﻿" + HEADER,
    )
    rows = list(openface_csv.rows(openface_csv.read_csv(path), "a"))
    assert [(row["frame"], row["face_id"], row["emotion"]) for row in rows] == [
        (0, 0, "neutral"),
        (0, 1, "happiness"),
    ]


def test_face_landmark_img_has_neither_frame_nor_time(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        "0, 0.9, 1.5, 1",
        "1, 0.8, 0, 0",
        header="face, confidence, AU12_r, AU12_c",
    )
    tracking = openface_csv.read_csv(path)
    assert tracking.face_id.tolist() == [0, 1]
    assert tracking.success.all()
    assert set(openface_csv.emotion_scores(tracking)) == set(), (
        "no emotion can be told by AU12 alone"
    )
    assert [row["emotion"] for row in openface_csv.rows(tracking, "a")] == ["neutral", "neutral"]


def test_values_outside_the_scale_are_clipped(tmp_path: Path) -> None:
    tracking = openface_csv.read_csv(
        write(tmp_path / "a.csv", line(1, AU12=5.7), line(2, AU12=-0.2))
    )
    assert tracking.intensity["AU12"].tolist() == [5.0, 0.0]


def test_header_alone_is_a_clip_without_frames(tmp_path: Path) -> None:
    tracking = openface_csv.read_csv(write(tmp_path / "a.csv"))
    assert len(tracking) == 0
    assert list(openface_csv.rows(tracking, "a")) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("frame,x\n1,2\n", "not an OpenFace CSV"),
        (
            HEADER + "\n" + line(1)[:-60] + "\n",
            r"line 2, column AU45_r: only \d+ of \d+ cells: cut\?",
        ),
        (
            HEADER + "\n" + line(1).replace("0.95", "high") + "\n",
            "line 2, column confidence: ' high'",
        ),
        (
            HEADER + "\n" + line(1) + "\n" + line(2, AU12=np.nan) + "\n",
            "line 3, column AU12_r: not a finite number",
        ),
    ],
)
def test_bad_files_are_named_with_line_and_column(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(openface_csv.OpenFaceError, match=message) as caught:
        openface_csv.read_csv(path)
    assert str(path) in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        openface_csv.read_csv(tmp_path / "none.csv")
