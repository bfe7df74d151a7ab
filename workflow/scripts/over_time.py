"""Score a dataset's pipelines over time."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import OverTimeJob
from faceoff.stages.over_time import write_over_time

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("samples", "frames"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("bare", "temporal"):
        parser.add_argument(f"--{name}", type=Path, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=OverTimeJob.from_json, required=True)
    write_over_time(**vars(parser.parse_args()))
