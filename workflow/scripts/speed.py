"""Write the page on accuracy against speed."""

import argparse
from pathlib import Path

from faceoff.stages.speed import write_speed
from faceoff.storage.files import parse_spec

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--scores", type=Path, nargs="+", required=True)
parser.add_argument("--timings", type=Path, nargs="*", default=[])
parser.add_argument("--latencies", type=Path, nargs="*", default=[])
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--spec", type=parse_spec, required=True)
write_speed(**vars(parser.parse_args()))
