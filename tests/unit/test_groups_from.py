"""Groups from tables by sample id: what is joined, what is cut into bins, what is refused."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from faceoff.datasets import table
from faceoff.plan import preflight
from faceoff.plan.config import ConfigError
from faceoff.plan.job_specs import Plan
from faceoff.plugins import group_files
from faceoff.stages.samples import write_samples
from faceoff.statistics import bins
from faceoff.storage import parquet

IDS = ["a/1.png", "a/2.png", "b/1.png", "b/2.png"]


def plan(tmp_path: Path, groups_from: Any, **options: Any) -> Plan:
    """Return a run on a table dataset of four pictures, two of each sex."""
    rows = [f"{name},{label},{sex}" for name, label, sex in zip(IDS, "hhss", "fmfm", strict=True)]
    path = tmp_path / "t.csv"
    if not path.exists():
        path.write_text("\n".join(["path,label,sex", *rows]) + "\n")
    own = {"type": "table", "path": str(path), "label_map": {"h": "happiness", "s": "sadness"}}
    columns = {"columns": {"groups": ["sex"]}}
    sections = {"mine": {**own, **columns, "groups_from": groups_from, **options}}
    return Plan(
        {"run": "t", "datasets": sections, "detectors": {"whole": {}}, "models": {"fer": {}}}
    )


def joined(tmp_path: Path, groups_from: Any, **options: Any) -> dict[str, dict[str, str]]:
    """Return sample id -> groups of the samples table."""
    write_samples(
        tmp_path / "samples.parquet", plan(tmp_path, groups_from, **options).samples_job("mine")
    )
    rows = parquet.rows(tmp_path / "samples.parquet")
    return {row["sample_id"]: dict(row["groups"]) for row in rows}


def written(tmp_path: Path, text: str, name: str = "g.csv", encoding: str = "utf-8") -> str:
    """Write a table of groups and return its path."""
    (tmp_path / name).write_bytes(text.encode(encoding))
    return str(tmp_path / name)


WORDS = "sample_id,who\na/1.png,kid\na/2.png,adult\nb/1.png,kid\nb/2.png,\n"
EXPECTED = [{"sex": "f", "who": "kid"}, {"sex": "m", "who": "adult"}]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (WORDS, "utf-8"),
        (WORDS, "utf-8-sig"),
        (WORDS, "utf-16"),
        (WORDS.replace(",", ";"), "utf-8"),
        (WORDS.replace(",", "\t"), "utf-8"),
        (WORDS.replace("\n", "\r\n"), "utf-8"),
        (WORDS.replace("/", "\\"), "utf-8"),
        (WORDS + "\n,\nnobody.png,kid\n", "utf-8"),
    ],
    ids=["plain", "BOM", "UTF-16", "semicolons", "tabs", "CRLF", "Windows paths", "unknown id"],
)
def test_columns_become_groups_of_the_samples(tmp_path: Path, text: str, encoding: str) -> None:
    found = joined(tmp_path, written(tmp_path, text, encoding=encoding))
    assert [found[name] for name in IDS] == [*EXPECTED, {"sex": "f", "who": "kid"}, {"sex": "m"}]


def test_a_compressed_table_and_another_encoding_are_read(tmp_path: Path) -> None:
    text = WORDS.replace("kid", "enfant né").encode("latin-1")
    (tmp_path / "g.csv.gz").write_bytes(gzip.compress(text))
    path = str(tmp_path / "g.csv.gz")
    found = joined(tmp_path, {"path": path, "encoding": "latin-1"})
    assert found[IDS[0]]["who"] == "enfant né"
    with pytest.raises(ValueError, match=r"g\.csv\.gz, row 1: .*groups_from\.encoding"):
        joined(tmp_path, path)


def test_several_tables_renamed_columns_and_what_was_predicted(tmp_path: Path) -> None:
    """Attributes of two files stand beside each other; the samples' metadata name their origin."""
    first = written(tmp_path, "file,age,note\na/1.png,9,x\nb/2.png,40,y\n", "ages.csv")
    second = written(tmp_path, WORDS, "who.csv")
    sections = [
        {"path": first, "id": "file", "columns": {"years": "age"}, "bins": {"years": [13, 18]}},
        {"path": second, "predicted_by": "my net"},
    ]
    found = joined(tmp_path, sections)
    assert found[IDS[0]] == {"sex": "f", "years": "under 13", "who (predicted)": "kid"}
    assert found[IDS[3]] == {"sex": "m", "years": "18 and over"}
    task = parquet.task_of(tmp_path / "samples.parquet")
    assert task["group_sources"] == {
        "years": "file ages.csv",
        "who (predicted)": "predicted by my net",
    }


def test_a_number_is_in_the_bin_that_begins_at_it() -> None:
    """Worked by hand: 12.99 is under 13, 13 and 17 are 13 to under 18, 18 is 18 and over."""
    cells = {"a": "12,99", "b": "13", "c": "17.5", "d": "18", "e": "n/a", "f": "−2"}
    found, note = group_files._levels(cells, [13, 18], "x", dict.fromkeys(cells, 1))
    assert found == {
        "a": "under 13",
        "b": "13 to under 18",
        "c": "13 to under 18",
        "d": "18 and over",
        "f": "under 13",
    }
    assert note == ""


def test_more_than_twelve_numbers_are_cut_into_thirds() -> None:
    """Fifteen numbers 1 … 15 make three groups of five; the note says where they are cut."""
    cells = {str(value): str(value) for value in range(1, 16)}
    found, note = group_files._levels(cells, None, "x", {})
    sizes = {level: list(found.values()).count(level) for level in found.values()}
    assert sizes == {"under 6": 5, "6 to under 11": 5, "11 and over": 5}
    assert "cut into thirds at 6 and 11" in note
    twelve = {str(value): str(value) for value in range(12)}
    assert group_files._levels(twelve, None, "x", {}) == (twelve, "")


def test_thirds_of_numbers_that_are_mostly_the_same_have_no_empty_part() -> None:
    assert bins.thirds([0.0] * 100 + list(range(1, 14))) == [1.0]
    assert bins.thirds([1, 2, 3, 4, 5, 6]) == [3.0, 5.0]


def test_levels_are_ordered_as_numbers() -> None:
    levels = ["9", "18 and over", "under 13", "13 to under 18", "adult", "10"]
    assert sorted(levels, key=bins.level_order) == [
        "9", "10", "under 13", "13 to under 18", "18 and over", "adult",
    ]  # fmt: skip


def test_many_words_are_no_groups_and_counts_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = "".join(f"x{place},name {place},kid\n" for place in range(13))
    path = written(tmp_path, f"sample_id,name,who\n{names}a/1.png,Ann,kid\n")
    assert joined(tmp_path, path)[IDS[0]] == {"sex": "f", "who": "kid"}
    said = capsys.readouterr().err
    assert "g.csv names groups of 1 of 4 samples; 13 of its rows are of no sample" in said
    assert "name: not read, as it has 14 values" in said


def test_an_unnamed_index_column_is_not_read(tmp_path: Path) -> None:
    """Pandas writes its index under an empty name."""
    path = written(tmp_path, ",sample_id,who\n0,a/1.png,kid\n1,a/2.png,adult\n")
    assert joined(tmp_path, path)[IDS[1]] == EXPECTED[1]


def test_rows_are_counted_against_all_samples_not_those_of_a_limit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(joined(tmp_path, written(tmp_path, WORDS), limit=2)) == 2
    assert "groups of 4 of 4 samples; 0 of its rows" in capsys.readouterr().err


BAD = [
    ("id,who\na/1.png,kid\n", {}, r"no column 'sample_id'; valid: id, who; .*groups_from\.id"),
    ("sample,who\na/1.png,kid\n", {}, r"no column 'sample_id', did you mean 'sample'\?"),
    (WORDS, {"columns": ["whoo"]}, r"did you mean 'who'\?; name it in groups_from\.columns"),
    (WORDS, {"bins": {"wo": [1]}}, r"groups_from\.bins: no attribute 'wo', did you mean 'who'"),
    ("sample_id,w,w\na/1.png,1,2\n", {}, r"columns 2 and 3 are both named 'w'; rename one"),
    ("sample_id\na/1.png\n", {}, "no column besides 'sample_id'"),
    ("sample_id,who\n", {}, r"g\.csv: no row"),
    ("", {}, "the table is empty"),
    (WORDS + "a/1.png,adult\n", {}, r"row 5: sample_id 'a/1\.png' stands in row 1 already"),
    (WORDS + "a\\1.png,adult\n", {}, r"row 5: .* stands in row 1 already; keep one"),
    (WORDS + ",adult\n", {}, r"row 5: sample_id is empty \(groups_from\.id\)"),
    (WORDS + "c,kid,1\n", {}, r"row 5: 3 cells, but the header has 2"),
    ("sample_id,who\nx,kid\n", {}, r"none of its 1 ids is a sample of mine: it has 'x', the"),
    ("sample_id,sex\na/1.png,f\n", {}, r"column 'sex': samples of mine have a group 'sex' alr"),
    ("sample_id,sex\nx,f\n", {}, r"column 'sex': .* rename .*\{sex_of_file: sex\}"),
    ("sample_id,units\na/1.png,f\n", {}, r"'units' has another meaning; rename .*my_units: units"),
    ("sample_id,AU04\na/1.png,1\n", {}, "'AU04' has another meaning"),
    ("sample_id,age (predicted)\na/1.png,1\n", {}, "has another meaning"),
    (WORDS, {"bins": {"who": [13]}}, r"column 'who', row 1: no number: 'kid'; it has bins"),
    ("PK\x03\x04", {}, r"a workbook .* save it as CSV"),
]


@pytest.mark.parametrize(("text", "options", "message"), BAD, ids=[row[2][:30] for row in BAD])
def test_a_bad_table_is_refused_with_its_cure(
    tmp_path: Path, text: str, options: dict[str, Any], message: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=message) as caught:
        joined(tmp_path, {"path": path, **options})
    assert "bins" in str(caught.value) or "g.csv" in str(caught.value)


def test_one_sample_has_a_group_from_one_table_only(tmp_path: Path) -> None:
    """Two tables may name different samples' levels of one attribute."""
    first = written(tmp_path, "sample_id,who\na/1.png,kid\n", "one.csv")
    second = written(tmp_path, "sample_id,who\na/2.png,adult\n", "two.csv")
    assert joined(tmp_path, [first, second])[IDS[1]] == EXPECTED[1]
    with pytest.raises(ValueError, match=r"two\.csv, column 'who'.*or of another table"):
        joined(tmp_path, [first, written(tmp_path, WORDS, "two.csv")])


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"path": "g.csv", "bins": {"age": [18, 13]}}, "have to rise"),
        ({"path": "g.csv", "bins": {"age": []}}, "at least 1 item"),
        ({"path": "g.csv", "encoding": "latin-99"}, "unknown encoding"),
        ({"path": "g.csv", "colums": ["age"]}, "did you mean 'columns'"),
        ({}, "path"),
    ],
)
def test_a_wrong_section_is_refused_with_the_configuration(
    tmp_path: Path, section: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=f"groups_from.*{message}"):
        plan(tmp_path, section)


def test_a_missing_table_is_named_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(preflight.PreflightError, match=r"dataset mine: .*gone\.csv.*groups_from"):
        preflight.check(plan(tmp_path, str(tmp_path / "gone.csv")))


def test_another_table_is_told_to_the_samples_alone(tmp_path: Path) -> None:
    """The stages that decode and judge pictures are told the same with and without groups."""
    path = written(tmp_path, WORDS)
    before = plan(tmp_path, path)
    first = before.samples_job("mine").to_json()
    written(tmp_path, WORDS + "c,kid\n")
    after = plan(tmp_path, path)
    assert first != after.samples_job("mine").to_json()
    for job in ("frames_job", "audio_job", "multiverse_job"):
        told = [getattr(each, job)("mine").to_json() for each in (before, plan(tmp_path, []))]
        assert told == [getattr(after, job)("mine").to_json()] * 2


def test_a_table_dataset_has_the_key_as_every_other() -> None:
    assert table.Table.Options(path="t.csv", groups_from="g.csv").groups_from[0].id == "sample_id"
