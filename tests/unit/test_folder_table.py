"""One's own pictures: every file gets a row whatever its name.

Mistakes in labels or columns are named with a suggestion.
"""

import bz2
import gzip
import os
import socket
from fractions import Fraction
from pathlib import Path

import av
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
    (root / "happy" / "notes.jpg").write_text("hello")
    (root / "happy" / "cut.png").write_bytes(PNG[:40])
    (root / "happy" / "gone.png").symlink_to(root / "nowhere.png")
    rows = {row["sample_id"]: row for row in staged(folder.Folder, tmp_path, path=str(root))}
    assert {name: row["state"] for name, row in rows.items()} == {
        "happy/a.png": "ok",
        "happy/empty.jpg": "unreadable",
        "happy/notes.jpg": "unreadable",
        "happy/cut.png": "unreadable",
        "happy/gone.png": "unreadable",
    }
    assert rows["happy/empty.jpg"]["reason"] == "empty file"
    assert rows["happy/gone.png"]["reason"].startswith("cannot read: ")
    assert all(row["image"]["bytes"] is None for row in rows.values() if row["state"] != "ok")


def test_what_is_not_read_is_said_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree(tmp_path / "faces", "happy/a.png")
    for number in range(5):
        (root / "happy" / f"b{number}.png").write_bytes(b"")
    staged(folder.Folder, tmp_path, path=str(root))
    said = capsys.readouterr().err
    assert "mine: 5 not or not wholly read: happy/b0.png (empty file); " in said
    assert said.endswith("; and 2 more\n")


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
    assert dataset.left_out == {"file beside the class folders": 2, "hidden file or folder": 1}
    assert (
        capsys.readouterr().err
        == "folder: left out 2 × file beside the class folders, 1 × hidden file or folder\n"
    )


def test_side_files_are_left_out_and_counted(tmp_path: Path) -> None:
    """Operating systems, file servers, archivers and annotators write them beside pictures."""
    root = tree(tmp_path, "happy/a.png", "sad/b.png", "happy/no_suffix")
    for name in (
        "Thumbs.db",
        "happy/Thumbs.db",
        "happy/desktop.ini",
        "happy/.DS_Store",
        "happy/._a.png",
        "happy/@eaDir/a.png/SYNOPHOTO_THUMB_M.jpg",
        "__MACOSX/happy/._a.png",
        "@eaDir/x.jpg",
        "happy/a.txt",
        "happy/a.XML",
        "happy/labels.csv",
        "happy/a.pdf",
        "happy/README",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"no picture")
    (root / "happy" / "voice.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    dataset = open_folder(root)
    for _ in range(2):  # counted anew each time
        assert list(labels(dataset)) == ["happy/a.png", "happy/no_suffix", "sad/b.png"]
        assert dataset.left_out == {
            "file or folder of the system": 6,
            "hidden file or folder": 2,
            "other file (.txt)": 1,
            "other file (.xml)": 1,
            "other file (.csv)": 1,
            "other file (.pdf)": 1,
            "other file (no suffix)": 1,
            "sound file (.wav)": 1,
        }
    before = dataset.fingerprint()
    (root / "happy" / "more.txt").write_text("a side file changes no sample")
    assert open_folder(root).fingerprint() == before


def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    """Opening a pipe waits for ever, and a link to /dev/zero has no end."""
    root = tree(tmp_path / "faces", "happy/a.png", "sad/b.png")
    os.mkfifo(root / "happy" / "pipe")
    os.mkfifo(root / "happy" / "pipe.png")
    os.mkfifo(root / "happy" / "pipe.mp4")
    (root / "happy" / "zero.jpg").symlink_to("/dev/zero")
    (root / "happy" / "zero.mp4").symlink_to("/dev/zero")
    (root / "happy" / "zero").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as bound:
        here = os.getcwd()
        os.chdir(root / "happy")  # the path of a socket has at most 107 bytes
        bound.bind("socket.png")
        os.chdir(here)
        rows = staged(folder.Folder, tmp_path, path=str(root))
    assert {row["sample_id"]: row["reason"] for row in rows} == {
        "happy/a.png": None,
        "happy/pipe.mp4": "cannot read: a pipe, which is not opened",
        "happy/pipe.png": "cannot read: a pipe, which is not opened",
        "happy/socket.png": "cannot read: a socket, which is not opened",
        "happy/zero.jpg": "cannot read: a device, which is not opened",
        "happy/zero.mp4": "cannot read: a device, which is not opened",
        "sad/b.png": None,
    }
    assert open_folder(root).fingerprint()
    dataset = open_folder(root)
    assert len(labels(dataset)) == 7
    assert dataset.left_out == {"pipe, socket or device": 2}


def clip_of(path: Path, kind: str, codec: str = "mpeg4") -> bytes:
    """Return a clip of four frames in this container."""
    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for index in range(4):
            frame = av.VideoFrame.from_ndarray(np.zeros((24, 32, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("mp4", "mpeg4"),
        ("mov", "mpeg4"),
        ("3g2", "mpeg4"),
        ("matroska", "mpeg4"),
        ("avi", "mpeg4"),
        ("asf", "mpeg4"),
        ("flv", "flv"),
        ("mpegts", "mpeg2video"),
        ("vob", "mpeg2video"),
        ("mpeg2video", "mpeg2video"),
        ("ogg", "libtheora"),
        ("mxf", "mpeg2video"),
        ("nut", "mpeg4"),
        ("ivf", "libvpx"),
    ],
)
def test_clips_are_known_by_their_content(tmp_path: Path, container: str, codec: str) -> None:
    """Without a suffix, with an odd one, and with that of a picture."""
    if codec not in av.codecs_available:
        pytest.skip(f"PyAV has no {codec}")
    clip = clip_of(tmp_path / "clip", container, codec)
    root = tree(tmp_path / "faces", "happy/a.png")
    for name in ("clip", "clip.2024", "clip.jpg", "clip.mp4"):
        (root / "happy" / name).write_bytes(clip)
    rows = staged(folder.Folder, tmp_path, path=str(root), fps=0)
    states: dict[str, list[str]] = {}
    for row in rows:
        states.setdefault(row["sample_id"], []).append(row["state"])
    assert states == {
        "happy/a.png": ["ok"],
        **{f"happy/{name}": ["ok"] * 4 for name in ("clip", "clip.2024", "clip.jpg", "clip.mp4")},
    }


def test_a_picture_with_the_suffix_of_a_clip_is_a_picture(tmp_path: Path) -> None:
    root = tree(tmp_path / "faces", "happy/a.mp4", "happy/b.ts", "happy/c")
    rows = staged(folder.Folder, tmp_path, path=str(root))
    assert [(row["sample_id"], row["state"]) for row in rows] == [
        ("happy/a.mp4", "ok"),
        ("happy/b.ts", "ok"),
        ("happy/c", "ok"),
    ]
    assert all(row["image"]["bytes"] == PNG for row in rows)


def test_subjects_are_read_from_the_path(tmp_path: Path) -> None:
    root = tree(tmp_path, "happy/s01_1.png", "happy/s02_1.png", "sad/s01_2.png")

    def subjects(pattern: str) -> list[str | None]:
        dataset = open_folder(root, subject={"pattern": pattern})
        return [sample.subject for sample in dataset.samples()]

    assert subjects(r"/(s\d+)_") == ["s01", "s02", "s01"]
    assert subjects(r"s\d+") == ["s01", "s02", "s01"]
    assert subjects(r"/(s02)?") == [None, "s02", None]
    with pytest.raises(ValueError, match=r"'happy/s02_1\.png' does not match .*subject\.pattern"):
        subjects("s01")
    with pytest.raises(ValueError, match="no regular expression"):
        open_folder(root, subject={"pattern": "(s"})


def test_one_picture_or_clip_is_a_dataset_without_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path, "my clip.mp4", "a.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    (sample,) = open_folder(tmp_path / "my clip.mp4").samples()
    assert (sample.sample_id, sample.label) == ("my clip.mp4", None)
    (row,) = staged(folder.Folder, tmp_path, path="~/a.png")
    assert (row["sample_id"], row["state"]) == ("a.png", "ok")
    (tmp_path / "labels.csv").write_text("path,label\n")
    with pytest.raises(ValueError, match=r"labels\.csv: neither .*other file \(\.csv\).*'table'"):
        open_folder(tmp_path / "labels.csv")


def test_a_home_folder_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    tree(tmp_path / "faces", "happy/a.png", "sad/b.png")
    assert len(labels(open_folder(Path("~/faces")))) == 2
    (tmp_path / "t.csv").write_text("path,label\nhappy/a.png,happy\n")
    rows = staged(table.Table, tmp_path / "out", path="~/t.csv", root="~/faces", columns={})
    assert [row["state"] for row in rows] == ["ok"]


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


@pytest.mark.parametrize("part", ["end", "rows"])
def test_a_damaged_parquet_table_is_to_be_saved_again_not_removed(tmp_path, part):
    path = write_table(tmp_path, "parquet", {"path": ["a.png"], "label": ["happy"]})
    content = bytearray(path.read_bytes())
    if part == "end":
        del content[-9:]
    else:
        content[4:60] = bytes(56)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"; save the table again, as Parquet or CSV$"):
        list(open_table(path).samples())


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


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


PLAIN = "path,label\npics/a.png,happy\npics/Müller.png,sad\n"
READ = {"pics/a.png": "happiness", "pics/Müller.png": "sadness"}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", ", "])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_encodings_and_line_ends(
    tmp_path: Path, separator: str, encoding: str, end: str
) -> None:
    text = PLAIN.replace(",", separator).replace("\n", end)
    assert labels(open_table(write(tmp_path / "t.csv", text, encoding))) == READ


@pytest.mark.parametrize("first", ["sep=;\n", "\ufeffsep=;\r\n", '"sep=;"\n'])
def test_the_line_by_which_excel_names_its_separator(tmp_path: Path, first: str) -> None:
    text = first + PLAIN.replace(",", ";").replace("Müller", "Mül,ler")
    assert labels(open_table(write(tmp_path / "t.csv", text))) == {
        "pics/a.png": "happiness",
        "pics/Mül,ler.png": "sadness",
    }


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_compressed_table_is_read_by_its_content(tmp_path: Path, pack: object) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(pack(PLAIN.encode()))
    assert labels(open_table(path)) == READ
    path.write_bytes(pack(PLAIN.encode() * 50)[:-12])
    with pytest.raises(ValueError, match=r"t\.csv, .*cut or damaged"):
        labels(open_table(path))


def test_other_encodings_are_named_by_the_user(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", PLAIN, "cp1252")
    with pytest.raises(
        ValueError, match=r"t\.csv, row 2: .*byte 0xFC is not UTF-8; .*'encoding', such as cp1252"
    ):
        labels(open_table(path))
    assert labels(open_table(path, encoding="cp1252")) == READ
    with pytest.raises(ValueError, match="unknown encoding: cp125; such as"):
        open_table(path, encoding="cp125")
    with pytest.raises(ValueError, match="not a text encoding"):
        open_table(path, encoding="base64")
    header = write(tmp_path / "h.csv", "path,label,größe\na,happy,1\n", "cp1252")
    with pytest.raises(ValueError, match=r"h\.csv, header: .*byte 0xF6 is not UTF-8"):
        open_table(header)


def test_quoted_line_ends_and_long_cells_are_read(tmp_path: Path) -> None:
    """Above the block of 1 MB that other readers take, and above 128 KiB in a cell."""
    long = "x" * 200_000 + "\n" + "y" * 200_000
    lines = ["path,label,comment", f'a.png,happy,"{long}"']
    lines += [f'{n}.png,sad,"{"x" * 40}\n{"y" * 40}"' for n in range(20_000)]
    found = list(open_table(write(tmp_path / "t.csv", "\n".join(lines))).samples())
    assert len(found) == 20_001
    assert [sample.label for sample in found[:2]] == ["happiness", "sadness"]
    assert found[-1].path == "19999.png"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\na,happy\nb\n", r"row 2: 1 cells, but the header has 2; .*a comma"),
        ("path;label\na;happy\nb;sad;c\n", r"row 2: 3 cells, but .* 2; .*a semicolon"),
        ('path,label\na,happy\n"b,sad\nc,sad\n', r"row 2: unexpected end of data"),
        ('path,label\n"a"b,happy\n', r"row 1: .*expected after"),
        ("", "the table is empty"),
        ("\n\n", "the table is empty"),
        ("path,label,label\na,happy,sad\n", "columns 2 and 3 are both named 'label'; rename"),
        ("path,path,label\na,b,sad\n", "columns 1 and 2 are both named 'path'; rename"),
        ("pics/a.png,happy\npics/b.png,sad\n", "no column 'path'.*first row of the table has to"),
        ("path\tlabel\na\thapy\n", "row 1: label 'hapy'.*did you mean 'happy'"),
        ('{"path": "a"}', r"this is JSON, not a text table; save it as CSV"),
        ("<table><tr><td>path</td></tr></table>", "this is HTML or XML"),
        ("path,label\nhttps://x.org/a.png,sad\n", r"row 1: .*is an address; fetch the file"),
        ("path,label\nC:\\pics\\a.png,sad\n", r"row 1: 'C:.*is a path of Windows.*'root'"),
        ("path,label\nC:/pics/a.png,sad\n", r"row 1: 'C:.*is a path of Windows.*'root'"),
        ("path,label\n\\\\server\\a.png,sad\n", r"row 1: .*is a path of Windows"),
    ],
)
def test_a_table_that_cannot_be_read_names_file_row_and_cure(
    tmp_path: Path, text: str, message: str
) -> None:
    path = write(tmp_path / "t.csv", text)
    with pytest.raises(ValueError, match=message) as caught:
        labels(open_table(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"PK\x03\x04\x14\0\x06\0", "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel"),
        (b"ARROW1\0\0", "Arrow"),
        (b"\x7fELF\0\0\0\0\0\0\0\0\0\0", "zero bytes"),
    ],
)
def test_files_of_other_formats_are_named(tmp_path: Path, start: bytes, kind: str) -> None:
    (tmp_path / "t.csv").write_bytes(start + bytes(200))
    with pytest.raises(ValueError, match=rf"t\.csv: .*{kind}.*save it as CSV"):
        open_table(tmp_path / "t.csv")


def test_parquet_is_known_by_its_content(tmp_path: Path) -> None:
    pq.write_table(pa.table({"path": ["a"], "label": ["sad"]}), tmp_path / "t.data")
    assert labels(open_table(tmp_path / "t.data")) == {"a": "sadness"}
    pq.write_table(
        pa.table(
            {"path": ["a", "b"], "label": [3.0, None], "who": ["x", " "], "v": [float("nan"), 0.5]}
        ),
        tmp_path / "t.parquet",
    )
    dataset = open_table(
        tmp_path / "t.parquet", {"subject": "who", "valence": "v"}, label_map={3: "happiness"}
    )
    assert [(sample.label, sample.subject, sample.valence) for sample in dataset.samples()] == [
        ("happiness", "x", None),
        (None, None, 0.5),
    ]


@pytest.mark.parametrize(
    "near",
    [
        *("Label", "LABEL", "labels", "emotion", "Emotion", "EMOTION", "class", "target"),
        *("expression", "y", "Ausdruck", "gt", "ground_truth", "Emotion label", "true class"),
    ],
)
def test_a_column_that_is_nearly_the_label_is_named(tmp_path: Path, near: str) -> None:
    for kind in ("csv", "parquet"):
        path = write_table(tmp_path, kind, {"path": ["a", "b"], near: ["happy", "sad"]})
        with pytest.raises(ValueError, match=rf"'{near}' may hold the labels; .*label: {near}\}}"):
            open_table(path)
        assert labels(open_table(path, {"label": near})) == {"a": "happiness", "b": "sadness"}
        assert labels(open_table(path, {"label": None})) == {"a": None, "b": None}


def test_other_columns_are_not_taken_for_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = {"path": ["a", "b"], "x": ["1", "2"], "Subject": ["p1", "p2"], "note": ["sad", "no"]}
    assert labels(open_table(write_table(tmp_path, "csv", columns))) == {"a": None, "b": None}
    assert "not read: Subject; the dataset key 'columns'" in capsys.readouterr().err
    path = write_table(tmp_path, "csv", {"path": ["a"], "label": [""]})
    assert labels(open_table(path)) == {"a": None}
    assert "no row has a label in the column 'label'" in capsys.readouterr().err


def test_rows_without_anything_and_columns_without_names_are_left_out(tmp_path: Path) -> None:
    """Spreadsheets write them where cells were once filled."""
    path = write(tmp_path / "t.csv", "path,label,,\na,happy,,\n,,,\n\nb,sad\t,,,,\n , ,,\n")
    dataset = open_table(path)
    assert labels(dataset) == {"a": "happiness", "b": "sadness"}
    assert dataset.left_out == {"row without anything in it": 2}


def test_numbers_as_labels(tmp_path: Path) -> None:
    path = write_table(tmp_path, "csv", {"path": ["a", "b", "c"], "label": ["3", "4.0", "05"]})
    label_map = {3: "happiness", 4: "sadness", "05": None}
    assert labels(open_table(path, label_map=label_map)) == {
        "a": "happiness",
        "b": "sadness",
        "c": None,
    }
    assert labels(open_table(path, label_map={3.0: "fear", "4": "fear", "05": "fear"}))["a"] == (
        "fear"
    )
    with pytest.raises(ValueError, match=r"YAML reads a key as false: put the label .* in quotes"):
        open_table(path, label_map={False: "neutral"})
    tree(tmp_path / "faces", "3/a.png", "4/b.png")
    assert labels(open_folder(tmp_path / "faces", label_map={3: "happy", 4: "sad"})) == {
        "3/a.png": "happiness",
        "4/b.png": "sadness",
    }


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0,5", 0.5),
        ("-0,25", -0.25),
        ("−0.25", -0.25),
        (" 1 ", 1.0),
        (".5", 0.5),
        ("1e-1", 0.1),
        ("NA", None),
        ("-", None),
    ],
)
def test_ratings_as_people_write_them(tmp_path: Path, written: str, value: float | None) -> None:
    path = write(tmp_path / "t.csv", f"path;label;v\na;happy;{written}\n")
    assert [sample.valence for sample in open_table(path, {"valence": "v"}).samples()] == [value]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("5", r"row 2: v 5 lies outside −1 … 1; rescale"),
        ("-1.01", r"row 2: v -1\.01 lies outside"),
        ("1,5", r"row 2: v 1,5 lies outside"),
        ("inf", r"row 2: v is no number: 'inf'"),
        ("high", r"row 2: v is no number: 'high'"),
        ("0.5.1", r"row 2: v is no number: '0\.5\.1'"),
    ],
)
def test_a_rating_outside_its_range_is_an_error(tmp_path: Path, written: str, message: str) -> None:
    path = write(tmp_path / "t.csv", f"path;label;v\na;happy;0\nb;sad;{written}\n")
    for key in ("valence", "arousal"):
        with pytest.raises(ValueError, match=message):
            list(open_table(path, {key: "v"}).samples())


def test_paths_of_windows_are_those_of_this_system(tmp_path: Path) -> None:
    tree(tmp_path, "pics/sub/a.png", "odd\\name.png")
    path = write(tmp_path / "t.csv", "path,label\npics\\sub\\a.png,happy\nodd\\name.png,sad\n")
    assert list(labels(open_table(path))) == ["pics/sub/a.png", "odd\\name.png"]
    rows = staged(table.Table, tmp_path / "out", path=str(path), columns={})
    assert [row["state"] for row in rows] == ["ok", "ok"]
    before = open_table(path).fingerprint()
    (tmp_path / "pics/sub/a.png").write_bytes(PNG + b"more")
    assert open_table(path).fingerprint() != before


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("caplabel.csv", {}, "'Label' may hold the labels"),
        ("emotioncol.csv", {}, "'emotion' may hold the labels"),
        ("semi.csv", {}, ["happiness", "sadness"]),
        ("latin1.csv", {}, "row 2: .*byte 0xFC is not UTF-8"),
        ("latin1.csv", {"encoding": "latin-1"}, ["happiness", "sadness"]),
        ("winpath.csv", {}, ["happiness", "sadness"]),
        ("numeric.csv", {}, "row 1: label '3' is no known emotion.*label_map"),
        ("numeric.csv", {"label_map": {3: "fear", 4: "anger"}}, ["fear", "anger"]),
        ("bignl.csv.gz", {}, 20_000),
        ("header.csv", {}, []),
    ],
)
def test_the_tables_among_the_cases(
    cases: Path, name: str, options: dict, expected: str | list | int
) -> None:
    if isinstance(expected, str):
        with pytest.raises(ValueError, match=rf"{name}.*{expected}"):
            labels(open_table(cases / name, **options))
        return
    found = [sample.label for sample in open_table(cases / name, **options).samples()]
    assert (len(found) if isinstance(expected, int) else found) == expected


def test_missing_table_names_the_key(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.csv.*'path'"):
        open_table(tmp_path / "none.csv")
    with pytest.raises(FileNotFoundError, match="this is a folder, whose dataset type is 'folder'"):
        open_table(tmp_path)


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
