"""GEMEP by the names of its files and by a label table."""

from pathlib import Path

import pytest

from faceoff.datasets import gemep
from faceoff.datasets.gemep import Gemep, parse, state_of
from faceoff.emotions import EMOTIONS

NAMES = [
    "01joyA03.avi",
    "01angB02.avi",
    "02feaA01.avi",
    "05tenA03.avi",
    "10irrB04.avi",
    "10disA02.avi",
]
TABLE = "file,actor,emotion\na.mov, 1, Hot anger\nsub/b.mov,2,shame\nc.mov,B,con\n"


def tree(root: Path, names: list[str] = NAMES) -> Path:
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(bytes([number]))
    return root


def clips(root: Path, **options: object) -> Gemep:
    return Gemep(Gemep.Options(path=root, **options))


def test_names(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    tree(tmp_path, [*NAMES, "readme.avi", "notes.txt", "._01joyA03.avi"])
    dataset = clips(tmp_path)
    found = list(dataset.samples())
    assert [(sample.sample_id, sample.label, sample.subject) for sample in found] == [
        ("01angB02", "anger", "01"),
        ("01joyA03", "happiness", "01"),
        ("02feaA01", "fear", "02"),
        ("05tenA03", "tenderness", "05"),
        ("10disA02", "disgust", "10"),
        ("10irrB04", "irritation", "10"),
    ]
    assert {sample.kind for sample in found} == {"video"}
    assert dataset.file(found[0]) == tmp_path / "01angB02.avi"
    assert dataset.left_out == {"clip of another name": 1}
    said = capsys.readouterr().err
    assert "6 clips are in the task; the core set has 145" in said
    assert "1 × clip of another name" in said


def test_spaces() -> None:
    assert len(gemep.STATES) == 18
    assert len(gemep.CODES) == len(set(gemep.CODES.values())) == 17
    assert tuple(emotion for emotion in EMOTIONS if emotion != "neutral") == gemep.BASIC
    assert all(
        parse(f"{actor:02d}{code}A03") == (f"{actor:02d}", state)
        for actor in range(1, 11)
        for code, state in gemep.CODES.items()
    )
    assert all(state in gemep.STATES for state in gemep.NAMES.values())
    assert state_of("panic_fear") == state_of(" FEA ") == "fear"
    page = (Path(__file__).parents[2] / "docs/datasets/gemep.md").read_text()
    assert all(f"| {code} | {state} |" in page for code, state in gemep.CODES.items())
    assert f"{gemep.CLIPS} clips" in page


def test_basic_states(tmp_path: Path) -> None:
    dataset = clips(tree(tmp_path), states="basic")
    assert [sample.label for sample in dataset.samples()] == [
        "anger",
        "happiness",
        "fear",
        "disgust",
    ]
    assert dataset.space == gemep.BASIC
    assert dataset.left_out == {"tenderness": 1, "irritation": 1}
    assert dataset.version != clips(tmp_path).version


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("11joyA03.avi", "unknown actor '11'"),
        ("01shaA03.avi", "unknown state code 'sha'.*dataset key 'labels'"),
    ],
)
def test_unknown_code(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}: {said}"):
        clips(tree(tmp_path, [*NAMES, name]))


def test_label_table(tmp_path: Path) -> None:
    tree(tmp_path, ["a.mov", "sub/b.mov", "unlisted.mov"])
    table = tmp_path / "labels.csv"
    table.write_text("\ufeff" + TABLE, encoding="utf-8")
    dataset = clips(tmp_path, labels=table)
    assert [(sample.sample_id, sample.label, sample.subject) for sample in dataset.samples()] == [
        ("a", "anger", "01"),
        ("sub/b", "shame", "02"),
    ]
    assert dataset.left_out == {"listed clip not there": 1}
    before = dataset.fingerprint()
    table.write_text(TABLE.replace("shame", "pride, "))
    assert clips(tmp_path, labels=table).fingerprint() != before
    for text, said in (
        (TABLE.replace("actor", "who"), "no column 'actor'"),
        (
            TABLE.replace("Hot anger", "angre"),
            r"row 1: unknown state 'angre', did you mean 'anger'",
        ),
        (TABLE.replace("2,shame", ",shame"), "row 2: not a clip"),
        (TABLE + "a.mov,1,joy\n", r"row 4: 'a\.mov' occurs twice"),
        ("", "no column 'file'"),
    ):
        table.write_text(text)
        with pytest.raises(ValueError, match=rf"labels\.csv.*{said}"):
            clips(tmp_path, labels=table)
    with pytest.raises(FileNotFoundError, match="dataset key 'labels'"):
        clips(tmp_path, labels=tmp_path / "absent.csv")


def test_duplicates_and_fingerprint(tmp_path: Path) -> None:
    dataset = clips(tree(tmp_path))
    (tmp_path / "01joyA03.mp4").touch()
    twice = clips(tmp_path)
    assert len(list(twice.samples())) == len(NAMES)
    assert twice.left_out == {"the same clip in another format": 1}
    (tmp_path / "09sadA01.avi").touch()
    assert clips(tmp_path).fingerprint() != dataset.fingerprint()


def test_nothing_found(tmp_path: Path) -> None:
    for root in (tmp_path / "absent", tmp_path):
        with pytest.raises(FileNotFoundError, match="dataset key"):
            clips(root)
