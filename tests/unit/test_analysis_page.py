"""The page of an analysis in headless Chromium, from its file, the network off."""

import os
from dataclasses import replace
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import faceoff
from faceoff.analysis import outputs
from faceoff.analysis.voice import Listener
from faceoff.analysis.voice_choice import Choice
from faceoff.drawing import clips, scenes
from faceoff.drawing.video import write_video
from faceoff.plugins import registry
from faceoff.plugins.protocols import Prediction
from faceoff.plugins.speech_protocols import Span, Wave
from faceoff.segmenters.energy import Energy
from voices import silence, voice, write_wav

CHROMIUM = "/usr/bin/chromium"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of a clip and a picture whose names are markup."""
    folder = tmp_path_factory.mktemp("pages")
    clip, still = folder / "a <b>#1.mp4", folder / "still.png"
    drawn = clips.frames(clips.plan("test")[0])
    write_video(clip, (image for _, image, _ in islice(drawn, 30)), 25)
    Image.fromarray(scenes.draw(scenes.plan("test")[0])[0]).save(still)
    analyzer = faceoff.Analyzer()
    found = {}
    for name, path in (("clip", clip), ("still", still)):
        outputs.write(analyzer.analyze(path), folder / name, ["html"])
        found[name] = folder / name / "analysis.html"
    return found


def test_the_page_seeks_draws_and_is_quiet(pages: dict[str, Path]) -> None:
    if not os.path.exists(CHROMIUM):
        pytest.skip(f"{CHROMIUM} is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    said: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(offline=True).new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(pages["clip"].as_uri())
        assert page.locator("h1").inner_text() == "a <b>#1.mp4"
        page.wait_for_function("document.getElementById('media').readyState >= 1")
        assert page.locator("#lost").is_hidden()
        curves = page.locator("#curves")
        box = curves.bounding_box()
        assert box is not None
        curves.click(position={"x": box["width"] / 2, "y": 50})
        page.wait_for_function("document.getElementById('media').currentTime > 0.3")
        assert page.locator("#now").inner_text().startswith("0.5")
        drawn = "canvas => canvas.getContext('2d')" + (
            ".getImageData(0, 0, canvas.width, canvas.height).data.some(value => value)"
        )
        assert page.locator("#boxes").evaluate(drawn)
        assert page.locator("#face option").all_inner_texts() == ["face 0 (100 % of frames)"]
        page.goto(pages["still"].as_uri())
        page.wait_for_function("document.getElementById('media').complete")
        assert page.locator("#boxes").evaluate(drawn)
        browser.close()
    assert said == []


class Known:
    """A speech model that hears anger in every stretch."""

    emotions = ("neutral", "anger")

    def hear(self, waves: list[np.ndarray]) -> Prediction:
        return Prediction(np.tile([0.25, 0.75], (len(waves), 1)))


def test_the_voice_is_drawn_in_its_colour_and_seeks(tmp_path: Path) -> None:
    """Speech from 1.0 to 2.0 of 3 s, whose speaker is markup; the other seconds are hatched."""
    if not os.path.exists(CHROMIUM):
        pytest.skip(f"{CHROMIUM} is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    sound = np.concatenate([silence(1), voice(1, 200), silence(1)])
    path = write_wav(tmp_path / "talk.wav", sound)
    energy = registry.get("segmenter", "energy")
    listener = Listener(Choice(energy, energy), Named(energy.card, {}), Known())
    empty = faceoff.Analyzer().analyze(path)
    heard = listener.hear(path.name, path, empty.table)
    outputs.write(replace(empty, voice=heard), tmp_path / "out", ["html"])
    said: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        for width in (390, 1440):
            view = {"width": width, "height": 800}
            page = browser.new_context(offline=True, viewport=view).new_page()
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.goto((tmp_path / "out/analysis.html").as_uri())
            page.wait_for_function("document.getElementById('media').readyState >= 1")
            track = page.locator("#voice")
            box = track.bounding_box()
            assert box is not None
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            track.click(position={"x": box["width"] * 0.2, "y": 40})
            assert page.locator("#said").inner_text() == "0.60 s: voice: nobody speaks"
            track.click(position={"x": box["width"] / 2, "y": 40})
            assert page.locator("#said").inner_text() == "1.50 s: voice: anger 75 % (<b>ann</b>)"
            page.wait_for_function("document.getElementById('media').currentTime > 1.4")
            bar = track.evaluate(
                "canvas => [...canvas.getContext('2d').getImageData("
                "Math.round(0.4 * canvas.width), 20, 1, 1).data]"
            )
            assert bar == [0xD5, 0x5E, 0x00, 255], "the bar over the segment is of anger"
        browser.close()
    assert said == []


class Named(Energy):
    """A segmenter that knows one speaker, by a name that is markup."""

    def segment(self, wave: Wave) -> list[Span]:
        return [replace(span, speaker="<b>ann</b>") for span in super().segment(wave)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a drawn clip of two people in a format that browsers lack, with its overlay."""
    folder = tmp_path_factory.mktemp("pair")
    drawn = clips.frames(next(clip for clip in clips.plan("test") if len(clip.cast) == 2))
    with av.open(str(folder / "pair.avi"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, options={"qscale": "2"})
        for place, (_, image, _) in enumerate(islice(drawn, 30)):
            if place == 0:
                stream.height, stream.width = image.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    found = faceoff.analyze(folder / "pair.avi", temporal="ema")
    outputs.write(found, folder / "out", ["html", "overlay"])
    return folder / "out" / "analysis.html"


def test_people_are_switched_frames_stepped_and_the_overlay_stands_in(pair: Path) -> None:
    if not os.path.exists(CHROMIUM):
        pytest.skip(f"{CHROMIUM} is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    said: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        for width in (1440, 390):
            context = browser.new_context(offline=True, viewport={"width": width, "height": 900})
            page = context.new_page()
            page.on("pageerror", lambda error: said.append(str(error)))
            page.goto(pair.as_uri())
            page.wait_for_function("document.getElementById('media').videoWidth > 0")
            assert page.locator("#media").evaluate("m => m.currentSrc").endswith("/overlay.mp4")
            assert page.locator("#lost").is_hidden()
            assert page.locator("#key .rule").is_visible()
            assert page.locator("#face").input_value() == "0"
            page.locator("#strips").click(position={"x": 5, "y": 40})
            assert page.locator("#face").input_value() == "1"
            page.locator("#curves").focus()
            before = page.locator("#now").inner_text()
            page.keyboard.press("ArrowRight")
            page.keyboard.press("ArrowRight")
            assert page.locator("#now").inner_text() != before
            assert page.locator("#legend li").count() == 8
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, "nothing is wider than the window"
        browser.close()
    assert said == []
