"""The pages say what is so: links and anchors lead somewhere, commands, options and keys exist,
generated pages and tables of columns are up to date.
"""

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from PIL import Image
from snakemake.cli import get_argument_parser
from typer.testing import CliRunner

from faceoff.cli import app
from faceoff.commands import reference_page
from faceoff.plan import config, config_files, sections
from faceoff.plan.job_specs import Plan
from faceoff.plugins import options, registry
from faceoff.storage import columns

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "results/README.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)
COMMANDS = typer.main.get_command(app).commands
every_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix()
)

_FENCED = re.compile(
    r"^(?P<mark>```|~~~)(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=mark)$", re.MULTILINE | re.DOTALL
)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]]*(?:\[[^\]]*\][^\]]*)*\]\(([^)\s]+)\)")


def prose(text: str) -> str:
    """A page without its code."""
    return _INLINE.sub("", _FENCED.sub("", text))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the repository's host and the site make them."""
    found: set[str] = set()
    for heading in re.findall(
        r"^#{1,6} (.+)$", _FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE
    ):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        count = sum(
            re.fullmatch(rf"{re.escape(slug)}(-\d+)?", other) is not None for other in found
        )
        found.add(f"{slug}-{count}" if count else slug)
    return found


def faults(page: Path) -> list[str]:
    """Relative links and images of a page that lead nowhere."""
    found = []
    for link in _LINK.findall(prose(page.read_text(encoding="utf-8"))):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.is_file():
            found.append(f"{link}: no such file")
        elif anchor and (target.suffix != ".md" or anchor not in anchors(target)):
            found.append(f"{link}: no such heading")
    return found


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    assert faults(page) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text(
        "# A title: with `code`, twice\n\n## Same\n\n## Same\n", encoding="utf-8"
    )
    page = tmp_path / "page.md"
    good = (
        "[a](there.md) [b](there.md#a-title-with-code-twice) [c](there.md#same-1) [d](#here) "
        "[e](https://example.org/x) `[f](no.md)`"
    )
    page.write_text(f"# Here\n\n{good}\n\n```\n[g](no.md)\n```\n", encoding="utf-8")
    assert faults(page) == []
    page.write_text("[a](no.md) ![b](no.png) [c](there.md#no) [d](#no)", encoding="utf-8")
    assert len(faults(page)) == 4


def snippets(text: str) -> Iterator[str]:
    """Lines of commands, without comments, and inline code."""
    for block in _FENCED.finditer(text):
        if block["language"] in {"", "bash"}:
            yield from (
                line.split(" #")[0]
                for line in block["text"].splitlines()
                if not line.startswith(("#", "from "))
            )
    yield from _INLINE.findall(_FENCED.sub("", text))


_CALL = re.compile(r"(?<![\w/.-])(?:\S*/bin/)?faceoff ([a-z][a-z-]*)([^|;&#)]*)")


def wrong_calls(text: str) -> list[str]:
    """Calls of `faceoff` in code whose command or option does not exist."""
    found = []
    for snippet in snippets(text):
        for command, rest in _CALL.findall(snippet):
            if command not in COMMANDS:
                found.append(f"faceoff {command}: no such command")
                continue
            known = {
                option
                for parameter in COMMANDS[command].params
                for option in (*parameter.opts, *parameter.secondary_opts)
            } | {"--help"}
            if command == "run":  # passes on what it does not know
                known |= set(get_argument_parser()._option_string_actions)
            found += [
                f"faceoff {command} {option}: no such option"
                for option in re.findall(r"(?<!\S)--[a-z][a-z-]*", rest)
                if option not in known
            ]
    return found


@every_page
def test_commands_and_options_exist(page: Path) -> None:
    assert wrong_calls(page.read_text(encoding="utf-8")) == []


def test_a_wrong_command_or_option_is_found() -> None:
    assert wrong_calls(
        "```bash\n.venv/bin/faceoff leaderbord demo\nfaceoff report demo --no-faces --outptu x  # "
        "faceoff nothing\n```\n`faceoff cards --wirte`"
    ) == [
        "faceoff leaderbord: no such command",
        "faceoff report --outptu: no such option",
        "faceoff cards --wirte: no such option",
    ]


def test_every_command_is_told_of_somewhere() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in COMMANDS if f"faceoff {name}" not in text] == []


def configurations(text: str) -> Iterator[dict[str, Any]]:
    """The (parts of) configurations that a page shows: YAML blocks, and inline code that sets a
    section.
    """
    shown = [block["text"] for block in _FENCED.finditer(text) if block["language"] == "yaml"]
    shown += [
        code for code in _INLINE.findall(_FENCED.sub("", text)) if re.match(r"\w+: [{\[]", code)
    ]
    for code in shown:
        values = yaml.safe_load(code)
        is_config = isinstance(values, dict) and any(
            isinstance(values.get(name), dict) for name in sections.RunConfig.model_fields
        )
        if (
            is_config and "plugins" not in values and "..." not in code and "…" not in code
        ):  # plug-ins of walk-throughs are run, those of extend.md are not there
            yield values


def checked(shown: dict[str, Any]) -> sections.RunConfig:
    """Parse what is shown, with the smallest possible rest around it."""
    whole = {"datasets": {}, "detectors": {"whole": {}}, "models": {"fer": {}}, **shown}
    whole["datasets"] = {**whole["datasets"], "scored": {"type": "posed"}}
    for model in [*(whole["models"] or {}).values(), *whole.get("speech_models", {}).values()]:
        if model and model.get("train"):
            whole["datasets"].setdefault(model["train"], {"type": "posed", "role": "train"})
        if "detectors" not in shown:
            whole["detectors"] |= {
                name: {} for name in (model or {}).get("detectors", ()) if "*" not in name
            }
    return config.parse(whole)


@every_page
def test_configurations_are_valid(page: Path) -> None:
    if page.parent.name == "walkthroughs":
        pytest.skip("they run, with what they add to the package, in test_walkthroughs.py")
    for shown in configurations(page.read_text(encoding="utf-8")):
        assert checked(shown).datasets


def test_configurations_are_looked_at() -> None:
    found = [shown for page in PAGES for shown in configurations(page.read_text(encoding="utf-8"))]
    assert len(found) >= 30
    assert {"datasets", "detectors", "models", "fusions", "faces", "report"} <= {
        key for shown in found for key in shown
    }
    with pytest.raises(config.ConfigError, match="did you mean"):
        [
            checked(shown)
            for shown in configurations("```yaml\ndatasets: {posed: {rungz: [plain]}}\n```")
        ]
    with pytest.raises(config.ConfigError, match="matches no detector"):
        [checked(shown) for shown in configurations("`fusions: {vote: {members: ['nosuch/*']}}`")]


# -- generated pages -------------------------------------------------------------------------------


def test_reference_is_in_step() -> None:
    """`faceoff config --write` makes it."""
    assert reference_page.PATH.read_text(encoding="utf-8") == reference_page.page()


def test_reference_has_every_key_with_its_type_default_and_meaning() -> None:
    rows = [line for line in reference_page.page().splitlines() if line.startswith("| `")]
    models = (
        options.DatasetConfig,
        sections.DetectorConfig,
        sections.ModelConfig,
        sections.FusionConfig,
        sections.SignalConfig,
        sections.SegmenterConfig,
        sections.SpeechModelConfig,
        sections.FacesConfig,
        sections.TrackingConfig,
        sections.TemporalConfig,
        sections.SaliencyConfig,
        sections.FiguresConfig,
        sections.ReportConfig,
        sections.SpeedConfig,
    )
    for model in models:
        for key, field in model.model_fields.items():
            assert any(
                row.startswith(f"| `{key}` |") and field.description.replace("<", "&lt;") in row
                for row in rows
            ), key
    titles = re.findall(r"^##+ (.+)$", reference_page.page(), re.MULTILINE)
    types = [f"`type: {name}`" for name in registry.names("dataset")]
    named = ["datasets.NAME", *types, "detectors.NAME", "models.NAME"]
    named += ["training.NAME", "segmenters.NAME", "speech_models.NAME", "fusions.NAME"]
    named += ["signals.NAME", "groups.MEASURE"]
    assert titles == [
        "Top level",
        *named,
        "faces",
        "tracking",
        "temporal.NAME",
        "corruptions.NAME",
        "saliency",
        "figures",
        "report",
        "speed",
        "Options of plug-ins",
    ]
    assert "| `upscale` | whole number, ≥ 1 and ≤ 8 | `1` |" in "\n".join(rows)
    assert "| `subset.per_class` | whole number, ≥ 1 | **required** |" in "\n".join(rows)
    assert '| `members` | list of text, not empty | `["*/*"]` |' in "\n".join(rows)
    assert "| `limit` | whole number, ≥ 1 or number, > 0 and ≤ 1 | – |" in "\n".join(rows)


def test_one_command_writes_all_that_is_generated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference_page, "PATH", tmp_path / "reference.md")
    monkeypatch.setattr(config_files, "SCHEMA", tmp_path / "schema.json")
    monkeypatch.setattr(config_files, "OWN", tmp_path.resolve() / "config.yaml")
    (tmp_path / "config.yaml").write_text(
        "datasets: {posed: {}}\ndetectors: {whole: {}}\nmodels: {fer: {}}\n", encoding="utf-8"
    )
    done = CliRunner().invoke(app, ["config", str(tmp_path / "config.yaml"), "--write"])
    assert done.exit_code == 0, done.output
    assert "# face detectors" in (tmp_path / "config.yaml").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "schema.json").read_text(encoding="utf-8"))["properties"][
        "models"
    ]
    assert (tmp_path / "reference.md").read_text(encoding="utf-8") == reference_page.page()


_PREDICTIONS = columns.predictions_schema(("neutral",), ("AU01",))
SCHEMAS = {
    "samples/DATASET.parquet": columns.SAMPLES,
    "frames/DATASET.parquet": columns.FRAMES,
    "audio/DATASET.parquet": columns.AUDIO,
    "segments/DATASET/SEGMENTER.parquet": columns.SEGMENTS,
    "faces/DATASET/DETECTOR.parquet": columns.FACES,
    "predictions/DATASET/DETECTOR/MODEL.parquet and fusion/DATASET/FUSION.parquet": _PREDICTIONS,
    "features/DATASET/DETECTOR/MODEL.parquet": columns.FEATURES,
    "signals/DATASET/DETECTOR/SIGNAL.parquet": columns.signals_schema(("pose_yaw", "landmarks")),
    "true_faces/DATASET.parquet": columns.true_faces_schema(("AU01",)),
}


@pytest.mark.parametrize("title", SCHEMAS)
def test_columns_are_those_of_the_schema(title: str) -> None:
    part = (
        (ROOT / "docs" / "formats.md")
        .read_text(encoding="utf-8")
        .split(f"## {title}\n")[1]
        .split("\n## ")[0]
    )
    said = re.findall(r"^\| `(\w+)`(?: …)? \| (.+?) \| (yes|no) \| .+ \|$", part, re.MULTILINE)

    def plain(kind: Any) -> str:
        text = re.sub(r"(element|item): ", "", str(kind))
        return text.replace("<", "&lt;").replace(">", "&gt;")

    assert said == [
        (field.name, plain(field.type), "yes" if field.nullable else "no")
        for field in SCHEMAS[title]
    ]


# -- the gallery -----------------------------------------------------------------------------------

GALLERY = ROOT / "docs" / "images" / "gallery"


def test_gallery_pictures_are_small_and_shown() -> None:
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    files = sorted(GALLERY.iterdir())
    assert len(files) >= 10
    for path in files:
        assert path.stat().st_size < 200_000, path.name
        assert f"](images/gallery/{path.name})" in page


def test_a_large_figure_becomes_a_small_png(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.spec_from_file_location(
        "gallery", ROOT / "docs" / "images" / "gallery.py"
    )
    gallery = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gallery)
    monkeypatch.setattr(gallery, "GALLERY", tmp_path)
    figures = tmp_path / "figures"
    figures.mkdir()
    Image.effect_noise((1600, 400), 60).save(figures / "large.png")
    (figures / "large.svg").write_text("<svg/>" * 40_000, encoding="utf-8")
    (figures / "small.svg").write_text("<svg/>", encoding="utf-8")
    assert gallery.copy(figures / "small.svg") == tmp_path / "small.svg"
    made = gallery.copy(figures / "large.svg")
    assert made == tmp_path / "large.png"
    assert Image.open(made).size == (1400, 350)
    assert made.stat().st_size < (figures / "large.png").stat().st_size


WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def test_pages_count_the_default_run_as_the_configuration_does() -> None:
    """`make` in README and index, Get started, and the pictures of the gallery."""
    default = Plan(config_files.load(ROOT / "config.yaml"))
    detectors, models = default.config.detectors, default.config.models
    pairs, fusions = len(default.pairs), len(default.config.fusions)
    for page in ("README.md", "docs/index.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert f"run the default: {pairs} pairs, {fusions} fusions\n" in text, page
    assert f"the default run's {pairs} pairs" in (ROOT / "README.md").read_text(encoding="utf-8")
    speed = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert f"({pairs} today)" in speed
    started = (ROOT / "docs" / "get_started.md").read_text(encoding="utf-8")
    counts = [len(detectors), len(models), fusions]
    said = "{} detectors, {} models, {} fusions".format(*(WORDS[count] for count in counts))
    assert said in re.sub(r"\s+", " ", started)
    heat = (ROOT / "docs" / "images" / "gallery" / "heatmap-posed.svg").read_text(encoding="utf-8")
    assert {*detectors, *models} <= set(re.findall(r"\w+", heat))


def test_the_table_of_real_faces_names_the_pairs_of_its_configuration() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    real, default = (
        Plan(config_files.load(ROOT / path)) for path in ("configs/ferplus.yaml", "config.yaml")
    )
    rows = re.findall(r"^\| (?:\*\*)?(\w+)(?: \([^)]*\))? × (\w+)", text, re.MULTILINE)
    named = dict.fromkeys(rows)
    assert set(real.pairs) == set(named) - {("whole", "faceoff_small")}
    both = sorted(set(named) & set(default.pairs))
    assert both == [("whole", "faceoff_small"), ("whole", "fer")]
    assert "`whole × fer` and\n`whole × faceoff_small`" in text
    shares = [float(row) for row in re.findall(r"^\| [^|]* \| \**(\d\d\.\d\d)", text, re.MULTILINE)]
    assert shares == sorted(shares, reverse=True)
