"""Find the faces of every frame again, at every severity of a corruption, with one detector."""

import argparse
from pathlib import Path

from faceoff.plan.corruption_jobs import CorruptDetectJob
from faceoff.stages.corrupt_detect import write_corrupted_faces

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--timing", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=CorruptDetectJob.from_json, required=True)
    write_corrupted_faces(**vars(parser.parse_args()))
