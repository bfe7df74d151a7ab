"""Fit a trainable model on one dataset's faces."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import PredictJob
from faceoff.stages.train import write_trained

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=PredictJob.from_json, required=True)
    write_trained(**vars(parser.parse_args()))
