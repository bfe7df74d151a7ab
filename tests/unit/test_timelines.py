"""Clips along their time, from the tables of a run to a picture."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from faceoff.cli import app
from faceoff.emotions import EMOTIONS
from faceoff.figures import timeline
from faceoff.layout import VERSION
from faceoff.results.timelines import first_clips, timelines
from faceoff.storage import columns, files, parquet

CLASSES = ("neutral", "happiness")


def run_folder(root: Path) -> Path:
    """Write two clips of three frames, and one still between them.

    The second frame of the first clip has no face; the frames of clip b are labelled.
    """
    folder = root / "results/r"

    def rows():
        for name, count in (("a", 3), ("b", 3), ("still", 1)):
            for frame in range(count):
                key = {"sample_id": name, "frame": frame, "timestamp_s": 0.2 * frame, "face_id": 0}
                if (name, frame) == ("a", 1):
                    yield key | {"success": 0, "state": columns.NO_FACE}
                else:
                    yield key | {
                        "success": 1,
                        "state": columns.OK,
                        "p_neutral": 1 - 0.1 * frame,
                        "p_happiness": 0.1 * frame,
                    }

    found = list(rows())
    parquet.write_rows(
        folder / "predictions/d/whole/fer.parquet", columns.predictions_schema(CLASSES), found
    )
    labels = (
        {
            **{key: row[key] for key in ("sample_id", "frame")},
            "state": columns.OK,
            "label": "happiness" if row["sample_id"] == "b" else None,
        }
        for row in found
    )
    parquet.write_rows(folder / "frames/d.parquet", columns.FRAMES, labels)
    return folder


def test_no_two_of_many_emotions_look_alike() -> None:
    emotions = [*EMOTIONS, *(f"state {number}" for number in range(30))]
    posterior = np.full((5, len(emotions)), 1 / len(emotions))
    figure = timeline.draw(
        [
            {
                "title": "c",
                "emotions": emotions,
                "seconds": np.arange(5.0),
                "posterior": posterior,
                "truth": (),
            }
        ]
    )
    lines = [line for line in figure.axes[0].get_lines() if len(line.get_xdata()) > 2]
    assert (
        len(lines)
        == len({(line.get_color(), str(line._dash_pattern), line.get_marker()) for line in lines})
        == len(emotions)
    )
    assert len({line.get_marker() for line in lines[: len(EMOTIONS)]}) == len(EMOTIONS), (
        "also without colours"
    )
    assert [text.get_text() for text in figure.legends[0].get_texts()][:8] == list(EMOTIONS)


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
    assert [
        clip.sample_id for clip in first_clips(folder, cell="fusion/vote", samples=["b"])[2]
    ] == ["b"]
    for nothing in ({"dataset": "e"}, {"samples": ["still"]}):
        with pytest.raises(FileNotFoundError, match="no clip of several frames"):
            first_clips(folder, **nothing)


def test_a_cell_that_left_the_configuration_is_passed_over(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    (folder / "fusion/d").mkdir(parents=True)
    (folder / "fusion/d/vote.parquet").write_bytes(
        (folder / "predictions/d/whole/fer.parquet").read_bytes()
    )
    config = {"datasets": {"d": {}}, "detectors": {"whole": {}}, "models": {"fer": {}}}
    files.write_json(folder / "manifest.json", {"layout": VERSION, "config": config})
    assert first_clips(folder)[:2] == ("d", "whole/fer")
    with pytest.raises(FileNotFoundError, match="under fusion/vote"):
        first_clips(folder, cell="fusion/vote")


def test_a_picture_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    for run, name in (("r", "t.svg"), ("results/r", "again.svg")):
        result = CliRunner().invoke(app, ["timeline", run, name, "--cell", "whole/fer"])
        assert result.exit_code == 0, result.output
    assert "2 clips of d under whole" in result.output
    assert (tmp_path / "t.svg").read_bytes() == (tmp_path / "again.svg").read_bytes()
    assert CliRunner().invoke(app, ["timeline", "r", "t.gif"]).exit_code == 1
    absent = CliRunner().invoke(app, ["timeline", "r", "t.svg", "--cell", "whole/other"])
    assert absent.exit_code == 1
    assert not (tmp_path / "t.gif").exists()


def test_an_unknown_cell_is_answered_with_those_that_there_are(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="no cell 'whole/fre', did you mean 'whole/fer'"):
        first_clips(folder, "whole/fre")
    with pytest.raises(FileNotFoundError, match="no cell 'temporal/smooth'; valid: whole/fer"):
        first_clips(folder, "temporal/smooth")
