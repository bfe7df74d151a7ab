"""Compare fusions and models on one dataset."""

import argparse
from pathlib import Path

from faceoff.stages.compare import write_comparisons
from faceoff.storage.files import parse_spec

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--samples", type=Path, required=True)
parser.add_argument("--predictions", type=Path, nargs="*", default=[])
parser.add_argument("--validation", type=Path, nargs="*", default=[])
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--spec", type=parse_spec, required=True)
write_comparisons(**vars(parser.parse_args()))
