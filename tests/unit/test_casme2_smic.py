"""CASME II and SMIC in their official layouts, on trees of small drawn faces."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from faceoff.datasets import casme2, smic
from faceoff.datasets.casme2 import Casme2, read_coding
from faceoff.datasets.smic import Smic
from faceoff.drawing import scenes
from faceoff.media.images import decode_image
from faceoff.stages.frames import write_frames
from faceoff.stages.samples import write_samples

DOCS = Path(__file__).parents[2] / "docs/datasets"
FACE = scenes.draw(scenes.plan("test")[0])[0][::4, ::4]

# -- CASME II --------------------------------------------------------------------------------------

HEADER = "Subject,Filename,,OnsetFrame,ApexFrame,OffsetFrame,,Action Units,Estimated Emotion"
ROWS = [
    "1,EP02_01f,,46,48,50,,12,happiness",
    "1,EP19_05f,,96,/,98,,4+L10,disgust ",
    "2,EP03_02f,,31,32,33,,4,others",
    "2,EP13_04,,9,10,11,,1+2,Surprise",
    "17,EP01_06,,1,2,3,,17,repression",
    "26,EP18_51,,5,6,7,,,fear",
]
FOLDERS = {
    "sub01/EP02_01f": (46, 50),
    "sub01/EP19_05f": (96, 98),
    "sub02/EP03_02f": (31, 33),
    "sub02/EP13_04": (8, 12),
    "sub17/EP01_06": (1, 3),
}


def picture(path: Path, shade: int) -> None:
    """A drawn face of 60 px, not as bright as the next frame's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((FACE * (0.5 + shade % 50 / 100)).astype(np.uint8)).save(path)


def casme_tree(
    root: Path, rows: list[str] = ROWS, folders: Mapping[str, tuple[int, int]] = FOLDERS
) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "CASME2-coding-20140508.csv").write_text(
        "\n".join([HEADER, *rows, ",,,,,,,,", ""]), encoding="utf-8"
    )
    for folder, (first, last) in folders.items():
        for number in range(first, last + 1):
            picture(root / "CASME2_RAW_selected" / folder / f"img{number}.jpg", number)
            picture(root / "Cropped" / folder / f"reg_img{number}.jpg", number)
    return root


def casme(root: Path, **options: object) -> Casme2:
    return Casme2(Casme2.Options(path=root, **options))


def test_casme2_apex(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    dataset = casme(casme_tree(tmp_path))
    found = list(dataset.samples())
    assert [(sample.sample_id, sample.label, sample.subject, sample.path) for sample in found] == [
        ("sub01_EP02_01f", "happiness", "sub01", "CASME2_RAW_selected/sub01/EP02_01f/img48.jpg"),
        ("sub02_EP13_04", "surprise", "sub02", "CASME2_RAW_selected/sub02/EP13_04/img10.jpg"),
    ]
    assert found[0].groups == {"subject": "sub01", "units": "12"}
    assert {sample.kind for sample in found} == {"image"}
    assert decode_image(dataset.read(found[0])).shape == (60, 60, 3)
    assert dataset.space == ("happiness", "sadness", "surprise", "fear", "disgust")
    assert dataset.left_out == {
        "others": 1,
        "repression": 1,
        "apex not coded": 1,
        "clip without folder": 1,
    }
    assert "1 × apex not coded, 1 × clip without folder" in capsys.readouterr().err


def test_casme2_own_classes_and_cropped_pictures(tmp_path: Path) -> None:
    dataset = casme(casme_tree(tmp_path), keep=["others", "repression"], pictures="cropped")
    found = list(dataset.samples())
    assert [sample.label for sample in found] == ["happiness", "others", "surprise", "repression"]
    assert dataset.space == (
        "happiness",
        "sadness",
        "surprise",
        "fear",
        "disgust",
        "others",
        "repression",
    )
    assert found[3].path == "Cropped/sub17/EP01_06/reg_img2.jpg"
    assert dataset.version != casme(tmp_path).version
    assert casme(tmp_path, keep=["others"]).space[-1] == "others"


def test_casme2_sequences(tmp_path: Path) -> None:
    dataset = casme(casme_tree(tmp_path), unit="sequence")
    found = list(dataset.samples())
    assert [(sample.sample_id, sample.label, sample.kind) for sample in found] == [
        ("sub01_EP02_01f", "happiness", "sequence"),
        ("sub01_EP19_05f", "disgust", "sequence"),
        ("sub02_EP13_04", "surprise", "sequence"),
    ]
    assert found[0].path == "CASME2_RAW_selected/sub01/EP02_01f"
    times, paths = zip(*dataset.pictures(found[2]), strict=True)
    assert times == (0.0, 0.005, 0.01)
    assert [path.name for path in paths] == ["img9.jpg", "img10.jpg", "img11.jpg"], (
        "by number, from onset to offset"
    )


def test_casme2_sequences_through_the_stages(tmp_path: Path) -> None:
    from faceoff.plan.job_specs import Plan

    dataset = {"casme2": {"path": str(casme_tree(tmp_path / "c")), "unit": "sequence"}}
    plan = Plan(
        {"run": "v", "datasets": dataset, "detectors": {"whole": {}}, "models": {"fer": {}}}
    )
    samples, frames = tmp_path / "samples.parquet", tmp_path / "frames.parquet"
    write_samples(samples, plan.samples_job("casme2"))
    write_frames(samples, frames, plan.frames_job("casme2"))
    found = pq.read_table(frames).to_pylist()
    assert [(row["sample_id"], row["frame"], row["timestamp_s"]) for row in found[:6]] == [
        *(("sub01_EP02_01f", number, number / 200) for number in range(5)),
        ("sub01_EP19_05f", 0, 0.0),
    ]
    assert len(found) == 5 + 3 + 3, "every frame: five a second would be one"
    assert {(row["state"], row["height"]) for row in found} == {("ok", 60)}


def test_casme2_other_spellings(tmp_path: Path) -> None:
    """Tables and folders spell the same clip with other zeros, blanks and cases.

    The trailing f is part of the name.
    """
    rows = ["sub01, EP2_1f ,,46,47.0,48,,12,happiness", "02,EP3_5,,1,2,3,,4,disgust"]
    dataset = casme(
        casme_tree(
            tmp_path,
            rows,
            {"Sub1/EP02_01f": (46, 48), "sub02/ep03_05": (1, 3), "sub02/EP03_05f": (1, 3)},
        )
    )
    assert [(sample.sample_id, sample.path.split("/", 1)[1]) for sample in dataset.samples()] == [
        ("sub01_EP2_1f", "Sub1/EP02_01f/img47.jpg"),
        ("sub02_EP3_5", "sub02/ep03_05/img2.jpg"),
    ]
    (tmp_path / "CASME2_RAW_selected/sub02/EP3_5").mkdir()
    with pytest.raises(ValueError, match="the same clip as"):
        casme(tmp_path)


def test_casme2_repeated_rows(tmp_path: Path) -> None:
    dataset = casme(
        casme_tree(
            tmp_path,
            [ROWS[0], ROWS[0], ROWS[0].replace("46,48", "47,49"), ROWS[0].replace("48", "99")],
        )
    )
    assert [sample.sample_id for sample in dataset.samples()] == [
        "sub01_EP02_01f",
        "sub01_EP02_01f@46",
        "sub01_EP02_01f@47",
    ]
    assert dataset.left_out == {"apex picture not there": 1}
    twice = casme(casme_tree(tmp_path, [ROWS[0]] * 3))
    assert (len(list(twice.samples())), twice.left_out) == (2, {"row that stands twice": 1})


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            "1,EP02_01f,,46,48,50,,12,happyness",
            "row 2: unknown Estimated Emotion 'happyness', did you mean 'happiness'",
        ),
        ("1,EP02_01f,,46,?,50,,12,happiness", "row 2: ApexFrame is no frame number: '\\?'"),
        (
            "x,EP02_01f,,46,48,50,,12,happiness",
            "row 2: Subject 'x' and Filename 'EP02_01f' do not name a clip",
        ),
        ("1,,,46,48,50,,12,happiness", "row 2: Subject '1' and Filename ''"),
    ],
)
def test_casme2_bad_row(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(ValueError, match=rf"CASME2-coding-20140508\.csv, {said}"):
        casme(casme_tree(tmp_path, [row]))


def test_casme2_coding_tables(tmp_path: Path) -> None:
    table = casme_tree(tmp_path) / "CASME2-coding-20140508.csv"
    text = table.read_text()
    table.write_text("\ufeff" + text.replace(",", ";"), encoding="utf-8")
    assert len(read_coding(table)) == len(ROWS)
    table.write_bytes(text.replace("12,happiness", "12,happiness,\xb7").encode("latin-1"))
    assert read_coding(table)[0].emotion == "happiness"
    table.write_text(text.replace("ApexFrame", "Apex"))
    with pytest.raises(ValueError, match="no column 'ApexFrame'"):
        casme(tmp_path)
    (tmp_path / "CASME2-coding-20190701.csv").write_text(text)
    with pytest.raises(
        ValueError, match="several coding tables; name one by the dataset key 'coding'"
    ):
        casme(tmp_path)
    assert list(casme(tmp_path, coding=tmp_path / "CASME2-coding-20190701.csv").samples())
    with pytest.raises(FileNotFoundError, match="dataset key 'coding'"):
        casme(tmp_path, coding=tmp_path / "absent.csv")
    table.write_text("")
    with pytest.raises(ValueError, match="no column 'Subject'"):
        casme(tmp_path, coding=table)


def test_casme2_xlsx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read by openpyxl where it is installed; else the message says what to do.

    A CSV beside it goes first.
    """
    cells = [[cell or None for cell in line.split(",")] for line in [HEADER, *ROWS]]
    cells[1][3] = 46  # numbers and empty cells come typed
    text = (casme_tree(tmp_path) / "CASME2-coding-20140508.csv").read_text()
    (tmp_path / "CASME2-coding-20140508.csv").unlink()
    table = tmp_path / "CASME2-coding-20140508.xlsx"
    table.write_bytes(b"PK")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(
        ValueError, match="needs the package openpyxl; or save the table as CSV beside it"
    ):
        casme(tmp_path)

    class Sheet:
        def iter_rows(self, values_only: bool) -> list:
            return [tuple(line) for line in cells]

    class Book:
        worksheets = (Sheet(),)

        def close(self) -> None:
            pass

    module = ModuleType("openpyxl")
    module.load_workbook = lambda path, read_only, data_only: Book()
    monkeypatch.setitem(sys.modules, "openpyxl", module)
    assert len(list(casme(tmp_path).samples())) == 2
    before = casme(tmp_path).fingerprint()
    (tmp_path / "CASME2-coding-20140508.csv").write_text(text)
    assert casme(tmp_path).fingerprint() != before


def test_casme2_real_xlsx(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for line in [HEADER, *ROWS]:
        book.active.append(
            [int(cell) if cell.isdecimal() else cell or None for cell in line.split(",")]
        )
    book.save(tmp_path / "coding.xlsx")
    assert [row.name for row in read_coding(tmp_path / "coding.xlsx")] == [
        row.split(",")[1] for row in ROWS
    ]


def test_casme2_nothing_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="dataset key 'path'"):
        casme(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match="no coding table such as"):
        casme(tmp_path)
    casme_tree(tmp_path, folders={})
    with pytest.raises(FileNotFoundError, match="no folder CASME2_RAW_selected or CASME2-RAW"):
        casme(tmp_path)
    (tmp_path / "CASME2_RAW_selected").mkdir()
    with pytest.raises(FileNotFoundError, match="left out: 4 × clip without folder"):
        casme(tmp_path)


def test_casme2_counts() -> None:
    assert set(casme2.PUBLISHED) == {*casme2.EMOTIONS, *casme2.OWN}
    assert sum(casme2.PUBLISHED.values()) == 255
    page = (DOCS / "casme2.md").read_text()
    assert all(f"| {label} | {count} |" in page for label, count in casme2.PUBLISHED.items())
    assert f"{casme2.SUBJECTS} people" in page


# -- SMIC ------------------------------------------------------------------------------------------

CLIPS = {
    "HS/s1/micro/negative/s1_ne_01": 4, "HS/s1/micro/positive/s1_po_05": 3,
    "HS/s2/micro/surprise/s2_sur_01": 5, "HS/s10/micro/negative/s10_ne_02": 3,
    "HS/s1/non_micro/s1_n1": 2, "VIS/s11/micro/positive/s11_po_01": 2,
    "NIR/s11/micro/positive/s11_po_01": 2,
}  # fmt: skip


@pytest.fixture
def smic_tree(tmp_path: Path) -> Path:
    for folder, count in CLIPS.items():
        for number in range(98, 98 + count):
            picture(tmp_path / "SMIC_all_cropped" / folder / f"reg_image{number}.bmp", number)
    (tmp_path / "SMIC_all_cropped/HS/Thumbs.db").touch()
    return tmp_path


def clips(root: Path, **options: object) -> Smic:
    return Smic(Smic.Options(path=root, **options))


def test_smic(smic_tree: Path, capsys: pytest.CaptureFixture) -> None:
    dataset = clips(smic_tree)
    found = list(dataset.samples())
    assert [(sample.sample_id, sample.label, sample.subject) for sample in found] == [
        ("s1_ne_01", "negative", "s01"),
        ("s1_po_05", "positive", "s01"),
        ("s2_sur_01", "surprise", "s02"),
        ("s10_ne_02", "negative", "s10"),
    ]
    assert {sample.kind for sample in found} == {"sequence"}
    assert found[0].path == "SMIC_all_cropped/HS/s1/micro/negative/s1_ne_01"
    assert found[0].groups == {"subject": "s01", "camera": "HS"}
    assert set(dataset.space) == {"negative", "positive", "surprise"}
    times, paths = zip(*dataset.pictures(found[0]), strict=True)
    assert times == (0.0, 0.01, 0.02, 0.03)
    assert [path.name for path in paths] == [
        "reg_image98.bmp",
        "reg_image99.bmp",
        "reg_image100.bmp",
        "reg_image101.bmp",
    ]
    said = capsys.readouterr().err
    assert "4 of 164 clips of HS" in said
    assert "1 × clip without micro-expression" in said
    assert [sample.sample_id for sample in clips(smic_tree / "SMIC_all_cropped").samples()] == [
        sample.sample_id for sample in found
    ]


def test_smic_options(smic_tree: Path) -> None:
    for camera in ("VIS", "NIR"):
        other = clips(smic_tree, camera=camera)
        (sample,) = other.samples()
        assert [seconds for seconds, _ in other.pictures(sample)] == [0.0, 0.04]
        assert sample.path.startswith(f"SMIC_all_cropped/{camera}/")
    middle = clips(smic_tree, unit="middle")
    found = list(middle.samples())
    assert [sample.path.rsplit("/", 1)[1] for sample in found] == [
        "reg_image100.bmp",
        "reg_image99.bmp",
        "reg_image100.bmp",
        "reg_image99.bmp",
    ]
    assert decode_image(middle.read(found[0])).shape == (60, 60, 3)
    basic = clips(smic_tree, classes="basic")
    assert [sample.label for sample in basic.samples()] == ["happiness", "surprise"]
    assert basic.space == ("happiness", "surprise")
    assert basic.left_out == {"negative": 2, "clip without micro-expression": 1}
    assert (
        len(
            {
                dataset.version
                for dataset in (clips(smic_tree), middle, basic, clips(smic_tree, camera="VIS"))
            }
        )
        == 4
    )


def test_smic_bad_trees(smic_tree: Path) -> None:
    root = smic_tree / "SMIC_all_cropped/HS"
    before = clips(smic_tree).fingerprint()
    for path in (root / "s2/micro/surprise/s2_sur_01").iterdir():
        path.unlink()
    dataset = clips(smic_tree)
    assert dataset.left_out["clip without pictures"] == 1
    assert dataset.fingerprint() != before
    (root / "s2/micro/negative/s1_ne_01").mkdir(parents=True)
    with pytest.raises(
        ValueError, match="s1_ne_01: a second clip of this name, beside s1/micro/negative/s1_ne_01"
    ):
        clips(smic_tree)
    (root / "s1/micro/suprise/s1_su_01").mkdir(parents=True)
    with pytest.raises(ValueError, match="suprise: unknown class, did you mean 'surprise'"):
        clips(smic_tree)
    (smic_tree / "SMIC_all_raw/HS").mkdir(parents=True)
    with pytest.raises(
        ValueError, match=r"several folders HS \(SMIC_all_cropped/HS, SMIC_all_raw/HS\)"
    ):
        clips(smic_tree)


def test_smic_nothing_found(tmp_path: Path) -> None:
    for root in (tmp_path / "absent", tmp_path):
        with pytest.raises(FileNotFoundError, match="no folder HS in it"):
            clips(root)
    (tmp_path / "HS/s1").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="no clip of the task such as"):
        clips(tmp_path)


def test_smic_counts() -> None:
    high_speed = {"negative": 70, "positive": 51, "surprise": 43}
    assert sum(high_speed.values()) == smic.PUBLISHED["HS"] == 164
    page = (DOCS / "smic.md").read_text()
    assert all(f"| {label} | {count} |" in page for label, count in high_speed.items())
    assert all(
        f"| {camera} | {smic.FPS[camera]:.0f} | {count} |" in page
        for camera, count in smic.PUBLISHED.items()
    )
