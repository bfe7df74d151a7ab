"""The page in headless Chromium, from its file, the network off.

What is pressed works, the console stays empty, axe finds no serious fault.
"""

import os
from pathlib import Path

import pytest
import report_fixtures as fixtures

from faceoff.report import page as pages
from faceoff.results import dataset_results
from faceoff.stages.report import write_report
from faceoff.stages.speed import write_speed
from faceoff.storage import files

CHROMIUM = "/usr/bin/chromium"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser():
    if not os.path.exists(CHROMIUM):
        pytest.skip(f"{CHROMIUM} is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


@pytest.fixture
def browse(browser):
    """Give a function (path, hash, **context) -> page.

    At the end no page may have said anything on the console, asked for anything or opened a dialog.
    """
    said: list[str] = []
    contexts = []

    def visit(path: Path, hash_: str = "", **context):
        contexts.append(
            browser.new_context(
                offline=True, **{"viewport": {"width": 1280, "height": 900}, **context}
            )
        )
        page = contexts[-1].new_page()
        page.set_default_timeout(90_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on(
            "dialog", lambda dialog: (said.append(f"dialog: {dialog.message}"), dialog.dismiss())
        )
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(("file:", "data:")) else said.append(request.url)
            ),
        )
        page.goto(path.as_uri() + hash_)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    run = fixtures.typical(tmp_path_factory.mktemp("typical"))
    output = run.folder / "report.html"
    write_report(
        run.scores,
        run.comparisons,
        run.examples,
        run.folder / "figures",
        None,
        output,
        run.jobs().report,
        run.overlaps,
        run.answers,
        tracks=run.tracks,
    )
    return output


def _options(page):
    """The gallery's pipelines, once they are there."""
    options = page.locator("#d0-gallery select[data-gallery=pipeline] option")
    options.first.wait_for(state="attached")
    return options


def _first_column(page, place: int) -> list[str]:
    return page.locator(f"#d0-table tbody tr:visible > :nth-child({place})").all_inner_texts()


def test_the_leaderboard_sorts_by_keyboard(report, browse):
    page = browse(report, viewport={"width": 390, "height": 800}, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert [text.splitlines()[0] for text in _first_column(page, 1)] == [
        "1",
        "2",
        "3",
        "4",
        "–",
        "–",
    ]
    heading = page.locator("#d0-table thead th").nth(3)
    heading.locator("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    accuracies = _first_column(page, 4)
    assert accuracies[0].startswith("60.0")
    assert "skipped" in accuracies[-1]  # rows without a value stay last either way
    assert page.evaluate("location.hash") == "#?d0.sort=accuracy"


@pytest.mark.parametrize("width", [1280, 1440, 1920])
def test_the_leaderboard_fits_its_box(report, browse, width):
    page = browse(report, viewport={"width": width, "height": 900})
    fits = "box => box.scrollWidth <= box.clientWidth"
    for label in ("Leaderboard of", "Heat map of"):
        assert page.locator(f".scroll[aria-label^='{label}']").first.evaluate(fits)
    assert page.locator(".scroll[aria-label^='Leaderboard of'] > .cue").first.is_hidden()
    # The heat map and the verdict fill their cards.
    for inner, outer in (("table.heat", ".scroll"), (".verdict .stats", ".verdict")):
        ends = [
            page.locator(what).first.evaluate("box => box.getBoundingClientRect().right")
            for what in (f"#d0 {inner}", f"#d0 {outer}:has({inner.split()[-1]})")
        ]
        assert ends[1] - ends[0] < 40


def test_a_table_that_is_wider_than_its_box_says_so(report, browse):
    page = browse(report, viewport={"width": 390, "height": 800})
    box = page.locator(".scroll[aria-label^='Leaderboard of']").first
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
    assert box.locator(".cue").is_visible()
    assert "local" in box.evaluate("box => getComputedStyle(box).backgroundAttachment")
    box.evaluate("box => box.scrollTo(400, 0)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_leaderboard_is_filtered_and_the_address_keeps_it(report, browse):
    page = browse(report)
    page.locator("#d0 input[type=search]").fill("yunet geometry")
    assert page.locator("#d0-table tbody tr:visible").count() == 1
    assert page.locator("output[data-count=d0-table]").inner_text() == "1 of 6"
    page.locator("#d0 .reset").click()
    assert page.locator("#d0-table tbody tr:visible").count() == 6
    page.locator("#d0 select[data-by=kind]").select_option("fusion")
    assert page.locator("#d0-table tbody tr:visible").count() == 2
    page.locator("#d0 select[data-by=detectors]").select_option("whole")
    assert (
        page.locator("#d0-table tbody tr:visible").count() == 2
    )  # both fusions have a member behind it
    page.locator("#d0 select[data-by=kind]").select_option("pair")
    assert {text.strip() for text in _first_column(page, 2)} == {"whole"}
    page.locator("#d0 .menu summary").click()
    page.locator("#d0 input[data-col=brier]").check()
    page.locator("#d0 input[data-col=coverage]").uncheck()
    assert page.locator("#d0-table th[data-key=brier]").is_visible()
    assert page.locator("#d0-table th[data-key=coverage]").is_hidden()
    again = browse(report, page.evaluate("location.hash"))
    assert again.locator("#d0-table tbody tr:visible").count() == 2
    assert again.locator("#d0-table th[data-key=brier]").is_visible()
    assert again.locator("#d0-table th[data-key=coverage]").is_hidden()
    assert (
        again.locator("#d1-table tbody tr:visible").count() == 6
    )  # the other data set is as it was
    again.locator("#dataset").select_option("d1")
    assert again.locator("#d0").is_hidden()
    assert again.locator("#d1").is_visible()


def test_a_heat_cell_leads_to_its_panel_and_a_confusion_to_its_faces(report, browse):
    page = browse(report, "#?d0.kind=pair")
    target = page.locator("#d0 table.heat a").first.get_attribute("href")
    panel = page.locator(target)
    assert panel.get_attribute("open") is None
    page.locator("#d0 table.heat a").first.click()
    page.locator(f"{target}[open]").wait_for()
    assert page.evaluate("location.hash") == f"{target}?d0.kind=pair"
    panel.locator(".chart svg[role=img]").wait_for()
    button = panel.locator(".matrix button").first
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    words = button.get_attribute("aria-label")
    assert "recognised: show faces" in words
    shown = panel.locator(".shown img")
    assert shown.count() == 1
    assert shown.first.evaluate("image => image.decode().then(() => image.naturalWidth)") == 96
    wrong = panel.locator(".matrix button[aria-label*='taken for']").first
    wrong.click()
    assert panel.locator(".matrix button[aria-pressed=true]").count() == 1
    assert "taken for" in panel.locator(".shown .who").inner_text()
    wrong.click()
    assert panel.locator(".shown").is_hidden()


def test_the_gallery_filters(report, browse):
    page = browse(report)
    gallery = page.locator("#d0-gallery")
    gallery.scroll_into_view_if_needed()
    assert _options(page).count() == 2
    gallery.locator("select[data-gallery=outcome]").select_option("wrong")
    assert gallery.locator("li.wrong").count() == 4
    assert gallery.locator("li.right").count() == 0
    gallery.locator("select[data-gallery=truth]").select_option(fixtures.SPACE[2])
    assert gallery.locator("li").count() == 1
    assert (
        gallery.locator("img").get_attribute("alt")
        == f"Face labelled {fixtures.SPACE[2]}, predicted {fixtures.SPACE[3]}"
    )
    gallery.locator("select[data-gallery=predicted]").select_option(fixtures.SPACE[0])
    assert "No such face" in gallery.locator(".grid").inner_text()


def test_a_clip_is_followed_with_slider_and_pointer(report, browse):
    page = browse(report)
    clip = page.locator("#d0 figure.chart[data-chart=timeline]")
    clip.scroll_into_view_if_needed()
    clip.locator("svg[role=img]").wait_for()
    slider = clip.locator("input[type=range]")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert clip.locator(".moment p").inner_text().startswith("0.60 s: ")
    assert slider.get_attribute("aria-valuetext").startswith("0.60 s: ")
    clip.locator("select").select_option("1")
    named = clip.locator("select option").nth(1).inner_text()
    silent = "no face" if named == "yunet × net" else "%"
    assert silent in clip.locator(".moment p").inner_text()
    clip.locator("svg[role=img]").scroll_into_view_if_needed()
    box = clip.locator("svg[role=img]").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 22, box["y"] + 100)
    assert clip.locator(".moment p").inner_text().startswith("2.20 s")
    assert (
        clip.locator(".moment img").evaluate("image => image.complete && image.naturalWidth") == 60
    )


def test_dark_paper_and_less_motion(report, browse, tmp_path):
    light, dark = (
        browse(report, color_scheme=scheme, reduced_motion="reduce") for scheme in ("light", "dark")
    )
    colours = [
        page.evaluate("getComputedStyle(document.body).backgroundColor") for page in (light, dark)
    ]
    assert colours[0] == "rgb(251, 250, 247)"
    assert colours[1] == "rgb(20, 23, 26)"
    assert dark.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    dark.pdf(path=tmp_path / "report.pdf", format="A4", print_background=True)
    assert (tmp_path / "report.pdf").read_bytes()[:5] == b"%PDF-"
    dark.emulate_media(media="print")
    assert dark.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert dark.locator("nav").is_hidden()
    assert (
        dark.locator("figure.chart svg[role=img]").count() >= 4
    )  # printing draws what had not come near


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious(report, browse, scheme, width):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
    )
    # The page lets no foreign script run: axe comes past its policy, as an extension does.
    page = browse(
        report, color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True
    )
    page.evaluate(
        "document.querySelectorAll('details').forEach((details) => (details.open = true))"
    )
    page.evaluate("dispatchEvent(new Event('beforeprint'))")  # draws all charts
    page.locator("#d0-gallery").scroll_into_view_if_needed()
    _options(page)
    page.locator(".matrix button").first.wait_for(state="attached")
    found = axe.Axe().run(page)
    serious = [
        f"{fault['id']}: {node['target']}"
        for fault in found.response["violations"]
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]
    assert serious == []


def test_hostile_text_shows_as_text(browse, tmp_path):
    run = fixtures.hostile(tmp_path)
    extras = pages.Extras(
        *({fixtures.HOSTILE: paths[0]} for paths in (run.examples, run.overlaps, run.answers)),
        tracks={fixtures.HOSTILE: run.tracks},
    )
    found = dataset_results.read(
        run.scores, run.comparisons, [fixtures.HOSTILE], run.spec["datasets"]
    )
    files.write_text(
        tmp_path / "report.html",
        pages.render(
            found, extras, tmp_path / "figures", tmp_path / "report.html", run.jobs().report
        ),
    )
    page = browse(tmp_path / "report.html")
    page.evaluate(
        "document.querySelectorAll('details').forEach((details) => (details.open = true))"
    )
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.locator("#d0-gallery").scroll_into_view_if_needed()
    _options(page)
    page.locator("#d0-gallery select[data-gallery=outcome]").select_option("right")
    assert "<script>alert(1)</script>" in page.locator("h1").inner_text()
    assert "<script>alert(1)<" in page.locator("#d0-gallery option").first.inner_text()
    assert page.locator("figure.chart[data-chart=timeline] select").count() == 1
    assert page.locator("script").count() == page.evaluate(
        "document.querySelectorAll('script[type], body > script').length"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_the_speed_page_draws_its_front(browse, tmp_path):
    run = fixtures.typical(tmp_path)
    timings = []
    for detector, compute in (("whole", 1.0), ("yunet", 2.0)):
        for model in (None, "net", "geometry"):
            timings.append(tmp_path / "timings" / f"{detector}-{model}.timing.json")
            timing = {
                "dataset": "alpha",
                "detector": detector,
                "model": model,
                "items": 210,
                "compute_s": compute,
                "load_s": 0.1,
            }
            files.write_json(timings[-1], timing)
    write_speed(run.scores, timings, tmp_path / "speed.html", run.jobs().speed)
    page = browse(tmp_path / "speed.html")
    page.locator("figure.chart[data-chart=speed] svg[role=img]").first.wait_for()
    rows = page.locator("main section").first.locator("tbody tr")
    assert rows.count() == 4
    assert rows.first.locator("td").first.inner_text() == "105.0"  # 210 pictures in 1 s + 1 s
    assert "No scored pipeline was timed" in page.locator("main").inner_text()
    assert "One picture at a time" not in page.locator("main").inner_text()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_speed_page_draws_latencies(browse, tmp_path, width):
    run = fixtures.typical(tmp_path)
    asked = {
        "sample_id": [f"s{place}" for place in range(10)],
        "frame": [0] * 10,
        "outcome": ["ok"] * 10,
    }
    told = {
        "batch": 16,
        "threads": 1,
        "device": "cpu",
        "others": 0.7,
        "offline_items": 10,
        "offline_s": 0.05,
    }
    about = {"dataset": "alpha", "state": "ok", "reason": None, **told, **asked}
    latencies = []
    for detector, first in (("whole", 1.0), ("yunet", 20.0)):
        for model in (None, "net", "geometry"):
            latencies.append(tmp_path / "latency" / detector / f"{model}.json")
            files.write_json(
                latencies[-1],
                {
                    **about,
                    "detector": detector,
                    "model": model,
                    "ms": [first + place for place in range(10)],
                },
            )
    broken = {
        "dataset": "alpha",
        "detector": "yunet",
        "model": "geometry",
        "state": "error",
        "reason": fixtures.HOSTILE,
    }
    files.write_json(latencies[-1], broken)
    write_speed(run.scores, [], tmp_path / "speed.html", run.jobs().speed, latencies)
    page = browse(tmp_path / "speed.html", viewport={"width": width, "height": 900})
    page.locator("figure.chart[data-chart=latency] svg[role=img]").first.wait_for()
    rows = page.locator("main section").first.locator("tbody tr")
    assert [text.strip() for text in rows.first.locator("td.n").all_inner_texts()][:3] == [
        "10.00",
        "18.00",
        "20.00",
    ]  # twice 1 … 10 ms
    assert (
        page.locator(
            "figure.chart[data-chart=latency] circle,"
            " figure.chart[data-chart=latency] [aria-label] path"
        ).count()
        >= 3
    )
    assert (
        "Not timed on single pictures: yunet × geometry: <script>"
        in page.locator("main").inner_text()
    )
    assert "other programs kept up to 0.7 cores" in page.locator("main").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
