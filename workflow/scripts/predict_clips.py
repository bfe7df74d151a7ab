"""Read every clip with one network over time."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import PredictClipsJob
from faceoff.stages.predict_clips import write_clip_predictions

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--trained", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--timing", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=PredictClipsJob.from_json, required=True)
    write_clip_predictions(**vars(parser.parse_args()))
