"""Write one shard of a dataset's samples."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import ShardJob
from faceoff.stages.shards import write_shard

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=ShardJob.from_json, required=True)
    write_shard(**vars(parser.parse_args()))
