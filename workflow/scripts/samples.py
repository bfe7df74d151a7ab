"""Write a dataset's samples."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import DatasetJob
from faceoff.stages.samples import write_samples

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=DatasetJob.from_json, required=True)
    write_samples(**vars(parser.parse_args()))
