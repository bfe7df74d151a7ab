"""Read the emotion of every frame's face at every severity of a corruption with one model."""

import argparse
from pathlib import Path

from faceoff.plan.corruption_jobs import CorruptPredictJob
from faceoff.stages.corrupt_predict import write_corrupted_predictions

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--again", type=Path, nargs="?")
    parser.add_argument("--trained", type=Path, nargs="?")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--timing", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=CorruptPredictJob.from_json, required=True)
    write_corrupted_predictions(**vars(parser.parse_args()))
