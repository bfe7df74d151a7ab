"""Count every pipeline's answers and follow a few clips over time."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import AnswersJob
from faceoff.stages.answers import write_answers

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--predictions", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=AnswersJob.from_json, required=True)
    write_answers(**vars(parser.parse_args()))
