"""Show one face of a dataset under every corruption and severity."""

import argparse
from pathlib import Path

from faceoff.plan.corruption_jobs import CorruptionStripJob
from faceoff.stages.corruption_strip import write_strip

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=CorruptionStripJob.from_json, required=True)
    write_strip(**vars(parser.parse_args()))
