"""Time a detector on single pictures and on full batches, alone on the machine."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import DetectorLatencyJob
from faceoff.stages.latency import time_detector

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=DetectorLatencyJob.from_json, required=True)
    time_detector(**vars(parser.parse_args()))
