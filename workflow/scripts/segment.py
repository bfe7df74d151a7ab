"""Find the speech of every clip with one segmenter."""

import argparse
from pathlib import Path

from faceoff.plan.speech_jobs import SegmentJob
from faceoff.stages.segment import write_segments

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--timing", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=SegmentJob.from_json, required=True)
    write_segments(**vars(parser.parse_args()))
