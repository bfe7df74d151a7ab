"""The face policy `all`: every face of a frame is read, and the frame's answer is their mean."""

from pathlib import Path

import numpy as np
import pytest

from faceoff.inference.prediction_rows import mean_row
from faceoff.media.images import encode_png
from faceoff.plan.jobs import PredictJob
from faceoff.plugins.jobs import CropJob, PluginJob
from faceoff.stages.predict import write_predictions
from faceoff.storage import columns, parquet

# Reads happiness off a crop's brightness; a black crop cannot be read.
MODEL = """
import numpy as np
from faceoff.plugins.protocols import CropSpec, Prediction

class Model:
    emotions = ("neutral", "happiness")
    crop = CropSpec(size=(8, 8), margin=0.0)

    def __init__(self, card, assets):
        pass

    def predict(self, crops):
        happy = crops.mean(axis=(1, 2, 3)) / 255
        return Prediction(
            posterior=np.column_stack([1 - happy, happy]),
            evaluable=happy > 0,
            valence=2 * happy - 1,
        )
"""


def predicted(folder: Path, faces: list[list[tuple[float, float]]], policy: str) -> list[dict]:
    """Rows of frames of 60 x 20 pixels. faces: per frame (brightness 0–1, side) of each face."""
    (folder / "model.py").write_text(MODEL)
    frames, table = [], []
    for number, found in enumerate(faces):
        key = {"sample_id": f"s{number}", "frame": 0, "timestamp_s": None, "state": "ok"}
        picture = np.zeros((20, 60, 3), np.uint8)
        for place, (bright, _) in enumerate(found):
            picture[:, 20 * place : 20 * place + 20] = round(255 * bright)
        image = {"bytes": encode_png(picture), "path": "p"}
        frames.append(key | {"width": 60, "height": 20, "image": image})
        table += [
            key
            | {"face_id": place, "n_faces": len(found), "success": 1, "score": 1.0}
            | {"x": 20.0 * place, "y": 0.0, "w": side, "h": side}
            for place, (_, side) in enumerate(found)
        ] or [key | {"state": "no_face", "face_id": -1, "n_faces": 0, "success": 0}]
    parquet.write_rows(folder / "frames.parquet", columns.FRAMES, frames)
    parquet.write_rows(folder / "faces.parquet", columns.FACES, table)
    plugin = PluginJob(
        name="m",
        source=str(folder / "model.py"),
        class_name="Model",
        assets={},
        card={},
        device="cpu",
    )
    about = {"dataset": "d", "detector": "given", "model": "m", "seed": 0}
    write_predictions(
        folder / "frames.parquet",
        folder / "faces.parquet",
        folder / "out.parquet",
        folder / "timing.json",
        PredictJob(plugin=plugin, crop=CropJob(policy=policy), **about),
    )
    return list(parquet.rows(folder / "out.parquet"))


def test_a_frame_says_what_its_faces_say_on_average(tmp_path: Path) -> None:
    """Faces of 20 %, 80 % and 80 %: the mean is 60 % happy; the largest alone says neutral."""
    faces = [[(0.2, 18.0), (0.8, 10.0), (0.8, 10.0)], [(0.4, 10.0)], []]
    rows = predicted(tmp_path, faces, "all")
    assert [row["state"] for row in rows] == ["ok", "ok", "no_face"]
    assert rows[0]["p_happiness"] == pytest.approx(0.6, abs=0.01)
    assert rows[0]["p_neutral"] + rows[0]["p_happiness"] == pytest.approx(1.0)
    assert (rows[0]["emotion"], rows[0]["sentiment"]) == ("happiness", "positive")
    assert rows[0]["confidence"] == rows[0]["p_happiness"]
    assert rows[0]["valence"] == pytest.approx(0.2, abs=0.02)
    assert rows[1]["p_happiness"] == pytest.approx(0.4, abs=0.01)
    largest = predicted(tmp_path, faces, "largest")
    assert largest[0]["p_happiness"] == pytest.approx(0.2, abs=0.01)


def test_a_face_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    rows = predicted(tmp_path, [[(0.0, 18.0), (0.6, 10.0)], [(0.0, 18.0), (0.0, 9.0)]], "all")
    assert (rows[0]["success"], rows[0]["state"]) == (1, "ok")
    assert rows[0]["p_happiness"] == pytest.approx(0.6, abs=0.01)
    assert (rows[1]["success"], rows[1]["state"]) == (0, "no_face")


def test_frames_with_many_faces_stay_in_order(tmp_path: Path) -> None:
    faces = [[(0.1 + 0.01 * (n % 80), 12.0)] * (n % 4) for n in range(150)]
    rows = predicted(tmp_path, faces, "all")
    assert [row["sample_id"] for row in rows] == [f"s{n}" for n in range(150)]
    for n, row in enumerate(rows):
        if n % 4:
            assert row["p_happiness"] == pytest.approx(0.1 + 0.01 * (n % 80), abs=0.01)


def test_numbers_that_only_some_faces_have_are_averaged_over_those() -> None:
    rows = [
        {"p_neutral": 0.5, "p_happiness": 0.5, "success": 1},
        {"p_neutral": 0.7, "p_happiness": 0.3, "success": 1, "valence": -0.2},
    ]
    found = mean_row(rows, ("neutral", "happiness"))
    assert (found["emotion"], found["valence"]) == ("neutral", -0.2)
