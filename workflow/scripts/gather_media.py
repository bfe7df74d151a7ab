"""Make one table of frames or sounds of its shards, without copying them."""

import argparse
from pathlib import Path

from faceoff.stages.shards import gather_media

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=Path, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    gather_media(**vars(parser.parse_args()))
