"""Probabilities of an analysis that the temperature of a run calibrates."""

from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from typer.testing import CliRunner

import faceoff
from faceoff import layout
from faceoff.analysis import calibration
from faceoff.cli import app
from faceoff.drawing import clips
from faceoff.statistics.temperature import temper
from faceoff.storage import files

T = 2.5


def score(path: Path, **more: Any) -> Path:
    """Write the parts of a score file that are read."""
    told = {"temperature": T, "temperatures": [T], "fitted_on": "validation"}
    told_of = {"kind": "cell", "dataset": "ferplus", "detector": "whole", "model": "faceoff_small"}
    files.write_json(path, {**told_of, "reason": None, "calibration": told, **more})
    return path


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    return [image for _, image, _ in clips.frames(clips.plan("test")[0])][:12]


def test_the_raw_probabilities_stay_and_the_calibrated_one_stands_beside(
    images: list[np.ndarray], tmp_path: Path
) -> None:
    pairs = [(number / 25, image) for number, image in enumerate(images)]
    raw = faceoff.analyze(pairs, identities=False)
    found = faceoff.analyze(pairs, identities=False, calibration=score(tmp_path / "s.json"))
    for row, plain in zip(found.frames.to_pylist(), raw.frames.to_pylist(), strict=True):
        assert plain["calibrated_confidence"] is None
        p = np.array([plain[f"p_{emotion}"] for emotion in raw.emotions])
        assert row["confidence"] == plain["confidence"]
        assert row["calibrated_confidence"] == pytest.approx(temper(p, T).max())
        assert row["calibrated_confidence"] < row["confidence"]
    moments = [moment["accuracy"] for moment in found.timeline()]
    assert moments == [row["calibrated_confidence"] for row in found.frames.to_pylist()]
    told = found.to_json()
    jsonschema.validate(told, files.read_json(layout.PACKAGE / "analysis" / "schema.json"))
    assert told["analysis_metadata"]["calibration"] == {
        "temperature": T, "dataset": "ferplus", "detector": "whole", "fitted_on": "validation",
    }  # fmt: skip


def test_a_rule_reads_calibrated_probabilities(images: list[np.ndarray], tmp_path: Path) -> None:
    pairs = [(number / 25, image) for number, image in enumerate(images)]
    path = score(tmp_path / "s.json")
    found = faceoff.analyze(pairs, identities=False, calibration=path, temporal="ema")
    rows = found.frames.to_pylist()
    assert rows[0]["steady_confidence"] == pytest.approx(rows[0]["calibrated_confidence"])
    assert [moment["accuracy"] for moment in found.timeline()] == pytest.approx(
        [row["steady_confidence"] for row in rows]
    )


def test_classes_of_probability_zero_stay_zero() -> None:
    import pyarrow as pa

    table = pa.table({"p_a": [0.0, 0.2, None], "p_b": [0.1, 0.3, None], "p_c": [0.9, 0.5, None]})
    found = calibration.posteriors(table, ("a", "b", "c"), T)
    assert found[0, 0] == 0
    assert found[:2].sum(axis=1) == pytest.approx(1)
    assert found[0, 2] / found[0, 1] == pytest.approx(9 ** (1 / T))
    assert np.isnan(found[2]).all()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"model": "fer"}, "the temperature of model 'fer'"),
        ({"calibration": None, "reason": "no face"}, "no temperature in it (no face)"),
        ({"calibration": {"temperature": None}}, "too few samples"),
        ({"kind": "fusion"}, "no score of a cell"),
    ],
)
def test_a_file_that_does_not_fit_is_told_before_work_starts(
    more: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = score(tmp_path / "s.json", **more)
    (tmp_path / "a.png").write_bytes(b"")
    arguments = ["analyze", str(tmp_path / "a.png"), "--calibration", str(path)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert said in result.output
