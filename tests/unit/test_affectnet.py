"""AffectNet on trees of drawn faces in both official layouts, which must tell the same."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from faceoff.datasets.affectnet import COLUMNS, AffectNet, _five
from faceoff.drawing import scenes
from faceoff.emotions import EMOTIONS
from faceoff.media.images import decode_image, encode_png
from faceoff.plan import config, config_files
from faceoff.plan.config import ConfigError
from faceoff.plugins.protocols import Sample

ROOT = Path(__file__).resolve().parents[2]
CODES = {
    0: "neutral",
    1: "happiness",
    2: "sadness",
    3: "surprise",
    4: "fear",
    5: "disgust",
    6: "anger",
    7: "contempt",
    8: None,
    9: None,
    10: None,
}
# (expression, valence, arousal, box); −2 was not annotated, faceless pictures have no box
ROWS = [
    (
        code,
        -2 if code > 7 else code / 10,
        -2 if code > 7 else -code / 10,
        None if code == 10 else (4 + code, 5, 60, 70),
    )
    for code in [*range(11), *range(8), 7, 0]
]


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    """A drawn face, tinted so that no two pictures are the same."""
    face = scenes.draw(scenes.plan("test")[0])[0][::3, ::3]
    return [encode_png((face * (1 - index / 40)).astype(np.uint8)) for index in range(len(ROWS))]


def csv_tree(
    root: Path,
    pictures: list[bytes],
    name: str = "validation.csv",
    lists: str = ".",
    images: str = "Manually_Annotated_Images",
) -> Path:
    (root / lists).mkdir(parents=True, exist_ok=True)
    with open(root / lists / name, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for index, (code, valence, arousal, box) in enumerate(ROWS):
            path = root / images / f"{index % 3}" / f"p{index}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pictures[index])
            writer.writerow(
                [
                    f"{index % 3}/p{index}.jpg",
                    *(box or ["NULL"] * 4),
                    "1.0;2.0;3.0;4.0",
                    code,
                    valence,
                    arousal,
                ]
            )
    return root


def npy_tree(root: Path, pictures: list[bytes], name: str = "val_set") -> Path:
    for part in ("images", "annotations"):
        (root / name / part).mkdir(parents=True)
    for index, (code, valence, arousal, _) in enumerate(ROWS):
        (root / name / "images" / f"{index}.jpg").write_bytes(pictures[index])
        # The release stores text; numbers are read as well.
        for kind, value in (("exp", code), ("val", valence), ("aro", arousal)):
            np.save(
                root / name / "annotations" / f"{index}_{kind}.npy",
                np.array(str(value) if index % 2 else value),
            )
        np.save(root / name / "annotations" / f"{index}_lnd.npy", np.zeros(136))
    return root


def made(root: Path, **options: object) -> AffectNet:
    return AffectNet(AffectNet.Options(path=root, **options))


def samples(root: Path, **options: object) -> list[Sample]:
    return list(made(root, **options).samples())


@pytest.fixture(params=["csv", "npy"])
def tree(request: pytest.FixtureRequest, tmp_path: Path, pictures: list[bytes]) -> Path:
    return {"csv": csv_tree, "npy": npy_tree}[request.param](tmp_path / request.param, pictures)


def test_labels(tree: Path) -> None:
    dataset = made(tree)
    found = list(dataset.samples())
    assert dataset.space == EMOTIONS
    assert [sample.label for sample in found] == [CODES[code] for code, *_ in ROWS if code < 8]
    assert {sample.split for sample in found} == {"valid"}
    assert dataset.left_out == {"none": 1, "uncertain": 1, "no face": 1}
    assert list(dataset.samples()) == found, "the order is the data's"


def test_seven_classes(tree: Path) -> None:
    dataset = made(tree, classes=7)
    found = list(dataset.samples())
    assert dataset.space == EMOTIONS[:7]
    assert [sample.label for sample in found] == [CODES[code] for code, *_ in ROWS if code < 7]
    assert dataset.left_out["contempt"] == 3


def test_kept_without_a_label(tree: Path) -> None:
    found = samples(tree, non_emotions="keep")
    assert [sample.label for sample in found] == [CODES[code] for code, *_ in ROWS]
    assert all(
        (sample.valence is None) == (sample.arousal is None) == (sample.label is None)
        for sample in found
    )
    assert found[3].valence == pytest.approx(0.3)
    assert found[3].arousal == pytest.approx(-0.3)


def test_both_layouts_tell_the_same(tmp_path: Path, pictures: list[bytes]) -> None:
    table, arrays = (
        made(csv_tree(tmp_path / "a", pictures), non_emotions="keep"),
        made(npy_tree(tmp_path / "b", pictures), non_emotions="keep"),
    )
    told = [
        {
            dataset.read(sample): (sample.label, sample.valence, sample.arousal, sample.kind)
            for sample in dataset.samples()
        }
        for dataset in (table, arrays)
    ]
    assert len(told[0]) == len(ROWS)
    assert told[0] == told[1]
    assert table.version != arrays.version, (
        "releases differ by a few rows, so the layout is part of the name"
    )
    assert all(decode_image(data).ndim == 3 for data in told[0])


def test_five_landmarks_are_taken_from_the_68_of_a_row() -> None:
    """iBUG's numbering: eyes 36-41 and 42-47, tip of the nose 30, corners of the mouth
    48 and 54.
    """
    points = np.column_stack([np.arange(68.0), np.arange(68.0) / 2])
    text = ";".join(f"{value:.1f}" for value in points.ravel())
    assert _five(text, (0, 0, 68, 68)) == (
        (38.5, 19.25),
        (44.5, 22.25),
        (30.0, 15.0),
        (48.0, 24.0),
        (54.0, 27.0),
    )
    assert _five(text, (500, 500, 68, 68)) is None, "not about this face"
    assert _five(text + ";1.0", (0, 0, 68, 68)) is None
    assert _five("", (0, 0, 68, 68)) is None
    assert _five(text.replace("3.0;", "NULL;", 1), (0, 0, 68, 68)) is None


def test_boxes_come_from_the_csv(tmp_path: Path, pictures: list[bytes]) -> None:
    found = samples(csv_tree(tmp_path / "a", pictures), non_emotions="keep")
    assert found[2].boxes == ((6.0, 5.0, 60.0, 70.0),)
    assert found[10].boxes is None, "a picture without a face"
    assert all(sample.boxes is None for sample in samples(npy_tree(tmp_path / "b", pictures)))


def test_places_of_the_csv_and_the_pictures(tmp_path: Path, pictures: list[bytes]) -> None:
    for index, (lists, images) in enumerate(
        [
            (".", "Manually_Annotated_Images"),
            ("Manually_Annotated_file_lists", "Manually_Annotated_Images"),
            ("Manually_Annotated_file_lists", "Manually_Annotated/Manually_Annotated_Images"),
            (".", "."),
        ]
    ):
        dataset = made(csv_tree(tmp_path / str(index), pictures, lists=lists, images=images))
        assert dataset.read(next(iter(dataset.samples()))) == pictures[0]
    root = csv_tree(tmp_path / "apart", pictures, images="elsewhere/faces")
    dataset = made(root, images=root / "elsewhere/faces")
    assert dataset.read(next(iter(dataset.samples()))) == pictures[0]
    with pytest.raises(FileNotFoundError, match="dataset key 'images'"):
        made(root, images=root / "nowhere")


def test_the_train_part(tmp_path: Path, pictures: list[bytes]) -> None:
    for root in (
        csv_tree(tmp_path / "a", pictures, name="training.csv"),
        npy_tree(tmp_path / "b", pictures, name="train_set"),
    ):
        assert {sample.split for sample in samples(root, split="train")} == {"train"}
        with pytest.raises(FileNotFoundError, match=r"validation\.csv.*val_set"):
            made(root)


def test_no_test_part() -> None:
    raw = {
        "datasets": {"affectnet": {"path": "x", "split": "test"}},
        "detectors": {"whole": {}},
        "models": {"fer": {}},
    }
    with pytest.raises(
        ConfigError, match=r"datasets\.affectnet\.split: AffectNet's test set was never released"
    ):
        config.parse(raw)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "trian"}, "did you mean 'train'"),
        ({"classes": 6}, "classes"),
        ({"subset": {"per_clas": 2}}, "per_clas"),
        ({"subset": {"per_class": 0}}, "per_class"),
    ],
)
def test_wrong_options(options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config.parse(
            {
                "datasets": {"affectnet": {"path": "x", **options}},
                "detectors": {"whole": {}},
                "models": {"fer": {}},
            }
        )


def test_subset_is_balanced_and_frozen(tree: Path) -> None:
    one, two = samples(tree, subset={"per_class": 1}), samples(tree, subset={"per_class": 2})
    assert Counter(sample.label for sample in one) == dict.fromkeys(EMOTIONS, 1)
    assert Counter(sample.label for sample in two) == dict.fromkeys(EMOTIONS, 2)
    assert {sample.sample_id for sample in one} <= {sample.sample_id for sample in two}, (
        "a larger subset holds the smaller one"
    )
    assert [sample for sample in samples(tree) if sample in two] == two, "in the data's order"
    assert samples(tree, subset={"per_class": 1}) == one
    assert any(samples(tree, subset={"per_class": 1, "seed": seed}) != one for seed in range(1, 9))
    assert [sample for sample in one if sample.label != "contempt"] == samples(
        tree, subset={"per_class": 1}, classes=7
    )
    versions = {
        made(tree, subset=subset).version
        for subset in (None, {"per_class": 1}, {"per_class": 2}, {"per_class": 1, "seed": 1})
    }
    assert len(versions) == 4
    with pytest.raises(
        ValueError, match="3 pictures of each class are wanted, but happiness has 2"
    ):
        samples(tree, subset={"per_class": 3})


def test_one_more_picture_changes_no_other_choice(tmp_path: Path, pictures: list[bytes]) -> None:
    root = npy_tree(tmp_path, pictures)
    before = {sample.sample_id for sample in samples(root, subset={"per_class": 1})}
    np.save(root / "val_set/annotations/900_exp.npy", np.array("1"))
    after = {sample.sample_id for sample in samples(root, subset={"per_class": 1})}
    assert after - before <= {"900"}
    assert len(after) == 8


def rewrite(root: Path, change: dict[int, str] | None = None, text: str | None = None) -> Path:
    """Replace lines of validation.csv (0 is the header), or all of it."""
    path = root / "validation.csv"
    lines = path.read_text().splitlines()
    for number, line in (change or {}).items():
        lines[number] = line
    path.write_text(text if text is not None else "\n".join(lines) + "\n")
    return root


def test_spaces_bom_blank_lines_and_crlf(tmp_path: Path, pictures: list[bytes]) -> None:
    root = csv_tree(tmp_path, pictures)
    expected = samples(root)
    path = root / "validation.csv"
    lines = path.read_text().splitlines()
    spaced = [" , ".join(line.split(",")) + "  " for line in lines]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*spaced, "", " , , "]).encode())
    assert samples(root) == expected
    rewrite(root, text="\n".join(lines[1:]))
    assert samples(root) == expected, "a copy without the header line"


@pytest.mark.parametrize("cell", ["11", "-1", "happy", "", "1.5", "nan"])
def test_unknown_code_in_the_csv(tmp_path: Path, pictures: list[bytes], cell: str) -> None:
    root = rewrite(csv_tree(tmp_path, pictures), {3: f"2/p2.jpg,1,1,9,9,,{cell},0.1,0.1"})
    with pytest.raises(
        ValueError, match=rf"validation\.csv, line 4: unknown expression code '{cell}'"
    ):
        samples(root)


def test_broken_rows(tmp_path: Path, pictures: list[bytes]) -> None:
    root = csv_tree(tmp_path, pictures)
    rewrite(root, {2: "1/p1.jpg,1,1", 3: "2/p2.jpg,1,1,0,9,,2,,x", 4: "0/p0.jpg,1,1,9,9,,3,-2,0.5"})
    with pytest.raises(ValueError, match="line 3: unknown expression code ''"):
        samples(root)
    rewrite(root, {2: "1/absent.jpg,1,1,9,9,,1,0.1,0.1"})
    dataset = made(root)
    found = list(dataset.samples())
    assert (found[2].valence, found[2].arousal, found[2].boxes) == (None, None, None)
    assert found[3].sample_id == "0/p0#5", "the picture's second row"
    assert (found[3].valence, found[3].arousal) == (None, 0.5)
    with pytest.raises(FileNotFoundError):
        dataset.read(found[1])
    rewrite(root, {1: ",1,1,9,9,,1,0.1,0.1"})
    with pytest.raises(ValueError, match="line 2: subDirectory_filePath is empty"):
        samples(root)


@pytest.mark.parametrize(
    "text", ["", "file,expression\na.jpg,1\n", "subDirectory_filePath,expresion\na.jpg,1\n"]
)
def test_missing_columns(tmp_path: Path, pictures: list[bytes], text: str) -> None:
    root = rewrite(csv_tree(tmp_path, pictures), text=text)
    with pytest.raises(ValueError, match=r"validation\.csv: no column"):
        samples(root)


class Payload:
    """Unpickling it would fail the test."""

    def __reduce__(self) -> tuple:
        return (pytest.fail, ("a pickle was loaded",))


def test_broken_arrays(tmp_path: Path, pictures: list[bytes]) -> None:
    root = npy_tree(tmp_path, pictures)
    target = root / "val_set/annotations/1_exp.npy"
    np.save(target, np.array([Payload()], dtype=object), allow_pickle=True)
    with pytest.raises(
        ValueError, match=r"1_exp\.npy: no plain array.*pickled objects are not read"
    ):
        samples(root)
    for data in (b"", b"nothing", target.read_bytes()[:20]):
        target.write_bytes(data)
        with pytest.raises(ValueError, match=r"1_exp\.npy: no plain array"):
            samples(root)
    for value in (np.array(["1", "2"]), np.array("12"), np.array("x"), np.array(2.5)):
        np.save(target, value)
        with pytest.raises(
            ValueError, match=r"1_exp\.npy: (no plain array|unknown expression code)"
        ):
            samples(root)
    for value in (np.array(" 1 "), np.array(b"1"), np.array([1.0]), np.array(1)):
        np.save(target, value)
        assert samples(root)[1].label == "happiness"


def test_missing_arrays_and_pictures(
    tmp_path: Path, pictures: list[bytes], capsys: pytest.CaptureFixture
) -> None:
    root = npy_tree(tmp_path, pictures)
    (root / "val_set/annotations/0_val.npy").unlink()
    (root / "val_set/annotations/1_exp.npy").unlink()
    (root / "val_set/images/2.jpg").unlink()
    dataset = made(root)
    found = {sample.sample_id: sample for sample in dataset.samples()}
    assert found["0"].valence is None
    assert found["0"].arousal == 0
    assert "1" not in found
    assert dataset.left_out["picture without annotation"] == 1
    assert "1 × picture without annotation" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError):
        dataset.read(found["2"])


def test_absent_folders(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent.*dataset key 'path'"):
        made(tmp_path / "absent")
    (tmp_path / "val_set").mkdir()
    with pytest.raises(FileNotFoundError, match="images: the folder is not there"):
        made(tmp_path)


def test_fingerprint_follows_the_annotations(tree: Path) -> None:
    before = made(tree).fingerprint()
    assert made(tree).fingerprint() == before
    table = tree / "validation.csv"
    if table.exists():
        table.write_text(table.read_text() + "9/new.jpg,1,1,9,9,,1,0,0\n")
    else:
        np.save(tree / "val_set/annotations/0_exp.npy", np.array("neutral"))
    assert made(tree).fingerprint() != before


def test_shipped_config() -> None:
    run = config_files.read(ROOT / "configs/affectnet.yaml")
    assert {section.type or name for name, section in run.datasets.items()} == {"affectnet"}
