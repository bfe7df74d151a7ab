"""Compare the boxes of a dataset's detectors."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import OverlapsJob
from faceoff.stages.overlaps import write_overlaps

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--faces", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=OverlapsJob.from_json, required=True)
    write_overlaps(**vars(parser.parse_args()))
