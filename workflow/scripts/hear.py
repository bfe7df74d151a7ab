"""Read the emotion of every segment of speech with one model."""

import argparse
from pathlib import Path

from faceoff.plan.speech_jobs import HearJob
from faceoff.stages.hear import write_speech

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", type=Path, required=True)
    parser.add_argument("--segments", type=Path, required=True)
    parser.add_argument("--trained", type=Path, nargs="?")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--timing", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=HearJob.from_json, required=True)
    write_speech(**vars(parser.parse_args()))
