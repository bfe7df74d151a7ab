"""VGGFace2 streams its identities with boxes and landmarks; Hume-VB lists sounds with the strongest
of ten states.
"""

from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from faceoff.datasets import hvb, vggface2
from faceoff.datasets.hvb import HumeVocalBursts
from faceoff.datasets.vggface2 import VggFace2
from faceoff.media.images import decode_image, encode_png
from faceoff.plan.job_specs import Plan
from faceoff.stages.frames import write_frames
from faceoff.stages.samples import write_samples

# -- VGGFace2 --------------------------------------------------------------------------------------

PEOPLE = {
    "n000009": ("0001_01.jpg", "0002_01.jpg"),
    "n000001": ("0010_01.jpg", "0001_02.jpg", "0001_01.jpg"),
}
BOXES = {
    "n000001/0001_01": (60, 60, 79, 109),
    "n000001/0001_02": (-3, 5, 20, 30),
    "n000009/0001_01": (1, 2, 3, 4),
    "n000009/0002_01": (5, 6, 7, 8),
}


@pytest.fixture
def vgg_tree(tmp_path: Path) -> Path:
    root = tmp_path / "vgg"
    for person, names in PEOPLE.items():
        (root / "test" / person).mkdir(parents=True)
        for name in names:
            (root / "test" / person / name).write_bytes(
                encode_png(np.full((20, 20, 3), 90, np.uint8))
            )
    (root / "train" / "n000002").mkdir(parents=True)
    (root / "train" / "n000002" / "0001_01.jpg").write_bytes(
        encode_png(np.full((20, 20, 3), 90, np.uint8))
    )
    return root


def tables(root: Path, boxes: str | None = None, landmarks: str | None = None) -> Path:
    (root / "bb_landmark").mkdir(exist_ok=True)
    quoted = "".join(f'"{name}",{",".join(map(str, box))}\n' for name, box in BOXES.items())
    (root / "bb_landmark" / "loose_bb_test.csv").write_text(
        boxes if boxes is not None else f"NAME_ID,X,Y,W,H\n{quoted}"
    )
    points = ",".join(f"P{number}{axis}" for number in range(1, 6) for axis in "XY")
    given = '"n000001/0001_01",75.8,110.2,103.1,104.6,90,130,80,150,100,148\n'
    (root / "bb_landmark" / "loose_landmark_test.csv").write_text(
        landmarks if landmarks is not None else f"NAME_ID,{points}\n{given}"
    )
    return root


def people(root: Path, **options: object) -> VggFace2:
    return VggFace2(VggFace2.Options(path=root, **options))


def test_vggface2(vgg_tree: Path, capsys: pytest.CaptureFixture) -> None:
    (vgg_tree / "test" / "n000001" / "notes.txt").touch()
    (vgg_tree / "test" / "list.txt").touch()
    dataset = people(vgg_tree)
    samples = list(dataset.samples())
    assert [sample.sample_id for sample in samples] == [
        "n000001/0001_01", "n000001/0001_02", "n000001/0010_01", "n000009/0001_01",
        "n000009/0002_01",
    ]  # fmt: skip
    assert [sample.subject for sample in samples] == ["n000001"] * 3 + ["n000009"] * 2
    assert all(sample.label is sample.boxes is sample.landmarks is None for sample in samples)
    assert decode_image(dataset.read(samples[0])).shape == (20, 20, 3)
    assert dataset.left_out == {"other file": 1}
    assert "2 of 500 identities" in capsys.readouterr().err
    assert dataset.version == "test@1"
    assert [sample.subject for sample in people(vgg_tree, split="train").samples()] == ["n000002"]


def test_vggface2_boxes_and_landmarks(vgg_tree: Path, capsys: pytest.CaptureFixture) -> None:
    dataset = people(tables(vgg_tree))
    samples = {sample.sample_id: sample for sample in dataset.samples()}
    assert {name: sample.boxes for name, sample in samples.items() if sample.boxes} == {
        name: (box,) for name, box in BOXES.items()
    }
    assert samples["n000001/0001_01"].landmarks == (
        ((75.8, 110.2), (103.1, 104.6), (90, 130), (80, 150), (100, 148)),
    )
    assert samples["n000001/0001_02"].landmarks is None
    assert samples["n000001/0010_01"].boxes is None
    assert "kept all the same: 1 × picture without a box" in capsys.readouterr().err
    assert dataset.version == "test-boxes-landmarks@1"
    assert people(vgg_tree, boxes="none").version == "test@1"
    (vgg_tree / "bb_landmark/loose_bb_test.csv").unlink()
    assert people(vgg_tree).version == "test@1", "landmarks without boxes are of no use"
    with pytest.raises(FileNotFoundError, match="dataset key 'boxes'"):
        people(vgg_tree, boxes="loose")


def test_vggface2_rows_of_an_identity_may_stand_apart(vgg_tree: Path) -> None:
    names = ["n000001/0001_01", "n000009/0001_01", "n000001/0001_02", "n000009/0002_01"]
    rows = "".join(f'"{name}" , {" , ".join(map(str, BOXES[name]))} \r\n' for name in names)
    samples = {
        sample.sample_id: sample
        for sample in people(tables(vgg_tree, f"NAME_ID,X,Y,W,H\r\n{rows}\r\n")).samples()
    }
    assert {name: sample.boxes for name, sample in samples.items() if sample.boxes} == {
        name: (BOXES[name],) for name in names
    }


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ("NAME_ID,X,Y,W\n", "no column 'H'"),
        ("X,NAME_ID,Y,W,H\n", "columns X, NAME_ID"),
        ('NAME_ID,X,Y,W,H\n"n000001/0001_01",1,2,3\n', "row of n000001/0001_01"),
        ('NAME_ID,X,Y,W,H\n"n000001/0001_01",1,2,3,four\n', "row of n000001/0001_01"),
    ],
)
def test_vggface2_wrong_boxes(vgg_tree: Path, boxes: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        list(people(tables(vgg_tree, boxes)).samples())
    assert "loose_bb_test.csv" in str(error.value)


def test_vggface2_streams(vgg_tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first pictures come before the second person's folder has been opened."""
    opened = []
    scandir = vggface2.os.scandir
    monkeypatch.setattr(
        vggface2.os, "scandir", lambda path: opened.append(Path(path).name) or scandir(path)
    )
    assert [sample.sample_id for sample in islice(people(vgg_tree).samples(), 3)][
        -1
    ] == "n000001/0010_01"
    assert "n000009" not in opened


def test_vggface2_nothing_found_and_fingerprint(vgg_tree: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="dataset keys 'path', 'split'"):
        people(tmp_path)
    (tmp_path / "test").mkdir()
    with pytest.raises(FileNotFoundError, match="no folder such as n000001"):
        list(people(tmp_path).samples())
    before = people(vgg_tree).fingerprint()
    assert people(vgg_tree).fingerprint() == before
    (vgg_tree / "test" / "n000009" / "0003_01.jpg").touch()
    after = people(vgg_tree).fingerprint()
    assert after != before
    assert people(tables(vgg_tree)).fingerprint() != after


# -- Hume-VB ---------------------------------------------------------------------------------------

ROWS = {
    "[2]": ("Val", [0.1, 0.9, 0, 0, 0, 0, 0, 0, 0, 0.2], ("0.5", "1.0")),
    "[1]": ("Val", [0.4, 0, 0, 0, 0, 0, 0, 0, 0, 0.4], ("0", "")),
    "[3]": ("Train", [0, 0, 0, 0, 0, 0, 0, 0, 1, 0], ("1", "1")),
    "[4]": ("Val", [0.0] * 10, ("-1", "-1")),
    "[5]": ("Test", [], ("", "")),
}


def bursts(root: Path, header: str = "", extra: str = "", two: bool = True) -> Path:
    (root / "labels").mkdir(parents=True, exist_ok=True)
    (root / "audio/wav").mkdir(parents=True, exist_ok=True)
    header = header or ",".join(["File_ID", "Split", *hvb.STATES])
    lines = [
        f"{name},{split},{','.join(map(str, values)) or ',' * 9}"
        for name, (split, values, _) in ROWS.items()
    ]
    (root / "labels/high_info.csv").write_text("\n".join([header, *lines]) + "\n" + extra)
    if two:
        lines = [
            f"{name},{split},{valence},{arousal},Venezuela"
            for name, (split, _, (valence, arousal)) in ROWS.items()
        ]
        (root / "labels/two_info.csv").write_text(
            "\n".join(["File_ID,Split,Valence,Arousal,Country", *lines]) + "\n"
        )
    for name in ("1", "2", "3"):
        (root / f"audio/wav/{name}.wav").write_bytes(b"RIFF")
    return root


def sounds(root: Path, **options: object) -> HumeVocalBursts:
    return HumeVocalBursts(HumeVocalBursts.Options(path=root, **options))


def test_hvb(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    dataset = sounds(bursts(tmp_path))
    samples = list(dataset.samples())
    assert [(sample.sample_id, sample.label) for sample in samples] == [
        ("2", "excitement"),
        ("1", "awe"),
        ("4", None),
    ], "ties go to the first column"
    assert [(sample.valence, sample.arousal) for sample in samples] == [
        (0, 1),
        (-1, None),
        (None, None),
    ]
    assert all(
        (sample.kind, sample.split, sample.subject, sample.groups)
        == ("audio", "valid", None, {"country": "Venezuela"})
        for sample in samples
    )
    assert dataset.space == (
        "sadness",
        "surprise",
        "fear",
        "amusement",
        "awe",
        "awkwardness",
        "distress",
        "excitement",
        "horror",
        "triumph",
    )
    assert dataset.file(samples[0]) == tmp_path / "audio/wav/2.wav"
    said = capsys.readouterr().err
    assert "kept all the same: 1 × burst without intensities" in said
    assert "1 × burst without sound file" in said
    assert [
        (sample.sample_id, sample.label) for sample in sounds(tmp_path, split="test").samples()
    ] == [("5", None)]
    assert dataset.version == "high-valid-two@1"


def test_hvb_without_the_second_table(tmp_path: Path) -> None:
    dataset = sounds(bursts(tmp_path, two=False))
    assert all(sample.valence is None and not sample.groups for sample in dataset.samples())
    assert dataset.version == "high-valid@1"


def test_hvb_has_no_pictures(tmp_path: Path) -> None:
    plan = Plan(
        {
            "run": "h",
            "datasets": {"hvb": {"path": str(bursts(tmp_path / "d"))}},
            "detectors": {"whole": {}},
            "models": {"fer": {}},
        }
    )
    samples, frames = tmp_path / "samples.parquet", tmp_path / "frames.parquet"
    write_samples(samples, plan.samples_job("hvb"))
    write_frames(samples, frames, plan.frames_job("hvb"))
    assert {(row["state"], row["reason"]) for row in pq.read_table(frames).to_pylist()} == {
        ("unreadable", "only sound, no picture")
    }


@pytest.mark.parametrize(
    ("header", "extra", "message"),
    [
        (
            "File_ID,Split," + ",".join(hvb.STATES[:-1]) + ",Surprised",
            "",
            "no column 'Surprise', did you mean 'Surprised'",
        ),
        ("", "[2],Val" + ",0" * 10 + "\n", "File_ID '2' stands twice"),
        ("", "[],Val" + ",0" * 10 + "\n", "File_ID '' is empty"),
        ("", "[9],Valid" + ",0" * 10 + "\n", "unknown Split 'Valid'; known: Train, Val, Test"),
        ("", "[9],Val,x" + ",0" * 9 + "\n", "Awe 'x' is no number"),
        ("", "[9],Val,0.5\n", "are not all there"),
    ],
)
def test_hvb_wrong_tables(tmp_path: Path, header: str, extra: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        list(sounds(bursts(tmp_path, header, extra)).samples())
    assert "high_info.csv" in str(error.value)


def test_hvb_affect_range(tmp_path: Path) -> None:
    root = bursts(tmp_path)
    (root / "labels/two_info.csv").write_text(
        "File_ID , Split,Valence,Arousal\n[2] , Val , 9 , 5 \n\n"
    )
    with pytest.raises(
        ValueError, match=r"Valence 9 is outside 0 to 1 \(dataset key 'affect_range'\)"
    ):
        list(sounds(root).samples())
    first = next(iter(sounds(root, affect_range=[1, 9]).samples()))
    assert (first.valence, first.arousal) == (1, 0)
    assert sounds(root, affect_range=[1, 9]).version == "high-valid-two_1_9@1"
    with pytest.raises(ValidationError, match="'affect_range' is"):
        sounds(root, affect_range=[1, 1])


def test_hvb_nothing_found_and_fingerprint(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="dataset key 'path'"):
        sounds(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"high_info\.csv: the labels are not there"):
        sounds(tmp_path)
    root = bursts(tmp_path)
    before = sounds(root).fingerprint()
    (root / "audio/wav/4.wav").touch()
    assert sounds(root).fingerprint() != before
    (root / "labels/high_info.csv").write_text(
        ",".join(["File_ID", "Split", *hvb.STATES]) + "\n[1],Train" + ",0" * 10 + "\n"
    )
    with pytest.raises(ValueError, match="no row has Split 'Val'"):
        list(sounds(root).samples())
