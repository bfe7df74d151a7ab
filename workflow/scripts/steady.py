"""Read a pipeline's posteriors over time by a rule."""

import argparse
from pathlib import Path

from faceoff.plan.jobs import SteadyJob
from faceoff.stages.steady import Tables, write_steady

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("predictions", "frames", "samples"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--validation", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", type=SteadyJob.from_json, required=True)
    given = parser.parse_args()
    write_steady(
        Tables(given.predictions, given.frames, given.samples),
        given.output,
        given.spec,
        Tables(*given.validation) if given.validation else None,
    )
