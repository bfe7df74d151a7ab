"""Posteriors from a file: any column names and formats, by sample or by time.

They go through the stages and into a run's plan.
"""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from faceoff.emotions import EMOTIONS
from faceoff.models.recorded import Recorded
from faceoff.plan.job_specs import Plan
from faceoff.plan.preflight import PreflightError, check
from faceoff.plugins import registry
from faceoff.stages.predict import write_predictions
from faceoff.storage import columns, parquet

OPTIONS = registry.get("model", "recorded").card["options"]
ROWS = [{"sample_id": "007", "hap": 0.7, "ang": 0.3}, {"sample_id": "b", "hap": 0.2, "ang": 0.8}]


def opened(path: Path, **options: object) -> Recorded:
    return Recorded({"options": {**OPTIONS, "path": str(path), **options}}, {})


def asked(model: Recorded, *frames: tuple[str, float | None]) -> list[list[float] | None]:
    found = model.known(
        [{"sample_id": sample, "timestamp_s": seconds} for sample, seconds in frames]
    )
    return [
        p.tolist() if known else None
        for p, known in zip(found.posterior, found.evaluable, strict=True)
    ]


def written(folder: Path, suffix: str) -> Path:
    path = folder / f"preds{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif suffix == ".json":
        path.write_text(json.dumps(ROWS))
    elif suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row) for row in ROWS))
    else:
        path.write_text(
            "sample_id, hap,ang\n"
            + "".join(f"{row['sample_id']},{row['hap']},{row['ang']}\n" for row in ROWS)
        )
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json", ".jsonl"])
def test_every_format_says_the_same(tmp_path: Path, suffix: str) -> None:
    model = opened(written(tmp_path, suffix), columns={"happiness": "hap", "anger": "ang"})
    assert model.emotions == ("happiness", "anger"), "in canonical order, however the file has them"
    assert asked(model, ("b", 0.0), ("007", 3.0), ("absent", 0.0), ("7", 0.0)) == [
        [0.2, 0.8],
        [0.7, 0.3],
        None,
        None,
    ]


def test_a_sample_may_be_called_na(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("sample_id,happy,angry\nNA,0.25,0.75\n")
    assert asked(opened(tmp_path / "p.csv"), ("NA", 0.0), ("None", 0.0)) == [[0.25, 0.75], None]


def test_columns_are_found_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("sample_id,p_angry,Happy,valence,note\na,0.25,0.75,0.5,x\n")
    model = opened(tmp_path / "p.csv")
    assert model.emotions == ("happiness", "anger")
    found = model.known(
        [{"sample_id": "a", "timestamp_s": 0.0}, {"sample_id": "b", "timestamp_s": 0.0}]
    )
    assert found.posterior[0].tolist() == [0.75, 0.25]
    assert found.valence[0] == 0.5
    assert np.isnan(found.valence[1])


def test_the_nearest_moment_within_the_tolerance(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(
        "clip,t,happy,angry\nc,2.0,0.9,0.1\nc,0.0,0.1,0.9\nc,1.0,0.5,0.5\nd,5,0.3,0.7\n"
    )
    model = opened(tmp_path / "p.csv", id="clip", time="t", tolerance_s=0.4)
    assert asked(
        model, ("c", 0.1), ("c", 0.9), ("c", 2.4), ("c", 1.45), ("d", 0.0), ("c", None)
    ) == [[0.1, 0.9], [0.5, 0.5], [0.9, 0.1], None, None, None]


def test_scores_may_be_normalised(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("sample_id,happy,angry\na,3,1\n")
    assert asked(opened(tmp_path / "p.csv", normalise=True), ("a", 0.0)) == [[0.75, 0.25]]
    assert asked(opened(tmp_path / "p.csv"), ("a", 0.0)) == [[3.0, 1.0]], (
        "the stage refuses such a row"
    )


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("sample_id,happy,angry\n", {}, "no row"),
        ("id,happy,angry\na,1,0\n", {}, "no column 'sample_id'.*options.id"),
        ("sample_id,happy,angry\na,1,0\na,0,1\n", {}, "row 2: sample_id 'a' occurs twice"),
        ("sample_id,happy,joy\na,1,0\n", {}, "both name happiness"),
        ("sample_id,x,y\na,1,0\n", {}, "no columns of emotions"),
        (
            "sample_id,x,y\na,1,0\n",
            {"columns": {"happiness": "z", "anger": "y"}},
            "no column 'z' .options.columns.happiness",
        ),
        ("sample_id,happy,angry\na,1,0\n", {"time": "t"}, "no column 't'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, options: dict, message: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        opened(tmp_path / "p.csv", **options)
    with pytest.raises(ValueError, match=r"gone\.csv: the file is not there"):
        opened(tmp_path / "gone.csv")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_tables_of_spreadsheets_are_read(tmp_path: Path, separator: str, encoding: str) -> None:
    text = "sample_id,happy,angry\nMüller,0.75,0.25\n,,\n".replace(",", separator)
    (tmp_path / "p.csv").write_bytes(text.encode(encoding))
    found = opened(tmp_path / "p.csv").known([{"sample_id": "Müller", "timestamp_s": 0.0}])
    assert found.posterior.tolist() == [[0.75, 0.25]]


@pytest.mark.parametrize(
    ("name", "text", "options", "message"),
    [
        (
            "p.csv",
            "sample_id,t,happy,angry\nc,2.0,0.9,0.1\nc,,0.1,0.9\n",
            {"time": "t"},
            r"p\.csv, row 2: t is no number of seconds: None",
        ),
        (
            "p.csv",
            "sample_id,t,happy,angry\nc,nan,0.9,0.1\n",
            {"time": "t"},
            "row 1: t is no number of seconds: 'nan'",
        ),
        (
            "p.csv",
            "sample_id,t,happy,angry\nc,00:01,0.9,0.1\n",
            {"time": "t"},
            "row 1: t is no number of seconds: '00:01'",
        ),
        ("p.csv", "sample_id,happy,angry\na,1,0\n,0,1\n", {}, "row 2: sample_id is empty"),
        (
            "p.csv",
            "sample_id,happy,angry\na,1\n",
            {},
            r"p\.csv, row 1: 2 cells, but the header has 3",
        ),
        ("p.parquet", "PAR1 and no more", {}, r"p\.parquet: cannot be read"),
        (
            "p.json",
            '[{"sample_id": "a", "happy": 1, "angry": 0}, {"sample_id": "b", "happy": 1}]',
            {},
            r"p\.json, row 2: no 'angry'",
        ),
        (
            "p.json",
            '[{"sample_id": "a", "happy": 1, "angry": 0}, {"sample_id": "b", "happy": 1, "angry": '
            '0, "sad": 0}]',
            {},
            r"row 1: no 'sad'",
        ),
        (
            "p.json",
            '[{"sample_id": "a", "happy": 1, "angry": 0}, {"happy": 1, "angry": 0}]',
            {},
            "row 2: no 'sample_id'",
        ),
        (
            "p.json",
            '[{"sample_id": "a", "happy": 1, "angry": 0}, ["b", 1, 0]]',
            {},
            "row 2: no object with names and values",
        ),
        (
            "p.json",
            '[{"sample_id": "a", "happy": 1, "angry"',
            {},
            r"p\.json: no sound JSON, or cut: Expecting ':' delimiter: line 1 column 40",
        ),
        (
            "p.jsonl",
            '{"sample_id": "a", "happy": 1, "angry": 0}\n{"sample_id": "b", "hap',
            {},
            r"p\.jsonl, row 2: no sound JSON, or cut",
        ),
    ],
)
def test_rows_that_cannot_be_read_are_named(
    tmp_path: Path, name: str, text: str, options: dict, message: str
) -> None:
    """An empty time would otherwise break the search for the nearest moment of its whole sample."""
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        opened(tmp_path / name, **options)
    assert type(caught.value) is ValueError


def plan(tmp_path: Path, **options: object) -> Plan:
    models = {
        "speech": {
            "model": "recorded",
            "detectors": ["whole"],
            "options": {"path": str(tmp_path / "p.csv"), **options},
        },
        "fer": {},
    }
    return Plan(
        {
            "run": "r",
            "datasets": {"posed": {}},
            "detectors": {"whole": {}, "haar": {}},
            "models": models,
            "fusions": {"all": {}},
        }
    )


def test_in_a_run(tmp_path: Path) -> None:
    """A run has one pair of its own lineage, computed again when the file changes.

    An absent file is noticed before work starts.
    """
    with pytest.raises(
        PreflightError, match=r"models\.speech\.options\.path: .*p\.csv is not there"
    ):
        check(plan(tmp_path))
    (tmp_path / "p.csv").write_text("sample_id,happy,angry\na,1,0\n")
    made = plan(tmp_path)
    check(made)
    assert made.skip("haar", "speech") == "not asked for: models.speech.detectors is whole"
    assert made.skip("whole", "speech") is None
    assert made.lineage("speech") == "speech"
    assert len(made.fusions["all"][1]) == 3
    before = made.predict_job("posed", "whole", "speech")
    (tmp_path / "p.csv").write_text("sample_id,happy,angry\na,0.25,0.75\n")
    assert plan(tmp_path).predict_job("posed", "whole", "speech") != before


def in_space(path: Path, space: list[str], **options: object) -> Recorded:
    card = {"options": {**OPTIONS, "path": str(path), **options}, "space": space}
    return Recorded(card, {})


def test_a_class_of_the_datasets_own_has_a_column(tmp_path: Path) -> None:
    """With or without `p_`, in any case, and beside columns that are no classes."""
    for heading in ("calm", "p_calm", "Calm"):
        text = f"sample_id,neutral,happiness,{heading},frame,note\na,0.05,0.05,0.9,7,x\n"
        (tmp_path / "p.csv").write_text(text)
        model = in_space(tmp_path / "p.csv", ["neutral", "happiness", "calm"])
        assert model.emotions == ("neutral", "happiness", "calm")
        assert asked(model, ("a", 0.0)) == [[0.05, 0.05, 0.9]]
        assert model.notes == [
            "columns of numbers that nothing reads: 'frame'; name classes in options.columns"
        ]
    unasked = opened(tmp_path / "p.csv")
    assert unasked.emotions == ("neutral", "happiness")
    assert "nothing reads: 'Calm', 'frame'" in unasked.notes[0]


def test_a_class_without_a_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("sample_id,neutral,happiness,clam\na,0.1,0.9,\n")
    model = in_space(tmp_path / "p.csv", ["neutral", "happiness", "calm", "fear"])
    assert model.notes == ["no column for calm, fear: samples of such a class count as wrong"]
    given = {"neutral": "neutral", "Calm": "happiness"}
    named = in_space(tmp_path / "p.csv", ["neutral", "calm"], columns=given)
    assert named.emotions == ("neutral", "calm")
    assert named.notes == []


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["a,70,30", "b,20,80"], "2 of 2 rows do not sum to one, the first is row 1 ('a') with "
         "100; they are percent; options.normalise"),
        (["a,0.7,0.3", "b,0.33,0.66"], "1 of 2 rows .* row 2 .'b'. with 0.99; they are rounded"),
        (["a,3,1", "b,2,9"], "2 of 2 rows .* with 4; options.normalise: true divides each row"),
    ],
)  # fmt: skip
def test_rows_that_do_not_sum_to_one_are_named(tmp_path: Path, rows: list[str], says: str) -> None:
    (tmp_path / "p.csv").write_text("\n".join(["sample_id,happy,angry", *rows]))
    (note,) = opened(tmp_path / "p.csv").notes
    assert re.search(says.replace("(", ".").replace(")", "."), note)
    assert opened(tmp_path / "p.csv", normalise=True).notes == []


def test_the_recorded_case_scores_every_class(tmp_path: Path, cases: Path) -> None:
    """Six pictures of three classes, one of which is no emotion."""
    folder = cases / "recorded_calm"
    made = Plan(
        {
            "run": "r",
            "datasets": {
                "d": {
                    "type": "table",
                    "path": str(folder / "t.csv"),
                    "columns": {"id": "id"},
                    "space": ["neutral", "happiness", "calm"],
                }
            },
            "detectors": {"whole": {}},
            "models": {"r": {"model": "recorded", "options": {"path": str(folder / "p.csv"),
                                                              "id": "id"}}},
        }
    )  # fmt: skip
    job = made.predict_job("d", "whole", "r")
    assert job.plugin.card["space"] == ["neutral", "happiness", "calm"]
    keys = [{"sample_id": str(i), "frame": 0, "timestamp_s": 0.0} for i in range(6)]
    parquet.write_rows(
        tmp_path / "frames.parquet", columns.FRAMES, (key | {"state": "ok"} for key in keys)
    )
    parquet.write_rows(tmp_path / "faces.parquet", columns.FACES, ())
    write_predictions(
        tmp_path / "frames.parquet", tmp_path / "faces.parquet", tmp_path / "out.parquet",
        tmp_path / "t.json", job,
    )  # fmt: skip
    said = [row["emotion"] for row in parquet.rows(tmp_path / "out.parquet")]
    assert said == ["calm", "calm", "happiness", "happiness", "neutral", "neutral"]


def test_rows_of_the_predictions_table(tmp_path: Path) -> None:
    """A sample that the file has, one that it lacks, one whose values are no probabilities.

    Whether there is a face plays no part.
    """
    (tmp_path / "p.csv").write_text("sample_id,happy,angry,arousal\na,0.25,0.75,0.5\nc,0.9,0.9,\n")
    keys = [{"sample_id": name, "frame": 0, "timestamp_s": 0.0} for name in "abc"]
    parquet.write_rows(
        tmp_path / "frames.parquet", columns.FRAMES, (key | {"state": "unreadable"} for key in keys)
    )
    faces = (key | {"face_id": -1, "n_faces": 0, "success": 0, "state": "no_face"} for key in keys)
    parquet.write_rows(tmp_path / "faces.parquet", columns.FACES, faces)
    spec = plan(tmp_path).predict_job("posed", "whole", "speech")
    write_predictions(
        tmp_path / "frames.parquet",
        tmp_path / "faces.parquet",
        tmp_path / "out.parquet",
        tmp_path / "t.json",
        spec,
    )
    a, b, c = parquet.rows(tmp_path / "out.parquet")
    assert (a["emotion"], a["p_happiness"], a["arousal"], a["state"]) == ("anger", 0.25, 0.5, "ok")
    assert (b["success"], b["state"], b["reason"]) == (0, "unreadable", "no recorded prediction")
    assert (c["success"], c["state"]) == (0, "error")
    assert c["reason"].startswith("p.csv, row 2: the values sum to 1.8, not 1; options.normalise")
    (lacking, off) = parquet.notes_of(tmp_path / "out.parquet")
    assert lacking.startswith("no column for neutral, sadness")
    assert "row 2 ('c') with 1.8" in off


NAMED = [
    {"sample_id": "a", "timestamp": 0.0, "emotion": "joy", "accuracy": 0.65},
    {"sample_id": "a", "timestamp": 1.0, "emotion": None, "accuracy": None, "sentiment": None},
    {"sample_id": "b", "timestamp": 0.0, "emotion": "angry", "accuracy": 1.0},
]  # fmt: skip


def test_a_timeline_with_one_emotion_per_moment_is_read(tmp_path):
    """As speech or text models write them: what a probability leaves open is spread evenly."""
    (tmp_path / "speech.json").write_text(json.dumps(NAMED))
    model = opened(tmp_path / "speech.json", time="timestamp", emotion="emotion")
    frames = [
        {"sample_id": name, "timestamp_s": seconds}
        for name, seconds in (("a", 0.1), ("a", 1.2), ("b", 0.0), ("c", 0.0))
    ]
    found = model.known(frames)
    assert model.emotions == EMOTIONS
    assert found.evaluable.tolist() == [True, False, True, False]
    assert found.posterior[0] == pytest.approx([0.05, 0.65, *[0.05] * 6])
    assert found.posterior[2, EMOTIONS.index("anger")] == 1.0


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        ({"accuracy": 87}, {}, "row 1: accuracy is no probability from 0 to 1"),
        ({"accuracy": None}, {}, "row 1: accuracy is no probability from 0 to 1"),
        ({"emotion": "hapiness"}, {}, "row 1: .*happiness"),
        ({}, {"emotion": "feeling"}, "no column 'feeling' .options.emotion."),
        (
            {},
            {"accuracy": "acuracy"},
            "no column 'acuracy' .options.accuracy., did",
        ),
        ({}, {"emotion": 3}, "options.emotion: expected the name of a column"),
    ],
)
def test_a_wrong_timeline_of_emotions_is_named(tmp_path, change, options, says):
    (tmp_path / "speech.json").write_text(json.dumps([NAMED[0] | change, *NAMED[1:]]))
    with pytest.raises(ValueError, match=says):
        opened(tmp_path / "speech.json", **{"time": "timestamp", "emotion": "emotion", **options})
