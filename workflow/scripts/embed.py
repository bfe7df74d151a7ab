"""Write what a model reads of every frame, for networks over time."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import PredictJob
from faceoff.stages.embed import write_features

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--trained", type=Path, nargs="?")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--timing", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=PredictJob.from_json, required=True)
    write_features(**vars(parser.parse_args()))
