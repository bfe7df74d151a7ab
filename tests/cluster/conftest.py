"""Runs of the workflow are started as in tests/workflow."""

import sys
from pathlib import Path

for folder in (Path(__file__).parent, Path(__file__).parents[1] / "workflow"):
    sys.path.insert(0, str(folder))
