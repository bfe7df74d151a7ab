"""Explain faces of a cell: maps of where the model looks, and their scores."""

import argparse
from pathlib import Path

from faceoff.plan.saliency_jobs import SaliencyJob
from faceoff.stages.saliency import write_saliency

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--trained", type=Path, nargs="?")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--timing", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=SaliencyJob.from_json, required=True)
    write_saliency(**vars(parser.parse_args()))
