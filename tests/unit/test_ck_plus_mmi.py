"""CK+ and MMI in their official layouts, on trees of small drawn faces."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from faceoff.datasets import ck_plus, mmi
from faceoff.datasets._image_sequences import numbered, only_folder, timed
from faceoff.datasets.ck_plus import CkPlus
from faceoff.datasets.mmi import Mmi
from faceoff.drawing import scenes
from faceoff.emotions import EMOTIONS
from faceoff.media.images import decode_image
from faceoff.plugins.protocols import Annotation
from faceoff.stages.frames import write_frames
from faceoff.stages.samples import write_samples

SEQUENCES = {
    "S005_001": (3, 5),
    "S010_002": (7, 4),
    "S010_004": (1, 6),
    "S011_001": (None, 3),
    "S999_001": (2, 2),
}  # name -> (code, frames)
FACE = scenes.draw(scenes.plan("test")[0])[0][::4, ::4]


def picture(path: Path, shade: int = 255) -> Path:
    """A grey drawn face of 60 px."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((FACE.mean(axis=2) * shade / 255).astype(np.uint8)).save(path)
    return path


# -- sequences of pictures -------------------------------------------------------------------------


def test_frames_are_ordered_by_number(tmp_path: Path) -> None:
    for name in ("img10.jpg", "img9.jpg", "img11.jpg", "._img12.jpg", "img13.txt", "Thumbs.jpg"):
        (tmp_path / name).touch()
    frames = numbered(tmp_path)
    assert [path.name for path in frames.values()] == ["img9.jpg", "img10.jpg", "img11.jpg"]
    assert [
        (seconds, path.name) for seconds, path in timed({9: frames[9], 11: frames[11]}, 200)
    ] == [(0.0, "img9.jpg"), (0.01, "img11.jpg")]
    assert list(timed({}, 25)) == []
    (tmp_path / "img009.png").touch()
    with pytest.raises(ValueError, match=r"img9\.jpg: the same frame number as img009\.png"):
        numbered(tmp_path)


def test_the_only_folder(tmp_path: Path) -> None:
    assert only_folder(tmp_path, "Cropped") is None
    (tmp_path / "Cropped/Cropped").mkdir(parents=True)
    assert only_folder(tmp_path, "Cropped") == tmp_path / "Cropped/Cropped"
    (tmp_path / "other/Cropped").mkdir(parents=True)
    with pytest.raises(
        ValueError, match=r"several folders Cropped \(Cropped/Cropped, other/Cropped\)"
    ):
        only_folder(tmp_path, "Cropped")


# -- CK+ -------------------------------------------------------------------------------------------


def ck_tree(root: Path) -> Path:
    for name, (code, count) in SEQUENCES.items():
        subject, sequence = name.split("_")
        for number in range(1, count + 1):
            picture(
                root / "cohn-kanade-images" / subject / sequence / f"{name}_{number:08d}.png",
                150 + 10 * number,
            )
        folder = root / "Emotion" / subject / sequence
        folder.mkdir(parents=True)
        if code is not None:
            (folder / f"{name}_{count:08d}_emotion.txt").write_text(f"   {code:.7e}\n")
    (root / "cohn-kanade-images/S005/001/.DS_Store").touch()
    (root / "cohn-kanade-images/.DS_Store").touch()
    return root


def ck(root: Path, **options: object) -> CkPlus:
    return CkPlus(CkPlus.Options(path=root, **options))


def test_ck_plus_pictures(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    dataset = ck(ck_tree(tmp_path))
    found = list(dataset.samples())
    assert [(sample.sample_id, sample.label) for sample in found] == [
        ("S005_001_00000001", "neutral"), ("S005_001_00000003", "disgust"),
        ("S005_001_00000004", "disgust"), ("S005_001_00000005", "disgust"),
        ("S010_002_00000001", "neutral"), ("S010_002_00000002", "surprise"),
        ("S010_002_00000003", "surprise"), ("S010_002_00000004", "surprise"),
        ("S010_004_00000001", "neutral"), ("S010_004_00000004", "anger"),
        ("S010_004_00000005", "anger"), ("S010_004_00000006", "anger"),
        ("S999_001_00000001", "neutral"), ("S999_001_00000002", "contempt"),
    ]  # fmt: skip
    assert dataset.space == EMOTIONS
    assert [sample.subject for sample in found[::4]] == ["S005", "S010", "S010", "S999"]
    assert found[0].groups == {"sequence": "S005_001", "phase": "neutral"}
    assert found[1].groups == {"sequence": "S005_001", "phase": "peak"}
    assert {sample.kind for sample in found} == {"image"}
    assert decode_image(dataset.read(found[3])).shape == (60, 60, 3)
    said = capsys.readouterr().err
    assert "4 of 327 labelled sequences" in said
    assert "1 × sequence without emotion" in said


def test_ck_plus_options(tmp_path: Path) -> None:
    ck_tree(tmp_path)
    dataset = ck(tmp_path, peak=1, neutral="none")
    assert [sample.sample_id[-1] for sample in dataset.samples()] == ["5", "4", "6", "2"]
    assert dataset.space == EMOTIONS[1:]
    assert len(list(ck(tmp_path, peak=99).samples())) == 5 + 4 + 6 + 2
    versions = {
        ck(tmp_path, **options).version
        for options in ({}, {"peak": 1}, {"neutral": "none"}, {"unit": "sequences"})
    }
    assert len(versions) == 4


def test_ck_plus_sequences(tmp_path: Path) -> None:
    dataset = ck(ck_tree(tmp_path), unit="sequences", peak=2)
    found = list(dataset.samples())
    assert [(sample.sample_id, sample.label, sample.kind, sample.path) for sample in found[:2]] == [
        ("S005_001", "disgust", "sequence", "cohn-kanade-images/S005/001"),
        ("S010_002", "surprise", "sequence", "cohn-kanade-images/S010/002"),
    ]
    assert dataset.space == EMOTIONS[1:]
    times, paths = zip(*dataset.pictures(found[0]), strict=True)
    assert times == pytest.approx([number / 30 for number in range(5)])
    assert [path.stem[-1] for path in paths] == list("12345")
    assert [dataset.annotation(found[0], seconds).label for seconds in times] == [
        "neutral",
        None,
        None,
        "disgust",
        "disgust",
    ]


def test_ck_plus_counts() -> None:
    assert sum(ck_plus.PUBLISHED.values()) == 327
    assert set(ck_plus.PUBLISHED) == set(EMOTIONS) - {"neutral"} == set(ck_plus.CODES[1:])
    page = (Path(__file__).parents[2] / "docs/datasets/ck_plus.md").read_text()
    for code, label in enumerate(ck_plus.CODES):
        assert f"| {code} | {label} | {ck_plus.PUBLISHED.get(label, 0) or '–'} |" in page
    assert f"{ck_plus.SEQUENCES} sequences" in page
    assert f"{ck_plus.SUBJECTS} people" in page


def test_ck_plus_archives_in_their_own_folders_and_an_incomplete_copy(tmp_path: Path) -> None:
    ck_tree(tmp_path / "all")
    for name, archive in (
        ("cohn-kanade-images", "extended-cohn-kanade-images"),
        ("Emotion", "Emotion_labels"),
    ):
        (tmp_path / archive).mkdir()
        (tmp_path / "all" / name).rename(tmp_path / archive / name)
    images = tmp_path / "extended-cohn-kanade-images/cohn-kanade-images"
    before = ck(tmp_path).fingerprint()
    assert ck(tmp_path).fingerprint() == before
    (images / "S010/002/S010_002_00000004.png").unlink()
    shutil.rmtree(images / "S999")
    picture(images / "S005/001/S005_001_00000006.png")  # after the labelled frame: no peak
    dataset = ck(tmp_path)
    assert [sample.sample_id for sample in dataset.samples() if sample.label == "disgust"][
        -1
    ] == "S005_001_00000005"
    assert dataset.left_out == {
        "sequence without emotion": 1,
        "labelled picture not there": 1,
        "labelled sequence not there": 1,
    }
    assert dataset.fingerprint() != before


def test_ck_plus_action_units_and_landmarks(tmp_path: Path) -> None:
    plain = ck(ck_tree(tmp_path))
    facs = tmp_path / "FACS/S005/001/S005_001_00000005_facs.txt"
    facs.parent.mkdir(parents=True)
    facs.write_text("   9.0000000e+00   3.0000000e+00\n   1.7000000e+01   0.0000000e+00\n\n")
    points = np.tile([10.0, 20.0], (68, 1))
    points[0], points[16], points[8] = (4, 18), (54, 18), (29, 56)  # jaw, chin
    points[36:42], points[42:48], points[30], points[48], points[54] = (
        (18, 24),
        (40, 24),
        (29, 34),
        (20, 44),
        (38, 44),
    )
    file = tmp_path / "Landmarks/S005/001/S005_001_00000005_landmarks.txt"
    file.parent.mkdir(parents=True)
    file.write_text("".join(f"   {x:.7e}   {y:.7e}\n" for x, y in points))
    dataset = ck(tmp_path)
    found = {sample.sample_id: sample for sample in dataset.samples()}
    peak = found["S005_001_00000005"]
    assert peak.groups == {"sequence": "S005_001", "phase": "peak", "au09": "3", "au17": "0"}
    assert "au09" not in found["S005_001_00000001"].groups
    assert peak.boxes == ((4.0, 18.0, 50.0, 38.0),)
    assert peak.landmarks == (
        ((18.0, 24.0), (40.0, 24.0), (29.0, 34.0), (20.0, 44.0), (38.0, 44.0)),
    )
    assert found["S005_001_00000004"].boxes is None
    assert plain.version != dataset.version
    assert plain.fingerprint() != dataset.fingerprint()
    clips = ck(tmp_path, unit="sequences")
    clip = next(iter(clips.samples()))
    assert clips.annotation(clip, 4 / 30) == Annotation(
        label="disgust", boxes=peak.boxes, landmarks=peak.landmarks
    )
    facs.write_text("9 strong\n")
    with pytest.raises(
        ValueError, match=r"00000005_facs\.txt, line 1: an action unit and its intensity"
    ):
        ck(tmp_path)
    file.write_text("1 2\n")
    facs.unlink()
    with pytest.raises(ValueError, match=r"00000005_landmarks\.txt: 68 lines"):
        list(ck(tmp_path).samples())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("9.0e+00", "unknown emotion code '9.0e\\+00'; known: 0 neutral, 1 anger"),
        ("2.5", "unknown emotion code"),
        ("", "found ''"),
        ("3 4", "3 4"),
    ],
)
def test_ck_plus_bad_label(tmp_path: Path, text: str, said: str) -> None:
    (ck_tree(tmp_path) / "Emotion/S005/001/S005_001_00000005_emotion.txt").write_text(text)
    with pytest.raises(ValueError, match=rf"S005_001_00000005_emotion\.txt: .*{said}"):
        ck(tmp_path)


def test_ck_plus_trailing_blanks_neutral_code_and_two_labels(tmp_path: Path) -> None:
    folder = ck_tree(tmp_path) / "Emotion/S005/001"
    (folder / "S005_001_00000005_emotion.txt").write_text("\r\n   3.0000000e+00   \r\n\r\n")
    assert next(iter(ck(tmp_path, neutral="none").samples())).label == "disgust"
    (folder / "S005_001_00000005_emotion.txt").write_text("0")
    assert ck(tmp_path, neutral="none").left_out["neutral"] == 1
    (folder / "S005_001_00000004_emotion.txt").write_text("3")
    with pytest.raises(ValueError, match="a second emotion of sequence S005_001"):
        ck(tmp_path)


def test_ck_plus_nothing_found(tmp_path: Path) -> None:
    for root, said in (
        (tmp_path / "absent", "cohn-kanade-images"),
        (tmp_path, "cohn-kanade-images"),
    ):
        with pytest.raises(FileNotFoundError, match=f"no folder {said}.*dataset key 'path'"):
            ck(root)
    (tmp_path / "cohn-kanade-images").mkdir()
    with pytest.raises(FileNotFoundError, match="no folder Emotion"):
        ck(tmp_path)
    label = tmp_path / "Emotion/S005/001/S005_001_00000005_emotion.txt"
    label.parent.mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="no emotion file"):
        ck(tmp_path)
    label.write_text("3")
    with pytest.raises(FileNotFoundError, match="no labelled sequence with pictures"):
        ck(tmp_path)


@pytest.mark.parametrize(("unit", "rows"), [("pictures", 14), ("sequences", 5 + 4 + 6 + 2)])
def test_ck_plus_through_the_stages(tmp_path: Path, unit: str, rows: int) -> None:
    from faceoff.plan.job_specs import Plan

    ck_tree(tmp_path / "ck")
    (tmp_path / "ck/cohn-kanade-images/S010/002/S010_002_00000002.png").write_bytes(b"broken")
    dataset = {"ck_plus": {"path": str(tmp_path / "ck"), "unit": unit}}
    plan = Plan(
        {"run": "v", "datasets": dataset, "detectors": {"whole": {}}, "models": {"fer": {}}}
    )
    samples, frames = tmp_path / "samples.parquet", tmp_path / "frames.parquet"
    write_samples(samples, plan.samples_job("ck_plus"))
    write_frames(samples, frames, plan.frames_job("ck_plus"))
    found = pq.read_table(frames).to_pylist()
    assert len(found) == rows
    assert Counter(row["state"] for row in found) == {"ok": rows - 1, "unreadable": 1}
    assert all(row["height"] == 60 for row in found if row["state"] == "ok")
    if unit == "sequences":
        clip = [row for row in found if row["sample_id"] == "S005_001"]
        assert [row["frame"] for row in clip] == [0, 1, 2, 3, 4]
        assert [row["label"] for row in clip] == ["neutral", None, "disgust", "disgust", "disgust"]
        assert [row["timestamp_s"] for row in clip] == pytest.approx(
            [number / 30 for number in range(5)]
        )


# -- MMI -------------------------------------------------------------------------------------------

SESSION = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<session sessionId="{number}"><subject '
    'id="1"/><track filename="{name}.avi" view="{view}"/></session>'
)
ABOUT = (
    '<?xml version="1.0"?>\n<Track><Metatag Name="Frontal" Value="1"/><Metatag Name="Emotion" '
    'Value="{code}"/></Track>'
)
UNITS = (
    '<?xml version="1.0"?>\n<ActionUnits><ActionUnit Number="12"><Marker Frame="3" '
    'Type="2"/></ActionUnit><ActionUnit Number="6"/></ActionUnits>'
)


def mmi_session(root: Path, number: int, name: str, code: int | str = 4, view: int = 0) -> Path:
    folder = root / "Sessions" / str(number)
    folder.mkdir(parents=True)
    (folder / f"{name}.avi").write_bytes(b"RIFF" + bytes([number % 256]))
    (folder / f"{name}.xml").write_text(ABOUT.format(code=code))
    (folder / "session.xml").write_text(SESSION.format(number=number, name=name, view=view))
    return folder


def mmi_tree(root: Path) -> Path:
    for code in mmi.CODES:
        mmi_session(root, 1800 + code, f"S{28 + code:03d}-001", code)
    mmi_session(root, 224, "S002-106", 4, view=2)
    mmi_session(root, 9, "S021-003", 1, view=1)
    mmi_session(root, 10, "S021-004", 9)
    (mmi_session(root, 11, "S021-005") / "S021-005.xml").write_text("<Track/>")
    stills = root / "Sessions/12"
    stills.mkdir()
    (stills / "S035-004.jpg").touch()
    return root


def clips(root: Path, **options: object) -> Mmi:
    return Mmi(Mmi.Options(path=root, **options))


def test_mmi(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = mmi_tree(tmp_path) / "Sessions/1804"
    (folder / "S032-001-oao_aucs.xml").write_text(UNITS)
    dataset = clips(tmp_path)
    found = list(dataset.samples())
    assert [(sample.sample_id, sample.label) for sample in found] == [
        (f"S{28 + code:03d}-001", label) for code, label in mmi.CODES.items()
    ]
    assert dataset.space == EMOTIONS[1:7]
    assert found[3].groups == {
        "subject": "S032",
        "session": "1804",
        "view": "frontal",
        "au06": "present",
        "au12": "present",
    }
    assert found[0].subject == "S029"
    assert {sample.kind for sample in found} == {"video"}
    assert dataset.file(found[0]) == tmp_path / "Sessions/1801/S029-001.avi"
    assert dataset.left_out == {
        "dual view": 1,
        "profile view": 1,
        "emotion code 9": 1,
        "no emotion": 1,
        "no clip": 1,
    }
    assert "1 × emotion code 9" in capsys.readouterr().err
    assert [sample.sample_id for sample in clips(tmp_path / "Sessions").samples()] == [
        sample.sample_id for sample in found
    ]


def test_mmi_views_copies_and_fingerprint(tmp_path: Path) -> None:
    mmi_tree(tmp_path)
    both = clips(tmp_path, views=["profile", "dual"])
    assert [(sample.sample_id, sample.groups["view"]) for sample in both.samples()] == [
        ("S002-106", "dual"),
        ("S021-003", "profile"),
    ]
    plain = clips(tmp_path)
    assert both.version != plain.version
    (tmp_path / "Sessions/1801/S029-001.mkv").write_bytes(b"upright")
    assert clips(tmp_path).file(next(iter(clips(tmp_path).samples()))).suffix == ".mkv"
    assert clips(tmp_path).fingerprint() != plain.fingerprint()
    shutil.copytree(tmp_path / "Sessions/1802", tmp_path / "Sessions/3000")
    assert clips(tmp_path).left_out["clip of another session"] == 1
    (tmp_path / "Sessions/1802/session.xml").unlink()
    assert clips(tmp_path).left_out["unknown view"] == 1


def test_mmi_bad_input(tmp_path: Path) -> None:
    folder = mmi_session(tmp_path, 1, "S001-001")
    for text, said in (
        ("<Track>", "not readable as XML"),
        (ABOUT.format(code="happy"), "one number is expected.*happy"),
        (
            '<T><Metatag Name="Emotion" Value="1"/><Metatag Name="Emotion" Value="2"/></T>',
            "one number is expected.*1, 2",
        ),
    ):
        (folder / "S001-001.xml").write_text(text)
        with pytest.raises(ValueError, match=rf"S001-001\.xml: {said}"):
            clips(tmp_path)
    (folder / "S001-001.xml").write_text(ABOUT.format(code=" 4 "))
    assert next(iter(clips(tmp_path).samples())).label == "happiness"
    (folder / "S001-001-oao_aucs.xml").write_text("<A><ActionUnit/></A>")
    with pytest.raises(ValueError, match="ActionUnit without a Number"):
        clips(tmp_path)
    (folder / "S001-002.avi").touch()
    with pytest.raises(ValueError, match="several clips in one session"):
        clips(tmp_path)


def test_mmi_nothing_found(tmp_path: Path) -> None:
    for root in (tmp_path / "absent", tmp_path):
        with pytest.raises(FileNotFoundError, match=r"no session such as.*dataset key 'path'"):
            clips(root)
    mmi_session(tmp_path, 1, "S001-001", view=2)
    with pytest.raises(FileNotFoundError, match="left out: 1 × dual view"):
        clips(tmp_path)
