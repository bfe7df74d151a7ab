"""The configuration: every error names its key, the value of that leaf alone and the nearest valid
name; generated files are in step.
"""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from faceoff.plan import config_files, sections
from faceoff.plan.config import ConfigError, parse
from faceoff.plan.job_specs import Plan

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "run": "t",
    "datasets": {"posed": {}, "posed-train": {"type": "posed", "split": "train", "role": "train"}},
    "detectors": {"whole": {}},
    "models": {"fer": {}, "landmarks_lr": {"train": "posed-train"}},
    "fusions": {"vote": {"rule": "majority"}},
}


def changed(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    raw = copy.deepcopy(GOOD)
    change(raw)
    return raw


def put(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(raw: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for key in parents:
            raw = raw.setdefault(key, {})
        raw[last] = value

    return change


def refused(raw: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(raw)
    return str(caught.value)


def test_the_good_one_is_good() -> None:
    parsed = parse(GOOD)
    assert parsed.run == "t"
    assert parsed.datasets["posed"].split == "test"
    assert parsed.faces.policy == "largest"


@pytest.mark.parametrize(
    ("path", "nearest"),
    [("modles", "models"), ("datasets.posed.splt", "split"),
     ("datasets.posed.rol", "role"), ("detectors.whole.upscal", "upscale"),
     ("models.fer.margn", "margin"),
     ("fusions.vote.member", "members"), ("faces.polcy", "policy"), ("figures.format", "formats"),
     ("report.titel", "title"),
     ("datasets.mine.columns.pth", "path")],
)  # fmt: skip
def test_unknown_key_at_each_level(path: str, nearest: str) -> None:
    base = (
        changed(put("datasets.mine", {"type": "table", "path": "x.csv"}))
        if ".mine." in path
        else copy.deepcopy(GOOD)
    )
    put(path, "SECRET")(base)
    message = refused(base)
    assert f"unknown key '{path}', did you mean '{nearest}'?" in message
    assert "SECRET" not in message


@pytest.mark.parametrize(
    ("path", "value", "nearest"),
    [("faces.policy", "larges", "largest"), ("fusions.vote.rule", "soft_maen", "soft_mean"),
     ("datasets.posed.role", "tset", "test"),
     ("datasets.posed.split", "tests", "test"), ("figures.formats", ["svgg"], "svg"),
     ("datasets.posed.space", "basic9", "basic8"),
     ("datasets.faces1.type", "foldr", "folder"), ("detectors.whole.detector", "harr", "haar"),
     ("models.fer.model", "geometri", "geometry")],
)  # fmt: skip
def test_bad_name_says_key_value_and_nearest(path: str, value: Any, nearest: str) -> None:
    message = refused(changed(put(path, value)))
    bad = value[0] if isinstance(value, list) else value
    assert repr(bad) in message
    assert path.removesuffix(".type").removesuffix(".detector").removesuffix(".model") in message
    assert "did you mean '" in message
    assert nearest[:4] in message.split("did you mean '")[1].split("'")[0]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("datasets", "key 'datasets' is missing"),
        ("detectors", "nothing reads the datasets: name detectors and models for faces"),
        ("models", "models: none is named"),
    ],
)
def test_missing_section(key: str, message: str) -> None:
    assert message in refused(changed(lambda raw: raw.pop(key)))


def test_missing_key_of_a_dataset() -> None:
    assert "key 'datasets.mine.path' is missing" in refused(
        changed(put("datasets.mine", {"type": "folder"}))
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [("seed", -1), ("detectors.whole.upscale", 99), ("detectors.whole.threshold", 1.5),
     ("models.fer.margin", 9), ("figures.examples", 65), ("datasets.posed.limit", 0),
     ("datasets.posed.limit", 1.5), ("run", "Big Name"), ("fusions.vote.members", []),
     ("seed", "many")],
)  # fmt: skip
def test_bad_value_names_key_and_value(path: str, value: Any) -> None:
    message = refused(changed(put(path, value)))
    assert path in message
    assert repr(value) in message


@pytest.mark.parametrize(("limit", "kept"), [(1, 1), (0.5, 0.5), (1.0, 1.0)])
def test_a_limit_of_one_is_a_sample_and_of_1_0_everything(limit: float, kept: float) -> None:
    read = parse(changed(put("datasets.posed.limit", limit))).datasets["posed"].limit
    assert (read, type(read)) == (kept, type(kept))


@pytest.mark.parametrize("name", ["Fer", "a b", "ä", "-x", ""])
@pytest.mark.parametrize("section", ["detectors", "fusions"])
def test_names_become_file_names(section: str, name: str) -> None:
    def rename(raw: dict[str, Any]) -> None:
        raw[section] = {name: {"detector": "whole"} if section == "detectors" else {}}

    assert "lower-case" in refused(changed(rename))


@pytest.mark.parametrize(
    ("path", "value"),
    [("detectors.whole", {"upscale": 99, "options": {"token": "SECRET"}}),
     ("models", [{"token": "SECRET"}]), ("datasets", [{"token": "SECRET"}]),
     ("models.fer", ["SECRET"]), ("faces", [{"x": "SECRET"}]),
     ("datasets.posed", {"rungs": {"x": "SECRET"}}), ("fusions.vote.members", {"x": "SECRET"})],
)  # fmt: skip
def test_only_the_wrong_leaf_is_printed(path: str, value: Any) -> None:
    message = refused(changed(put(path, value)))
    assert path.split(".")[0] in message
    assert "SECRET" not in message


@pytest.mark.parametrize("value", [5, {"a": 1}, "folder"])
def test_plugins_that_are_no_list(value: Any) -> None:
    assert "plugins" in refused(changed(put("plugins", value)))


def test_plugin_folder_that_is_not_there() -> None:
    assert "/nowhere/plugins is not a folder" in refused(
        changed(put("plugins", ["/nowhere/plugins"]))
    )


def test_every_fault_is_reported_at_once() -> None:
    raw = changed(put("modles", 1))
    put("datasets.posed.splt", 1)(raw)
    put("datasets.mine", {"type": "nothing_like_it"})(raw)
    message = refused(raw)
    assert len(message.splitlines()) == 3


def test_unset_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACES_AT", raising=False)
    raw = changed(put("datasets.mine", {"type": "folder", "path": "${FACES_AT}/x"}))
    message = refused(raw)
    assert "datasets.mine.path" in message
    assert "FACES_AT is not set" in message
    monkeypatch.setenv("FACES_AT", "/here")
    assert parse(raw).datasets["mine"].path == Path("/here/x")


def test_data_folder_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = changed(put("datasets.mine", {"type": "folder", "path": "${FACEOFF_DATA}/x"}))
    monkeypatch.delenv("FACEOFF_DATA", raising=False)
    assert parse(raw).datasets["mine"].path == Path("data/x")
    monkeypatch.setenv("FACEOFF_DATA", "/elsewhere")
    assert parse(raw).datasets["mine"].path == Path("/elsewhere/x")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [("datasets.posed.validation", "posed-trian", "no dataset 'posed-trian' in this run, did you "
                                                  "mean 'posed-train'?"),
     ("datasets.posed.validation", "posed", "cannot validate itself"),
     ("datasets.posed.validation", "posed-train", "role"),
     ("models.landmarks_lr.train", "posed-trian", "no dataset 'posed-trian' in this run, did you "
                                                  "mean 'posed-train'?"),
     ("models.landmarks_lr.train", "posed", "role"),
     ("models.landmarks_lr", {}, "models.landmarks_lr.train"),
     ("models.fer.train", "posed-train", "fixed weights"),
     ("datasets.posed.role", "validation", "none has the role 'test'"),
     ("fusions.vote.members", ["whol/*"], "fusions.vote.members: 'whol/*' matches no "
                                          "detector/model cell of this run, did you mean 'whole'?"),
     ("fusions.vote.members", ["whole/*", "whole/fre"], "'whole/fre' matches no detector/model "
                                                        "cell of this run, did you mean 'fer'?"),
     ("fusions.vote.members", ["whole"], "'whole' matches no detector/model cell of this run; "
                                         "valid: fer, landmarks_lr"),
     ("models.fer.detectors", ["whole", "h*r"], "models.fer.detectors: 'h*r' matches no detector "
                                                "of this run; valid: whole"),
     ("models.fer.detectors", ["whol"], "models.fer.detectors: 'whol' matches no detector of this "
                                        "run, did you mean 'whole'?"),
     ("detectors.fusion", {"detector": "whole"}, "detectors.fusion: this name is reserved for "
                                                 "fusions"),
     ("datasets.fusion", {"type": "posed"}, "datasets.fusion: this name is reserved for fusions"),
     ("detectors.temporal", {"detector": "haar"}, "reserved for rules over time"),
     ("temporal.calm", {"of": ["whole/fre"]}, "temporal.calm.of: 'whole/fre' matches no "
                                              "detector/model cell and no fusion/name of this run, "
                                              "did you mean 'fer'?"),
     ("temporal.calm", {"of": ["fusion/vot"]}, "did you mean 'vote'?"),
     ("temporal.calm", {"datasets": ["posd"]}, "temporal.calm.datasets: 'posd' matches no dataset "
                                               "of role test, did you mean 'posed'?"),
     ("temporal.calm", {"rule": "hysterisis"}, "did you mean 'hysteresis'?"),
     ("temporal.calm", {"constants": {"window_s": 1}}, "rule ema has no constant 'window_s'; it "
                                                       "has: tau_s"),
     ("temporal.calm", {"constants": {"tau_s": 0}}, "constant tau_s is a time in seconds above 0"),
     ("temporal.calm", {"constants": {"tau_s": -1}}, "greater than or equal to 0")],
)  # fmt: skip
def test_references_between_sections(path: str, value: Any, says: str) -> None:
    assert says in refused(changed(put(path, value)))


def test_a_cell_that_is_not_asked_for_is_no_member() -> None:
    raw = changed(put("detectors.haar", {}))
    put("models.fer.detectors", ["whole"])(raw)
    put("fusions.vote.members", ["haar/fer"])(raw)
    assert (
        "'haar/fer' matches no detector/model cell of this run; models.fer.detectors leaves it out"
        in refused(raw)
    )
    put("fusions.vote.members", ["haar/*"])(raw)
    assert list(parse(raw).members("haar/*", "*/fer")) == [
        ("haar", "landmarks_lr"),
        ("whole", "fer"),
    ]


@pytest.mark.parametrize(
    ("path", "plugin", "options", "says"),
    [("detectors.mine", {"detector": "mediapipe_short"}, {"model_selectoin": 1},
    "'mediapipe_short' has no option 'model_selectoin', did you mean 'model_sel"),
     ("detectors.whole", {}, {"side": 3}, "detector 'whole' has no option 'side'; it has none"),
     ("models.geometry", {}, {"presence": 0.2, "sharp": 1}, "models.geometry.options: model "
                                                            "'geometry' has no option 'sharp', did "
                                                            "you mean 'sharpness'?"),
     ("models.fer", {}, {"x": 1},
     "models.fer.options: model 'fer' has no option 'x'; it has none")],
)  # fmt: skip
def test_an_option_that_the_plugin_does_not_declare(
    path: str, plugin: dict, options: dict, says: str
) -> None:
    message = refused(changed(put(path, {**plugin, "options": options})))
    assert says in message
    assert len(message.splitlines()) == 1


def test_sections_may_be_empty_in_yaml(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "datasets:\n  posed:\ndetectors:\n  whole:\nmodels:\n  fer:\nfusions:\ntemporal:\n"
        "figures:\n"
    )
    assert list(config_files.read(path).datasets) == ["posed"]


@pytest.mark.parametrize("text", ["just words", "- a\n- b\n", "a: [", ""])
def test_file_that_is_no_configuration(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"c\.yaml"):
        config_files.read(path)
    with pytest.raises(ConfigError) as absent:
        config_files.read(tmp_path / "absent.yaml")
    assert str(absent.value) == f"{tmp_path / 'absent.yaml'}: No such file or directory"


def test_a_key_that_stands_twice_is_refused_with_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "datasets: {posed: {}}\ndetectors: {whole: {}}\nmodels:\n  fer: {margin: 0.1, margin: "
        "0.2}\n  'fer': {}\ndatasets: {}\n"
    )
    with pytest.raises(ConfigError) as caught:
        config_files.load(path)
    assert str(caught.value).splitlines() == [
        f"{path}, line 4: key 'margin' appears a second time, first in line 4",
        f"{path}, line 5: key 'fer' appears a second time, first in line 4",
        f"{path}, line 6: key 'datasets' appears a second time, first in line 1",
    ]


def test_a_run_refuses_a_key_that_stands_twice(tmp_path: Path) -> None:
    """Snakemake reads the file itself, and has kept the last one."""
    (tmp_path / "c.yaml").write_text(
        "datasets: {posed: {}}\ndetectors: {whole: {}}\nmodels: {fer: {}}\nmodels: {fer: {}}\n"
    )
    command = [
        Path(sys.executable).with_name("snakemake"),
        "-s",
        ROOT / "Snakefile",
        "--directory",
        tmp_path,
        "--configfile",
        tmp_path / "c.yaml",
        "-n",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert (
        f"faceoff: {tmp_path / 'c.yaml'}, line 4: key 'models' appears a second time, first in "
        f"line 3\n" in done.stderr
    )
    assert "Traceback" not in done.stderr


def test_a_merged_key_may_be_given_anew(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "a: &a {x: 1, y: 2}\nb: {deep: {deeper: &b {<<: *a, x: 3}}}\nc: {<<: *b, y: 4}\n"
    )
    assert config_files.load(path)["c"] == {"x": 3, "y": 4}


def test_comments_are_told_from_text() -> None:
    text = "# a\nx: 'b # c'  # d\ny: |\n  # e\nz: f#g\nl: [1,  # h\n 2]\n# i"
    assert config_files.comments(text) == ["# a", "# d", "# h", "# i"]


def test_commented_round_trips() -> None:
    text = config_files.commented(GOOD)
    again = yaml.safe_load(text)
    assert parse(again) == parse(GOOD)
    assert config_files.commented(again) == text
    for field in sections.RunConfig.model_fields.values():
        assert field.description in text


def test_commented_of_nothing_shows_the_defaults() -> None:
    written = yaml.safe_load(config_files.commented({**GOOD, "faces": {"policy": "centre"}}))
    assert written["faces"]["policy"] == "centre"
    assert written["figures"] == {"formats": ["svg", "pdf", "png"], "examples": 8}


def test_schema_file_is_in_step() -> None:
    """`faceoff config --write` makes it."""
    assert json.loads(
        (ROOT / "workflow/schemas/config.schema.json").read_text(encoding="utf-8")
    ) == json.loads(json.dumps(config_files.schema()))


def test_config_yaml_is_in_step() -> None:
    """`faceoff config --write` makes its comments."""
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    assert config_files.commented(yaml.safe_load(text)) == text


@pytest.mark.parametrize(
    "path",
    [ROOT / "config.yaml", *sorted((ROOT / "configs").glob("*.yaml"))],
    ids=lambda path: path.name,
)
def test_every_ready_made_run_is_valid(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEOFF_DATA", str(tmp_path))
    monkeypatch.chdir(ROOT)
    assert config_files.read(path).datasets


def test_schema_accepts_the_ready_made_run_and_refuses_unknown_keys() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(config_files.schema())
    values = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    assert validator.is_valid(values)
    assert not validator.is_valid({**values, "modles": {}})
    assert not validator.is_valid({**values, "datasets": {"posed": {"splt": 1}}})


BOMB = "".join(
    f"{name}: &{name} [{', '.join([f'*{before}' if before else '1'] * 9)}]\n"
    for before, name in zip(["", *"abcdef"], "abcdefg", strict=True)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"run: \xe9\n", "byte 6 is not UTF-8"),
        ("run: é\n".encode("utf-16"), "byte 1 is not UTF-8"),
        (b"seed: " + b"9" * 5000, "digits"),
        (b"datasets: &x {posed: *x}\n", "line 1, column 11: an anchor contains itself"),
        (BOMB.encode(), "more than 100,000 values"),
        (b"run: " + b"[" * 5000 + b"]" * 5000, "nested deeper than 40 levels"),
        (b"run: " + b"{a: " * 50 + b"1" + b"}" * 50, "nested deeper than 40 levels"),
        (b'report: {title: "\\ud800"}', "half a character"),
        (b"run: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
        (b"\trun: x", "line 1, column 1"),
    ],
)
def test_a_hostile_file_is_refused_in_one_short_line(
    tmp_path: Path, text: bytes, says: str
) -> None:
    (tmp_path / "c.yaml").write_bytes(text)
    with pytest.raises(ConfigError) as caught:
        config_files.load(tmp_path / "c.yaml")
    said = str(caught.value)
    assert said.startswith(str(tmp_path / "c.yaml"))
    assert says in said
    assert "\n" not in said
    assert len(said) < len(str(tmp_path)) + 200


def test_a_pipe_a_device_and_a_large_file_are_no_configuration(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    (tmp_path / "large.yaml").write_text("# " + "x" * 1_000_000, encoding="utf-8")
    for name, says in (
        ("pipe.yaml", "a pipe, socket or device, which is not opened"),
        ("zero.yaml", "a pipe, socket or device, which is not opened"),
        ("large.yaml", "larger than 1 MB"),
    ):
        with pytest.raises(ConfigError, match=f"{name}: {says}"):
            config_files.load(tmp_path / name)


@pytest.mark.parametrize("value", [2024, True, 1.5, date(2024, 1, 1)])
def test_a_text_that_yaml_reads_as_another_value_is_to_be_quoted(value: object) -> None:
    with pytest.raises(ConfigError, match=f"run: YAML reads {value} as no text; put the text in"):
        parse({**GOOD, "run": value})


def test_a_wrong_part_of_a_list_has_a_line_of_its_own() -> None:
    with pytest.raises(ConfigError) as caught:
        parse({**GOOD, "datasets": {"posed": {"space": ["happiness", 4]}}})
    assert [line for line in str(caught.value).splitlines() if "space" in line] == [
        "datasets.posed.space.1: YAML reads 4 as no text; put the text in quotes"
    ]


def test_a_long_value_is_shortened() -> None:
    for change in ({"seed": "x" * 10_000}, {"weights": "x" * 10_000}, {"x" * 10_000: 1}):
        with pytest.raises(ConfigError) as caught:
            parse({**GOOD, **change})
        assert len(str(caught.value)) < 400


def everything(plan: Plan) -> None:
    """Ask a plan for all that the Snakefile asks it for."""
    files = plan.products()
    assert len(files) == len(set(files)), "Snakemake refuses an output that stands twice"
    assert max(len(part) for path in plan.files() for part in path.split("/")) < 200
    plan.patterns()
    jobs = [plan.report_job(), plan.manifest_job(), plan.captions_job(), plan.speed_job()]
    jobs += [plan.tables_job(), plan.figures_job()]
    for dataset in plan.datasets():
        jobs += [plan.samples_job(dataset), plan.frames_job(dataset), plan.examples_job(dataset)]
        jobs += [plan.compare_job(dataset), plan.answers_job(dataset), plan.overlaps_job(dataset)]
        for detector, model in plan.cells:
            jobs += [plan.detect_job(dataset, detector)]
            jobs += [plan.predict_job(dataset, detector, model)]
            jobs += [plan.score_job(dataset, detector, model)]
        for fusion in plan.fusions:
            jobs += [plan.fuse_job(dataset, fusion), plan.fusion_score_job(dataset, fusion)]
    for job in jobs:
        text = job.to_json()
        assert type(job).from_json(text).to_json() == text
        text.encode("utf-8")


ODD = st.one_of(
    st.none(), st.booleans(), st.floats(), st.integers(), st.integers(-(2**70), 2**70),
    st.text(max_size=20), st.sampled_from(["a {b} c", "{input}", "*", "[", "../x", "svg", "-", ""]),
    st.lists(st.sampled_from(["svg", "pdf", "*/*", "{x}", 1]), max_size=3),
    st.dictionaries(st.sampled_from(["a", "whole", "{x}", "limit", ""]), st.integers(), max_size=2),
)  # fmt: skip
KEYS = [
    ("report", "title"), ("run",), ("seed",), ("weights",), ("device",), ("figures", "formats"),
    ("figures", "examples"), ("report", "gallery"), ("report", "megabytes"), ("speed", "queries"),
    ("datasets", "posed", "limit"), ("datasets", "posed", "space"), ("datasets", "posed", "shards"),
    ("datasets", "posed", "fps"), ("datasets", "posed", "shares"), ("datasets", "own", "path"),
    ("datasets", "own", "label_map"), ("detectors", "whole", "min_size"),
    ("detectors", "whole", "upscale"), ("models", "fer", "margin"), ("models", "fer", "detectors"),
    ("fusions", "v", "members"), ("fusions", "v", "top"), ("fusions", "v", "seed"), ("faces",),
    ("datasets",), ("detectors", "second"), ("models", "second"), ("fusions", "second"),
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(changes=st.lists(st.tuples(st.sampled_from(KEYS), ODD), min_size=1, max_size=3))
def test_whatever_is_valid_can_be_planned(changes: list[tuple[tuple[str, ...], Any]]) -> None:
    raw: dict[str, Any] = {
        "datasets": {
            "posed": {"rungs": ["plain"]},
            "own": {"type": "folder", "path": "pi{c}s", "label_map": {"a {b}": "anger"}},
        },
        "detectors": {"whole": {}},
        "models": {"fer": {}},
        "fusions": {"v": {"members": ["*/*"]}},
    }
    for path, value in changes:
        section = raw
        for key in path[:-1]:
            section = section.setdefault(key, {})
            if not isinstance(section, dict):
                return
        section[path[-1]] = value
    try:
        plan = Plan(raw)
    except ConfigError as error:
        lengths = map(len, str(error).splitlines())
    else:
        lengths = ()
        everything(plan)
    assert all(length < 600 for length in lengths)
