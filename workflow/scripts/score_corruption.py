"""Score a dataset's cells on pictures made worse."""

import argparse
from pathlib import Path

from faceoff.plan.corruption_jobs import ScoreCorruptionJob
from faceoff.stages.score_corruption import write_robustness

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--comparison", type=Path, required=True)
    parser.add_argument("--clean", type=Path, nargs="*", default=[])
    parser.add_argument("--worse", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=ScoreCorruptionJob.from_json, required=True)
    write_robustness(**vars(parser.parse_args()))
