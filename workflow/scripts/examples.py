"""Crop right and wrong example faces."""

import argparse
from pathlib import Path

from faceoff.stages.examples import write_examples
from faceoff.storage.files import parse_spec

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--samples", type=Path, required=True)
parser.add_argument("--frames", type=Path, required=True)
parser.add_argument("--faces", type=Path, nargs="*", default=[])
parser.add_argument("--predictions", type=Path, nargs="*", default=[])
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--spec", type=parse_spec, required=True)
write_examples(**vars(parser.parse_args()))
