"""Divide the samples of a dataset by what the run measured of their faces."""

import argparse
from pathlib import Path

from faceoff.plan.group_jobs import GroupsJob
from faceoff.stages.groups import write_groups

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--faces", type=Path, nargs="*", default=[])
    parser.add_argument("--signals", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=GroupsJob.from_json, required=True)
    write_groups(**vars(parser.parse_args()))
