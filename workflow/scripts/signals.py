"""Measure every face that a detector found with one signal."""

import argparse
from pathlib import Path

from faceoff.plan.signal_jobs import SignalsJob
from faceoff.stages.signals import write_signals

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--timing", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=SignalsJob.from_json, required=True)
    write_signals(**vars(parser.parse_args()))
