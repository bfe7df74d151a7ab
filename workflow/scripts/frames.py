"""Write a dataset's frames."""

import argparse
from pathlib import Path

from faceoff.stages.frames import write_frames
from faceoff.storage.files import parse_spec

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--samples", type=Path, required=True)
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--spec", type=parse_spec, required=True)
write_frames(**vars(parser.parse_args()))
