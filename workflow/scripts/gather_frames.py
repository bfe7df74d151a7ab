"""Make one frames table of its shards, without copying a picture."""

import argparse
from pathlib import Path

from faceoff.stages.shards import gather_frames

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=Path, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    gather_frames(**vars(parser.parse_args()))
