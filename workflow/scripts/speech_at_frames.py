"""Lay what a speech model reads of segments on the frames of the clips."""

import argparse
from pathlib import Path

from faceoff.stages.speech_at_frames import write_predictions

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--speech-timing", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--timing", type=Path, required=True)
    write_predictions(**vars(parser.parse_args()))
