"""Say whether the lips and the sound of clips run in step."""

import argparse
from pathlib import Path

from faceoff.plan.speech_jobs import SynchronyJob
from faceoff.stages.score_synchrony import write_synchrony

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--signals", type=Path, required=True)
    parser.add_argument("--audio", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=SynchronyJob.from_json, required=True)
    write_synchrony(**vars(parser.parse_args()))
