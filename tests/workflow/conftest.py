"""One finished small run that several tests look at; each that changes it works on a copy."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import runs


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """The folder of a small run that ended well."""
    folder = tmp_path_factory.mktemp("finished")
    done = runs.run(folder, runs.SMALL)
    assert done.returncode == 0, done.stdout[-4000:]
    return folder
