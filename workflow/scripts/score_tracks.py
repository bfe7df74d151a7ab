"""Score the tracks and identities of a detector's faces."""

import argparse
from pathlib import Path

from faceoff.plan.track_scores import TrackScoresJob
from faceoff.stages.score_tracks import write_track_scores

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=TrackScoresJob.from_json, required=True)
    write_track_scores(**vars(parser.parse_args()))
