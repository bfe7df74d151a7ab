"""FER+ label rules by hand and against a slow, literal reading of the published algorithm.

Every layout of the data gives the same pixels.
"""

import csv
import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from faceoff.datasets.ferplus import RULES, FerPlus
from faceoff.emotions import FERPLUS_COLUMNS
from faceoff.media.images import decode_image

NE, HA, SU, SA, AN, DI, FE, CO, UN, NF = range(10)


def votes(**counts: int) -> np.ndarray:
    """Ten votes from two-letter column names."""
    vector = np.zeros(10)
    for name, count in counts.items():
        vector[globals()[name.upper()]] = count
    return vector


def shares(**values: float) -> dict[str, float]:
    return values


def named(target: np.ndarray | None) -> dict[str, float] | None:
    if target is None:
        return None
    return {
        name.lower(): round(float(target[globals()[name]]), 6)
        for name in ("NE", "HA", "SU", "SA", "AN", "DI", "FE", "CO")
        if target[globals()[name]]
    }


HAND = [
    # rule, votes, target; None: no emotion
    ("majority", votes(ne=6, ha=4), {"ne": 1}),
    ("majority", votes(ne=5, ha=5), None),  # not more than half
    ("majority", votes(ne=5, ha=2, sa=1, an=1, di=1), {"ne": 1}),  # single votes dropped: 5 of 7
    ("majority", votes(ne=4, ha=4, sa=2), None),
    ("majority", votes(ne=4, un=5, ha=1), None),  # unknown has the majority
    ("majority", votes(ne=5, un=3, nf=2), None),  # they count in the total
    ("majority", votes(ne=5, un=1, nf=1, ha=1, sa=1, an=1), {"ne": 1}),  # 5 of 5
    ("majority", votes(nf=10), None),
    ("majority", votes(ne=1, ha=1, su=1), None),  # nothing is left
    ("argmax8", votes(ha=4, an=4, ne=2), {"ha": 1}),  # FER+ order breaks the tie
    ("argmax8", votes(un=9, co=1), {"co": 1}),
    ("argmax8", votes(nf=10), {"ne": 1}),  # all rows are kept: nobody voted for an emotion
    ("argmax10", votes(un=5, an=5), {"an": 1}),  # the emotion stands before unknown
    ("argmax10", votes(un=6, an=4), None),
    ("argmax10", votes(nf=6, an=4), None),
    ("probability", votes(ne=8, ha=2), {"ne": 1}),  # 8 of 10 reach three quarters
    ("probability", votes(ne=6, ha=4), {"ne": 0.6, "ha": 0.4}),
    (
        "probability",
        votes(ne=4, ha=3, sa=3),
        {"ne": 0.4, "ha": 0.3, "sa": 0.3},
    ),  # equal counts enter together
    ("probability", votes(ne=4, ha=2, sa=2, an=2), None),  # four classes: too many
    (
        "probability",
        votes(ne=5, un=3, ha=2),
        None,
    ),  # unknown ends it: 5 of 10 are not more than half
    ("probability", votes(ne=6, un=4), {"ne": 1}),
    ("probability", votes(un=6, ne=4), None),
    ("probability", votes(ha=5, un=5), None),  # a tie with unknown: half is not enough
    ("multi_target", votes(ne=5, ha=3, sa=2), {"ne": 0.625, "ha": 0.375}),
    ("multi_target", votes(ne=4, ha=2, sa=2, an=2), None),  # 4 of 10 are not more than half
    ("multi_target", votes(un=5, ne=4, ha=1), None),  # unknown leads
    (
        "multi_target",
        votes(ne=4, un=3, ha=3),
        {"ne": 0.571429, "ha": 0.428571},
    ),  # unknown is taken out at the end
    ("multi_target", votes(ne=1, ha=1), None),
]


@pytest.mark.parametrize(("rule", "vector", "expected"), HAND)
def test_rule_by_hand(rule: str, vector: np.ndarray, expected: dict[str, float] | None) -> None:
    before = vector.copy()
    assert named(RULES[rule](vector)) == expected
    assert np.array_equal(vector, before), "a rule does not change the votes"


def published(mode: str, counts: list[int]) -> list[float] | None:
    """The FER+ paper's modes as its code walks through them: counts in, the target over the 8
    emotions or None out. Plain lists and loops on purpose.
    """
    left = [0 if count <= 1 else count for count in counts]
    total = sum(left)
    out = [0.0] * 10
    rejected = False
    if mode == "majority":
        top = max(left)
        if top > 0.5 * total:
            out[left.index(top)] = float(top)
        else:
            rejected = True
    elif mode == "probability":
        collected, entered, going = 0, 0, True
        while going and entered < 3 and collected < 0.75 * total:
            top = max(left)
            for column in range(10):
                if left[column] != top:
                    continue
                out[column] = float(top)
                left[column] = 0
                collected += top
                entered += 1
                if column in (8, 9):
                    going = False
                    if sum(out) > top:  # emotions came before it
                        out[column] = 0.0
                        entered -= 1
                    break
        rejected = sum(out) <= 0.5 * total or entered > 3
    elif mode == "multi_target":
        for column in range(10):
            if left[column] >= 0.3 * total:
                out[column] = float(left[column])
        rejected = sum(out) <= 0.5 * total
    if rejected or out.index(max(out)) >= 8:
        return None
    kept = out[:8]
    return [value / sum(kept) for value in kept]


ten_votes = st.lists(st.integers(0, 10), min_size=10, max_size=10)
few_votes = st.lists(st.sampled_from(range(10)), min_size=1, max_size=12).map(
    lambda drawn: [drawn.count(column) for column in range(10)]
)


@pytest.mark.parametrize("rule", ["majority", "probability", "multi_target"])
@settings(max_examples=1500, deadline=None)
@given(counts=st.one_of(ten_votes, few_votes))
def test_rule_against_the_published_algorithm(rule: str, counts: list[int]) -> None:
    found, expected = RULES[rule](np.array(counts, float)), published(rule, counts)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found.tolist() == pytest.approx(expected)


@given(st.one_of(ten_votes, few_votes), st.sampled_from(sorted(RULES)))
def test_target_is_a_distribution_over_voted_emotions(counts: list[int], rule: str) -> None:
    target = RULES[rule](np.array(counts, float))
    if target is not None:
        assert target.shape == (8,)
        assert target.sum() == pytest.approx(1)
        assert (target >= 0).all()
        assert (
            rule == "argmax8"
            or not any(counts)
            or all(counts[index] for index in np.flatnonzero(target))
        )


# -- layouts ---------------------------------------------------------------------------------------

PICTURES = np.random.default_rng(0).integers(0, 256, (8, 48, 48), np.uint8)
PICTURES[5] = PICTURES[1]  # a test picture that is also a train picture
PICTURES[6] = PICTURES[3]  # and one that is also a validation picture
PARTS = {
    "FER2013Train": ("Training", (0, 1)),
    "FER2013Valid": ("PublicTest", (2, 3)),
    "FER2013Test": ("PrivateTest", (4, 5, 6, 7)),
}
VOTES = {
    index: votes(**{name: 10})
    for index, name in enumerate(("ha", "sa", "ne", "an", "su", "fe", "di", "nf"))
}


def png(index: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PICTURES[index]).save(buffer, "PNG")
    return buffer.getvalue()


def label_csv(indices: tuple[int, ...]) -> bytes:
    return "".join(
        f'fer{index:07d}.png,"(0, 0, 48, 48)",{",".join(str(int(v)) for v in VOTES[index])}\n'
        for index in indices
    ).encode()


def layout(root: Path, kind: str) -> Path:
    """The same eight pictures and votes in one of the layouts."""
    root.mkdir()
    with open(root / "fer2013new.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Usage", "Image name", *FERPLUS_COLUMNS])
        for usage, indices in PARTS.values():
            writer.writerows(
                [usage, f"fer{index:07d}.png", *(int(v) for v in VOTES[index])] for index in indices
            )
        writer.writerow(
            ["PrivateTest", "", *[0] * 9, 10]
        )  # rows without a file, as the real table has them
    if kind == "csv":
        with open(root / "fer2013.csv", "w", newline="") as file:
            file.write("emotion,pixels,Usage\n")
            for usage, indices in PARTS.values():
                for index in indices:
                    file.write(f"0,{' '.join(str(v) for v in PICTURES[index].ravel())},{usage}\n")
        return root
    for part, (_, indices) in PARTS.items():
        files = {f"{part}/fer{index:07d}.png": png(index) for index in indices} | {
            f"{part}/label.csv": label_csv(indices)
        }
        if kind == "folder":
            (root / part).mkdir()
            for name, content in files.items():
                (root / name).write_bytes(content)
        elif kind == "zip":
            with zipfile.ZipFile(root / f"{part}.zip", "w") as archive:
                for name, content in files.items():
                    archive.writestr(name, content)
        else:
            with tarfile.open(root / f"{part}.tar.gz", "w:gz") as archive:
                for name, content in files.items():
                    member = tarfile.TarInfo(name)
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    return root


@pytest.mark.parametrize("kind", ["folder", "tar", "zip", "csv"])
def test_every_layout_gives_the_same_samples_and_pixels(tmp_path: Path, kind: str) -> None:
    dataset = FerPlus(FerPlus.Options(path=layout(tmp_path / kind, kind)))
    found = list(dataset.samples())
    assert [(sample.sample_id, sample.label) for sample in found] == [
        ("fer0000004", "surprise"),
        ("fer0000005", "fear"),
        ("fer0000006", "disgust"),
    ]
    for sample, index in zip(found, (4, 5, 6), strict=True):
        assert np.array_equal(
            decode_image(dataset.read(sample)), np.repeat(PICTURES[index][:, :, None], 3, axis=2)
        )


def test_a_compressed_archive_is_read_once(tmp_path: Path) -> None:
    """The table need not be in the archive's order.

    Going back in a .tar.gz means to unpack it from its start again.
    """
    root = layout(tmp_path / "d", "tar")
    dataset = FerPlus(FerPlus.Options(path=root))
    samples = list(dataset.samples())
    first = dataset.read(samples[-1])
    os.truncate(root / "FER2013Test.tar.gz", 0)
    assert [dataset.read(sample) for sample in reversed(samples)] == [
        png(index) for index in (6, 5, 4)
    ]
    assert first == png(6)
    with pytest.raises(FileNotFoundError, match=r"fer0000009\.png is not in FER2013Test\.tar\.gz"):
        dataset._part.read("fer0000009.png")


def test_a_cut_archive_is_named(tmp_path: Path) -> None:
    root = layout(tmp_path / "d", "tar")
    os.truncate(root / "FER2013Test.tar.gz", 200)
    dataset = FerPlus(FerPlus.Options(path=root))
    with pytest.raises(ValueError, match=r"FER2013Test\.tar\.gz: damaged or cut"):
        dataset.read(next(iter(dataset.samples())))


@pytest.mark.parametrize("kind", ["folder", "tar", "zip", "csv"])
@pytest.mark.parametrize(
    ("clean", "left"), [("train", ["fer0000004", "fer0000006"]), ("train_valid", ["fer0000004"])]
)
def test_clean_leaves_twins_out(tmp_path: Path, kind: str, clean: str, left: list[str]) -> None:
    dataset = FerPlus(FerPlus.Options(path=layout(tmp_path / kind, kind), clean=clean))
    assert [sample.sample_id for sample in dataset.samples()] == left
    assert clean in dataset.version


@pytest.mark.parametrize("kind", ["folder", "tar", "zip"])
def test_label_table_of_the_generator(tmp_path: Path, kind: str) -> None:
    dataset = FerPlus(
        FerPlus.Options(path=layout(tmp_path / kind, kind), votes="label", split="train")
    )
    assert [(sample.sample_id, sample.label) for sample in dataset.samples()] == [
        ("fer0000000", "happiness"),
        ("fer0000001", "sadness"),
    ]


def test_votes_stand_in_canonical_order(tmp_path: Path) -> None:
    first = next(iter(FerPlus(FerPlus.Options(path=layout(tmp_path / "d", "folder"))).samples()))
    assert first.votes == (0, 0, 0, 10, 0, 0, 0, 0)  # neutral, happiness, sadness, surprise, …


def test_several_rows_of_one_file_are_several_samples(tmp_path: Path) -> None:
    root = layout(tmp_path / "d", "folder")
    with open(root / "fer2013new.csv", "a") as file:
        file.write("PrivateTest,fer0000004.png,0,10,0,0,0,0,0,0,0,0\n")
    found = [
        (sample.sample_id, sample.label) for sample in FerPlus(FerPlus.Options(path=root)).samples()
    ]
    assert found[0] == ("fer0000004", "surprise")
    assert found[-1] == ("fer0000004#2", "happiness")


def test_missing_picture_is_an_oserror_not_a_missing_row(tmp_path: Path) -> None:
    root = layout(tmp_path / "d", "folder")
    (root / "FER2013Test" / "fer0000005.png").unlink()
    dataset = FerPlus(FerPlus.Options(path=root))
    found = list(dataset.samples())
    assert len(found) == 3
    with pytest.raises(OSError, match="fer0000005"):
        dataset.read(found[1])


@pytest.mark.parametrize(
    ("gone", "options", "says"),
    [
        ("fer2013new.csv", {}, "fer2013new.csv"),
        ("FER2013Test", {}, "FER2013Test.tar.gz"),
        ("FER2013Train", {"split": "train"}, "FER2013Train.zip"),
    ],
)
def test_what_is_missing_is_named_before_any_work(
    tmp_path: Path, gone: str, options: dict, says: str
) -> None:
    root = layout(tmp_path / "d", "folder")
    (root / gone).rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError, match=says):
        FerPlus(FerPlus.Options(path=root, **options))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        FerPlus(FerPlus.Options(path=tmp_path / "nowhere"))


def test_clean_needs_the_part_it_compares_with(tmp_path: Path) -> None:
    """It is missed when the dataset is opened, not after minutes of work."""
    root = layout(tmp_path / "d", "folder")
    (root / "FER2013Train").rename(tmp_path / "away")
    FerPlus(FerPlus.Options(path=root))
    with pytest.raises(FileNotFoundError, match="FER2013Train"):
        FerPlus(FerPlus.Options(path=root, clean="train"))


def test_label_table_needs_the_generators_layout(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"label\.csv"):
        FerPlus(FerPlus.Options(path=layout(tmp_path / "d", "csv"), votes="label"))


def test_fingerprint_follows_the_files(tmp_path: Path) -> None:
    root = layout(tmp_path / "d", "tar")
    before = FerPlus(FerPlus.Options(path=root)).fingerprint()
    assert FerPlus(FerPlus.Options(path=root)).fingerprint() == before
    with open(root / "fer2013new.csv", "a") as file:
        file.write("\n")
    assert FerPlus(FerPlus.Options(path=root)).fingerprint() != before


def test_keep_all_adds_rows_without_a_label_and_changes_no_other(tmp_path: Path) -> None:
    root = layout(tmp_path / "d", "folder")
    with open(root / "fer2013new.csv", "a") as file:
        file.write("PrivateTest,fer0000004.png,4,0,0,0,0,0,0,0,5,1\n")
    plain, whole = (FerPlus(FerPlus.Options(path=root, keep=keep)) for keep in ("labelled", "all"))
    assert plain.version == whole.version, "the task is the same: what has no label is not scored"
    labelled = [sample for sample in whole.samples() if sample.label]
    assert labelled == list(plain.samples())
    outliers = {sample.sample_id: sample for sample in whole.samples() if not sample.label}
    assert {name: sample.groups["outlier"] for name, sample in outliers.items()} == {
        "fer0000007": "NF",
        "fer0000004#2": "unknown",
    }
    assert outliers["fer0000004#2"].groups == {
        "outlier": "unknown",
        "votes_unknown": "5",
        "votes_NF": "1",
    }
    assert outliers["fer0000004#2"].votes == (4, 0, 0, 0, 0, 0, 0, 0)


def test_universes_of_every_table_rule_and_policy(tmp_path: Path) -> None:
    root = layout(tmp_path / "d", "folder")
    with open(root / "fer2013new.csv", "a") as file:
        file.write("PrivateTest,fer0000004.png,0,6,4,0,0,0,0,0,0,0\n")
    found = {
        tuple(universe.factors.values()): dict.fromkeys(universe.rows)
        for universe in FerPlus(FerPlus.Options(path=root, keep="all")).universes()
    }

    def ids(*factors: str) -> list[str]:
        return [sample.removeprefix("fer000000") for sample, _ in found[factors]]

    assert ids("fer2013new", "majority", "label", "rows") == ["4", "5", "6", "4#2"]
    assert ids("fer2013new", "majority", "label", "distinct") == ["4", "5", "6"]
    assert ids("fer2013new", "majority", "label", "clean_train") == ["4", "6", "4#2"]
    assert ids("fer2013new", "majority", "label", "clean_train_valid") == ["4", "4#2"]
    assert ids("label", "majority", "label", "rows") == ["4", "5", "6"]
    assert ids("fer2013new", "argmax8", "label", "rows") == ["4", "5", "6", "7", "4#2"], (
        "argmax8 keeps the non-face"
    )
    assert ids("fer2013new", "argmax8", "set", "rows") == ["4", "5", "6", "4#2"]
    assert ("fer0000004#2", frozenset({"happiness", "surprise"})) in found[
        "fer2013new", "multi_target", "set", "rows"
    ]
    assert {factors[2] for factors in found if factors[1] == "majority"} == {"label"}


def test_universes_follow_the_configured_table_and_the_files_that_are_there(tmp_path: Path) -> None:
    root = layout(tmp_path / "d", "folder")
    with open(root / "fer2013new.csv", "a") as file:
        file.write("PrivateTest,fer0000004.png,0,6,4,0,0,0,0,0,0,0\n")
    from_label = {
        tuple(u.factors.values()): u.rows
        for u in FerPlus(FerPlus.Options(path=root, votes="label", keep="all")).universes()
    }
    rows = [sample for sample, _ in from_label["fer2013new", "majority", "label", "rows"]]
    assert rows == ["fer0000004", "fer0000005", "fer0000006", "fer0000004"], (
        "the run has but one sample of that picture"
    )
    (root / "FER2013Train").rename(tmp_path / "train")
    (root / "fer2013new.csv").unlink()
    left = FerPlus(FerPlus.Options(path=root, votes="label", keep="all")).universes()
    assert {universe.factors["votes"] for universe in left} == {"label"}
    assert {universe.factors["duplicates"] for universe in left} == {"rows", "distinct"}


def test_universes_of_the_original_csv_have_no_label_table(tmp_path: Path) -> None:
    found = FerPlus(FerPlus.Options(path=layout(tmp_path / "d", "csv"), keep="all")).universes()
    assert {universe.factors["votes"] for universe in found} == {"fer2013new"}
    assert {universe.factors["duplicates"] for universe in found} == {
        "rows",
        "distinct",
        "clean_train",
        "clean_train_valid",
    }


def test_multiverse_of_a_cleaned_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no clean"):
        FerPlus.Options(path=tmp_path, keep="all", clean="train", multiverse=True)
