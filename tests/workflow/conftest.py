"""Provide finished small runs that several tests look at.

A test that changes one works on a copy.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import runs


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """Return the folder of a small run that ended well."""
    return runs.finished(tmp_path_factory, "finished", runs.SMALL)


@pytest.fixture(scope="session")
def again(tmp_path_factory) -> Path:
    """Return the folder of the same run, made from nothing a second time, by a copied checkout.

    It lies in that checkout, which has an awkward name. glibc fills each new block of memory, so
    that a library which reads what it never wrote gives other results.
    """
    return runs.finished(
        tmp_path_factory,
        "elsewhere, it's a space",
        runs.SMALL,
        own_checkout=True,
        MALLOC_PERTURB_="1",
    )


@pytest.fixture(scope="session")
def copy_of_finished(finished) -> Callable[[], Path]:
    """Return a function that makes a folder in which the finished run goes on.

    The folder has its results, and Snakemake's metadata of them.
    """

    def make() -> Path:
        # The copy lies as deep in the tree as the run: scripts are inputs by their relative path.
        folder = Path(tempfile.mkdtemp(prefix="copied-", dir=finished.parent))
        for part in ("results", ".snakemake/metadata"):
            shutil.copytree(finished / part, folder / part)
        return folder

    return make
