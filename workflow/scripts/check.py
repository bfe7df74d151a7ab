"""Fail when a cell failed, after the report was made; make room for the next run to try again."""

import argparse
import sys
from pathlib import Path

from faceoff.stages.check import check

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, nargs="+", required=True)
    parser.add_argument("--latencies", type=Path, nargs="*", default=[])
    parser.add_argument("--failures", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    sys.exit(check(**vars(arguments)))
