"""Locate the real FER+."""

from pathlib import Path

import pytest


@pytest.fixture
def root(data: Path) -> Path:
    """Return FER2013's pictures with both vote tables."""
    folder = data / "datasets" / "ferplus"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder
