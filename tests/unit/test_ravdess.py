"""RAVDESS by its published counts, on trees of empty files that carry all official names: no clip
is decoded here.
"""

import re
from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

from faceoff.datasets.ravdess import FOLD_OF, FOLDS, Clip, Ravdess, parse, published
from faceoff.emotions import EMOTIONS
from faceoff.plan import config_files

ROOT = Path(__file__).resolve().parents[2]
LABELS = {
    "01": "neutral",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}


def names(modality: str, vocal: str) -> list[str]:
    """All official names of one modality and vocal channel, spelled out apart from the code under
    test.
    """
    found = []
    for actor in range(1, 25):
        for emotion in range(1, 7 if vocal == "02" else 9):
            for intensity in (1,) if emotion == 1 else (1, 2):
                for statement in (1, 2):
                    for repetition in (1, 2):
                        if not (vocal == "02" and actor == 18):
                            found.append(
                                f"{modality}-{vocal}-{emotion:02d}-{intensity:02d}-{statement:02d}-{repetition:02d}-{actor:02d}"
                            )
    return found


def put(root: Path, stems: list[str], suffix: str = ".mp4") -> None:
    """Empty files in the archives' folders."""
    for stem in stems:
        folder = (
            root
            / f"Video_{'Speech' if stem[3:5] == '01' else 'Song'}_Actor_{stem[-2:]}"
            / f"Actor_{stem[-2:]}"
        )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{stem}{suffix}").touch()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything: speech and song, with and without sound, and the sound alone."""
    root = tmp_path_factory.mktemp("ravdess")
    for vocal in ("01", "02"):
        put(root, names("01", vocal))
        put(root, names("02", vocal))
    put(root, names("03", "01"), ".wav")
    return root


def made(root: Path, **options: object) -> Ravdess:
    return Ravdess(Ravdess.Options(path=root, **options))


@pytest.mark.parametrize(
    ("options", "n", "classes"),
    [
        ({}, 1248, 7),
        ({"calm": "keep"}, 1440, 8),
        ({"calm": "neutral"}, 1440, 7),
        ({"modality": "video"}, 1248, 7),
        ({"vocal": "song", "calm": "keep"}, 1012, 6),
        ({"vocal": "song"}, 828, 5),
        ({"vocal": "both", "calm": "keep"}, 2452, 8),
        ({"intensity": "strong", "calm": "keep"}, 672, 7),
        ({"intensity": "normal"}, 672, 7),
        ({"actors": [18, 3]}, 104, 7),
    ],
)
def test_published_counts(tree: Path, options: dict, n: int, classes: int) -> None:
    dataset = made(tree, **options)
    samples = list(dataset.samples())
    assert len(samples) == len({sample.sample_id for sample in samples}) == n
    assert {sample.label for sample in samples} == set(dataset.space)
    assert len(dataset.space) == classes
    assert dataset.missing() == []
    assert sum(dataset.left_out.values()) + n == 2 * 2452 + 1440, (
        "every file is in the task or counted"
    )


def test_labels_and_groups(tree: Path) -> None:
    dataset = made(tree)
    assert dataset.space == EMOTIONS[:7]
    samples = list(dataset.samples())
    assert all(sample.label == LABELS[sample.sample_id[6:8]] for sample in samples)
    assert Counter(sample.label for sample in samples) == {
        label: 96 if label == "neutral" else 192 for label in EMOTIONS[:7]
    }
    by_id = {sample.sample_id: sample for sample in samples}
    sample = by_id["01-01-06-02-01-02-12"]
    assert (sample.kind, sample.label, sample.subject) == ("video", "fear", "12")
    assert sample.groups == {
        "actor": "12", "sex": "female", "intensity": "strong", "statement": "kids",
        "repetition": "2", "vocal": "speech", "emobox_fold": "2", "mmer_fold": "2",
    }  # fmt: skip
    assert dataset.file(sample) == tree / "Video_Speech_Actor_12/Actor_12/01-01-06-02-01-02-12.mp4"
    assert by_id["01-01-06-02-01-02-11"].groups["sex"] == "male"
    assert [sample.subject for sample in samples] == sorted(sample.subject for sample in samples)


def test_calm(tree: Path) -> None:
    assert made(tree, calm="keep").space == (*EMOTIONS[:7], "calm")
    merged = {sample.sample_id: sample.label for sample in made(tree, calm="neutral").samples()}
    kept = {sample.sample_id: sample.label for sample in made(tree, calm="keep").samples()}
    assert {name for name, label in kept.items() if label != merged[name]} == {
        name for name in kept if name[6:8] == "02"
    }
    assert Counter(merged.values())["neutral"] == 96 + 192


@pytest.mark.parametrize("name", FOLDS)
def test_folds_are_disjoint_and_complete(tree: Path, name: str) -> None:
    actors = [actor for fold in FOLDS[name].values() for actor in fold]
    assert sorted(actors) == list(range(1, 25))
    assert len(FOLD_OF[name]) == 24
    parts = [
        [sample.sample_id for sample in made(tree, fold_set=name, folds=[fold]).samples()]
        for fold in FOLDS[name]
    ]
    assert [len(part) for part in parts] == [52 * len(fold) for fold in FOLDS[name].values()]
    assert sorted(name for part in parts for name in part) == sorted(
        sample.sample_id for sample in made(tree).samples()
    )
    rest = made(tree, fold_set=name, folds=list(FOLDS[name])[1:])
    assert {sample.subject for sample in rest.samples()} == {
        f"{actor:02d}" for actor in set(range(1, 25)) - set(next(iter(FOLDS[name].values())))
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": [1]}, "needs 'fold_set'"),
        (
            {"fold_set": "mmer", "folds": [5]},
            r"\[5\] are not among the folds of mmer: 0, 1, 2, 3, 4",
        ),
        ({"fold_set": "emobox", "folds": [0]}, "1, 2, 3, 4, 5, 6"),
        ({"actors": [25]}, "less than or equal to 24"),
        ({"modality": "audio"}, "'av' or 'video'"),
        ({"calm": "merge"}, "calm"),
    ],
)
def test_wrong_options(tmp_path: Path, options: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Ravdess.Options(path=tmp_path, **options)


@pytest.mark.parametrize(
    "options",
    [{"actors": [2], "fold_set": "emobox", "folds": [1]}, {"actors": [18], "vocal": "song"}],
)
def test_options_that_leave_nothing(tree: Path, options: dict) -> None:
    with pytest.raises(ValueError, match="no clip under these options"):
        made(tree, **options)


def test_names_that_ravdess_does_not_have_stay_out(tmp_path: Path) -> None:
    put(
        tmp_path,
        [
            "01-01-01-01-01-01-01",
            "01-01-01-02-01-01-01",
            "01-02-03-01-01-01-18",
            "01-02-07-01-01-01-01",
        ],
    )
    assert [sample.sample_id for sample in made(tmp_path, vocal="both").samples()] == [
        "01-01-01-01-01-01-01"
    ]


@pytest.mark.parametrize(
    ("stem", "field"),
    [
        ("04-01-03-01-01-01-01", "modality code '04'"),
        ("01-03-03-01-01-01-01", "vocal code '03'"),
        ("01-01-09-01-01-01-01", "emotion code '09'"),
        ("01-01-00-01-01-01-01", "emotion code '00'"),
        ("01-01-03-03-01-01-01", "intensity code '03'"),
        ("01-01-03-01-03-01-01", "statement code '03'"),
        ("01-01-03-01-01-03-01", "repetition code '03'"),
        ("01-01-03-01-01-01-25", "actor code '25'"),
    ],
)
def test_unknown_code(tmp_path: Path, stem: str, field: str) -> None:
    put(tmp_path, ["01-01-03-01-01-01-01", stem])
    with pytest.raises(ValueError, match=field) as error:
        made(tmp_path)
    assert f"{stem}.mp4" in str(error.value)


def test_every_published_name_is_read_back() -> None:
    for modality, code in (("av", "01"), ("video", "02")):
        for vocal, vocal_code in (("speech", "01"), ("song", "02")):
            clips = list(published(modality, vocal))
            assert sorted(clip.stem for clip in clips) == sorted(names(code, vocal_code))
            assert [parse(clip.stem) for clip in clips] == clips
    assert parse("03-01-01-01-01-01-01") == Clip(
        "audio", "speech", "neutral", "normal", "kids", "1", "01"
    )


@pytest.mark.parametrize(
    "stem",
    [
        "",
        "readme",
        "01-01-03-01-01-01",
        "01-01-03-01-01-01-01-01",
        "1-1-3-1-1-1-1",
        "._01-01-03-01-01-01-01",
        "01-01-03-01-01-01-01 (1)",
    ],
)
def test_other_names(stem: str) -> None:
    assert parse(stem) is None


def test_duplicates_and_other_files(tmp_path: Path) -> None:
    stem = "01-01-03-01-01-01-01"
    for folder in ("b/Actor_01", "a/Actor_01", "c"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / f"{stem}.mp4").write_bytes(folder.encode())
    for name in (
        f"._{stem}.mp4",
        f"{stem}.txt",
        "notes.mp4",
        "03-01-03-01-01-01-01.wav",
        "02-01-03-01-01-01-01.mp4",
        "01-02-03-01-01-01-01.mp4",
        "01-01-02-01-01-01-01.MP4",
    ):
        (tmp_path / "c" / name).touch()
    dataset = made(tmp_path)
    samples = list(dataset.samples())
    assert [sample.sample_id for sample in samples] == [stem]
    assert dataset.file(samples[0]).read_bytes() == b"a/Actor_01", "the first path in order"
    assert dataset.left_out == {
        "duplicate": 2,
        "other file": 4,
        "other modality": 1,
        "other vocal channel": 1,
        "not chosen": 1,
    }
    assert list(made(tmp_path).samples()) == samples


def test_missing_clips_are_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    put(
        tmp_path,
        [
            stem
            for stem in names("01", "01")
            if stem.endswith("-01") and not stem.startswith("01-01-05")
        ],
    )
    dataset = made(tmp_path, actors=[1])
    assert dataset.missing() == sorted(
        f"{stem}.mp4"
        for stem in names("01", "01")
        if stem.endswith("-01") and stem.startswith("01-01-05")
    )
    assert len(list(dataset.samples())) == 44
    assert "8 of 52 clips are not below" in capsys.readouterr().err
    assert len(made(tmp_path).missing()) == 1248 - 44


def test_nothing_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"dataset key 'path'.*zenodo"):
        made(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match="no file is there"):
        made(tmp_path)
    put(tmp_path, names("03", "01")[:3], ".wav")
    put(tmp_path, names("02", "01")[:2])
    with pytest.raises(
        FileNotFoundError, match=r"such as 01-01-01-01-01-01-01\.mp4.*2 × other modality"
    ) as error:
        made(tmp_path)
    assert "3 × other file" in str(error.value)


def test_fingerprint_follows_the_files(tmp_path: Path) -> None:
    put(tmp_path, names("01", "01")[:8])
    before = made(tmp_path).fingerprint()
    assert made(tmp_path).fingerprint() == before
    put(tmp_path, names("01", "01")[20:21])
    after = made(tmp_path).fingerprint()
    assert after != before
    next(tmp_path.rglob("*-01.mp4")).write_bytes(b"longer")
    assert made(tmp_path).fingerprint() != after


def test_clips_of_linked_folders_count_and_a_dangling_link_hides_nothing(tmp_path: Path) -> None:
    """Actors may lie on other disks; what a link leads to is not fetched anew."""
    root, disk = tmp_path / "ravdess", tmp_path / "disk"
    put(root, names("01", "01")[:60])
    put(disk, names("01", "01")[60:120])
    (root / "more").symlink_to(disk)
    first = made(root)
    assert [clip.stem for clip in first._files] == [
        name for name in names("01", "01")[:120] if name[6:8] != "02"
    ]
    assert len(Ravdess.archives(first.options)) == 22
    (root / f"{names('01', '01')[130]}.mp4").symlink_to(tmp_path / "nowhere.mp4")
    before = made(root).fingerprint()
    next(disk.rglob("*.mp4")).write_bytes(b"longer")
    assert made(root).fingerprint() != before


def test_version_names_the_rules(tree: Path) -> None:
    variants = [
        {},
        {"calm": "keep"},
        {"calm": "neutral"},
        {"vocal": "song"},
        {"modality": "video"},
        {"intensity": "strong"},
        {"actors": [1, 2]},
        {"fold_set": "mmer", "folds": [1]},
    ]
    versions = [made(tree, **options).version for options in variants]
    assert len(set(versions)) == len(versions)
    assert versions[0] == "speech-av-calm_drop@1"
    assert made(tree, fold_set="mmer").version == versions[0], "all folds are the whole"


def test_numbers_of_the_dataset_page() -> None:
    page = (ROOT / "docs/datasets/ravdess.md").read_text(encoding="utf-8")
    told = {}
    for code in LABELS | {"02": "calm"}:
        cells = re.search(rf"^\| {code} .*$", page, re.MULTILINE)[0].split("|")
        told[code] = [int(cell) if cell.strip() != "–" else 0 for cell in cells[-3:-1]]
    for column, vocal in enumerate(("01", "02")):
        counted = Counter(name[6:8] for name in names("01", vocal))
        assert {code: counts[column] for code, counts in told.items()} == {
            code: counted[code] for code in told
        }
    for folds in FOLDS.values():
        assert (
            " · ".join(f"{fold}: {' '.join(map(str, actors))}" for fold, actors in folds.items())
            in page
        )


def test_shipped_config() -> None:
    run = config_files.read(ROOT / "configs/ravdess.yaml")
    assert {"ravdess"} <= {section.type or name for name, section in run.datasets.items()}
