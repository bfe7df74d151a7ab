"""Time a model on single pictures and on full batches of them, alone on the machine."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import ModelLatencyJob
from faceoff.stages.latency import time_model

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--trained", type=Path, nargs="?")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=ModelLatencyJob.from_json, required=True)
    time_model(**vars(parser.parse_args()))
