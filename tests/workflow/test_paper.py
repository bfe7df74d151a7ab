"""Test configs/paper.yaml, cut down to a few pictures and clips.

It makes every figure, table and caption of a paper, and the archive of `snakemake --report`.
"""

import json
import re
import shutil
import subprocess
import zipfile

import pytest
import yaml

import runs

pytestmark = pytest.mark.slow


def small_paper() -> dict:
    """Return the shipped configuration with fewer samples, pairs and fusions."""
    config = yaml.safe_load((runs.ROOT / "configs/paper.yaml").read_text())
    config["datasets"]["posed"] = {"rungs": ["plain"], "limit": 16}
    config["datasets"]["posed-video"] |= {"kinds": ["single"], "limit": 3, "fps": 1}
    config["datasets"]["posed-train"] |= {"limit": 32}
    config["detectors"] = {"whole": {}, "mediapipe_short": {}}
    del config["models"]["geometry"]  # other tests run it
    for rule in ("product", "majority", "weighted"):
        del config["fusions"][rule]
    return config


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper")
    done = runs.run(folder, small_paper())
    assert done.returncode == 0, done.stdout[-4000:]
    return folder


def test_every_figure_has_its_formats_data_and_caption(paper):
    figures = paper / "results/paper/figures"
    captioned = re.findall(
        r"^## (?!tables/)(.+)$", (figures / "captions.md").read_text(), re.MULTILINE
    )
    assert {"heatmap-posed", "confusion-posed-video", "coverage"} <= set(captioned)
    assert {path.name for path in figures.iterdir()} == {
        "captions.md",
        *(f"{name}.{suffix}" for name in captioned for suffix in ("pdf", "svg", "png", "csv")),
    }


def test_latex_tables_mark_the_best_and_say_that_they_are_limited(paper):
    text = (paper / "results/paper/tables/accuracy.tex").read_text()
    assert r"\textbf{" in text
    assert r"\toprule" in text
    assert "limited: not for reporting" in text
    for name in ("posed", "posed-video"):
        lines = [line for line in text.splitlines() if line.startswith(f"{name} &")]
        assert r"\textbf{" in lines[0], "the table is sorted, so the best comes first"
        assert all("[" in line for line in lines), "every accuracy has its interval"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_latex_tables_compile(paper, tmp_path):
    tables = sorted((paper / "results/paper/tables").glob("*.tex"))
    for path in tables:
        shutil.copy(path, tmp_path)
    body = "".join(rf"\input{{{path.stem}}}\clearpage" for path in tables)
    (tmp_path / "main.tex").write_text(
        r"\documentclass{article}\usepackage{booktabs,longtable}"
        rf"\begin{{document}}\footnotesize {body}\end{{document}}"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]


def test_archive_has_every_figure_and_table_with_category_labels_and_caption(paper, tmp_path):
    done = runs.run(paper, small_paper(), "--report", str(tmp_path / "archive.zip"))
    assert done.returncode == 0, done.stdout[-3000:]
    with zipfile.ZipFile(tmp_path / "archive.zip") as archive:
        page = archive.read("archive/report.html").decode()
        start = [match.end() for match in re.finditer(r"var results = (?=\{)", page)][-1]
        shown, _ = json.JSONDecoder().raw_decode(page[start:])
        assert {f"archive/{entry['data_uri']}" for entry in shown.values()} <= set(
            archive.namelist()
        )
        start = [match.end() for match in re.finditer(r"var categories = (?=\{)", page)][-1]
        categories, _ = json.JSONDecoder().raw_decode(page[start:])
    names = {
        category: {path.rpartition("/")[2] for paths in parts.values() for path in paths}
        for category, parts in categories.items()
    }
    results = paper / "results/paper"
    assert names["Figures"] == {path.name for path in (results / "figures").glob("*.svg")}
    assert names["Tables"] == {path.name for path in (results / "tables").glob("*.csv")}
    assert "report.html" in names["Report"]
    for entry in shown.values():
        assert re.sub(r"<[^>]+>", "", entry["caption"]).strip(), entry["name"]
        assert entry["labels"] or entry["name"] in names["Report"], entry["name"]
