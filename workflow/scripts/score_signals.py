"""Score a signal behind a detector."""

import argparse
from pathlib import Path

from faceoff.plan.signal_jobs import ScoreSignalsJob
from faceoff.stages.score_signals import write_signal_score

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--faces", type=Path, nargs="?", help="none for a skipped signal")
    parser.add_argument("--signals", type=Path, nargs="?", help="none for a skipped signal")
    parser.add_argument("--true-faces", type=Path, nargs="?", help="none if not known")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=ScoreSignalsJob.from_json, required=True)
    write_signal_score(**vars(parser.parse_args()))
