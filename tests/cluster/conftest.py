"""Start runs of the workflow as in tests/workflow.

All the ways of running it are compared with one local run.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))

import runs


@pytest.fixture(scope="session")
def local(tmp_path_factory) -> Path:
    """Return the folder of a run of `runs.MATRIX` in plain processes.

    It is in one piece and in one environment.
    """
    return runs.finished(tmp_path_factory, "local", runs.MATRIX)
