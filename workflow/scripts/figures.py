"""Draw the paper figures."""

import argparse
from pathlib import Path

from faceoff.plan.aggregate_jobs import FiguresJob
from faceoff.stages.figures import write_figures

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, nargs="*", default=[])
    parser.add_argument("--comparisons", type=Path, nargs="*", default=[])
    parser.add_argument("--examples", type=Path, nargs="*", default=[])
    parser.add_argument("--multiverse", type=Path, nargs="*", default=[])
    parser.add_argument("--over-time", type=Path, nargs="*", default=[])
    parser.add_argument("--tracks", type=Path, nargs="*", default=[])
    parser.add_argument("--robustness", type=Path, nargs="*", default=[])
    parser.add_argument("--synchrony", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=FiguresJob.from_json, required=True)
    write_figures(**vars(parser.parse_args()))
