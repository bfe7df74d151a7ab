"""Write one shard of a dataset's samples."""

import argparse
from pathlib import Path

from faceoff.stages.shards import write_shard
from faceoff.storage.files import parse_spec

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--samples", type=Path, required=True)
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--spec", type=parse_spec, required=True)
write_shard(**vars(parser.parse_args()))
