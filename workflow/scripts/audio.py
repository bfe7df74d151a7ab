"""Write the sound of a dataset's clips."""

import argparse
from pathlib import Path

from faceoff.stages.audio import write_audio
from faceoff.storage.files import parse_spec

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--samples", type=Path, required=True)
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--spec", type=parse_spec, required=True)
write_audio(**vars(parser.parse_args()))
