"""The page of `faceoff serve`: its files, and what it shows in headless Chromium."""

import csv
import http.client
import io
import itertools
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from live_server import PIPELINE, Running, encoded, running
from PIL import Image

from faceoff.drawing import clips
from faceoff.drawing.video import write_video
from faceoff.live import drawn
from faceoff.live.settings import Settings

CHROMIUM = "/usr/bin/chromium"
OTHER = "mediapipe_short/geometry"
TOKEN = "a token of tests, 2026"
SOURCES = Path(drawn.__file__).parent / "page"


@pytest.fixture(scope="module")
def live() -> Iterator[Running]:
    with running(Settings(models=("faceoff_small", "geometry"))) as server:
        yield server


@pytest.fixture(scope="module")
def strict() -> Iterator[Running]:
    """Return a server that asks for a token."""
    with running(Settings(token=TOKEN)) as server:
        yield server


def raw(live: Running, path: str) -> int:
    """Return the status of a path that is sent as it stands: clients tidy it otherwise."""
    connection = http.client.HTTPConnection(urlsplit(live.url).netloc, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_page_is_served_without_a_token_under_a_strict_policy(strict: Running) -> None:
    page = strict.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    asked = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    modules = [path.read_text(encoding="utf-8") for path in SOURCES.glob("*.js")]
    asked += [
        f"/static/{name}" for text in modules for name in re.findall(r'from "\./(.+?)"', text)
    ]
    assert len(set(asked)) == 2 + len(modules)  # each file of the page is used
    for path in ("/", "/static/page.json", *asked):
        answer = strict.get(path)
        assert answer.status_code == 200, path
        rules = dict(
            rule.strip().split(" ", 1)
            for rule in answer.headers["content-security-policy"].split(";")
        )
        assert rules["default-src"] == "'none'"
        assert {rules[f"{kind}-src"] for kind in ("script", "style", "connect")} == {"'self'"}
        assert answer.headers["x-content-type-options"] == "nosniff"
    # No file reaches out, whatever the policy says.
    for text in (page.text, *modules):
        assert not re.search(r"https?://(?!www\.w3\.org/)[a-z0-9]", text)
        assert not re.search(r"innerHTML|\beval\b|style=", text)
    assert strict.get("/v1/pipelines").status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/static/../v1/pipelines", "/static/..%2f..%2fapp.py", "/static/../app.py",
        "/static/index.html", "/static/nothing.js", "/static/", "/static//etc/passwd",
        "/static/..%5capp.py", "/static/%2e%2e/v1/metrics",
    ],
)  # fmt: skip
def test_no_other_path_is_open(strict: Running, path: str) -> None:
    assert raw(strict, path) == 404


def test_the_page_is_told_which_rules_can_be_live(live: Running) -> None:
    told = live.get("/static/page.json").json()
    names = [rule["name"] for rule in told["rules"]]
    assert told["rule"] in names
    assert "centred_mean" not in names  # looks at later frames
    assert (told["kept"], told["asks_token"], told["units"]) == (False, False, False)


@pytest.fixture(scope="module")
def sheet(live: Running) -> np.ndarray:
    """Return the pictures of the drawn face as the server gives them."""
    return np.asarray(Image.open(io.BytesIO(live.get("/static/drawn.jpg").content)))


@pytest.mark.slow
def test_the_drawn_face_is_cut_as_the_page_is_told(live: Running, sheet: np.ndarray) -> None:
    told = live.get("/static/page.json").json()["drawn"]
    width, height = told["width"], told["height"]
    assert sheet.shape[1] == told["columns"] * width
    frames = list(itertools.islice(clips.frames(drawn.CLIP), 11))
    for place in (0, 10):  # in the first and the second row
        top, left = (n * side for n, side in zip(divmod(place, told["columns"]), (height, width)))
        _, picture, truth = frames[place]
        own = sheet[top : top + height, left : left + width].astype(float)
        assert np.abs(own - picture).mean() < 4  # grey levels that JPEG loses
        assert told["emotions"][place] == truth[0].emotion
    assert set(told["emotions"]) == {"neutral", "happiness", "surprise", "sadness", "anger"}


@pytest.fixture(scope="module")
def launch() -> Iterator[Callable[..., Any]]:
    """Give a function (flags) -> browser."""
    if not os.path.exists(CHROMIUM):
        pytest.skip(f"{CHROMIUM} is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        opened = []

        def start(*flags: str) -> Any:
            args = ["--no-sandbox", "--disable-gpu", *flags]
            opened.append(driver.chromium.launch(executable_path=CHROMIUM, args=args))
            return opened[-1]

        yield start
        for browser in opened:
            browser.close()


@pytest.fixture(scope="module")
def browser(launch: Callable[..., Any]) -> Any:
    return launch()


@pytest.fixture
def visit() -> Iterator[Callable[..., Any]]:
    """Give a function (browser, address, **context) -> page.

    At the end no page may have said anything on the console or asked another address.
    """
    said: list[str] = []
    contexts = []

    def open_page(browser: Any, url: str, **context: Any) -> Any:
        size = {"width": 1280, "height": 900}
        contexts.append(browser.new_context(**{"viewport": size, **context}))
        page = contexts[-1].new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        own = (url, url.replace("http", "ws"), "data:", "blob:")
        page.on("request", lambda asked: asked.url.startswith(own) or said.append(asked.url))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


def begin(page: Any, source: str) -> None:
    """Choose a source and wait for the first answers."""
    page.locator("[name=pipeline]").first.wait_for()
    page.locator(source).click()
    page.locator("#rate", has_text="frames/s").wait_for()


def saved(page: Any, form: str) -> str:
    """Return a file that the page offers."""
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Save {form}").click()
    return Path(download.value.path()).read_text(encoding="utf-8")


def recorded(page: Any, seconds: float) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Record for a while; return the JSON and the rows of the CSV."""
    page.locator("#record").click()
    page.wait_for_timeout(1000 * seconds)
    page.locator("#record").click()
    told = json.loads(saved(page, "JSON"))
    return told, list(csv.DictReader(io.StringIO(saved(page, "CSV"))))


@pytest.mark.slow
@pytest.mark.usefixtures("sheet")
def test_the_page_names_what_is_drawn_and_records_it(
    live: Running, browser: Any, visit: Callable[..., Any]
) -> None:
    page = visit(browser, live.url, viewport={"width": 390, "height": 800})
    begin(page, "#drawn")
    told, rows = recorded(page, 3.6)  # three emotions of five
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert (told["pipelines"], told["temporal"]) == ([PIPELINE, OTHER], "ema")
    named: dict[str, Counter[str]] = {}
    for frame in told["frames"]:
        (face,) = frame["faces"]
        count = named.setdefault(frame["source"]["drawn"], Counter())
        count[face["readings"][PIPELINE]["emotion"]] += 1
    assert len(named) >= 3
    assert {truth: count.most_common(1)[0][0] for truth, count in named.items()} == {
        truth: truth for truth in named
    }
    assert len(rows) == 2 * len(told["frames"])  # a row for each pipeline
    first, face = rows[1], told["frames"][0]["faces"][0]
    reading = face["readings"][OTHER]
    assert (first["pipeline"], first["emotion"]) == (OTHER, reading["emotion"])
    assert float(first["p_neutral"]) == reading["posterior"]["neutral"]
    assert [float(first[side]) for side in "xywh"] == face["box"]
    assert first["vote"] == face["vote"]["emotion"]
    # The cards are those of the frame that is shown.
    page.locator("#pause").click()
    page.wait_for_timeout(500)
    card = page.locator("article", has=page.get_by_role("heading", name=PIPELINE))
    said = card.locator("b").inner_text()
    assert card.locator("li.named").inner_text().startswith(said)
    assert page.locator("#timeline").get_attribute("aria-label").startswith(
        f"{PIPELINE}: now {said}"
    )  # fmt: skip


_PIXELS = """() => {
  const stage = document.getElementById("stage");
  const copy = new OffscreenCanvas(320, 240).getContext("2d", { willReadFrequently: true });
  copy.drawImage(stage, 0, 0);
  return Array.from(copy.getImageData(130, 100, 70, 60).data);
}"""


@pytest.mark.slow
@pytest.mark.usefixtures("sheet")
def test_corruptions_change_the_picture_that_is_sent(
    live: Running, browser: Any, visit: Callable[..., Any]
) -> None:
    page = visit(browser, live.url)
    begin(page, "#drawn")
    page.locator("#pause").click()  # holds the clip, so that the picture stays the same

    def picture() -> np.ndarray:
        """Return the middle of the face, (60, 70, 3), where no line of the box is."""
        page.locator("#pause").click()
        page.locator("#rate", has_text="frames/s").wait_for()  # of two new frames or more
        page.locator("#pause").click()
        page.wait_for_timeout(150)  # for the frame that is under way
        return np.array(page.evaluate(_PIXELS), float).reshape(60, 70, 4)[..., :3]

    def roughness(image: np.ndarray) -> float:
        return float(np.abs(np.diff(image, axis=1)).mean())

    plain = picture()
    page.get_by_label("grey").check()
    grey = picture()
    assert (grey == grey[..., :1]).all()
    assert not (plain == plain[..., :1]).all()
    page.get_by_label("grey").uncheck()
    page.get_by_label("dark").check()
    assert picture().mean() == pytest.approx(0.3 * plain.mean(), rel=0.1)
    page.get_by_label("dark").uncheck()
    page.get_by_label("noise").check()
    assert roughness(picture()) > 2 * roughness(plain)
    page.get_by_label("noise").uncheck()
    page.get_by_label("blur").check()
    assert roughness(picture()) < 0.7 * roughness(plain)
    page.get_by_label("blur").uncheck()
    page.locator("#side").focus()
    page.keyboard.press("End")
    assert page.locator("#side").get_attribute("aria-valuetext") == "14 px"
    assert roughness(picture()) < 0.7 * roughness(plain)


# It watches what the camera shows, by the grey of a strip at its top, and what the page says of it.
_WATCH = """(pipeline) => {
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    window.camera = this;
    return play.call(this);
  };
  const eye = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  window.seen = [];
  setInterval(() => {
    const cards = [...document.querySelectorAll("article")];
    const card = cards.find((one) => one.querySelector("h3").textContent === pipeline);
    if (!window.camera?.videoWidth || !card) return;
    eye.drawImage(window.camera, 8, 4, 8, 4, 0, 0, 1, 1);
    const [grey] = eye.getImageData(0, 0, 1, 1).data;
    const [word, detail] = ["b", ".detail"].map((name) => card.querySelector(name).textContent);
    window.seen.push([performance.now(), grey, word, detail]);
  }, 20);
}"""
# Emotions that the network reads right on the drawn face with a margin. It names sadness, too, but
# with a probability of 0.4 to 0.5, which a camera's scaling and JPEG may turn.
_SHOWN = ("neutral", "happiness", "surprise", "anger")
_ACT = 42  # pictures of the camera, 1.4 s
_WITHIN_MS = 1000


@pytest.mark.slow
def test_a_camera_is_read_and_its_changes_are_followed_within_a_second(
    live: Running,
    launch: Callable[..., Any],
    sheet: np.ndarray,
    visit: Callable[..., Any],
    tmp_path: Path,
) -> None:
    """The camera shows a drawn face that moves, with one emotion after another, again and again."""
    told = drawn.told()
    film = []
    for number, emotion in enumerate(_SHOWN):
        places = [n for n, shown in enumerate(told["emotions"]) if shown == emotion]
        whole = places[: 5 if emotion == "neutral" else None][1:-2]  # not on its way
        pictures = []
        for place in whole:
            row, column = divmod(place, told["columns"])
            top, left = row * told["height"], column * told["width"]
            picture = sheet[top : top + told["height"], left : left + told["width"]].copy()
            picture[:12] = 60 * number
            pictures.append(encoded(picture, "JPEG"))
        there_and_back = [*pictures, *pictures[-2:0:-1]]
        film += [there_and_back[n // 4 % len(there_and_back)] for n in range(_ACT)]
    (tmp_path / "camera.mjpeg").write_bytes(b"".join(film))
    camera = launch(
        "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={tmp_path / 'camera.mjpeg'}",
    )  # fmt: skip
    page = visit(camera, live.url)
    page.evaluate(_WATCH, PIPELINE)
    begin(page, "#camera")
    frames = recorded(page, 1.5 * len(_SHOWN) + 1)[0]["frames"]
    assert len(frames) > 20
    seen = [
        (ms, _SHOWN[min(round(grey / 60), 3)], word, detail.rpartition("over time: ")[2])
        for ms, grey, word, detail in page.evaluate("window.seen")
    ]
    acts = [list(same) for _, same in itertools.groupby(seen, key=lambda one: one[1])][1:]
    whole_acts = [act for act in acts if act[-1][0] - act[0][0] > _WITHIN_MS]
    assert {act[0][1] for act in whole_acts} == set(_SHOWN)
    for act in whole_acts:
        late = [one for one in act if one[0] - act[0][0] > _WITHIN_MS]
        assert late
        for said in (2, 3):  # of the frame, and of the rule over time
            assert {one[said] for one in late} == {act[0][1]}
            # Behind the first sight nothing else is said: no flicker.
            runs = [word for word, _ in itertools.groupby(one[said] for one in act)]
            assert len(runs) <= 3, runs


_PLANE = """async () => {
  const { Readings } = await import("/static/readings.js");
  const pipelines = ["a/one", "a/two", "a/three"].map((name) => ({ name, emotions: ["anger"] }));
  const read = { state: "ok", emotion: "anger", confidence: 1, posterior: { anger: 1 } };
  const shown = new Readings(pipelines, ["anger"]);
  const one = { ...read, valence: 0.5, arousal: -0.25, units: { AU12: 4 } };
  const readings = { "a/one": one, "a/two": read, "a/three": read };
  shown.show({ readings, states: {}, vote: one, disagreement: 2 / 3 });
}"""


@pytest.mark.slow
def test_the_plane_and_units_show_what_a_pipeline_has(
    live: Running, browser: Any, visit: Callable[..., Any]
) -> None:
    """The modules of the page get an answer of a model whose weights no test has."""
    page = visit(browser, live.url)
    page.locator("article").first.wait_for()
    assert page.locator(".plane").is_hidden()
    page.evaluate(_PLANE)
    point = page.locator(".plane .point:not([hidden])")
    assert [point.get_attribute(name) for name in ("x", "y")] == ["0.5", "0.25"]  # y points down
    told = page.locator(".plane svg").get_attribute("aria-label")
    assert told == "a/one: valence 0.50, arousal -0.25"
    assert "67 % of pairs of pipelines disagree" in page.locator(".vote").inner_text()
    unit = page.locator("article details li")
    assert unit.inner_text().split() == ["AU12", "4.0"]
    assert unit.locator("i").evaluate("fill => fill.style.width") == "80%"  # of 5


@pytest.mark.slow
def test_a_page_without_a_camera_says_so_and_reads_files(
    strict: Running,
    browser: Any,
    sheet: np.ndarray,
    visit: Callable[..., Any],
    tmp_path: Path,
) -> None:
    width, height = drawn.CLIP.size
    pictures = [sheet[:height, width * n : width * (n + 1)] for n in range(8)]
    (tmp_path / "face.png").write_bytes(encoded(np.ascontiguousarray(pictures[0])))
    write_video(tmp_path / "face.mp4", map(np.ascontiguousarray, pictures), 25)
    (tmp_path / "text.png").write_text("no picture")
    page = visit(browser, strict.url)
    page.locator("#token").fill(TOKEN)
    page.keyboard.press("Enter")
    page.locator("[name=pipeline]").wait_for()
    assert page.locator("#token-form").is_hidden()
    page.locator("#camera").click()
    problem = page.locator("#problem")
    problem.wait_for()
    assert re.search("not allowed here|There is no camera", problem.inner_text())
    page.locator("#file").set_input_files(tmp_path / "text.png")
    page.locator("#problem", has_text="cannot open “text.png”").wait_for()
    for name in ("face.png", "face.mp4"):
        page.locator("#file").set_input_files(tmp_path / name)
        problem.wait_for(state="hidden")
        page.locator("#rate", has_text="frames/s").wait_for()
        assert page.locator("article .word b").inner_text() == "neutral"


@pytest.mark.slow
@pytest.mark.usefixtures("sheet")
def test_axe_finds_nothing_serious_in_the_page(
    live: Running, browser: Any, visit: Callable[..., Any]
) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
    )
    # The page lets no foreign script run: axe comes past its policy, as an extension does.
    page = visit(browser, live.url, bypass_csp=True)
    begin(page, "#drawn")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        serious = [
            f"{fault['id']}: {node['target']}"
            for fault in axe.Axe().run(page).response["violations"]
            if fault["impact"] in {"serious", "critical"}
            for node in fault["nodes"]
        ]
        assert serious == [], scheme
