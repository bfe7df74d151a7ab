"""Write a dataset's samples."""

import argparse
from pathlib import Path

from faceoff.stages.samples import write_samples
from faceoff.storage.files import parse_spec

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--spec", type=parse_spec, required=True)
write_samples(**vars(parser.parse_args()))
