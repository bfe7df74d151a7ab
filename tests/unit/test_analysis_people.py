"""Whose the faces of one's own videos are: identities, and people by pictures of them."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import faceoff
from faceoff.analysis import people
from faceoff.analysis.result import Analysis
from faceoff.cli import app
from faceoff.drawing import clips
from faceoff.drawing.video import write_video
from faceoff.faces.best_faces import BestFaces
from faceoff.media.frame_rate import ALL_FRAMES
from faceoff.media.videos import decode_video
from faceoff.plan.job_specs import Plan
from faceoff.stages import frames as frames_stage
from faceoff.stages.detect import write_faces
from faceoff.stages.samples import write_samples
from faceoff.stages.tracks import write_tracks
from faceoff.storage import files, parquet

FRAMES = 40


class Recorder:
    """Stand where the embedding network stands: 128 times the mean of each face's pixels."""

    def __init__(self) -> None:
        self.calls = 0

    def embed(self, image: np.ndarray, boxes: list[tuple[float, ...]]) -> np.ndarray:
        self.calls += 1
        (x, y, w, h), *_ = boxes
        face = image[round(y) : round(y + h), round(x) : round(x + w)]
        return np.full((1, 128), face.mean())


def test_a_long_track_keeps_few_faces_spread_over_its_time() -> None:
    network = Recorder()
    best = BestFaces(network)  # type: ignore[arg-type]
    for moment in range(10_000):
        image = np.full((60, 60, 3), moment // 40, np.uint8)
        best.see(image, np.array([0]), [(20.0, 20.0, 16.0, 16.0)], np.array([1.0]))
    kept = best._tracks[0].parts
    assert len(kept) <= 16
    assert sum(face.image.nbytes for face in kept) < 16 * 40 * 40 * 3
    first = [face.image[20, 20, 0] for face in kept]
    assert first == sorted(first)
    assert first[-1] > 150
    assert best.embeddings(2).shape == (2, 128)
    assert np.isnan(best.embeddings(2)[1]).all()
    assert network.calls == 8


@pytest.mark.parametrize("side", [100.0, 900.0])
def test_a_kept_face_is_the_face_of_its_frame(side: float) -> None:
    """Faces that are large are shrunk; the box moves along. Half of this one is outside."""
    picture = np.zeros((1000, 1000, 3), np.uint8)
    picture[:, :500] = 200
    network = Recorder()
    best = BestFaces(network)  # type: ignore[arg-type]
    best.see(picture, np.array([0]), [(500 - side / 2, 40.3, side, side)], np.array([1.0]))
    assert best.embeddings(1)[0, 0] == pytest.approx(100, abs=3)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn clip of two people."""
    path = tmp_path_factory.mktemp("pair") / "happiness" / "pair.mp4"
    path.parent.mkdir()
    drawn = next(clip for clip in clips.plan("test") if len(clip.cast) == 2)
    write_video(path, (image for _, image, _ in islice(clips.frames(drawn), FRAMES)), 25)
    return path


@pytest.fixture(scope="module")
def found(mirror: Path, pair: Path) -> Analysis:
    return faceoff.Analyzer(identities=True).analyze(pair)


@pytest.fixture(scope="module")
def folder(pair: Path, found: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One picture of each of the two people, one of which lies in a subfolder."""
    folder = tmp_path_factory.mktemp("people")
    (folder / "Bea Ü").mkdir()
    frame = next(islice(pictures_of(pair), 10, None))
    rows = [row for row in found.frames.to_pylist() if row["frame"] == 10]
    for name, row in zip(("Ann", "Bea Ü/first"), rows, strict=True):
        x, y, w, h = (int(row[side]) for side in "xywh")
        shown = frame[max(0, y - h) : y + 2 * h, max(0, x - w // 2) : x + w + w // 2]
        Image.fromarray(shown).save(folder / f"{name}.png")
    return folder


def pictures_of(path: Path) -> Iterator[np.ndarray]:
    return (frame.image for frame in decode_video(path, ALL_FRAMES))


def test_tracks_and_identities_are_the_workflows(
    pair: Path, found: Analysis, tmp_path: Path
) -> None:
    plan = Plan({
        "run": "v",
        "datasets": {"d": {"type": "folder", "path": str(pair.parents[1]), "fps": 0}},
        "detectors": {"mediapipe_short": {}},
        "models": {"faceoff_small": {}},
        "tracking": {},
        "faces": {"policy": "all"},
    })  # fmt: skip
    samples, pictures, detections, faces = (
        tmp_path / f"{name}.parquet" for name in ("samples", "frames", "detections", "faces")
    )
    timing = tmp_path / "timing.json"
    write_samples(samples, plan.samples_job("d"))
    frames_stage.write_frames(samples, pictures, plan.frames_job("d"))
    write_faces(pictures, detections, timing, plan.detect_job("d", "mediapipe_short"))
    write_tracks(
        pictures, detections, timing, faces, timing, plan.tracks_job("d", "mediapipe_short")
    )

    def told(rows: list[dict[str, object]]) -> set[tuple[object, ...]]:
        names = ("frame", "x", "y", "track_id", "identity")
        return {tuple(row[name] for name in names) for row in rows if row["x"] is not None}

    ours = told(found.frames.to_pylist())
    assert ours == told(list(parquet.rows(faces)))
    assert {row[-1] for row in ours} == {0, 1}
    assert found.about["identities"] == "joined"


def test_people_are_named_in_videos_and_pictures(pair: Path, folder: Path) -> None:
    analyzer = faceoff.Analyzer(people=folder)
    named = analyzer.analyze(pair, end_s=0.5)
    assert {face["person"] for face in named.summary["people"]} == {"Ann", "Bea Ü"}
    assert named.about["people"] == ["Ann", "Bea Ü"]
    whose = {(row["identity"], row["person"]) for row in named.frames.to_pylist()}
    assert len(whose) == 2
    still = analyzer.analyze(folder / "Bea Ü" / "first.png").frames.to_pylist()
    assert [(row["track_id"], row["identity"], row["person"]) for row in still] == [
        (None, None, "Bea Ü")
    ]


def test_a_stranger_has_no_name(data: Path, folder: Path) -> None:
    video = data / "media/videos/woman2.mp4"
    found = faceoff.analyze(video, people=folder, end_s=0.2)
    assert [face["person"] for face in found.summary["people"]] == [None]


@pytest.mark.parametrize("count", [0, 2])
def test_a_reference_shows_exactly_one_face(
    mirror: Path, pair: Path, tmp_path: Path, count: int
) -> None:
    two = next(pictures_of(pair))
    Image.fromarray(two if count else np.zeros_like(two)).save(tmp_path / "Cleo.png")
    with pytest.raises(ValueError, match=rf"Cleo\.png: {count or 'no'} faces? found"):
        faceoff.Analyzer(people=tmp_path)


def test_wrong_people_are_told_before_work_starts(pair: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nobody")
    for arguments, said in (
        (["--people", str(tmp_path / "none")], "no such folder of pictures of people"),
        (["--people", str(tmp_path)], "holds no picture of a person"),
        (["--people", str(tmp_path), "--no-identities"], "not both"),
    ):
        result = CliRunner().invoke(app, ["analyze", str(pair), *arguments])
        assert result.exit_code == 1
        assert said in result.output


def test_without_the_networks_tracks_are_identities(
    pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FACEOFF_MIRROR", raising=False)
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path))
    assert people.state_of(None) == people.ABSENT
    found = faceoff.analyze(pair, end_s=0.2)
    assert found.about["identities"] == "weights absent"
    rows = found.frames.to_pylist()
    assert {row["identity"] for row in rows} == {0, 1}
    assert all(row["identity"] == row["track_id"] for row in rows)
    assert faceoff.analyze(pair, end_s=0.1, identities=False).about["identities"] == "off"


def test_a_list_is_written_row_by_row_as_whole(tmp_path: Path) -> None:
    for rows in ([], [{"b": [1, {"c": "a\nb"}], "a": float("nan")}], [1, [], {}, "x"]):
        files.write_json(tmp_path / "whole", {"z": 1, "rows": rows, "a": {"rows": []}})
        files.write_json_rows(tmp_path / "parts", iter(rows), {"z": 1, "a": {"rows": []}}, "rows")
        assert (tmp_path / "parts").read_bytes() == (tmp_path / "whole").read_bytes()
        files.write_json(tmp_path / "whole", rows)
        files.write_json_rows(tmp_path / "parts", iter(rows))
        assert (tmp_path / "parts").read_bytes() == (tmp_path / "whole").read_bytes()
