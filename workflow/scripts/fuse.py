"""Join the posteriors of several cells."""

import argparse
from pathlib import Path

from faceoff.stages.fuse import write_fusion
from faceoff.storage.files import parse_spec

parser = argparse.ArgumentParser(description=__doc__)
for name in ("members", "faces"):
    parser.add_argument(f"--{name}", type=Path, nargs="+", required=True)
    parser.add_argument(f"--validation-{name}", type=Path, nargs="*", default=[])
for name in ("frames", "samples"):
    parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument(f"--validation-{name}", type=Path, nargs="?")
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--spec", type=parse_spec, required=True)
write_fusion(**vars(parser.parse_args()))
