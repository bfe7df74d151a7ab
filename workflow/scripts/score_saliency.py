"""Score the maps of a cell, and average them per emotion."""

import argparse
from pathlib import Path

from faceoff.plan.saliency_jobs import ScoreSaliencyJob
from faceoff.stages.score_saliency import write_saliency_score

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--saliency", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=ScoreSaliencyJob.from_json, required=True)
    write_saliency_score(**vars(parser.parse_args()))
