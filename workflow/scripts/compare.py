"""Compare fusions and models on one dataset."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import CompareJob
from faceoff.stages.compare import write_comparisons

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--faces", type=Path, nargs="*", default=[])
    parser.add_argument("--predictions", type=Path, nargs="*", default=[])
    parser.add_argument("--validation", type=Path, nargs="*", default=[])
    parser.add_argument("--groups", type=Path, nargs="?", help="those that the run measured")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=CompareJob.from_json, required=True)
    write_comparisons(**vars(parser.parse_args()))
