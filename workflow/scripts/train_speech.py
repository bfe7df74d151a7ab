"""Fit a trainable speech model to the segments of a dataset."""

import argparse
from pathlib import Path

from faceoff.plan.speech_jobs import HearJob
from faceoff.stages.hear import write_trained

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--audio", type=Path, required=True)
    parser.add_argument("--segments", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=HearJob.from_json, required=True)
    write_trained(**vars(parser.parse_args()))
