"""Stand in for a failed job: write error rows with the reason.

The rest of the matrix is then made. An interruption is passed on.
"""

import argparse
import json
import sys
from pathlib import Path

from faceoff.stages.failure import INTERRUPTED, record_failure

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--kind",
        choices=[
            *("faces", "predictions", "signals", "segments", "speech", "saliency"),
            *("trained", "network", "latency"),
        ],
        required=True,
    )
    parser.add_argument("--status", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--frames", type=Path)
    parser.add_argument("--upstream", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--also", type=Path, nargs="*", default=[])
    parser.add_argument("--timing", type=Path)
    parser.add_argument("--about", type=json.loads, help="dataset, detector and model as JSON")
    arguments = parser.parse_args()
    if arguments.status in INTERRUPTED:
        sys.exit(arguments.status)
    record_failure(**vars(arguments))
