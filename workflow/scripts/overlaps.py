"""Compare the boxes of a dataset's detectors."""

import argparse
from pathlib import Path

from faceoff.stages.overlaps import write_overlaps
from faceoff.storage.files import parse_spec

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--frames", type=Path, required=True)
parser.add_argument("--faces", type=Path, nargs="*", default=[])
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--spec", type=parse_spec, required=True)
write_overlaps(**vars(parser.parse_args()))
