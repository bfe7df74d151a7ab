"""Datasets that everyone may download: archives come from a server, are verified, unpacked and only
then seen.
"""

import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from faceoff.assets import dataset_archives, zenodo
from faceoff.assets.asset import Asset, AssetError
from faceoff.datasets import ravdess
from faceoff.plan.job_specs import Plan
from faceoff.plan.preflight import PreflightError, check
from zenodo_server import Zenodo


def packed(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"a clip")
    return buffer.getvalue()


def clips(actor: int) -> list[str]:
    """What an actor's archive holds: the spoken clips with and without sound."""
    return [
        f"Actor_{actor:02d}/{clip.stem}.mp4"
        for modality in ("av", "video")
        for clip in ravdess.published(modality, "speech")
        if int(clip.actor) == actor
    ]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Zenodo]:
    """Archives of two actors."""
    served = Zenodo(
        {f"Video_Speech_Actor_{actor:02d}.zip": packed(*clips(actor)) for actor in (1, 2)},
        **getattr(request, "param", {}),
    )
    yield served
    served.close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FACEOFF_MIRROR", raising=False)
    return tmp_path / "cache"


def plan(root: Path, record: str, **options: object) -> Plan:
    dataset = {"type": "ravdess", "path": str(root), "download": True, "record": record, **options}
    return Plan(
        {
            "run": "r",
            "datasets": {"speech": dataset},
            "detectors": {"whole": {}},
            "models": {"fer": {}},
        }
    )


def test_a_run_fetches_the_archives_that_it_needs_once(
    tmp_path: Path, server: Zenodo, cache: Path
) -> None:
    root = tmp_path / "data"
    made = plan(root, f"{server.address}/record", actors=[1])
    before = made.samples_job("speech")
    check(made)
    assert server.asked == ["/record", "/Video_Speech_Actor_01.zip"], "actor 2 is not asked for"
    assert len(list(root.rglob("*.mp4"))) == 120
    assert len(list(made.open("speech").samples())) == 52, (
        "60 spoken clips with sound without the 8 calm ones"
    )
    assert not list(cache.rglob("*.zip")), "an unpacked archive need not be kept"
    assert not [path.name for path in root.iterdir() if path.name.startswith(".")], (
        "nothing half-made remains"
    )
    assert plan(root, f"{server.address}/record", actors=[1]).samples_job("speech") == before, (
        "the next run makes nothing anew"
    )
    check(plan(root, f"{server.address}/record", actors=[1, 2]))
    assert [path for path in server.asked if path.endswith(".zip")] == [
        "/Video_Speech_Actor_01.zip",
        "/Video_Speech_Actor_02.zip",
    ]


def test_clips_that_are_there_already_are_not_fetched_again(tmp_path: Path, server: Zenodo) -> None:
    """Unpacked by hand, wherever below the folder.

    An actor of whom one clip is missing is fetched.
    """
    root = tmp_path / "data"
    for name in [name for name in clips(1) if name[9:11] == "01"] + clips(2)[1:]:
        (root / "by hand" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "by hand" / name).write_bytes(b"mine")
    check(plan(root, f"{server.address}/record", actors=[1, 2]))
    assert [path for path in server.asked if path.endswith(".zip")] == [
        "/Video_Speech_Actor_02.zip"
    ]


def test_a_mirror_is_used_and_left_alone(
    tmp_path: Path, server: Zenodo, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mirror").mkdir()
    kept = tmp_path / "mirror/Video_Speech_Actor_02.zip"
    kept.write_bytes(server.files[kept.name])
    monkeypatch.setenv("FACEOFF_MIRROR", str(tmp_path / "mirror"))
    check(plan(tmp_path / "data", f"{server.address}/record", actors=[2]))
    assert server.asked == ["/record"]
    assert kept.is_file()


@pytest.mark.parametrize("server", [{"lie": True}], indirect=True)
def test_an_archive_with_another_md5_is_not_unpacked(tmp_path: Path, server: Zenodo) -> None:
    with pytest.raises(
        PreflightError, match=r"(?s)dataset speech: .*Video_Speech_Actor_01\.zip.*md5 expected"
    ):
        check(plan(tmp_path / "data", f"{server.address}/record", actors=[1]))
    assert not list((tmp_path / "data").rglob("*.mp4"))


def test_an_archive_that_leads_out_of_its_folder_is_refused(tmp_path: Path, server: Zenodo) -> None:
    server.files["Video_Speech_Actor_01.zip"] = packed(
        "Actor_01/01-01-01-01-01-01-01.mp4", "../../escaped.mp4"
    )
    with pytest.raises(PreflightError, match=r"escaped\.mp4.*leads out"):
        check(plan(tmp_path / "data", f"{server.address}/record", actors=[1]))
    assert not list(tmp_path.rglob("*.mp4"))


def test_a_record_without_the_archive_is_said(tmp_path: Path, server: Zenodo) -> None:
    with pytest.raises(PreflightError, match=r"does not list Video_Speech_Actor_03\.zip"):
        check(plan(tmp_path / "data", f"{server.address}/record", actors=[3]))


def test_a_record_that_is_no_record(tmp_path: Path, server: Zenodo) -> None:
    server.files["page"] = b"<html>moved</html>"
    for address in (
        f"{server.address}/page",
        f"{server.address}/nothing",
        "http://127.0.0.1:9/record",
    ):
        with pytest.raises(AssetError, match="cannot be read"):
            zenodo.files(address)
    with pytest.raises(AssetError, match="only taken over https"):
        zenodo.files("http://example.org/record")


def test_archives_of_the_official_record_are_pinned() -> None:
    """All 24 spoken archives, as Zenodo lists them: 12.44 GiB, every MD5 different."""
    archives = ravdess.Ravdess.archives(ravdess.Ravdess.Options(path="d"))
    assert [archive.name for archive in archives] == [
        f"Video_Speech_Actor_{actor:02d}.zip" for actor in range(1, 25)
    ]
    assert len({archive.md5 for archive in archives}) == 24
    assert sum(archive.size for archive in archives) / 2**30 == pytest.approx(12.44, abs=0.005)
    assert all(
        archive.urls[0].startswith("https://zenodo.org/records/1188976/files/")
        for archive in archives
    )


def test_the_actor_who_does_not_sing_has_no_archive_of_songs(server: Zenodo) -> None:
    server.files |= {f"Video_Song_Actor_{actor:02d}.zip": b"" for actor in (17, 19)}
    options = ravdess.Ravdess.Options(
        path="d", vocal="song", actors=[17, 18, 19], record=f"{server.address}/record"
    )
    assert [archive.name for archive in ravdess.Ravdess.archives(options)] == [
        "Video_Song_Actor_17.zip",
        "Video_Song_Actor_19.zip",
    ]


def test_two_processes_unpack_once(tmp_path: Path, server: Zenodo) -> None:
    archive = zenodo.files(f"{server.address}/record")["Video_Speech_Actor_01.zip"]
    errors = []

    def one() -> None:
        try:
            dataset_archives.obtain([archive], tmp_path / "data")
        except AssetError as error:
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert server.asked.count("/Video_Speech_Actor_01.zip") == 1


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, no folder")
    with pytest.raises(AssetError, match="cannot be written"):
        dataset_archives.obtain([Asset(file="a.zip", md5="0" * 32)], tmp_path / "data")
