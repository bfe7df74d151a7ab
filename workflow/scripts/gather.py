"""Join the shards of a faces or predictions table, and their timings."""

import argparse
from pathlib import Path

from faceoff.stages.shards import gather

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=Path, nargs="+", required=True)
    parser.add_argument("--timings", type=Path, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--timing", type=Path, required=True)
    gather(**vars(parser.parse_args()))
