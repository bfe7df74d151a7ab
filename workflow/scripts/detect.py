"""Find the faces of every frame with one detector."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import DetectJob
from faceoff.stages.detect import write_faces

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--timing", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=DetectJob.from_json, required=True)
    write_faces(**vars(parser.parse_args()))
