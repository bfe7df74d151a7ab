"""Write the self-contained HTML report."""

import argparse
from pathlib import Path

from faceoff.plan.aggregate_jobs import ReportJob
from faceoff.stages.report import write_report

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, nargs="+", required=True)
    parser.add_argument("--comparisons", type=Path, nargs="*", default=[])
    parser.add_argument("--examples", type=Path, nargs="*", default=[])
    parser.add_argument("--overlaps", type=Path, nargs="*", default=[])
    parser.add_argument("--answers", type=Path, nargs="*", default=[])
    parser.add_argument("--multiverse", type=Path, nargs="*", default=[])
    parser.add_argument("--over-time", type=Path, nargs="*", default=[])
    parser.add_argument("--tracks", type=Path, nargs="*", default=[])
    parser.add_argument("--signals", type=Path, nargs="*", default=[])
    parser.add_argument("--robustness", type=Path, nargs="*", default=[])
    parser.add_argument("--strips", type=Path, nargs="*", default=[])
    parser.add_argument("--saliency", type=Path, nargs="*", default=[])
    parser.add_argument("--explained", type=Path, nargs="*", default=[])
    parser.add_argument("--synchrony", type=Path, nargs="*", default=[])
    parser.add_argument("--trained", type=Path, nargs="*", default=[])
    parser.add_argument("--speed", type=Path)
    parser.add_argument("--figures", dest="figures_folder", type=Path, required=True)
    parser.add_argument("--manifest", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=ReportJob.from_json, required=True)
    write_report(**vars(parser.parse_args()))
