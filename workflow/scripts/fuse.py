"""Join the posteriors of several cells."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import FuseJob
from faceoff.stages.fuse import write_fusion

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("members", "faces"):
        parser.add_argument(f"--{name}", type=Path, nargs="*", required=True)
        parser.add_argument(f"--validation-{name}", type=Path, nargs="*", default=[])
    for name in ("frames", "samples"):
        parser.add_argument(f"--{name}", type=Path, required=True)
        parser.add_argument(f"--validation-{name}", type=Path, nargs="?")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=FuseJob.from_json, required=True)
    write_fusion(**vars(parser.parse_args()))
