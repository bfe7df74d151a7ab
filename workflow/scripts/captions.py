"""Gather the captions of figures and tables."""

import argparse
from pathlib import Path

from faceoff.stages.captions import write_captions
from faceoff.storage.files import parse_spec

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--captions", type=Path, nargs="+", required=True)
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--spec", type=parse_spec, required=True)
write_captions(**vars(parser.parse_args()))
