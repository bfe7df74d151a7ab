"""Train a network over time on one dataset's clips."""

import argparse
import os
from pathlib import Path

from faceoff.faces.training_pictures import Tables
from faceoff.plan.jobs import FitClipsJob

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs=3, required=True,
                        help="samples, frames, and faces or what was read of them")  # fmt: skip
    parser.add_argument("--validation", type=Path, nargs=3, required=True)
    parser.add_argument("--others", type=Path, nargs="*", default=[], help="tables of frames")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=FitClipsJob.from_json, required=True)
    arguments = parser.parse_args()
    # Before PyTorch and NumPy are loaded, which read it: the bits of sums depend on it.
    os.environ["OMP_NUM_THREADS"] = str(arguments.job.threads)
    from faceoff.stages.fit_clips import write_fit_clips

    write_fit_clips(**{
        **vars(arguments),
        "data": Tables(*arguments.data),
        "validation": Tables(*arguments.validation),
    })  # fmt: skip
