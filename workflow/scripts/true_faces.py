"""Write what a dataset knows of its faces: action units, head pose and gaze."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import DatasetJob
from faceoff.stages.true_faces import write_true_faces

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=DatasetJob.from_json, required=True)
    write_true_faces(**vars(parser.parse_args()))
