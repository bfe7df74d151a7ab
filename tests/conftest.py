"""Locate the real weights and data that some tests need; without them those tests skip."""

import os
from pathlib import Path

import pytest

# Set this before numpy and PyTorch are imported: small matrices on several threads take three times
# the processor time of one. Runs of the workflow do not inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def _folder(variable: str, what: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set: it names the folder with {what}")
    if not Path(value).is_dir():
        pytest.skip(f"{variable}={value} is not a folder")
    return Path(value)


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Return the folder of real weights."""
    return _folder("FACEOFF_MIRROR", "real weights")


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of real data sets and media."""
    return _folder("FACEOFF_DATA", "real data sets and media")


@pytest.fixture(scope="session")
def cases(data: Path) -> Path:
    """Return the folder of small inputs of odd kinds."""
    if not (data / "cases").is_dir():
        pytest.skip(f"{data} has no folder cases, with small inputs of odd kinds")
    return data / "cases"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no file of tests of which `-m` leaves none: imports are a third of a short session."""
    asked = config.getoption("markexpr")
    if asked not in ("slow", "not slow") or not collection_path.match("test_*.py"):
        return None
    text = collection_path.read_text(encoding="utf-8")
    all_slow = "\npytestmark = pytest.mark.slow\n" in text
    none = all_slow if asked == "not slow" else "mark.slow" not in text
    return none or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files of long tests first, so that pytest's workers end at about the same time.

    This needs xdist's --no-loadscope-reorder.
    """
    items.sort(key=lambda item: {"cluster": 0, "workflow": 1}.get(item.path.parent.name, 2))
