"""FER2013's own labels from either table, and the Kaggle edition of FER+, on trees in their
layouts.
"""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from faceoff.commands import audit
from faceoff.datasets._fer2013_pictures import NAMES, split_of
from faceoff.datasets.fer2013 import TABLE, Fer2013
from faceoff.datasets.fer2013plus import Fer2013Plus
from faceoff.datasets.ferplus import FerPlus
from faceoff.emotions import EMOTIONS, FER2013_ORDER, FERPLUS_COLUMNS
from faceoff.media.frame_rate import Sampling
from faceoff.media.images import DecodeError, decode_image, encode_png
from faceoff.plan.config import ConfigError, parse
from faceoff.plan.job_specs import Plan
from faceoff.stages import frames

PICTURES = np.random.default_rng(1).integers(0, 256, (9, 48, 48), np.uint8)
PICTURES[8] = PICTURES[0]  # a test picture that is also a train picture
USAGES = ["Training"] * 3 + ["PublicTest"] * 2 + ["PrivateTest"] * 4
CODES = [0, 1, 2, 3, 4, 5, 6, 0, 3]
# The second row has no name, as 85 in the real table: numbers then lag behind the rows.
ROW_NAMES = [
    "fer0000000.png",
    "",
    "fer0000001.png",
    "fer0028638.png",
    "fer0028639.png",
    "fer0032220.png",
    "fer0032221.png",
    "fer0032222.png",
    "fer0032223.png",
]


def fer2013_csv(root: Path, **changed: str) -> Path:
    """Kaggle's fer2013.csv of nine pictures; `row3="7,…"` replaces a row."""
    root.mkdir(exist_ok=True)
    lines = [
        f"{code},{' '.join(map(str, pixels.ravel()))},{usage}"
        for code, pixels, usage in zip(CODES, PICTURES, USAGES, strict=True)
    ]
    lines = [changed.get(f"row{number}", line) for number, line in enumerate(lines)]
    (root / "fer2013.csv").write_text(
        "\n".join([changed.get("header", "emotion,pixels,Usage"), *lines]) + "\n"
    )
    return root


def fer2013new(root: Path, names: list[str] = ROW_NAMES, usages: list[str] = USAGES) -> Path:
    with open(root / "fer2013new.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Usage", "Image name", *FERPLUS_COLUMNS])
        writer.writerows(
            [usage, name, 10, *[0] * 9] for usage, name in zip(usages, names, strict=True)
        )
    return root


def parts(root: Path, lines: list[str] | None = None) -> Path:
    """The generator's folders with the recovered labels."""
    root.mkdir(exist_ok=True)
    written = []
    for name, usage, code, pixels in zip(ROW_NAMES, USAGES, CODES, PICTURES, strict=True):
        folder = (
            root
            / {
                "Training": "FER2013Train",
                "PublicTest": "FER2013Valid",
                "PrivateTest": "FER2013Test",
            }[usage]
        )
        folder.mkdir(exist_ok=True)
        if name:
            (folder / name).write_bytes(encode_png(np.repeat(pixels[..., None], 3, axis=2)))
            label = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")[code]
            written.append(f"{name},{label},{'angry|happy' if name == 'fer0032223.png' else label}")
    (root / TABLE).write_text(
        "\n".join(
            [
                "image_name,fer2013_label,labels_among_duplicates",
                *(written if lines is None else lines),
            ]
        )
        + "\n"
    )
    return root


def opened(root: Path, **options: object) -> Fer2013:
    return Fer2013(Fer2013.Options(path=root, **options))


def found(root: Path, **options: object) -> list[tuple[str, str]]:
    return [(sample.sample_id, sample.label) for sample in opened(root, **options).samples()]


def test_csv_has_every_row(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    dataset = opened(fer2013_csv(tmp_path / "d"))
    samples = list(dataset.samples())
    assert [(sample.sample_id, sample.label) for sample in samples] == [
        ("row00005", "surprise"), ("row00006", "neutral"), ("row00007", "anger"),
        ("row00008", "happiness"),
    ]  # fmt: skip
    assert all(
        (sample.kind, sample.split, sample.subject, sample.votes) == ("image", "test", None, None)
        for sample in samples
    )
    for sample in samples:
        assert np.array_equal(
            decode_image(dataset.read(sample))[..., 0], PICTURES[int(sample.sample_id[3:])]
        )
    assert dataset.version == "csv-test@1"
    assert dataset.space == EMOTIONS[:7]
    assert "4 of 3,589 pictures of PrivateTest" in capsys.readouterr().err
    assert found(tmp_path / "d", split="train") == [
        ("row00000", "anger"),
        ("row00001", "disgust"),
        ("row00002", "fear"),
    ]
    assert found(tmp_path / "d", split="valid") == [
        ("row00003", "happiness"),
        ("row00004", "sadness"),
    ]


def test_recovered_labels_name_what_ferplus_names(tmp_path: Path) -> None:
    root = parts(tmp_path / "d")
    dataset = opened(root)
    samples = list(dataset.samples())
    assert [(sample.sample_id, sample.label) for sample in samples] == [
        ("fer0032220", "surprise"), ("fer0032221", "neutral"), ("fer0032222", "anger"),
        ("fer0032223", "happiness"),
    ]  # fmt: skip
    assert [sample.groups["ambiguous"] for sample in samples] == ["false"] * 3 + ["true"]
    assert np.array_equal(decode_image(dataset.read(samples[2]))[..., 0], PICTURES[7])
    assert dataset.version == "recovered-test@1"
    assert found(root, split="train") == [("fer0000000", "anger"), ("fer0000001", "fear")]
    assert [name for name, _ in found(root, ambiguous="drop")] == [
        "fer0032220",
        "fer0032221",
        "fer0032222",
    ]
    assert opened(root, ambiguous="drop").version == "recovered-test-unambiguous@1"


@pytest.mark.parametrize("make", [fer2013_csv, parts])
def test_clean_leaves_the_twin_out(tmp_path: Path, make, capsys: pytest.CaptureFixture) -> None:
    dataset = opened(make(tmp_path / "d"), clean="train")
    assert [sample.sample_id[-1] for sample in dataset.samples()] in (
        ["5", "6", "7"],
        ["0", "1", "2"],
    )
    assert dataset.left_out == {"twin in another part": 1}
    assert "left out 1 × twin in another part" in capsys.readouterr().err
    assert "clean_train" in dataset.version


def test_the_csv_wins_unless_said_otherwise(tmp_path: Path) -> None:
    root = parts(fer2013_csv(tmp_path / "d"))
    assert opened(root).version.startswith("csv")
    assert opened(root, labels="recovered").version.startswith("recovered")
    assert [label for _, label in found(root)] == [
        label for _, label in found(root, labels="recovered")
    ]


def test_ferplus_names_rows_as_its_table_does(tmp_path: Path) -> None:
    """A row's number is not its name's: reading fer2013.csv by the number would show another
    person's face under the votes.
    """
    root = fer2013new(fer2013_csv(tmp_path / "csv"))
    folders = fer2013new(parts(tmp_path / "parts"))
    for split in ("train", "valid", "test"):
        by_csv, by_folder = (
            FerPlus(FerPlus.Options(path=place, split=split)) for place in (root, folders)
        )
        samples = list(by_csv.samples())
        assert samples == list(by_folder.samples())
        for sample in samples:
            assert np.array_equal(
                decode_image(by_csv.read(sample)), decode_image(by_folder.read(sample))
            )


def test_ferplus_tables_that_do_not_belong_together(tmp_path: Path) -> None:
    root = fer2013new(
        fer2013_csv(tmp_path / "d"), [*ROW_NAMES[1:], ""], [*USAGES[1:], "PrivateTest"]
    )
    dataset = FerPlus(FerPlus.Options(path=root))
    with pytest.raises(
        ValueError, match=r"fer2013\.csv, row 2: fer2013new\.csv has no such Training row"
    ):
        dataset.read(next(iter(dataset.samples())))


PIXELS = " ".join(["0"] * 2304)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"row3": f"7,{PIXELS},PublicTest"},
            r"row 3: unknown emotion '7'; known: 0 anger, 1 disgust",
        ),
        ({"row3": f"-1,{PIXELS},PublicTest"}, "row 3: unknown emotion '-1'"),
        (
            {"row3": f"1,{PIXELS},Test"},
            r"row 3: unknown Usage 'Test'; known: Training, PublicTest, PrivateTest",
        ),
        ({"row3": f"1,{PIXELS}"}, "row 3: 2 cells"),
        (
            {"header": "emotion, Usage, pixels"},
            "columns emotion, Usage, pixels instead of emotion, pixels, Usage",
        ),
    ],
)
def test_wrong_csv(tmp_path: Path, changed: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        found(fer2013_csv(tmp_path / "d", **changed))
    assert "fer2013.csv" in str(error.value)


def test_spaces_and_blank_lines_do_not_matter(tmp_path: Path) -> None:
    root = fer2013_csv(tmp_path / "d", row8=f' 3 ,"{PIXELS}", PrivateTest \n')
    assert found(root)[-1] == ("row00008", "happiness")
    dataset = opened(root)
    assert not decode_image(dataset.read(list(dataset.samples())[-1])).any()


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (PIXELS[:-1] + "x", r"row 6: pixels: invalid literal.*'x'"),
        (PIXELS[:-1] + "256", "row 6: pixels from 0 to 256, not from 0 to 255"),
        (PIXELS[:-1] + "-1", "row 6: pixels from -1 to 0"),
        (PIXELS[:-2], "row 6: 2303 pixels instead of 2304"),
        ("", "row 6: 0 pixels"),
    ],
)
def test_a_bad_row_of_pixels_spoils_its_own_row_only(tmp_path: Path, cell: str, says: str) -> None:
    dataset = opened(fer2013_csv(tmp_path / "d", row6=f"6,{cell},PrivateTest"))
    samples = list(dataset.samples())
    with pytest.raises(DecodeError, match=says) as caught:
        dataset.read(samples[1])
    assert "fer2013.csv" in str(caught.value)
    (row,) = frames._picture(dataset, samples[1], Sampling(), encode_png)
    assert (row["state"], row["reason"]) == ("unreadable", str(caught.value))
    assert [
        row["state"]
        for sample in samples
        for row in frames._picture(dataset, sample, Sampling(), encode_png)
    ] == ["ok", "unreadable", "ok", "ok"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["fer0000000.png,angry,angry", "fer0000000.png,sad,sad"],
            "line 3: image_name 'fer0000000.png' stands twice",
        ),
        (
            ["fer0000000.png,cross,cross"],
            "line 2: unknown fer2013_label 'cross'; known: anger, disgust",
        ),
        (["fer0000000.png,contempt,contempt"], "line 2: unknown fer2013_label 'contempt'"),
        (["fer0000000.png"], "line 2: unknown fer2013_label ''"),
        (["row1.png,sad,sad"], "line 2: image_name 'row1.png' is none of the generator's"),
        (["fer0035802.png,sad,sad"], "is none of the generator's"),
    ],
)
def test_wrong_recovered_table(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        found(parts(tmp_path / "d", lines))
    assert TABLE in str(error.value)


def test_recovered_table_without_a_column(tmp_path: Path) -> None:
    root = parts(tmp_path / "d")
    (root / TABLE).write_text("image_name,label\n")
    with pytest.raises(ValueError, match="no column 'fer2013_label'"):
        found(root)
    (root / TABLE).write_text(
        "image_name,fer2013_label,labels_among_duplicates\n fer0032220.png , Happy , happy \n\n"
    )
    assert found(root) == [("fer0032220", "happiness")], "blanks around cells and blank lines"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere.*dataset key 'path'"):
        opened(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"neither fer2013\.csv nor fer2013_labels\.csv"):
        opened(tmp_path)
    root = parts(tmp_path / "d")
    with pytest.raises(FileNotFoundError, match=r"fer2013\.csv: the labels are not there"):
        opened(root, labels="csv")
    (root / "FER2013Test").rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError, match="FER2013Test"):
        opened(root)
    with pytest.raises(ValueError, match="'ambiguous'"):
        opened(fer2013_csv(tmp_path / "c"), ambiguous="drop")
    (root / "FER2013Train" / "fer0000000.png").unlink()
    train = opened(root, split="train")
    with pytest.raises(OSError, match="fer0000000"):
        train.read(next(iter(train.samples())))


def test_names_and_splits() -> None:
    assert split_of("fer0000000.png") == split_of("fer0028637.png") == "train"
    assert split_of("fer0028638.png") == split_of("fer0032219.png") == "valid"
    assert split_of("fer0032220.png") == split_of("fer0035801.png") == "test"
    assert sum(NAMES.values()) == 35_802
    assert split_of("fer35.png") is split_of("fer000003x.png") is None


def test_fingerprint_follows_the_files(tmp_path: Path) -> None:
    for root in (fer2013_csv(tmp_path / "csv"), parts(tmp_path / "parts")):
        before = opened(root).fingerprint()
        assert opened(root).fingerprint() == before
        with open(
            root / ("fer2013.csv" if (root / "fer2013.csv").exists() else TABLE), "a"
        ) as file:
            file.write("\n")
        assert opened(root).fingerprint() != before


def test_validation_finds_twins_and_conflicts(tmp_path: Path) -> None:
    """`faceoff validate` on train and test: the shared picture, and that its labels differ."""
    root = fer2013_csv(tmp_path / "d")
    train, test = (
        audit.audit(split, dataset, dataset.samples())
        for split in ("train", "test")
        for dataset in [opened(root, split=split)]
    )
    assert audit.shared(test, train) == [("row00008", "row00000")]
    assert (train.label_of["row00000"], test.label_of["row00008"]) == ("anger", "happiness")
    assert not test.unreadable


def test_train_status(tmp_path: Path) -> None:
    """The `fer` card was trained on fer2013's train part: in-sample there, held out on test, and
    FER+ relabels the same pictures.
    """
    root = str(fer2013new(parts(tmp_path / "d")))
    sections = {
        "fer2013": {"path": root},
        "train": {"type": "fer2013", "path": root, "split": "train"},
        "ferplus": {"path": root},
    }
    plan = Plan(
        {"run": "s", "datasets": sections, "detectors": {"whole": {}}, "models": {"fer": {}}}
    )
    found = {name: plan.score_job(name, "whole", "fer").train_status for name in sections}
    assert found == {"fer2013": "held-out", "train": "in-sample", "ferplus": "relabelled"}


# -- fer2013plus -----------------------------------------------------------------------------------


def kaggle(root: Path, inner: str = "fer2013") -> Path:
    """fer2013/{train,test}/<class>/*, 112 x 112."""
    for split, classes in {
        "test": ("anger", "contempt", "happiness"),
        "train": ("anger",),
        "validation": ("sadness",),
    }.items():
        for label in classes:
            folder = root / inner / split / label
            folder.mkdir(parents=True)
            for name in ("b.png", "a.jpg"):
                (folder / name).write_bytes(encode_png(np.full((112, 112, 3), 90, np.uint8)))
    return root


def plus(root: Path, **options: object) -> Fer2013Plus:
    return Fer2013Plus(Fer2013Plus.Options(path=root, **options))


@pytest.mark.parametrize("inner", ["fer2013", "."])
def test_fer2013plus(tmp_path: Path, inner: str, capsys: pytest.CaptureFixture) -> None:
    root = kaggle(tmp_path, inner)
    (root / inner / "test" / "anger" / "notes.txt").touch()
    (root / inner / "test" / "anger" / ".DS_Store").touch()
    dataset = plus(root)
    samples = list(dataset.samples())
    assert [(sample.sample_id, sample.label) for sample in samples] == [
        (f"{label}/{name}", label) for label in ("anger", "contempt", "happiness") for name in "ab"
    ]
    assert decode_image(dataset.read(samples[0])).shape == (112, 112, 3)
    assert dataset.left_out == {"hidden file": 1, "other file": 1}
    said = capsys.readouterr().err
    assert "6 pictures instead of 3,573" in said
    assert "left out 1 × hidden file, 1 × other file" in said
    assert dataset.space == EMOTIONS
    before = dataset.fingerprint()
    assert dataset.left_out.total() == 2, "a fingerprint counts nothing"
    (root / inner / "test" / "anger" / "c.png").touch()
    assert plus(root).fingerprint() != before


def test_fer2013plus_only_test_is_scored(tmp_path: Path) -> None:
    root = kaggle(tmp_path)
    for split in ("train", "valid"):
        with pytest.raises(ValidationError, match=f"'split: {split}' cannot have 'role: test'"):
            plus(root, split=split)
    assert [sample.label for sample in plus(root, split="valid", role="validation").samples()] == [
        "sadness"
    ] * 2
    assert Counter(
        sample.split for sample in plus(root, split="train", role="train").samples()
    ) == {"train": 2}
    raw = {
        "datasets": {"x": {"type": "fer2013plus", "path": str(root), "split": "train"}},
        "detectors": {"whole": {}},
        "models": {"fer": {}},
    }
    with pytest.raises(ConfigError, match=r"datasets\.x.*role: test"):
        parse(raw)


def test_fer2013plus_wrong_folders(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="dataset key 'path'"):
        plus(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"neither fer2013/test nor test"):
        plus(tmp_path)
    (tmp_path / "test").mkdir()
    with pytest.raises(FileNotFoundError, match="no class folders"):
        plus(tmp_path)
    (tmp_path / "test" / "bored").mkdir()
    with pytest.raises(ValueError, match="bored"):
        plus(tmp_path)
    (tmp_path / "test" / "bored").rename(tmp_path / "test" / "Happy")
    (tmp_path / "test" / "happiness").mkdir()
    with pytest.raises(ValueError, match="a second folder of happiness"):
        plus(tmp_path)


def test_code_order() -> None:
    assert FER2013_ORDER == (
        "anger",
        "disgust",
        "fear",
        "happiness",
        "sadness",
        "surprise",
        "neutral",
    )
