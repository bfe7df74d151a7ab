"""Gather the captions of figures and tables."""

import argparse
from pathlib import Path

from faceoff.plan.aggregate_jobs import CaptionsJob
from faceoff.stages.captions import write_captions

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", type=Path, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=CaptionsJob.from_json, required=True)
    write_captions(**vars(parser.parse_args()))
