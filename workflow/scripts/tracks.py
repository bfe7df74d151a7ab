"""Follow the faces of a dataset's clips."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import TracksJob
from faceoff.stages.tracks import write_tracks

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--detections", type=Path, required=True)
    parser.add_argument("--detected", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--timing", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=TracksJob.from_json, required=True)
    write_tracks(**vars(parser.parse_args()))
