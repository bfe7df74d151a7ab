"""Write the page on accuracy against speed."""

import argparse
from pathlib import Path

from faceoff.plan.aggregate_jobs import SpeedJob
from faceoff.stages.speed import write_speed

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, nargs="+", required=True)
    parser.add_argument("--timings", type=Path, nargs="*", default=[])
    parser.add_argument("--latencies", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=SpeedJob.from_json, required=True)
    write_speed(**vars(parser.parse_args()))
