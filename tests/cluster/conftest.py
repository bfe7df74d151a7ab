"""Runs of the workflow are started as in tests/workflow; all the ways of running it are compared with one local run."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))

import runs


@pytest.fixture(scope="session")
def local(tmp_path_factory) -> Path:
    """The folder of a run of `runs.MATRIX` in plain processes, in one piece and in one environment."""
    return runs.finished(tmp_path_factory, "local", runs.MATRIX)
