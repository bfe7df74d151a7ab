"""Test the pictures of a training: decoded once, twins of test pictures left out and counted."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceoff import emotions
from faceoff.faces.labelled_faces import pictures_of
from faceoff.faces.training_pictures import Tables, training_pictures
from faceoff.media.images import encode_png
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import CropSpec
from faceoff.storage import columns, parquet
from faceoff.training.pictures import Pictures, batches, pixel_hash, store

CROP = CropSpec(size=(12, 12), channels=1)
JOB = CropJob(policy="largest", whole_frame=True)
CLASSES = ("anger", "happiness")
Learnt = tuple[Pictures, dict[str, int]]


def test_rows_become_one_file_in_their_order(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (5, 4, 3, 1), np.uint8)
    rows = ((one, np.eye(2)[i % 2], i % 2) for i, one in enumerate(pixels))
    stored = store(tmp_path / "a.pixels", rows)
    assert (tmp_path / "a.pixels").stat().st_size == pixels.size
    assert isinstance(stored.pixels, np.memmap)
    np.testing.assert_array_equal(stored.pixels, pixels)
    assert stored.labels.tolist() == [0, 1, 0, 1, 0]
    assert [len(part) for part in batches(stored, 2)] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate([*batches(stored, 2)]), pixels)


def test_without_a_row_nothing_is_left_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no picture has both a face and a label"):
        store(tmp_path / "a.pixels", iter(()))
    assert not list(tmp_path.iterdir())


# Half a gigabyte of pictures; it says by how many MB the process grew.
_STREAMED = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {path!r})
import numpy as np
from faceoff.training.pictures import store
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
one = np.zeros((224, 224, 3), np.uint8)
pictures = store(Path(sys.argv[1]), ((one, np.eye(8)[0], 0) for _ in range(3500)))
print(len(pictures), peak() - before)
"""


@pytest.mark.slow
def test_pictures_go_to_the_disk_one_by_one(tmp_path: Path) -> None:
    path = str(Path(columns.__file__).parents[2])
    command = [sys.executable, "-c", _STREAMED.format(path=path), str(tmp_path / "pixels")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    count, grown = done.stdout.split()
    assert int(count) == 3500
    assert float(grown) < 60


def test_the_hash_tells_shapes_apart() -> None:
    flat = np.arange(12, dtype=np.uint8)
    assert pixel_hash(flat.reshape(3, 4)) != pixel_hash(flat.reshape(4, 3))
    assert pixel_hash(flat) == pixel_hash(flat.copy())


# -- tables of a dataset ---------------------------------------------------------------------------


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (20, 20, 3), np.uint8)


def tables(
    folder: Path, files: Sequence[bytes | None], labels: Sequence[str | None], faces: bool = True
) -> Tables:
    """Write the tables of encoded pictures; None cannot be read.

    faces: a detector finds a face in each picture.
    """
    folder.mkdir()
    samples, frames, found = [], [], []
    for number, (content, label) in enumerate(zip(files, labels, strict=True)):
        key = {"sample_id": f"s{number}", "frame": 0, "timestamp_s": None}
        state = columns.OK if content else columns.UNREADABLE
        about = {"kind": "image", "path": "p", "split": "train"}
        samples.append({"sample_id": f"s{number}", "label": label, "votes": None} | about)
        image = {"bytes": content, "path": "p"} if content else None
        frames.append(key | {"width": 20, "height": 20, "state": state, "image": image})
        if content and faces:
            box = {"x": 0.0, "y": 0.0, "w": 20.0, "h": 20.0, "score": 1.0}
            found.append(key | box | {"face_id": 0, "n_faces": 1, "success": 1, "state": state})
        else:
            state = columns.NO_FACE if content else columns.UNREADABLE
            found.append(key | {"face_id": -1, "n_faces": 0, "success": 0, "state": state})
    rows = {"samples": samples, "frames": frames, "faces": found}
    schemas = (columns.SAMPLES, columns.FRAMES, columns.FACES)
    for (name, table), schema in zip(rows.items(), schemas, strict=True):
        parquet.write_rows(folder / f"{name}.parquet", schema, table)
    return Tables(*(folder / f"{name}.parquet" for name in rows))


def learnt(folder: Path, given: Tables, apart: frozenset[str] = frozenset()) -> Learnt:
    return training_pictures(folder / "data.pixels", given, CROP, JOB, CLASSES, "test", apart)


def webp(seed: int) -> bytes:
    return cv2.imencode(".webp", picture(seed)[:, :, ::-1], [cv2.IMWRITE_WEBP_QUALITY, 101])[
        1
    ].tobytes()


def test_twins_of_test_pictures_are_left_out_and_counted(tmp_path: Path) -> None:
    """A twin has the same pixels in a file of another name and another encoding."""
    train = tables(
        tmp_path / "train", [encode_png(picture(i)) for i in range(4)], ["anger", "happiness"] * 2
    )
    test = tables(tmp_path / "test", [webp(9), webp(2), None], ["anger", "happiness", None])
    apart = frozenset(map(pixel_hash, pictures_of(test.frames)))
    pictures, left_out = learnt(tmp_path, train, apart)
    assert len(pictures) == 3
    assert pictures.labels.tolist() == [0, 1, 1]
    assert left_out == {
        "cannot be read": 0, "no face": 0, "another class": 0, "pixel twin of a test picture": 1,
    }  # fmt: skip
    kept, left_out = learnt(tmp_path, train)
    assert len(kept) == 4
    assert not any(left_out.values())


def test_what_cannot_be_learnt_is_left_out_and_counted(tmp_path: Path) -> None:
    good = [encode_png(picture(i)) for i in range(6)]
    broken = good[1][: len(good[1]) // 2]  # it was whole when the frames were listed
    files = [good[0], None, broken, good[3], good[4], good[5]]
    labels = ["anger", "anger", "happiness", "fear", None, "happiness"]
    pictures, left_out = learnt(tmp_path, tables(tmp_path / "t", files, labels))
    assert pictures.labels.tolist() == [0, 1]
    assert pictures.pixels.shape == (2, 12, 12, 1)
    assert left_out == {
        "cannot be read": 2, "no face": 0, "another class": 1, "pixel twin of a test picture": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "faces", "reason"),
    [
        (["fear", "fear"], True, "another class: 2"),
        (["anger", "happiness"], False, "no face: 2"),
        ([None, None], True, "no labels"),
    ],
)
def test_nothing_left_says_why(
    tmp_path: Path, labels: list[str | None], faces: bool, reason: str
) -> None:
    files = [encode_png(picture(i)) for i in range(2)]
    with pytest.raises(ValueError, match=rf"^samples: no picture has both .*\({reason}\)$"):
        learnt(tmp_path, tables(tmp_path / "t", files, labels, faces))


def test_votes_go_by_the_names_of_the_classes(tmp_path: Path) -> None:
    given = tables(tmp_path / "t", [encode_png(picture(1))], ["happiness"])
    votes = {"happiness": 6.0, "anger": 2.0, "fear": 2.0}
    row = next(parquet.rows(given.samples)) | {
        "votes": [votes.get(name, 0.0) for name in emotions.EMOTIONS]
    }
    parquet.write_rows(given.samples, columns.SAMPLES, [row])
    pictures, _ = learnt(tmp_path, given)
    assert pictures.targets.tolist() == [[0.25, 0.75]]
