"""Clips along their time, from the tables of a run to a picture."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from faceoff import tables
from faceoff.cli import app
from faceoff.timelines import first_clips, timelines

CLASSES = ("neutral", "happiness")


def run_folder(root: Path) -> Path:
    """Two clips of three frames, one still between them; the second frame of the first clip has no face; the frames of clip b are labelled."""
    folder = root / "results/r"

    def rows():
        for name, count in (("a", 3), ("b", 3), ("still", 1)):
            for frame in range(count):
                key = {"sample_id": name, "frame": frame, "timestamp_s": 0.2 * frame, "face_id": 0}
                if (name, frame) == ("a", 1):
                    yield key | {"success": 0, "state": tables.NO_FACE}
                else:
                    yield key | {"success": 1, "state": tables.OK, "p_neutral": 1 - 0.1 * frame, "p_happiness": 0.1 * frame}

    found = list(rows())
    tables.write_rows(folder / "predictions/d/whole/fer.parquet", tables.predictions_schema(CLASSES), found)
    labels = (
        {**{key: row[key] for key in ("sample_id", "frame")}, "state": tables.OK, "label": "happiness" if row["sample_id"] == "b" else None} for row in found
    )
    tables.write_rows(folder / "frames/d.parquet", tables.FRAMES, labels)
    return folder


def test_timelines_of_the_clips(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    a, b = timelines(folder / "predictions/d/whole/fer.parquet", folder / "frames/d.parquet")
    assert (a.sample_id, b.sample_id) == ("a", "b"), "a still has no time"
    assert a.emotions == CLASSES
    assert a.seconds == pytest.approx([0, 0.2, 0.4])
    assert np.isnan(a.posterior[1]).all()
    assert a.posterior[2] == pytest.approx([0.8, 0.2])
    assert (a.truth, b.truth) == ((), ("happiness",) * 3)
    (only,) = timelines(folder / "predictions/d/whole/fer.parquet", None, ["b"])
    assert (only.sample_id, only.truth) == ("b", ())


def test_the_first_clips_are_those_of_a_fusion_unless_another_is_named(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    assert first_clips(folder)[:2] == ("d", "whole/fer")
    single = folder / "predictions/d/whole/fer.parquet"
    (folder / "fusion/d").mkdir(parents=True)
    (folder / "fusion/d/vote.parquet").write_bytes(single.read_bytes())
    assert first_clips(folder)[:2] == ("d", "fusion/vote")
    dataset, cell, clips = first_clips(folder, cell="whole/fer", most=1)
    assert (dataset, cell, [clip.sample_id for clip in clips]) == ("d", "whole/fer", ["a"])
    assert [clip.sample_id for clip in first_clips(folder, cell="fusion/vote", samples=["b"])[2]] == ["b"]
    for nothing in ({"cell": "fusion/other"}, {"dataset": "e"}, {"samples": ["still"]}):
        with pytest.raises(FileNotFoundError, match="no clip of several frames"):
            first_clips(folder, **nothing)


def test_a_picture_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("t.svg", "again.svg"):
        result = CliRunner().invoke(app, ["timeline", "r", name, "--cell", "whole/fer"])
        assert result.exit_code == 0, result.output
    assert "2 clips of d under whole" in result.output
    assert (tmp_path / "t.svg").read_bytes() == (tmp_path / "again.svg").read_bytes()
    assert CliRunner().invoke(app, ["timeline", "r", "t.gif"]).exit_code == 1
    absent = CliRunner().invoke(app, ["timeline", "r", "t.svg", "--cell", "whole/other"])
    assert absent.exit_code == 1
    assert not (tmp_path / "t.gif").exists()
