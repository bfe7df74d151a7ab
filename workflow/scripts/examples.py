"""Crop right and wrong example faces."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import ExamplesJob
from faceoff.stages.examples import write_examples

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--faces", type=Path, nargs="*", default=[])
    parser.add_argument("--predictions", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=ExamplesJob.from_json, required=True)
    write_examples(**vars(parser.parse_args()))
