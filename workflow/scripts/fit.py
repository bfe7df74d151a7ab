"""Train a network on one dataset's faces."""

import argparse
import os
import sys
from pathlib import Path

from faceoff.faces.training_pictures import Tables
from faceoff.plan.jobs import FitJob

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs=3, required=True,
                        help="samples, frames and faces")  # fmt: skip
    parser.add_argument("--validation", type=Path, nargs=3, required=True)
    parser.add_argument("--others", type=Path, nargs="*", default=[], help="tables of frames")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=FitJob.from_json, required=True)
    arguments = parser.parse_args()
    job = arguments.job
    if job.processes > 1 and "RANK" not in os.environ:
        torchrun = ["-m", "torch.distributed.run", "--standalone"]
        torchrun += [f"--nproc-per-node={job.processes}"]
        os.execv(sys.executable, [sys.executable, *torchrun, *sys.argv])
    # Before PyTorch and NumPy are loaded, which read it: the bits of sums depend on it.
    os.environ["OMP_NUM_THREADS"] = str(job.threads)
    from faceoff.stages.fit import write_fit

    write_fit(**{
        **vars(arguments),
        "data": Tables(*arguments.data),
        "validation": Tables(*arguments.validation),
    })  # fmt: skip
