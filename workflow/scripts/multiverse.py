"""Score every pipeline of a dataset under every label rule."""

import argparse
from pathlib import Path

from faceoff.stages.multiverse import write_multiverse
from faceoff.storage.files import parse_spec

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--samples", type=Path, required=True)
parser.add_argument("--predictions", type=Path, nargs="*", default=[])
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--spec", type=parse_spec, required=True)
write_multiverse(**vars(parser.parse_args()))
