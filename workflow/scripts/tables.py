"""Write the tables as CSV, Markdown and LaTeX."""

import argparse
from pathlib import Path

from faceoff.plan.aggregate_jobs import TablesJob
from faceoff.stages.tables import write_tables

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, nargs="*", default=[])
    parser.add_argument("--comparisons", type=Path, nargs="*", default=[])
    parser.add_argument("--timings", type=Path, nargs="*", default=[])
    parser.add_argument("--multiverse", type=Path, nargs="*", default=[])
    parser.add_argument("--over-time", type=Path, nargs="*", default=[])
    parser.add_argument("--tracks", type=Path, nargs="*", default=[])
    parser.add_argument("--latencies", type=Path, nargs="*", default=[])
    parser.add_argument("--overlaps", type=Path, nargs="*", default=[])
    parser.add_argument("--signals", type=Path, nargs="*", default=[])
    parser.add_argument("--robustness", type=Path, nargs="*", default=[])
    parser.add_argument("--saliency", type=Path, nargs="*", default=[])
    parser.add_argument("--synchrony", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=TablesJob.from_json, required=True)
    write_tables(**vars(parser.parse_args()))
