"""Score every pipeline of a dataset under every label rule."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import DatasetJob
from faceoff.stages.multiverse import write_multiverse

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--predictions", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=DatasetJob.from_json, required=True)
    write_multiverse(**vars(parser.parse_args()))
