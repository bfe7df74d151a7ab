"""The `faceoff` command: what it lists, and that its errors are lines, not tracebacks."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from faceoff.cli import app
from faceoff.commands import plugin_listing, reference_page
from faceoff.drawing import scenes
from faceoff.layout import VERSION
from faceoff.plan import config_files
from faceoff.plugins import registry
from faceoff.storage import columns, files, parquet

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def call(monkeypatch):
    """Run a command in a wide terminal and return (exit code, output)."""
    monkeypatch.setattr("faceoff.commands.command_line.console.width", 240)

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, list(arguments))
        return result.exit_code, result.output

    return run


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("detectors", ["whole", "mediapipe_full", "yunet", "haar"]),
        ("models", ["fer", "pd_best", "geometry"]),
        ("datasets", ["posed", "ferplus", "folder"]),
        ("signals", ["mesh", "geometry_au"]),
        ("corruptions", ["resize", "112 96 84", "sunglasses", "10 px, σ 3"]),
    ],
)
def test_listings_name_every_plugin(call, command, expected):
    code, output = call(command)
    assert code == 0
    assert all(name in output for name in expected)


@pytest.mark.parametrize("kind", ["detector", "model", "dataset", "signal"])
def test_a_listing_in_a_pipe_has_a_line_per_plugin_with_all_of_it(call, kind):
    rows = [
        [part.strip() for part in line.strip("│").split("│")]
        for line in call(f"{kind}s")[1].splitlines()
        if line.startswith("│")
    ]
    assert [row[0] for row in rows] == registry.names(kind)
    for name, *told in rows:
        card = registry.get(kind, name).card
        assert (
            (told[:3] == [card["title"], card["terms"], card["how_to_get"]])
            if kind == "dataset"
            else (told[1] == card["licence"])
        )


@pytest.mark.parametrize(("terminal", "width"), [(80, 100), (120, 120)])
def test_a_listing_in_a_terminal_has_room_for_its_names(terminal, width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(terminal))
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in a terminal
    plugin_listing.show(plugin_listing.detectors(()))
    lines = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) == width
    assert all(any(name in line for line in lines) for name in registry.names("detector"))


def test_the_version_is_that_of_the_package_and_of_its_citation(call):
    code, output = call("--version")
    assert code == 0
    with open(ROOT / "pyproject.toml", "rb") as file:
        version = tomllib.load(file)["project"]["version"]
    assert output == f"faceoff {version}\n"
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version


def test_a_missing_weight_is_listed_with_how_to_get_it(call, monkeypatch, tmp_path):
    monkeypatch.delenv("FACEOFF_MIRROR", raising=False)
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path))
    code, output = call("assets")
    assert code == 0
    assert "yunet_n_640_640.onnx" in output
    assert "github.com/ShiqiYu/libfacedetection.train" in output


def test_config_check_names_the_fault(call, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("run: mine\ndatasets: {posed: {}}\ndetectors: {whol: {}}\nmodels: {fer: {}}\n")
    code, output = call("config", str(path))
    assert code == 1
    assert "did you mean 'whole'" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("section", "says"),
    [
        (
            "fusions: {vote: {members: ['nosuch/*']}}",
            "fusions.vote.members: 'nosuch/*' matches no detector/model cell",
        ),
        ("detectors: {fusion: {detector: whole}}", "detectors.fusion: this name is reserved"),
        (
            "detectors: {haar: {options: {min_neighbours: 3}}}",
            "detectors.haar.options: detector 'haar' has no option 'min_neighbours', did you mean",
        ),
        ("models: {fer: {detectors: [haar]}}", "models.fer.detectors: 'haar' matches no detector"),
        (
            "datasets: {ravdess: {path: x, download: true, shards: auto}}",
            "datasets.ravdess.shards: auto counts what is there",
        ),
    ],
)
def test_config_check_refuses_what_a_run_refuses(call, tmp_path, section, says):
    path = tmp_path / "mine.yaml"
    path.write_text(
        yaml.safe_dump(
            {"datasets": {"posed": {}}, "detectors": {"whole": {}}, "models": {"fer": {}}}
            | yaml.safe_load(section)
        )
    )
    code, output = call("config", str(path))
    assert code == 1
    assert output.startswith(f"faceoff: {path}:\nfaceoff: {says}")
    assert len(output.splitlines()) == 2


@pytest.mark.parametrize(
    "command",
    [
        ("config",),
        ("fetch",),
        ("validate",),
        ("score", "p.csv", "--config"),
        ("assets", "--config"),
    ],
)
def test_a_configuration_that_is_not_there_is_named_once(call, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    assert call(*command, "absent.yaml") == (1, "faceoff: absent.yaml: No such file or directory\n")


DAMAGED_TABLE = "predictions/d/whole/fer.parquet is no Parquet file, or a damaged one"


@pytest.fixture
def damaged(tmp_path, monkeypatch):
    """A run whose one score and one table of predictions were cut short."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/r"
    files.write_json(folder / "scores/d/whole/fer.json", {"dataset": "d", "state": "ok"})
    files.write_json(folder / "manifest.json", {"layout": VERSION, "datasets": {}, "config": None})
    row = {"sample_id": "a", "frame": 0, "face_id": 0, "success": 0, "state": columns.NO_FACE}
    parquet.write_rows(
        folder / "predictions/d/whole/fer.parquet",
        columns.predictions_schema(("neutral",)),
        [row] * 3,
    )
    for path in [*folder.glob("scores/*/*/*"), *folder.glob("predictions/*/*/*")]:
        path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize(
    ("command", "file"),
    [
        (("export", "r", "all.csv"), DAMAGED_TABLE),
        (("timeline", "r", "t.svg"), DAMAGED_TABLE),
        (("leaderboard", "r"), "scores/d/whole/fer.json is no JSON, or a damaged one"),
        (("compare", "r", "r"), "scores/d/whole/fer.json is no JSON, or a damaged one"),
        (("model-index", "r", "whole/fer"), "scores/d/whole/fer.json is no JSON, or a damaged one"),
    ],
)
def test_a_damaged_file_of_a_run_is_named_in_a_line(call, damaged, tmp_path, command, file):
    code, output = call(*command)
    assert code == 1
    assert output.startswith(f"faceoff: results/r/{file} (")
    assert output.endswith("; remove it and run snakemake again, which makes it anew\n")
    assert len(output.splitlines()) == 1
    assert not {"all.csv", "t.svg"} & {path.name for path in tmp_path.iterdir()}


@pytest.fixture
def few_scenes(monkeypatch):
    """The first of the drawn scenes that detectors are calibrated on: hundreds take a minute."""
    planned = [scene for scene in scenes.plan("train") if scene.rung in scenes.EASY]
    monkeypatch.setattr(scenes, "plan", lambda split: planned[:12])


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("calibrate", "yune"), "unknown detector 'yune', did you mean 'yunet'?"),
        (("calibrate", "given"), "given: calibration needs at least 10 matched boxes"),
        (
            ("calibrate", "yunet", "--plugins", "/nonexistent"),
            "plugins: /nonexistent is not a folder",
        ),
        (("models", "--plugins", "/nonexistent"), "plugins: /nonexistent is not a folder"),
        (("detectors", "--plugins", "/nonexistent"), "plugins: /nonexistent is not a folder"),
        (("datasets", "--plugins", "/nonexistent"), "plugins: /nonexistent is not a folder"),
        (("assets", "--plugins", "/nonexistent"), "plugins: /nonexistent is not a folder"),
        (
            ("contact-sheet", "sheet.png", "--identity", "test3"),
            "no drawn person 'test3', did you mean 'test",
        ),
        (("contact-sheet", "sheet.png", "--identity", "test99"), "no drawn person 'test99'"),
        (("contact-sheet", "file/sheet.png", "--identity", "test03"), "file: File exists"),
        (
            ("contact-sheet", "sheet.gif", "--identity", "test03"),
            "sheet.gif: the suffix must be .png or .jpg",
        ),
        (("film-strip", "strip"), "strip: the suffix must be .png or .jpg"),
        (
            ("leaderboard", "results/none"),
            "results/none: neither results/results/none nor results/none is the folder of a run",
        ),
        (("report", "none"), "none: neither results/none nor none is the folder of a run"),
    ],
)
def test_what_a_command_cannot_do_is_said_in_a_line(
    call, few_scenes, tmp_path, monkeypatch, command, says
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    code, output = call(*command)
    assert code == 1
    assert output.startswith("faceoff: ")
    assert says in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("name", "kind"), [("sheet.JPG", "JPEG"), ("sheet.jpeg", "JPEG"), ("sheet.PNG", "PNG")]
)
def test_a_picture_is_of_the_kind_that_its_suffix_names(call, tmp_path, name, kind):
    assert call("contact-sheet", str(tmp_path / name), "--identity", "test03")[0] == 0
    with Image.open(tmp_path / name) as picture:
        assert picture.format == kind


def test_drawing_ravdess_asks_before_it_draws_over_clips(call, tmp_path):
    real = tmp_path / "Actor_03/01-01-05-02-01-02-03.mp4"
    real.parent.mkdir()
    real.write_bytes(b"real")
    code, output = call("draw-ravdess", str(tmp_path), "--actor", "3")
    assert code == 1
    assert output.startswith("faceoff: 1 of the 60 clips to draw are there already")
    assert output.endswith("--force draws over them\n")
    assert (real.read_bytes(), len(list(tmp_path.rglob("*.mp4")))) == (b"real", 1)


def test_writing_a_configuration_spares_ones_own_comments_and_the_checkout(call, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "# why these\ndatasets: {posed: {}}\ndetectors: {whole: {}}  # quick\nmodels: {fer: {}}\n"
    )
    before, checkout = (
        path.read_bytes(),
        [config_files.SCHEMA.stat().st_mtime_ns, reference_page.PATH.stat().st_mtime_ns],
    )
    code, output = call("config", str(path), "--write")
    assert code == 1
    assert (
        "--write would delete 2 comments, the first is '# why these';"
        " --force writes it all the same" in output
    )
    assert path.read_bytes() == before
    for arguments in (("--force",), ()):  # what it has written itself it may write again
        assert call("config", str(path), "--write", *arguments)[0] == 0
        assert path.read_text(encoding="utf-8") == config_files.commented(config_files.load(path))
    assert [
        config_files.SCHEMA.stat().st_mtime_ns,
        reference_page.PATH.stat().st_mtime_ns,
    ] == checkout


def test_a_detector_is_calibrated_whatever_its_header_leaves_out(call, few_scenes, tmp_path):
    """Calibrate a plug-in from outside without threshold, smallest face and options.

    Its boxes are half as wide and high as the faces, in their middle.
    """
    (tmp_path / "mine.py").write_text(
        "from faceoff.plugins.protocols import Face\n"
        "from faceoff.drawing import scenes\n"
        'DETECTORS = {"mine": {"class": "Mine"}}\n'
        "class Mine:\n"
        "    def __init__(self, card, assets):\n"
        "        self.options = card['options']\n"
        "        self.scenes = iter(scenes.plan('train'))\n"
        "    def detect(self, images):\n"
        "        x, y, w, h = scenes.draw(next(self.scenes))[1][0].box\n"
        "        return [[Face(box=(x + w / 4, y + h / 4, w / 2, h / 2), score=0.0)]]\n"
    )
    code, output = call("calibrate", "mine", "--plugins", str(tmp_path))
    assert code == 0, output
    assert json.loads(output[output.index("{") :]) == {
        "calibration": {"dx": 0.0, "dy": 0.0, "sx": 2.0, "sy": 2.0}
    }


def test_the_committed_config_and_schema_are_what_the_models_generate():
    schema = json.loads((ROOT / "workflow/schemas/config.schema.json").read_text())
    assert schema == json.loads(json.dumps(config_files.schema()))


def test_leaderboard_of_an_unknown_run(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, output = call("leaderboard", "nothing")
    assert code == 1
    assert "results/nothing" in output


def test_leaderboard_of_an_unlabelled_dataset_says_what_was_answered(tmp_path, monkeypatch, capsys):
    from faceoff.results import leaderboard

    monkeypatch.chdir(tmp_path)
    score = {
        "dataset": "mine",
        "kind": "cell",
        "detector": "whole",
        "model": "fer",
        "state": "skipped",
        "reason": "no sample has a label in its space",
        "task": None,
    }
    failed = score | {"model": "broken", "state": "error", "reason": "no licence"}
    for one in (score, failed):
        files.write_json(Path(f"results/r/scores/mine/whole/{one['model']}.json"), one)
    leaderboard.show("r")
    shown = capsys.readouterr().out
    assert "mine: nothing scored" in shown
    assert "?" not in shown
    counts = {"neutral": 3, "happiness": 9}
    row = {"name": "whole/fer", "counts": counts, "confidence": 0.61}
    found = {"dataset": "mine", "n": 16, "labelled": False, "pipelines": [row], "agreement": []}
    files.write_json(Path("results/r/answers/mine.json"), found)
    leaderboard.show("r")
    shown = capsys.readouterr().out
    assert "mine: no labels, n = 16; what was answered" in shown
    for part in ("12 of 16", "61.0", "happiness 75 %, neutral 25 %", "broken: error, no licence"):
        assert part in shown
    for absent in ("?", "no sample has a label", "accuracy"):
        assert absent not in shown


def test_leaderboard_shows_exact_counts_and_reasons(tmp_path, monkeypatch, capsys):
    from faceoff.results import leaderboard

    task = {"version": "x@1", "n": 3153, "headline": True, "limited": False}
    score = {
        "dataset": "ferplus",
        "kind": "cell",
        "detector": "whole",
        "model": "pd_best",
        "state": "ok",
        "task": task,
        "metrics": {
            "accuracy": 2764 / 3153,
            "n_correct": 2764,
            "n": 3153,
            "coverage": 1.0,
            "balanced_accuracy": 0.7,
            "macro_f1": 0.7,
        },
        "intervals": {"accuracy": [0.86, 0.89]},
    }
    failed = {
        "dataset": "ferplus",
        "kind": "cell",
        "detector": "whole",
        "model": "broken",
        "state": "error",
        "reason": "no licence",
        "task": task,
    }
    flat = score | {
        "model": "flat",
        "counts": {"ok": 3149, "no_face": 1, "unreadable": 3, "error": 0},
        "metrics": score["metrics"] | {"accuracy": 0.9},
        "flags": ["collapsed onto one class"],
        "ranked": False,
    }
    monkeypatch.chdir(tmp_path)
    files.write_json(Path("results/r/scores/ferplus/whole/flat.json"), flat)
    files.write_json(Path("results/r/scores/ferplus/whole/pd_best.json"), score)
    files.write_json(Path("results/r/scores/ferplus/whole/broken.json"), failed)
    leaderboard.show("results/r")
    shown = capsys.readouterr().out
    assert "2764/3153 = 0.876625" in shown
    assert "n = 3153" in shown
    assert "no licence" in shown
    assert "flat: not ranked, collapsed onto one class" in shown
    assert "3 of 3,153 samples could not be read; their rows in `faceoff export` say why" in shown
    assert shown.index("pd_best") < shown.index("flat")


def test_listing_tells_what_is_here_from_what_would_be_downloaded(call, monkeypatch, tmp_path):
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path))
    monkeypatch.delenv("FACEOFF_MIRROR", raising=False)
    _, output = call("models")
    lines = {
        line.split("│")[1].strip(): line for line in output.splitlines() if line.startswith("│")
    }
    assert "yes" in lines["fer"]
    assert "to be downloaded" in lines["pd_best"]


@pytest.mark.parametrize(
    "command",
    [
        ("leaderboard", "r"),
        ("export", "r", "all.csv"),
        ("report", "r"),
        ("compare", "r", "r"),
        ("model-index", "r", "whole/fer"),
        ("timeline", "r", "t.svg"),
    ],
)
@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ({}, "an older version of Faceoff; run snakemake again"),
        ({"layout": VERSION - 1}, "an older version of Faceoff; run snakemake again"),
        ({"layout": VERSION + 1}, "a newer version of Faceoff"),
    ],
)
def test_a_run_of_another_version_is_refused_in_one_line(
    call, tmp_path, monkeypatch, command, layout, words
):
    monkeypatch.chdir(tmp_path)
    folder = Path("results/r")
    files.write_json(folder / "scores/d/whole/fer.json", {"dataset": "d", "state": "ok"})
    files.write_json(folder / "manifest.json", {"config": {"datasets": {"d": {}}}, **layout})
    code, output = call(*command)
    assert code == 1
    (line,) = output.strip().splitlines()
    assert line.startswith(f"faceoff: {folder} was written by {words}")


def test_the_module_runs_as_the_command_does():
    for arguments, expected in ((["--version"], "faceoff "), (["leaderboard", "--help"], "--csv")):
        done = subprocess.run(
            [sys.executable, "-m", "faceoff", *arguments],
            check=True,
            capture_output=True,
            text=True,
        )
        assert expected in done.stdout
        assert "__main__" not in done.stdout


def test_help_imports_nothing_heavy():
    """Commands import what they need when they run: `faceoff --help` answers at once."""
    heavy = {"cv2", "jinja2", "matplotlib", "numpy", "pandas", "pyarrow", "pydantic", "snakemake"}
    code = f"import sys, faceoff.cli; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""


def test_shells_can_complete_commands(call):
    code, output = call("--help")
    assert code == 0
    assert "--install-completion" in output


def test_config_stops_where_a_run_would(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("file,label\na.png,happiness\n")
    columns = {"path": "path"}
    raw = {
        "datasets": {"t": {"type": "table", "path": "t.csv", "columns": columns}},
        "detectors": {"whole": {}},
        "models": {"fer": {}},
    }
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(raw))
    code, output = call("config", "c.yaml")
    assert code == 1
    assert "c.yaml: valid, but a run would stop here:" in output
    assert "t.csv: no column 'path'" in output
    columns["path"] = "file"
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(raw))
    assert call("config", "c.yaml") == (0, "c.yaml: valid\n")


def test_models_say_where_weights_are_missing(call):
    code, output = call("models")
    assert code == 0
    (row,) = [line for line in output.splitlines() if " ddamfn " in line]
    assert "weights missing: give them as options" in row


def test_an_ascii_locale_reads_any_name_and_prints_what_it_can(tmp_path):
    (tmp_path / "ü/happiness").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "ü/happiness/ä.png")
    raw = {"datasets": {"mine": {"type": "folder", "path": "ü"}}, "detectors": {"whole": {}}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({**raw, "models": {"fer": {}}}))
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for arguments in (["config", "c.yaml"], ["models"]):
        done = subprocess.run(
            [sys.executable, "-m", "faceoff", *arguments],
            cwd=tmp_path,
            env={**os.environ, **ascii_only},
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
