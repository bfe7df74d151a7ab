"""Score one cell or fusion."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import ScoreJob
from faceoff.stages.score import write_score

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument(
        "--predictions", type=Path, nargs="?", help="none for a cell that is skipped"
    )
    parser.add_argument(
        "--validation",
        type=Path,
        nargs="*",
        default=[],
        help="predictions and samples of the validation dataset, if any",
    )
    parser.add_argument("--groups", type=Path, nargs="?", help="those that the run measured")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=ScoreJob.from_json, required=True)
    write_score(**vars(parser.parse_args()))
