"""Write what made these results: code, configuration, versions, hardware, hashes."""

import argparse
from pathlib import Path

from faceoff.plan.aggregate_jobs import ManifestJob
from faceoff.stages.manifest import write_manifest

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, nargs="*", default=[])
    parser.add_argument("--timings", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=ManifestJob.from_json, required=True)
    write_manifest(**vars(parser.parse_args()))
