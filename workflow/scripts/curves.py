"""Draw the curves of a training."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import CodeJob
from faceoff.stages.curves import write_curves

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", type=Path, required=True)
    parser.add_argument("--output", dest="outputs", type=Path, nargs="+", required=True)
    parser.add_argument("--spec", type=CodeJob.from_json, required=True)
    arguments = parser.parse_args()
    write_curves(arguments.fit, arguments.outputs)
