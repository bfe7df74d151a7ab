"""Weights: where they are looked for, in which order, and that only the file that the card names is
ever used.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from faceoff.assets import downloads
from faceoff.assets.asset import Asset, AssetError
from faceoff.assets.fetch import availability, fetch, fetch_for_others, isolate_caches, locate
from faceoff.cli import app

GOOD, BAD = b"the real weights", b"<html>not found</html>"
SHA = hashlib.sha256(GOOD).hexdigest()


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """An empty mirror and an empty cache."""
    folders = {"mirror": tmp_path / "mirror", "cache": tmp_path / "cache"}
    (folders["cache"] / "weights").mkdir(parents=True)
    folders["mirror"].mkdir()
    monkeypatch.setenv("FACEOFF_MIRROR", str(folders["mirror"]))
    monkeypatch.setenv("FACEOFF_CACHE", str(folders["cache"]))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return {"mirror": folders["mirror"], "cache": folders["cache"] / "weights"}


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """Address of a server that has w.bin (right) and bad.bin (wrong), and the list of paths asked
    for.
    """
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = {"/w.bin": GOOD, "/bad.bin": BAD}.get(self.path)
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def asset(*urls: str, **more: object) -> Asset:
    return Asset(
        **{"file": "w.bin", "sha256": SHA, "urls": urls, "source": "https://example.org/home"}
        | more
    )


def test_parse_names_the_file_and_the_key() -> None:
    assert Asset.parse({"file": "a/w.bin", "sha256": SHA, "urls": ["u"]}).name == "w.bin"
    for hashes in ({}, {"sha256": ""}, {"sha256": None, "md5": None}):
        with pytest.raises(AssetError, match=r"w\.bin.*sha256.*md5"):
            Asset.parse({"file": "w.bin", **hashes})
    with pytest.raises(AssetError, match=r"w\.bin.*sha256.*md5"):
        Asset("w.bin")
    with pytest.raises(AssetError, match=r"w\.bin.*ulrs"):
        Asset.parse({"file": "w.bin", "sha256": SHA, "ulrs": []})


def test_mirror_comes_before_cache(places: dict[str, Path]) -> None:
    (places["cache"] / "w.bin").write_bytes(GOOD)
    assert locate(asset()) == places["cache"] / "w.bin"
    (places["mirror"] / "w.bin").write_bytes(GOOD)
    assert locate(asset()) == places["mirror"] / "w.bin"


def test_absolute_file_is_looked_at_first_and_may_be_in_the_mirror_instead(
    places: dict[str, Path], tmp_path: Path
) -> None:
    given = asset(file=str(tmp_path / "own" / "w.bin"))
    (places["mirror"] / "w.bin").write_bytes(GOOD)
    assert locate(given) == places["mirror"] / "w.bin"
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "w.bin").write_bytes(GOOD)
    assert locate(given) == tmp_path / "own" / "w.bin"


@pytest.mark.parametrize("place", ["mirror", "cache"])
def test_wrong_file_is_refused_even_when_a_download_could_replace_it(
    places: dict[str, Path], place: str, server: tuple[str, list[str]]
) -> None:
    path = places[place] / "w.bin"
    path.write_bytes(BAD)
    for use in (locate, fetch):
        with pytest.raises(AssetError) as caught:
            use(asset(f"{server[0]}/w.bin"))
        assert str(path) in str(caught.value)
        assert SHA in str(caught.value)
        assert hashlib.sha256(BAD).hexdigest() in str(caught.value)
    assert path.read_bytes() == BAD
    assert not server[1]


def test_sha256_decides_where_a_publisher_gives_both(places: dict[str, Path]) -> None:
    (places["mirror"] / "w.bin").write_bytes(GOOD)
    md5 = hashlib.md5(GOOD).hexdigest()
    for hashes in (
        {"sha256": SHA, "md5": "0" * 32},
        {"sha256": SHA.upper()},
        {"sha256": None, "md5": md5},
        {"sha256": None, "md5": md5.upper()},
    ):
        assert locate(asset(**hashes)) == places["mirror"] / "w.bin"
    for hashes in ({"sha256": "0" * 64, "md5": md5}, {"sha256": None, "md5": "0" * 32}):
        with pytest.raises(AssetError, match="the card says 000"):
            locate(asset(**hashes))


def test_file_that_changes_after_it_was_verified_is_verified_again(places: dict[str, Path]) -> None:
    path = places["mirror"] / "w.bin"
    path.write_bytes(GOOD)
    locate(asset())
    path.write_bytes(BAD)
    with pytest.raises(AssetError):
        locate(asset())


def test_absent_asset_names_file_places_source_and_hash(places: dict[str, Path]) -> None:
    with pytest.raises(AssetError) as caught:
        fetch(asset())
    for part in (
        "w.bin",
        SHA,
        str(places["mirror"]),
        str(places["cache"]),
        "https://example.org/home",
    ):
        assert part in str(caught.value)
    assert locate(asset()) is None
    assert len(availability([asset(), asset(file="v.bin"), asset("http://x/w.bin")])) == 2


def test_package_carries_the_file(places: dict[str, Path]) -> None:
    import json as package

    path = Path(package.__file__).parent / "decoder.py"
    inside = Asset(
        file="decoder.py", package="json", sha256=hashlib.sha256(path.read_bytes()).hexdigest()
    )
    assert locate(inside) == path
    (places["mirror"] / "decoder.py").write_bytes(
        b"another"
    )  # the package's file is never taken from elsewhere
    assert fetch(inside) == path
    with pytest.raises(AssetError, match="sha256"):
        locate(Asset(file="decoder.py", package="json", sha256=SHA))
    for absent in (
        Asset(file="no.bin", package="json", sha256=SHA),
        Asset(file="no.bin", package="no_such_package", sha256=SHA),
    ):
        with pytest.raises(AssetError, match=rf"no\.bin.*install {absent.package}"):
            fetch(absent)


def test_what_some_releases_of_a_package_lack_comes_from_elsewhere(
    places: dict[str, Path], server: tuple[str, list[str]]
) -> None:
    """The package first; then the mirror, the cache and the address."""
    address, _ = server
    lacking = Asset(file="inner/w.bin", package="json", sha256=SHA, urls=(f"{address}/w.bin",))
    assert locate(lacking) is None
    assert fetch(lacking) == places["cache"] / "w.bin"
    (places["mirror"] / "w.bin").write_bytes(GOOD)
    assert fetch(lacking) == places["mirror"] / "w.bin"


def test_download_goes_into_the_cache_once(
    places: dict[str, Path], server: tuple[str, list[str]]
) -> None:
    address, asked = server
    for _ in range(2):
        assert fetch(asset(f"{address}/w.bin")) == places["cache"] / "w.bin"
    assert (places["cache"] / "w.bin").read_bytes() == GOOD
    assert asked == ["/w.bin"]
    assert [path.name for path in places["cache"].iterdir()] == ["w.bin"]


def test_next_address_is_tried(places: dict[str, Path], server: tuple[str, list[str]]) -> None:
    address, asked = server
    assert fetch(asset(f"{address}/gone.bin", f"{address}/w.bin")).read_bytes() == GOOD
    assert asked == ["/gone.bin", "/w.bin"]


@pytest.mark.parametrize("page", ["bad.bin", "gone.bin"])
def test_download_of_another_file_leaves_nothing_behind(
    places: dict[str, Path], server: tuple[str, list[str]], page: str
) -> None:
    with pytest.raises(AssetError) as caught:
        fetch(asset(f"{server[0]}/{page}"))
    assert f"{server[0]}/{page}" in str(caught.value)
    assert not list(places["cache"].iterdir())
    assert locate(asset()) is None


def test_without_network_the_address_is_in_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_FIRST_DELAY_S", 0.0)
    with pytest.raises(AssetError, match=r"127\.0\.0\.1:9"):
        fetch(asset("http://127.0.0.1:9/w.bin"))


def test_framework_caches_go_to_one_folder(
    places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    for name in ("DEEPFACE_HOME", "TORCH_HOME", "HF_HOME", "MPLCONFIGDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TORCH_HOME", "/chosen")
    monkeypatch.setattr(os, "environ", os.environ.copy())
    isolate_caches()
    assert os.environ["TORCH_HOME"] == "/chosen"
    assert Path(os.environ["DEEPFACE_HOME"]).parent == places["cache"].parent


@pytest.fixture
def listing(
    places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Output of `faceoff assets` with two plug-ins that share a file, of which the mirror holds a
    wrong copy on request.
    """
    header = {
        role: {
            "file": f"{role}.bin",
            "sha256": SHA,
            "urls": [f"https://example.org/{role}.bin"],
            "licence": "MIT",
            "size": len(GOOD),
        }
        for role in ("one", "two")
    }
    plugin = tmp_path / "plugins" / "mine.py"
    plugin.parent.mkdir(parents=True)
    entries = {name: {"class": "Mine", "assets": header} for name in ("mine", "other")}
    plugin.write_text(f"DETECTORS = {entries!r}\n")

    def call(*options: str) -> str:
        result = CliRunner().invoke(
            app, ["assets", "--plugins", str(tmp_path / "plugins"), *options]
        )
        assert result.exit_code == 0, result.output
        return result.output

    return call


def test_every_asset_is_listed_for_a_mirror(
    listing: Callable[..., str], places: dict[str, Path]
) -> None:
    (places["mirror"] / "one.bin").write_bytes(GOOD)
    rows = {line.split("\t")[0]: line.split("\t") for line in listing("--list").splitlines()}
    assert rows["file"] == ["file", "size", "hash", "licence", "found", "url", "source", "used by"]
    found = str(places["mirror"] / "one.bin")
    assert rows["one.bin"] == [
        "one.bin",
        str(len(GOOD)),
        f"sha256:{SHA}",
        "MIT",
        found,
        "https://example.org/one.bin",
        "",
        "detector mine, detector other",
    ]
    assert rows["two.bin"][4] == "no"
    assert "yunet_n_640_640.onnx" in rows


def test_the_listing_for_programs_says_the_same(
    listing: Callable[..., str], places: dict[str, Path]
) -> None:
    (places["mirror"] / "two.bin").write_bytes(BAD)
    rows = {row["file"]: row for row in json.loads(listing("--json"))}
    assert rows["one.bin"] == {
        "file": "one.bin", "size": len(GOOD), "sha256": SHA, "md5": None, "licence": "MIT",
        "found": None, "problem": None, "package": None,
        "urls": ["https://example.org/one.bin"], "source": "",
        "used_by": ["detector mine", "detector other"],
    }  # fmt: skip
    assert rows["two.bin"]["found"] is None
    assert hashlib.sha256(BAD).hexdigest() in rows["two.bin"]["problem"]


def test_other_environments_get_a_copy_of_what_a_package_here_carries(
    places: dict[str, Path],
    server: tuple[str, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "carrier").mkdir()
    (tmp_path / "carrier/__init__.py").touch()
    (tmp_path / "carrier/w.bin").write_bytes(GOOD)
    monkeypatch.syspath_prepend(str(tmp_path))
    carried = asset(f"{server[0]}/w.bin", package="carrier")
    assert fetch_for_others(carried) == places["cache"] / "w.bin"
    assert (places["cache"] / "w.bin").read_bytes() == GOOD
    assert server[1] == [], "nothing is downloaded that lies here"
    (places["cache"] / "w.bin").unlink()
    assert (
        fetch_for_others(asset(f"{server[0]}/w.bin", package="no_such_package")).read_bytes()
        == GOOD
    )
    assert server[1] == ["/w.bin"]
