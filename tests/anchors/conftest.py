"""Locate the real FER+, and run a network over its test part once for all tests."""

import fcntl
import os
from pathlib import Path

import pytest
from fer_answers import Answers, read_answers, write_answers

from faceoff.plugins import registry


@pytest.fixture(scope="session")
def root(data: Path) -> Path:
    """Return FER2013's pictures with both vote tables."""
    folder = data / "datasets" / "ferplus"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


@pytest.fixture(scope="session")
def pd_best(root: Path, mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Return the answers of vicksam's pd_best.

    The first of pytest's workers that asks computes them for all.
    """
    plugin = registry.get("model", "pd_best")
    if plugin.skip():
        pytest.skip(plugin.skip())
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    file = base / "pd_best.npz"
    with open(base / "pd_best.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            write_answers(plugin, root, file)
    answers = read_answers(file)
    assert len(answers.posterior) == 3_573
    return answers
