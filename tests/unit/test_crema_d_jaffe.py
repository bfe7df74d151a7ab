"""CREMA-D and JAFFE by their file names; JAFFE's pictures are drawn faces as grey TIFF."""

import io
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceoff.datasets import crema_d, jaffe
from faceoff.datasets.crema_d import CremaD
from faceoff.datasets.jaffe import Jaffe
from faceoff.drawing import scenes
from faceoff.emotions import EMOTIONS
from faceoff.media.images import decode_image

# -- CREMA-D ---------------------------------------------------------------------------------------

PEOPLE = """"ActorID","Age","Sex","Race","Ethnicity"
1001,51,"Male","Caucasian","Not Hispanic"
1040,42,"Male","Caucasian","Not Hispanic"
1091,29,"Female","Asian","Not Hispanic"
"""
STEMS = [
    "1001_DFA_ANG_XX",
    "1001_IEO_HAP_HI",
    "1040_ITH_SAD_X",
    "1091_WSI_NEU_XX",
    "1091_IEO_FEA_LO",
    "1091_IEO_DIS_MD",
]


def crema(root: Path, stems: list[str] = STEMS, people: str | None = None) -> Path:
    (root / "VideoFlash").mkdir(parents=True, exist_ok=True)
    for stem in stems:
        (root / "VideoFlash" / f"{stem}.flv").write_bytes(b"FLV\x01")
    if people is not None:
        (root / "VideoDemographics.csv").write_text(people)
    return root


def clips(root: Path, **options: object) -> CremaD:
    return CremaD(CremaD.Options(path=root, **options))


def test_crema_d_names(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    dataset = clips(crema(tmp_path))
    found = {sample.sample_id: sample for sample in dataset.samples()}
    assert {name: sample.label for name, sample in found.items()} == {
        "1001_DFA_ANG_XX": "anger",
        "1001_IEO_HAP_HI": "happiness",
        "1040_ITH_SAD_XX": "sadness",
        "1091_IEO_DIS_MD": "disgust",
        "1091_IEO_FEA_LO": "fear",
        "1091_WSI_NEU_XX": "neutral",
    }
    assert set(dataset.space) == set(EMOTIONS) - {"surprise", "contempt"}
    assert found["1001_IEO_HAP_HI"].groups == {"actor": "1001", "sentence": "IEO", "level": "high"}
    assert found["1001_IEO_HAP_HI"].subject == "1001"
    assert all(sample.kind == "video" for sample in found.values())
    assert dataset.file(found["1040_ITH_SAD_XX"]) == tmp_path / "VideoFlash/1040_ITH_SAD_X.flv"
    assert "6 of 7,442 clips" in capsys.readouterr().err
    assert [sample.sample_id for sample in clips(tmp_path / "VideoFlash").samples()] == list(found)


def test_crema_d_every_combination_of_codes() -> None:
    for codes in product(crema_d.ACTORS, crema_d.SENTENCES, crema_d.LABELS, crema_d.LEVELS):
        assert crema_d.parse("_".join(codes)) == codes
    assert (len(crema_d.ACTORS), len(crema_d.SENTENCES), len(crema_d.LABELS)) == (91, 12, 6)
    assert crema_d.parse("1001_DFA_ANG") is crema_d.parse("FileName") is None


@pytest.mark.parametrize(
    ("stem", "field"),
    [
        ("1092_DFA_ANG_XX", "actor"),
        ("1001_DFB_ANG_XX", "sentence"),
        ("1001_DFA_SUR_XX", "emotion"),
        ("1001_DFA_ANG_X", "level"),
        ("1001_DFA_ANG_AB", "level"),
    ],
)
def test_crema_d_unknown_code(tmp_path: Path, stem: str, field: str) -> None:
    with pytest.raises(ValueError, match=rf"{stem}\.flv: unknown {field} code"):
        clips(crema(tmp_path, [*STEMS, stem]))


def test_crema_d_actors(tmp_path: Path) -> None:
    plain = clips(crema(tmp_path))
    dataset = clips(crema(tmp_path, people=PEOPLE.replace(",", " , ") + "\n"))
    found = {sample.sample_id: sample for sample in dataset.samples()}
    assert found["1001_DFA_ANG_XX"].groups == {
        "actor": "1001", "sentence": "DFA", "level": "unspecified", "sex": "male", "age": "50-59",
        "race": "Caucasian", "ethnicity": "Not Hispanic",
    }  # fmt: skip
    assert found["1091_WSI_NEU_XX"].groups["age"] == "20-29"
    assert dataset.version != plain.version
    assert dataset.fingerprint() != plain.fingerprint()
    assert next(iter(clips(tmp_path / "VideoFlash").samples())).groups["sex"] == "male", (
        "the table beside VideoFlash"
    )
    other = tmp_path / "people.csv"
    other.write_text(PEOPLE.replace("51", "18"))
    assert next(iter(clips(tmp_path, demographics=other).samples())).groups["age"] == "10-19"


@pytest.mark.parametrize(
    ("people", "message"),
    [
        (PEOPLE.rsplit("\n", 2)[0] + "\n", "no row for actor 1091"),
        (PEOPLE.replace("Race", "Rasse"), "no column 'Race'"),
        (PEOPLE.replace("51", "?"), "row 1: not an actor"),
        (PEOPLE + "1002,21\n", "row 4: not an actor"),
        ("", "no column 'ActorID'"),
    ],
)
def test_crema_d_wrong_table_of_actors(tmp_path: Path, people: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        list(clips(crema(tmp_path, people=people)).samples())
    assert "VideoDemographics.csv" in str(error.value)


def test_crema_d_duplicates_and_other_files(tmp_path: Path) -> None:
    crema(tmp_path)
    crema(tmp_path / "copy")
    for name in ("._1001_DFA_ANG_XX.flv", "notes.flv", "1001_DFA_ANG_XX.wav"):
        (tmp_path / "VideoFlash" / name).touch()
    found = list(clips(tmp_path).samples())
    assert len(found) == len(STEMS)
    assert all(sample.path.startswith("VideoFlash/") for sample in found)


def test_crema_d_git_lfs_pointer(tmp_path: Path) -> None:
    (crema(tmp_path) / "VideoFlash/1001_DFA_ANG_XX.flv").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    )
    with pytest.raises(
        FileNotFoundError, match=r"1001_DFA_ANG_XX\.flv.*for 1 in all.*git lfs pull"
    ):
        clips(tmp_path)


def test_crema_d_nothing_found(tmp_path: Path) -> None:
    for root in (tmp_path / "absent", tmp_path):
        with pytest.raises(FileNotFoundError, match="dataset key 'path'"):
            clips(root)
    with pytest.raises(FileNotFoundError, match="dataset key 'demographics'"):
        clips(crema(tmp_path), demographics=tmp_path / "absent.csv")


# -- JAFFE -----------------------------------------------------------------------------------------


def tiff(shade: int) -> bytes:
    """A drawn face, grey and 80 px wide."""
    face = scenes.draw(scenes.plan("test")[0])[0][::3, ::3]
    buffer = io.BytesIO()
    Image.fromarray((face.mean(axis=2) * shade / 255).astype(np.uint8)).save(buffer, format="TIFF")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def jaffe_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """213 pictures: three per subject and expression, and three more."""
    root = tmp_path_factory.mktemp("jaffe")
    names = [
        f"{subject}.{code}{count}"
        for subject in jaffe.SUBJECTS
        for code in jaffe.LABELS
        for count in (1, 2, 3)
    ] + ["KL.FE4", "NM.FE4", "TM.HA4"]
    for number, name in enumerate(names, start=1):
        (root / f"{name}.{number}.tiff").write_bytes(tiff(number))
    (root / "README_FIRST.txt").touch()
    return root


def faces(root: Path) -> Jaffe:
    return Jaffe(Jaffe.Options(path=root))


def test_jaffe(jaffe_tree: Path, capsys: pytest.CaptureFixture) -> None:
    dataset = faces(jaffe_tree)
    found = list(dataset.samples())
    assert len(found) == 213
    assert dataset.space == EMOTIONS[:7]
    assert capsys.readouterr().err == ""
    assert {sample.subject for sample in found} == set(jaffe.SUBJECTS)
    assert all(
        sample.label == jaffe.LABELS[sample.sample_id[3:5]] and sample.kind == "image"
        for sample in found
    )
    image = decode_image(dataset.read(found[0]))
    assert image.shape == (80, 80, 3)
    assert (image[..., 0] == image[..., 2]).all()


def test_jaffe_duplicates_and_missing(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for folder in ("b", "a"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "KA.AN1.39.tiff").write_bytes(tiff(1))
    for name in ("._KA.AN1.39.tiff", "KA.AN1.39.txt", "notes.tiff"):
        (tmp_path / "a" / name).touch()
    dataset = faces(tmp_path)
    assert [(sample.path, sample.label) for sample in dataset.samples()] == [
        ("a/KA.AN1.39.tiff", "anger")
    ]
    assert "1 of 213" in capsys.readouterr().err
    before = dataset.fingerprint()
    (tmp_path / "a" / "KA.AN2.40.tif").write_bytes(tiff(2))
    assert faces(tmp_path).fingerprint() != before


@pytest.mark.parametrize(
    ("name", "field"), [("XX.AN1.39.tiff", "subject"), ("KA.CO1.39.tiff", "expression")]
)
def test_jaffe_unknown_code(tmp_path: Path, name: str, field: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match=f"{name}: unknown {field} code"):
        faces(tmp_path)


def test_jaffe_nothing_found(tmp_path: Path) -> None:
    for root in (tmp_path / "absent", tmp_path):
        with pytest.raises(FileNotFoundError, match="dataset key 'path'"):
            faces(root)
