"""The page: honest words, every cell accounted for, text never becomes markup, no network, the same bytes."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import report_fixtures as fixtures

from faceoff import tables
from faceoff.report import names, words
from faceoff.report.results import DatasetResults
from faceoff.stages.report import write_report

CHROMIUM = "/usr/bin/chromium"
SCRIPTS = Path(names.__file__).parents[2]


class Page(HTMLParser):
    """Tags with their attributes, and the visible text."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside: list[str] = []
        self.feed(html)
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self._inside.append(tag)

    def handle_endtag(self, tag):
        if tag in {"script", "style"}:
            self._inside.pop()

    def handle_data(self, data):
        if not self._inside:
            self.text += data


def _render(run: fixtures.Run, output: Path | None = None, manifest: Path | None = None) -> str:
    output = output or run.folder / "report.html"
    write_report(run.scores, run.comparisons, run.examples, run.folder / "figures", manifest, output, run.spec)
    return output.read_text(encoding="utf-8")


def _one(folder: Path, scores, comparison=None, examples=None, **options) -> fixtures.Run:
    return fixtures.write_run(folder, fixtures.spec({"alpha": "test"}, **options), scores, [comparison] if comparison else [], {"alpha": examples or []})


def _verdict(verdict: str, difference: float, **more) -> str:
    comparison = fixtures.comparison("alpha", ("vote",), verdict, difference) | more
    scores = [fixtures.score("alpha", "yunet", "net", 0.7), fixtures.score("alpha", "", "", 0.7, "vote")]
    return words.verdict(DatasetResults("alpha", {}, scores, comparison))[0].replace("\u00a0", " ")


def test_the_verdict_says_what_the_test_says():
    assert (
        _verdict("better", 0.05) == "A vote of 2 pairs (vote: soft mean) is better than the best single pair by 5.0 points (95 % CI 2.0–8.0; Holm p = 0.012)."
    )
    assert _verdict("worse", -0.05).endswith("comes closest and is worse by 5.0 points (95 % CI 2.0–8.0; Holm p = 0.012).")
    assert _verdict("no difference", 0.001).startswith("No difference is shown: a vote of 2 pairs (vote: soft mean) scores 0.1 points above")
    assert "95 % CI −2.9 to 3.1" in _verdict("no difference", 0.001)
    assert _verdict("inconclusive", -0.02).startswith("Inconclusive: a vote of 2 pairs (vote: soft mean) scores 2.0 points below")
    too_few = _verdict("too few clusters", 0.02)
    assert too_few.startswith("No verdict: there are too few subjects")
    assert "Holm" not in too_few
    assert _verdict("better", 0.05, best_single=None).startswith("No pair could be scored")
    assert _verdict("better", 0.05, comparisons=[]).startswith("The best single pair scores 70.0 %")


def test_a_fusion_that_is_better_leads_even_if_another_scores_higher():
    comparison = fixtures.comparison("alpha", ("loud", "sure"))
    comparison["comparisons"][0] |= {"difference": 0.09, "verdict": "inconclusive"}
    lead, more = words.verdict(DatasetResults("alpha", {}, [], comparison))
    assert lead.startswith("The fusion sure is better")
    assert more[0] == "Of 2 fusions, 1 is better and 1 is inconclusive."


def test_every_cell_is_on_the_page_with_its_reason(tmp_path):
    page = Page(_render(fixtures.typical(tmp_path)))
    assert "✗ failed" in page.text
    assert "– skipped" in page.text
    assert "Segmentation fault: model net: licence not accepted" in page.text
    assert "collapsed onto one class" in page.text
    assert "demonstration data, not for headline" in page.text
    assert "limited: not for reporting" in page.text
    assert "Perceived, not felt, emotion" in page.text
    assert "drawn: free for any use" in page.text
    assert "valid title" not in page.text  # validation data are not reported
    assert "f" * 64 in page.text


def test_a_vote_of_the_best_says_so():
    score = fixtures.score("alpha", "", "", 0.7, "vote")
    assert words.pairs(score) == "2 pairs"
    assert words.pairs(score | {"top": 1}) == "1 of 2 pairs"
    assert words.pairs(score | {"top": 5}) == "2 pairs"


def test_ranks_have_intervals_and_a_vote_its_curve(tmp_path):
    page = Page(_render(fixtures.typical(tmp_path)))
    assert "tied with best" in page.text
    assert "1–2" in page.text
    assert "How many pairs does a vote need?" in page.text
    assert "72.0 %" in page.text.replace("\u00a0", " ")


def test_valence_and_arousal_are_shown_where_there_are_any(tmp_path):
    """Also of a cell that is not scored by emotion; the better reader first; nulls are dashes."""
    values = {
        "n": 40,
        "coverage": 0.95,
        "ccc": 0.5,
        "ccc_low": 0.31,
        "ccc_high": 0.64,
        "ccc_within_clips": None,
        "pearson": 0.55,
        "rmse": 0.2,
        "sign_agreement": 0.8,
    }
    better = values | {"ccc": 0.7}
    scores = [
        fixtures.score("alpha", "yunet", "net", 0.7, affect={"valence": values}),
        fixtures.without_scores("alpha", "whole", "net", "skipped", "no label") | {"affect": {"valence": better, "arousal": values}},
    ]
    page = Page(_render(_one(tmp_path / "with", scores)))
    shown = page.text[page.text.index("Agreement with the dataset") :]
    assert shown.index("0.700 [0.310, 0.640]") < shown.index("0.500 [0.310, 0.640]")
    assert "arousal" in shown
    assert "Agreement with the dataset" not in Page(_render(_one(tmp_path / "without", [fixtures.score("alpha", "yunet", "net", 0.7)]))).text


def test_flagged_cells_are_not_ranked(tmp_path):
    scores = [fixtures.score("alpha", "whole", "net", 0.9, flags=["collapsed onto one class"]), fixtures.score("alpha", "yunet", "net", 0.5)]
    html = _render(_one(tmp_path, scores, fusions={}))
    ranks = re.findall(r'<td class="n" data-v="(\d*)">(\S+)</td>\s*<td>(\w+)</td>', html)
    assert ranks == [("1", "1", "yunet"), ("", "–", "whole")]


def test_hostile_text_stays_text(tmp_path):
    nasty = fixtures.HOSTILE
    declared = fixtures.spec({nasty: "test"})
    declared["config"]["report"]["title"] = nasty
    declared["datasets"][nasty] |= {"title": nasty, "terms": nasty}
    declared["assets"] = {nasty: {"licence": nasty, "sha256": nasty}}
    cell, fused = fixtures.score("alpha", nasty, nasty, 0.6, flags=[nasty], train_status=nasty), fixtures.score("alpha", "", "", 0.7, nasty)
    task = cell["task"] | {"name": nasty, "version": nasty, "space": [f"{nasty} {index}" for index in range(7)]}
    for score in (cell, fused):
        score |= {"dataset": nasty, "task": task}
        for row, emotion in zip(score["per_class"], task["space"], strict=True):
            row["emotion"] = emotion
    failed = fixtures.without_scores("alpha", "x", "y", "error", nasty) | {"dataset": nasty}
    comparison = fixtures.comparison("alpha", (nasty,)) | {"dataset": nasty, "task": task, "clones": [[nasty, nasty]]}
    comparison["best_single"] |= {"name": f"{nasty}/{nasty}", "how": nasty[:200]}
    rows = [row | {"cell": f"{nasty}/{nasty}", "truth": nasty, "sample_id": nasty} for row in fixtures.example_rows(["a/b"])]
    run = fixtures.write_run(tmp_path, declared, [], [], {"examples": rows})
    for index, (folder, item) in enumerate((("s", cell), ("s", fused), ("s", failed), ("c", comparison))):
        tables.write_json(tmp_path / folder / f"{index}.json", item)
    run.scores, run.comparisons = sorted((tmp_path / "s").iterdir()), sorted((tmp_path / "c").iterdir())
    html = _render(run)
    page = Page(html)
    assert html.count("<script") == 1
    assert "alert(1)" not in re.search(r"<script>(.*?)</script>", html, re.DOTALL).group(1)
    assert "<script>alert(1)</script>" in page.text
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert len(html) < 1_500_000


def test_no_remote_load(tmp_path):
    page = Page(_render(fixtures.typical(tmp_path)))
    assert not [tag for tag, attributes in page.tags if tag in {"iframe", "object", "embed", "base"} or (tag == "link" and attributes["href"] != "data:,")]
    for tag, attributes in page.tags:
        source = attributes.get("src")
        assert source is None or source.startswith("data:image/png;base64,"), (tag, source)
        assert not re.match(r"(https?:)?//|javascript:", attributes.get("href") or "")


def test_ids_are_unique_and_links_arrive(tmp_path):
    run = fixtures.typical(tmp_path)
    page = Page(_render(run))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for tag, a in page.tags if tag == "a" and a["href"].startswith("#")} <= set(ids)


def test_figures_are_linked_where_they_exist(tmp_path):
    run = fixtures.typical(tmp_path)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "heatmap-alpha.svg").write_text("<svg/>")
    links = [a["href"] for tag, a in Page(_render(run)).tags if tag == "a" and not a["href"].startswith("#")]
    assert links == ["figures/heatmap-alpha.svg"]


def test_faces_are_left_out_on_request(tmp_path):
    run = fixtures.typical(tmp_path)
    run.spec["config"]["report"]["faces"] = False
    page = Page(_render(run))
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert "left out of this page on request" in page.text


def test_no_fusion_one_cell_and_null_metrics(tmp_path):
    cell = fixtures.score("alpha", "whole", "net")
    cell["metrics"] |= {"log_loss": None, "ece": None, "balanced_accuracy": None, "top2": None, "mass_outside": None}
    cell["intervals"] = {"accuracy": [None, None]}
    cell["per_class"][0] |= {"recall": None, "f1": None}
    comparison = fixtures.comparison("alpha", ()) | {"comparisons": [], "pairs": [], "clones": []}
    page = Page(_render(_one(tmp_path, [cell], comparison, fusions={})))
    assert "No fusion was compared" in page.text
    assert "None" not in page.text
    assert "nan" not in page.text.lower().split()


def test_nothing_scored(tmp_path):
    page = Page(_render(_one(tmp_path, [fixtures.without_scores("alpha", "whole", "net", "skipped", "licence missing")])))
    assert "No pair could be scored here" in page.text
    assert "licence missing" in page.text


def test_bytes_do_not_depend_on_process_order_or_what_the_manifest_says_of_the_host(tmp_path):
    made = {"versions": {"numpy": "1.26.4"}, "faceoff": {"commit": "c0ffee"}, "host": {"name": "one"}, "time": "2026-01-01"}
    (tmp_path / "one").mkdir()
    tables.write_json(tmp_path / "one" / "manifest.json", made)
    run = fixtures.typical(tmp_path / "one")
    first = _render(run, manifest=tmp_path / "one" / "manifest.json")
    assert "c0ffee" in first
    assert "2026-01-01" not in first
    code = (
        "import sys; from pathlib import Path; import report_fixtures as f; from faceoff import tables; from faceoff.stages.report import write_report\n"
        "folder = Path(sys.argv[1]); run = f.typical(folder)\n"
        f"tables.write_json(folder / 'manifest.json', {made | {'host': {'name': 'two'}, 'time': '2027-02-02'}!r})\n"
        "results = run.scores[::-1], run.comparisons[::-1], run.examples[::-1]\n"
        "write_report(*results, folder / 'figures', folder / 'manifest.json', folder / 'report.html', run.spec)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{SCRIPTS}{os.pathsep}{Path(__file__).parent}", "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "two")], check=True, env=environment)
    assert (tmp_path / "two" / "report.html").read_text(encoding="utf-8") == first


@pytest.fixture
def browse():
    """Open a file in headless Chromium without a network; yields a function (path, **context) -> (page, what the console said)."""
    if not os.path.exists(CHROMIUM):
        pytest.skip(f"{CHROMIUM} is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])

        def visit(path: Path, **context):
            page = browser.new_page(offline=True, **context)
            said: list[str] = []
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.goto(path.as_uri())
            return page, said

        yield visit
        browser.close()


@pytest.mark.slow
def test_the_page_sorts_filters_and_opens_in_a_browser(tmp_path, browse):
    run = fixtures.typical(tmp_path)
    _render(run)
    page, said = browse(tmp_path / "report.html", viewport={"width": 390, "height": 800}, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    def column(place: int) -> list[str]:
        return page.locator(f"#d0-table tbody tr > :nth-child({place})").all_inner_texts()

    assert [text.splitlines()[0] for text in column(1)] == ["1", "2", "3", "4", "–", "–"]
    heading = page.locator("#d0-table thead th").nth(3)
    heading.locator("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    accuracies = column(4)
    assert accuracies[0].startswith("60.0")
    assert "skipped" in accuracies[-1]  # rows without a value stay last either way
    page.locator("input[data-filter=d0-table]").fill("yunet geometry")
    assert page.locator("#d0-table tbody tr:visible").count() == 1
    assert page.locator("output[data-count=d0-table]").inner_text() == "1 of 6"
    target = page.locator("#d0 table.heat a").first.get_attribute("href")
    page.locator("#d0 table.heat a").first.click()
    page.wait_for_function(f"document.querySelector('{target}').open")
    assert said == []
