"""Write a trained network over time as ONNX with its card."""

import argparse
from pathlib import Path

from faceoff.faces.training_pictures import Tables
from faceoff.plan.jobs import ExportClipsJob
from faceoff.stages.export_clips import write_clip_network

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--validation", type=Path, nargs=3, required=True,
                        help="samples, frames, and faces or what was read of them")  # fmt: skip
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--card", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=ExportClipsJob.from_json, required=True)
    arguments = parser.parse_args()
    write_clip_network(**{**vars(arguments), "validation": Tables(*arguments.validation)})
