"""Score one cell or fusion."""

import argparse
from pathlib import Path

from faceoff.stages.score import write_score
from faceoff.storage.files import parse_spec

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--samples", type=Path, required=True)
parser.add_argument("--frames", type=Path, required=True)
parser.add_argument("--predictions", type=Path, nargs="?", help="none for a cell that is skipped")
parser.add_argument(
    "--validation",
    type=Path,
    nargs="*",
    default=[],
    help="predictions and samples of the validation dataset, if any",
)
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--spec", type=parse_spec, required=True)
write_score(**vars(parser.parse_args()))
