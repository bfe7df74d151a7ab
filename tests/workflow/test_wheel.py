"""Test the package without a checkout: from a wheel to the report, in an empty folder."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import runs
from faceoff.drawing import scenes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `bin` of an environment with the wheel; the libraries are those of this one."""
    root = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "-w", str(root / "dist")]
    # Build from a copy, as a build leaves files in its source.
    source = root / "source"
    subprocess.run(["git", "clone", "-q", str(runs.ROOT), str(source)], check=True)
    subprocess.run([*pip, *build, str(source)], check=True, timeout=300)
    (wheel,) = (root / "dist").glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(root / "env")], check=True)
    place = root / "env" / "lib" / Path(sysconfig.get_path("purelib")).parts[-2] / "site-packages"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(place), str(wheel)], check=True)
    libraries = sysconfig.get_path("purelib")
    (place / "below.pth").write_text(f"import site; site.addsitedir({libraries!r})\n")
    return root / "env" / "bin"


def faceoff(binaries: Path, folder: Path, *arguments: str) -> str:
    """Run the installed command in a folder; return what it says."""
    done = subprocess.run(
        [str(binaries / "python"), "-m", "faceoff", *arguments],
        cwd=folder,
        env=runs.environment() | {"FACEOFF_CACHE": str(folder / "cache")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def test_from_a_folder_of_pictures_to_the_report(installed: Path, tmp_path: Path) -> None:
    from PIL import Image

    easy = [scene for scene in scenes.plan("test") if scene.rung in scenes.EASY][:4]
    for number, scene in enumerate(easy):
        image, _ = scenes.draw(scene)
        path = tmp_path / "pictures" / ("happiness", "anger")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    where = faceoff(installed, tmp_path, "--version")
    assert where.startswith("faceoff ")
    faceoff(installed, tmp_path, "init", "pictures", "--model", "fer", "--detector", "whole")
    said = faceoff(installed, tmp_path, "run", "--cores", "2")
    page = tmp_path / "results" / "pictures" / "report.html"
    assert str(page) in said
    assert page.stat().st_size > 100_000
    assert "How to cite" in page.read_text(encoding="utf-8")
    again = faceoff(installed, tmp_path, "run", "--cores", "2")
    assert "Nothing to be done" in again


def test_environments_of_conda_find_the_package(installed: Path, tmp_path: Path) -> None:
    """They have no faceoff of their own; they see of this environment the package alone."""
    code = (
        "import os; from faceoff.plan import preflight; preflight.prepare_environment();"
        "print(os.environ['PYTHONPATH'])"
    )
    environment = os.environ | {"FACEOFF_CACHE": str(tmp_path)}
    command = [str(installed / "python"), "-c", code]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    (link,) = Path(found.stdout.strip()).iterdir()
    assert link.name == "faceoff"
    assert (link / "_workflow" / "Snakefile").is_file()
