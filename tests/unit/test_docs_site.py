"""The site of docs/ (`make docs`): built strictly, without anything from elsewhere, and at work
from file:// with the network off.
"""

import os
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MKDOCS = ROOT / ".venv-docs" / "bin" / "mkdocs"
CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.slow
_FETCHED = {
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("source", "srcset"),
    ("img", "srcset"),
    ("object", "data"),
    ("video", "src"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The built site; skips where `make docs` has not made its environment."""
    if not MKDOCS.is_file():
        pytest.skip(f"{MKDOCS.relative_to(ROOT)} is not there: `make docs` installs it")
    folder = tmp_path_factory.mktemp("site")
    command = [
        str(MKDOCS),
        "build",
        "--strict",
        "--config-file",
        str(ROOT / "mkdocs.yml"),
        "--site-dir",
        str(folder),
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


class Fetched(HTMLParser):
    """Collects what a browser would fetch for a page: not what a reader may click on."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        wanted = {value for name, value in attrs if (tag, name) in _FETCHED}
        if tag == "link" and values.get("rel") not in {"canonical", "next", "prev"}:
            wanted.add(values.get("href"))
        self.found += [value for value in wanted if value]


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) >= 40
    for page in pages:
        parser = Fetched()
        text = page.read_text(encoding="utf-8")
        parser.feed(text)
        assert len(parser.found) >= 3
        assert [link for link in parser.found if re.match(r"(https?:)?//", link)] == [], page
        assert not re.search(r"@import|url\(\s*[\"']?(https?:)?//", text), page
    for style in site.rglob("*.css"):
        assert not re.search(
            r"(@import|url\()\s*[\"']?(https?:)?//", style.read_text(encoding="utf-8")
        ), style


def test_what_pages_fetch_and_link_to_is_there(site: Path) -> None:
    for page in sorted(site.rglob("*.html")):
        if page.name == "404.html":  # for servers, from their root
            continue
        parser = Fetched()
        text = page.read_text(encoding="utf-8")
        parser.feed(text)
        links = [
            link
            for link in parser.found + re.findall(r"<a [^>]*href=\"([^\"]+)\"", text)
            if not re.match(r"\w+:|#", link)
        ]
        for link in links:
            assert (page.parent / link.split("#")[0].split("?")[0]).exists(), (page, link)


def test_files_outside_docs_come_along(site: Path) -> None:
    assert "workflow/scripts/faceoff" in (site / "repository" / "CONTRIBUTING.html").read_text(
        encoding="utf-8"
    )
    assert (site / "repository/workflow/scripts/faceoff/plan/config.py").read_bytes() == (
        ROOT / "workflow/scripts/faceoff/plan/config.py"
    ).read_bytes()
    page = (site / "formats.html").read_text(encoding="utf-8")
    assert 'href="repository/results/index.html"' in page


def test_lists_after_a_paragraph_are_lists(site: Path) -> None:
    page = (site / "datasets" / "jaffe.html").read_text(encoding="utf-8")
    assert re.search(r"<strong>Traps</strong></p>\s*<ul>\s*<li>Ten people", page)


def test_in_a_browser_without_a_network(site: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.is_file():
        pytest.skip(f"{CHROMIUM} is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(offline=True, viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(30_000)
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        for name in ("index", "walkthroughs/detector", "reference"):
            page.goto((site / f"{name}.html").as_uri())
            page.wait_for_selector("h1")
            assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        page.locator("label[title=Dark]:visible").click()
        assert page.evaluate("document.body.dataset.mdColorScheme") == "slate"
        page.locator("[data-md-component=search-query]").fill("upscale")
        page.wait_for_selector(".md-search-result__link")
        assert page.locator(".md-search-result__link").count() >= 1
        browser.close()
    assert [url for url in asked if not url.startswith(("file:", "about:", "data:", "blob:"))] == []
    assert said == []
