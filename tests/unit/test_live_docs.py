"""The commands and the client of docs/live.md run as they stand."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from live_server import PIPELINE, Running, encoded, running

from faceoff.drawing import clips, scenes
from faceoff.drawing.video import write_video
from faceoff.live.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "live.md").read_text(encoding="utf-8")
ADDRESS = "127.0.0.1:8000"  # of the page


def blocks(language: str, having: str) -> list[str]:
    """Return the blocks of code of the page that have a word."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [text for text in found if having in text]


@pytest.fixture(scope="module")
def live() -> Iterator[Running]:
    with running(Settings()) as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the page names."""
    folder = tmp_path_factory.mktemp("client")
    for name, scene in zip(("face.jpg", "other.jpg"), scenes.plan("test"), strict=False):
        (folder / name).write_bytes(encoded(scenes.draw(scene)[0], "JPEG"))
    frames = clips.frames(clips.plan("test")[0])
    write_video(folder / "talk.mp4", (image for _, image, _ in islice(frames, 3)), 25)
    return folder


def run(live: Running, folder: Path, command: list[str]) -> str:
    """Return what a command prints; the page's address becomes the server's."""
    own = live.url.removeprefix("http://")
    command = [word.replace(ADDRESS, own) for word in command]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def test_each_endpoint_has_a_curl_line_that_works(live: Running, folder: Path) -> None:
    (lines,) = blocks("bash", "/v1/health")
    said = [run(live, folder, ["bash", "-c", line]) for line in lines.splitlines()]
    health, pipelines, one, two, by_json, metrics, described = said
    assert json.loads(health)["state"] == "ok"
    assert [each["name"] for each in json.loads(pipelines)["pipelines"]] == [PIPELINE]
    (picture,) = json.loads(one)["pictures"]
    assert picture["results"][PIPELINE]["rows"][0]["success"] == 1
    assert json.loads(by_json) == json.loads(one)
    documents = [each["results"][PIPELINE]["document"] for each in json.loads(two)["pictures"]]
    assert [len(document["frame_analyses"]) for document in documents] == [1, 1]
    assert 'faceoff_requests_total{method="POST",route="/v1/analyze",status="200"} 3.0' in metrics
    paths = {f"{line.split()[-1]}" for line in lines.splitlines()} | set(blocks("bash", "jobs"))
    for path in json.loads(described)["paths"]:
        assert any(path.partition("/{")[0] in text for text in paths), path


def test_the_lines_of_a_job_work(live: Running, folder: Path) -> None:
    (lines,) = blocks("bash", "$job")
    said = run(live, folder, ["bash", "-e", "-c", lines])
    assert json.loads(said)["state"] in ("waiting", "running", "done")


def test_the_client_in_python_works(live: Running, folder: Path) -> None:
    (code,) = blocks("python", "connect")
    assert len([line for line in code.splitlines() if line]) <= 12
    command = [sys.executable, "-c", code, "face.jpg", "other.jpg"]
    lines = run(live, folder, command).splitlines()
    assert PIPELINE in lines[0]
    assert [line.split()[:2] for line in lines[1:]] == [["face.jpg", "0"], ["other.jpg", "0"]]


def test_the_containers_check_of_health_works(live: Running, folder: Path) -> None:
    """A server that is gone fails it."""
    recipe = (ROOT / "containers" / "live.Dockerfile").read_text(encoding="utf-8")
    (code,) = re.findall(r'"(from urllib.+)"\]', recipe)
    assert run(live, folder, [sys.executable, "-c", code]) == ""
    with pytest.raises(subprocess.CalledProcessError):
        run(Running("http://127.0.0.1:1"), folder, [sys.executable, "-c", code])


def test_the_page_describes_every_key_of_a_frame(live: Running, folder: Path) -> None:
    from websockets.sync.client import connect

    with connect(f"{live.url.replace('http', 'ws')}/v1/live") as ws:
        ws.send("{}")
        ws.recv()
        ws.send(bytes(8) + (folder / "face.jpg").read_bytes())
        frame = json.loads(ws.recv())
    (face,) = frame["faces"]
    (reading,) = face["readings"].values()
    for key in (*frame, *frame["ms"], *face, *reading, *face["vote"]):
        assert re.search(rf"[`\"{{., ]{key}[`\"., ]", PAGE), key
