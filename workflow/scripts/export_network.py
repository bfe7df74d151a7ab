"""Write a trained network as ONNX with a model card."""

import argparse
from pathlib import Path

from faceoff.faces.training_pictures import Tables
from faceoff.plan.jobs import ExportJob
from faceoff.stages.export_network import write_network

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--validation", type=Path, nargs=3, required=True,
                        help="samples, frames and faces")  # fmt: skip
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--card", type=Path, required=True)
    parser.add_argument("--spec", dest="job", type=ExportJob.from_json, required=True)
    arguments = parser.parse_args()
    write_network(**{**vars(arguments), "validation": Tables(*arguments.validation)})
