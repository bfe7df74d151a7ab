"""Time a detector on single pictures and on full batches, alone on the machine."""

import argparse
from pathlib import Path

from faceoff.stages.latency import time_detector
from faceoff.storage.files import parse_spec

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--frames", type=Path, required=True)
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--spec", type=parse_spec, required=True)
time_detector(**vars(parser.parse_args()))
