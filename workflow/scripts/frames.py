"""Write a dataset's frames."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import DatasetJob
from faceoff.stages.frames import write_frames

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=DatasetJob.from_json, required=True)
    write_frames(**vars(parser.parse_args()))
