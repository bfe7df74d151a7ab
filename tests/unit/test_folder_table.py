"""One's own pictures: every file gets a row whatever its name.

Mistakes in labels or columns are named with a suggestion.
"""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from faceoff import emotions
from faceoff.datasets import folder, table
from faceoff.media.images import encode_png
from faceoff.plan.jobs import DatasetJob
from faceoff.stages.frames import write_frames
from faceoff.stages.samples import write_samples
from faceoff.storage import parquet

PNG = encode_png(np.full((4, 4, 3), 9, np.uint8))


def tree(root: Path, *names: str | bytes) -> Path:
    for name in names:
        path = Path(os.fsdecode(os.fsencode(root) + b"/" + os.fsencode(name)))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG)
    return root


def open_folder(root: Path, **options: object) -> folder.Folder:
    return folder.Folder(folder.Folder.Options(path=root, **options))


def labels(dataset: object) -> dict[str, str | None]:
    return {sample.sample_id: sample.label for sample in dataset.samples()}


def staged(dataset: type, folder_: Path, **options: object) -> list[dict]:
    """Return the frame rows that the two stages, each opening the dataset anew, make of it."""
    source = {folder.Folder: "datasets/folder.py", table.Table: "datasets/table.py"}[dataset]
    job = DatasetJob(
        dataset="mine",
        type="folder",
        source=source,
        class_name=dataset.__name__,
        options=options,
        seed=0,
        headline=True,
    )
    write_samples(folder_ / "samples.parquet", job)
    write_frames(folder_ / "samples.parquet", folder_ / "frames.parquet", job)
    return list(parquet.rows(folder_ / "frames.parquet"))


# -- folder ----------------------------------------------------------------------------------------


def test_sub_folders_name_emotions_and_files_are_sorted(tmp_path: Path) -> None:
    dataset = open_folder(tree(tmp_path, "Happy/b.png", "Happy/a.png", "sad/deep/er/c.png"))
    assert list(labels(dataset).items()) == [
        ("Happy/a.png", "happiness"),
        ("Happy/b.png", "happiness"),
        ("sad/deep/er/c.png", "sadness"),
    ]
    assert dataset.space == ("happiness", "sadness")


@pytest.mark.parametrize("kind", ["folder", "table"])
def test_labels_of_one_class_are_scored_among_all_emotions(tmp_path: Path, kind: str) -> None:
    """Among themselves every prediction would be right."""
    for label in ("happy", "contempt"):
        root = tree(tmp_path / label, f"{label}/a.png", f"{label}/b.png")
        if kind == "folder":
            staged(folder.Folder, tmp_path, path=str(root))
        else:
            (root / "t.csv").write_text(f"path,label\n{label}/a.png,{label}\n")
            staged(table.Table, tmp_path, path=str(root / "t.csv"))
        space = parquet.task_of(tmp_path / "samples.parquet")["space"]
        assert tuple(space) == emotions.EMOTIONS


def test_any_name_is_read_in_every_stage(tmp_path: Path) -> None:
    """Blanks, non-Latin letters, combining marks, quotes, line ends and bytes that are no UTF-8."""
    names = [
        "happy/with space.png",
        "happy/лицо 顔.png",
        "happy/e\u0301.png",
        "happy/a'b\"c.png",
        "happy/new\nline.png",
        b"happy/\xff\xfe.png",
    ]
    rows = staged(folder.Folder, tmp_path, path=str(tree(tmp_path / "faces", *names)))
    assert len(rows) == len(names)
    assert {row["state"] for row in rows} == {"ok"}, [row["reason"] for row in rows]
    assert "happy/лицо 顔.png" in {row["sample_id"] for row in rows}


def test_what_is_no_picture_gets_a_row_with_a_reason(tmp_path: Path) -> None:
    root = tree(tmp_path / "faces", "happy/a.png")
    (root / "happy" / "empty.jpg").write_bytes(b"")
    (root / "happy" / "notes.txt").write_text("hello")
    (root / "happy" / "cut.png").write_bytes(PNG[:40])
    (root / "happy" / "gone.png").symlink_to(root / "nowhere.png")
    rows = {row["sample_id"]: row for row in staged(folder.Folder, tmp_path, path=str(root))}
    assert {name: row["state"] for name, row in rows.items()} == {
        "happy/a.png": "ok",
        "happy/empty.jpg": "unreadable",
        "happy/notes.txt": "unreadable",
        "happy/cut.png": "unreadable",
        "happy/gone.png": "unreadable",
    }
    assert rows["happy/empty.jpg"]["reason"] == "empty file"
    assert rows["happy/gone.png"]["reason"].startswith("cannot read: ")
    assert all(row["image"]["bytes"] is None for row in rows.values() if row["state"] != "ok")


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        "happy/a.png",
        "happy/.DS_Store",
        "happy/.thumbs/b.png",
        ".git/c.png",
        "happy/sub/.d.png",
        "readme.txt",
    )
    assert list(labels(open_folder(root))) == ["happy/a.png"]


def test_label_map_with_null_keeps_the_pictures_without_a_label(tmp_path: Path) -> None:
    root = tree(tmp_path, "cheerful/a.png", "blurred/b.png", "sad/c.png")
    dataset = open_folder(root, label_map={"cheerful": "happiness", "blurred": None})
    assert labels(dataset) == {
        "cheerful/a.png": "happiness",
        "blurred/b.png": None,
        "sad/c.png": "sadness",
    }
    assert dataset.space == ("happiness", "sadness")


def test_unknown_class_folder_is_an_error_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"hapy.*did you mean 'happy'.*label_map"):
        open_folder(tree(tmp_path, "hapy/a.png"))


def test_a_class_of_ones_own_is_declared_by_the_space(tmp_path: Path) -> None:
    root = tree(tmp_path, "happy/a.png", "Ruhig/b.png", "calm/c.png")
    dataset = open_folder(root, label_map={"ruhig": "Calm"}, space=["Happy", "calm"])
    assert labels(dataset) == {
        "Ruhig/b.png": "calm",
        "calm/c.png": "calm",
        "happy/a.png": "happiness",
    }
    assert dataset.space == ("happiness", "calm")
    with pytest.raises(ValueError, match=r"'calm' is no known emotion.*`space`"):
        open_folder(root, label_map={"ruhig": "neutral"})


@pytest.mark.parametrize("options", [folder.Folder.Options, table.Table.Options])
def test_a_misspelt_target_is_refused_before_any_label_is_read(options: type) -> None:
    with pytest.raises(
        ValueError, match=r"'traurig': 'sadnes' is no known emotion, did you mean 'sadness'"
    ):
        options(path="anywhere", label_map={"froh": "Happiness", "traurig": "sadnes"})
    with pytest.raises(ValueError, match="'happiness' and 'Happy' are one class"):
        options(
            path="anywhere", label_map={"froh": "Happiness"}, space=["happiness", "Happy", "anger"]
        )


def test_the_task_has_the_space_as_it_was_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree(tmp_path / "faces", "happy/a.png", "angry/b.png", "sad/c.png")
    staged(folder.Folder, tmp_path, path=str(root), space=["Anger", "joy"])
    assert parquet.task_of(tmp_path / "samples.parquet")["space"] == ["anger", "happiness"]
    assert "no sample" not in capsys.readouterr().err
    staged(folder.Folder, tmp_path, path=str(root), space=["anger", "fear", "contempt"])
    assert (
        "mine: no sample of fear, contempt, although the space of the scores has it"
        in capsys.readouterr().err
    )
    with pytest.raises(
        ValueError, match="no sample can have the class 'angr' of `space`, did you mean 'anger'"
    ):
        staged(folder.Folder, tmp_path, path=str(root), space=["angr", "joy"])


def test_files_beside_the_class_folders_are_counted_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = open_folder(
        tree(tmp_path, "happy/a.png", "sad/b.png", "c.png", "d.png", ".hidden.png")
    )
    assert list(labels(dataset)) == ["happy/a.png", "sad/b.png"]
    assert dataset.left_out == {"file beside the class folders": 2}
    assert capsys.readouterr().err == "folder: left out 2 × file beside the class folders\n"


def test_linked_folders_are_read_once_and_never_in_a_circle(tmp_path: Path) -> None:
    root = tree(tmp_path / "faces", "happy/a.png", "happy/real/b.png", "sad/c.png")
    tree(tmp_path / "disk", "far/d.png")
    (root / "happy" / "far").symlink_to(tmp_path / "disk" / "far")
    (root / "happy" / "again").symlink_to(root / "happy" / "real")
    (root / "happy" / "real" / "up").symlink_to(root)
    assert list(labels(open_folder(root))) == [
        "happy/a.png",
        "happy/real/b.png",
        "happy/far/d.png",
        "sad/c.png",
    ]


@pytest.mark.parametrize("names", [(), ("a.png",)])
def test_no_class_folders(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(FileNotFoundError, match="no class sub-folders"):
        open_folder(tree(tmp_path, *names))


def test_missing_folder_names_the_key(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere.*'path'"):
        open_folder(tmp_path / "nowhere")


def test_folder_fingerprint_follows_the_files(tmp_path: Path) -> None:
    root = tree(tmp_path, "happy/a.png", "sad/b.png")
    before = open_folder(root).fingerprint()
    assert open_folder(root).fingerprint() == before
    tree(tmp_path, "sad/c.png")
    assert open_folder(root).fingerprint() != before


def test_a_dangling_link_does_not_hide_what_becomes_of_the_other_files(tmp_path: Path) -> None:
    root = tree(tmp_path, "happy/a.png", "sad/b.png")
    (root / "happy" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    found = {open_folder(root).fingerprint()}
    (root / "sad" / "b.png").write_bytes(b"other")
    found.add(open_folder(root).fingerprint())
    (root / "happy" / "gone.png").unlink()
    found.add(open_folder(root).fingerprint())
    assert len(found) == 3


# -- table -----------------------------------------------------------------------------------------

COLUMNS = {
    "path": ["a b.png", "лицо.png", "a b.png"],
    "label": ["happy", "sad", ""],
    "who": ["007", "7", "NA"],
    "v": ["0.5", "-1", ""],
    "camera": ["x", "", "y"],
}


def write_table(root: Path, kind: str, columns: dict[str, list]) -> Path:
    path = root / f"faces.{kind}"
    if kind == "parquet":
        pq.write_table(
            pa.table(
                {
                    name: pa.array([value or None for value in values])
                    for name, values in columns.items()
                }
            ),
            path,
        )
    else:
        lines = [
            ",".join(columns),
            *(
                ",".join(f'"{value}"' for value in row)
                for row in zip(*columns.values(), strict=True)
            ),
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def open_table(path: Path, columns: dict | None = None, **options: object) -> table.Table:
    return table.Table(table.Table.Options(path=path, columns=columns or {}, **options))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_rows_in_order_with_text_kept_as_text(tmp_path: Path, kind: str) -> None:
    path = write_table(tmp_path, kind, COLUMNS)
    dataset = open_table(path, {"subject": "who", "valence": "v", "groups": ["camera"]})
    found = list(dataset.samples())
    assert [sample.label for sample in found] == ["happiness", "sadness", None]
    assert [sample.subject for sample in found] == ["007", "7", "NA"], (
        "an identity is neither a number nor nothing"
    )
    assert [sample.valence for sample in found] == [0.5, -1.0, None]
    assert found[0].groups == {"camera": "x"}
    assert dataset.space == ("happiness", "sadness")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_repeated_ids_get_their_row_number(tmp_path: Path, kind: str) -> None:
    ids = [
        sample.sample_id for sample in open_table(write_table(tmp_path, kind, COLUMNS)).samples()
    ]
    assert ids == ["a b.png", "лицо.png", "a b.png#3"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_pictures_are_read_from_beside_the_table_or_the_root(tmp_path: Path, kind: str) -> None:
    path = write_table(tmp_path, kind, COLUMNS)
    tree(tmp_path, "a b.png")
    tree(tmp_path / "elsewhere", "лицо.png")
    rows = staged(table.Table, tmp_path / "out", path=str(path), columns={})
    assert [row["state"] for row in rows] == ["ok", "unreadable", "ok"]
    rows = staged(
        table.Table, tmp_path / "out", path=str(path), columns={}, root=str(tmp_path / "elsewhere")
    )
    assert [row["state"] for row in rows] == ["unreadable", "ok", "unreadable"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("key", "wrong", "near"),
    [
        ("path", "pathh", "path"),
        ("label", "lable", "label"),
        ("subject", "whom", "who"),
        ("groups", ["camra"], "camera"),
    ],
)
def test_missing_column_suggests_the_nearest(
    tmp_path: Path, kind: str, key: str, wrong: object, near: str
) -> None:
    path = write_table(tmp_path, kind, COLUMNS)
    with pytest.raises(ValueError, match=f"did you mean '{near}'.*'columns'") as caught:
        open_table(path, {key: wrong})
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_unknown_label_names_file_row_and_nearest(tmp_path: Path, kind: str) -> None:
    path = write_table(tmp_path, kind, {"path": ["a", "b"], "label": ["happy", "sadd"]})
    with pytest.raises(ValueError, match=r"row 2.*'sadd'.*did you mean 'sad'") as caught:
        list(open_table(path).samples())
    assert str(path) in str(caught.value)


def test_label_map_and_split(tmp_path: Path) -> None:
    path = write_table(
        tmp_path,
        "csv",
        {"file": ["a", "b", "c"], "y": ["0", "1", "9"], "part": ["train", "test", "test"]},
    )
    options = {
        "columns": {"path": "file", "label": "y", "split": "part"},
        "label_map": {"0": "neutral", "1": "happy", "9": None},
    }
    assert labels(open_table(path, **options)) == {"a": "neutral", "b": "happiness", "c": None}
    assert labels(open_table(path, **options, split="test")) == {"b": "happiness", "c": None}


def test_ids_of_its_own(tmp_path: Path) -> None:
    path = write_table(
        tmp_path, "csv", {"path": ["a", "a"], "label": ["sad", "happy"], "nr": ["1", "2"]}
    )
    assert [
        (sample.sample_id, sample.path) for sample in open_table(path, {"id": "nr"}).samples()
    ] == [("1", "a"), ("2", "a")]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_only_an_empty_cell_is_nothing(tmp_path: Path, kind: str) -> None:
    """JAFFE has a subject NA; a label NA has to be said to be none."""
    words = ["NA", "nan", "null", "N/A", ""]
    columns = {"path": list("abcde"), "who": words, "label": words, "v": words, "part": words}
    path = write_table(tmp_path, kind, columns)
    names = {"subject": "who", "valence": "v", "split": "part", "groups": ["who"]}
    found = list(open_table(path, names, label_map=dict.fromkeys(words[:4])).samples())
    assert [sample.subject for sample in found] == ["NA", "nan", "null", "N/A", None]
    assert [dict(sample.groups) for sample in found] == [{"who": word} for word in words[:4]] + [{}]
    assert [sample.split for sample in found] == words
    assert {(sample.label, sample.valence) for sample in found} == {(None, None)}
    with pytest.raises(ValueError, match="row 1: label 'NA' is no known emotion"):
        list(open_table(path).samples())


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_empty_id_is_an_error_that_names_the_row(tmp_path: Path, kind: str) -> None:
    path = write_table(
        tmp_path, kind, {"path": ["a", "b"], "label": ["sad", "happy"], "nr": ["NA", ""]}
    )
    dataset = open_table(path, {"id": "nr"}).samples()
    assert next(dataset).sample_id == "NA"
    with pytest.raises(ValueError, match=r"faces.*, row 2: nr is empty"):
        next(dataset)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_table_fingerprint_follows_the_table_and_the_files_that_it_lists(
    tmp_path: Path, kind: str
) -> None:
    path = write_table(
        tmp_path,
        kind,
        {"path": ["a.png", "sub/b.png", "gone.png", ""], "label": ["sad", "happy", "sad", "sad"]},
    )
    tree(tmp_path, "a.png", "sub/b.png")
    found = [open_table(path).fingerprint() for _ in range(2)]
    assert found[0] == found[1]
    (tmp_path / "unlisted.png").write_bytes(PNG)
    assert open_table(path).fingerprint() == found[0], (
        "a file that the table does not list is nothing to it"
    )
    (tmp_path / "sub/b.png").write_bytes(PNG + b"more")
    found.append(open_table(path).fingerprint())
    tree(tmp_path, "gone.png")
    found.append(open_table(path).fingerprint())
    with open(path, "ab") as file:
        file.write(b"\n" if kind == "csv" else b"")
    os.utime(path, ns=(0, 0))
    found.append(open_table(path).fingerprint())
    assert len({str(value) for value in found}) == 4


def test_row_without_a_file_is_unreadable_not_dropped(tmp_path: Path) -> None:
    path = write_table(tmp_path, "csv", {"path": ["", "a.png"], "label": ["sad", "happy"]})
    tree(tmp_path, "a.png")
    rows = staged(table.Table, tmp_path / "out", path=str(path), columns={})
    assert [row["state"] for row in rows] == ["unreadable", "ok"]
    assert "names no file" in rows[0]["reason"]


def test_missing_table_names_the_key(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.csv.*'path'"):
        open_table(tmp_path / "none.csv")


# -- samples stage ---------------------------------------------------------------------------------


def test_task_is_stored_with_the_samples(tmp_path: Path) -> None:
    tree(tmp_path / "faces", "happy/a.png", "sad/b.png", "sad/c.png")
    staged(folder.Folder, tmp_path, path=str(tmp_path / "faces"), limit=2, space="basic7")
    task = parquet.task_of(tmp_path / "samples.parquet")
    assert (task["name"], task["limited"], task["headline"]) == ("mine", True, True)
    assert task["space"][:2] == ["neutral", "happiness"]
    assert parquet.count(tmp_path / "samples.parquet") == 2


def test_empty_dataset_is_an_error_not_a_score(tmp_path: Path) -> None:
    (tmp_path / "faces" / "happy").mkdir(parents=True)
    with pytest.raises(ValueError, match="is empty"):
        staged(folder.Folder, tmp_path, path=str(tmp_path / "faces"))
    assert not (tmp_path / "samples.parquet").exists()
