"""Draw the paper figures."""

import argparse
from pathlib import Path

from faceoff.stages.figures import write_figures
from faceoff.storage.files import parse_spec

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--scores", type=Path, nargs="*", default=[])
parser.add_argument("--comparisons", type=Path, nargs="*", default=[])
parser.add_argument("--examples", type=Path, nargs="*", default=[])
parser.add_argument("--multiverse", type=Path, nargs="*", default=[])
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--spec", type=parse_spec, required=True)
write_figures(**vars(parser.parse_args()))
