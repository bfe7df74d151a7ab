"""Fit a trainable model on one dataset's faces."""

import argparse
from pathlib import Path

from faceoff.stages.train import write_trained
from faceoff.storage.files import parse_spec

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--samples", type=Path, required=True)
parser.add_argument("--frames", type=Path, required=True)
parser.add_argument("--faces", type=Path, required=True)
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--spec", type=parse_spec, required=True)
write_trained(**vars(parser.parse_args()))
