"""Find the faces of every frame with one detector."""

import argparse
from pathlib import Path

from faceoff.stages.detect import write_faces
from faceoff.storage.files import parse_spec

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--frames", type=Path, required=True)
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--timing", type=Path, required=True)
parser.add_argument("--spec", type=parse_spec, required=True)
write_faces(**vars(parser.parse_args()))
