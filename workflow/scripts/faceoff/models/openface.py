"""Run OpenFace 2 as an emotion model.

Its FeatureExtraction program measures action units on the crops; EMFACS rules derive emotions from
them.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces import emfacs, openface_csv
from faceoff.inference.hardware import threads
from faceoff.media.images import encode_png
from faceoff.plugins.protocols import CropSpec, Prediction

MODELS = {
    "openface": {
        "class": "OpenFace",
        "framework": "core",
        "requires": {"binaries": ["FeatureExtraction"]},
        "recipe": "emfacs",
        "options": {"neutral": 0.35, "temperature": 1.0, "variants": [], "timeout_s": 600},
        "lineage": "openface2",
        "licence": (
            "academic, non-commercial (OpenFace); its landmark training data have terms of their "
            "own"
        ),
        "source": "https://github.com/TadasBaltrusaitis/OpenFace",
        "training_data": {
            "bosphorus": ["train"],
            "bp4d": ["train"],
            "ck_plus": ["train"],
            "disfa": ["train"],
            "fera2011": ["train"],
            "semaine": ["train"],
            "unbc": ["train"],
        },
    }
}

_PROGRAM = "FeatureExtraction"


class OpenFace:
    """A model with the emotions that OpenFace's units allow (all but contempt), and 17 intensities.

    Each crop is a sequence of one picture, so that neither tracking nor person calibration carries
    over from one crop to the next. All crops of a batch go into one call of the program, which
    loads its models once. Crops in which it detects no face are not evaluable.
    """

    # it looks for the face itself, and needs some room around it
    crop = CropSpec(size=(256, 256), channels=3, margin=0.5)
    aus = openface_csv.UNITS

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        self._options = card["options"]
        self._variants = tuple(self._options["variants"])
        self.emotions = emfacs.evaluable(self.aus, emfacs.rules(self._variants))
        program = shutil.which(_PROGRAM)
        if program is None:
            raise FileNotFoundError(
                f"program {_PROGRAM!r} is not on PATH: build OpenFace 2 and put its bin folder "
                "there"
            )
        # The program looks for its models beside itself, by its own path.
        self._program = os.path.realpath(program)

    def predict(self, crops: np.ndarray) -> Prediction:
        faces = [self._of_a_face(tracking) for tracking in self._run(crops)]
        units = {
            unit: np.array(
                [float(face.intensity[unit][0]) if face else 0.0 for face in faces], np.float64
            )
            for unit in self.aus
        }
        present = {
            unit: np.array(
                [bool(face.presence[unit][0]) if face else False for face in faces], bool
            )
            for unit in self.aus
        }
        scored = emfacs.scores(units, emfacs.rules(self._variants), present)
        posterior = emfacs.posterior(
            scored, self.emotions, self._options["neutral"], self._options["temperature"]
        )
        return Prediction(
            posterior=posterior,
            aus=units,
            evaluable=np.array([face is not None for face in faces], bool),
        )

    def _of_a_face(self, tracking: openface_csv.Tracking | None) -> openface_csv.Tracking | None:
        """Return the output of one crop, or None without a face.

        Raises OpenFaceError if units are missing from it.
        """
        if tracking is None or not len(tracking) or not tracking.success[0]:
            return None
        lacking = sorted(set(self.aus) - (set(tracking.intensity) & set(tracking.presence)))
        if lacking:
            raise openface_csv.OpenFaceError(
                f"{self._program}: its output lacks {', '.join(lacking)}: is it OpenFace 2.0 or "
                "later?"
            )
        return tracking

    def _run(self, crops: np.ndarray) -> list[openface_csv.Tracking | None]:
        """Call the program once for all crops.

        Raises RuntimeError with the end of its messages if it fails.
        """
        if not len(crops):
            return []
        with tempfile.TemporaryDirectory(prefix="faceoff-openface-") as folder:
            names = [f"crop{index:05d}" for index in range(len(crops))]
            command = [
                self._program,
                "-aus",
                "-au_static",
                "-q",
                "-out_dir",
                str(Path(folder, "out")),
            ]
            for name, pixels in zip(names, crops, strict=True):
                Path(folder, name).mkdir()
                Path(folder, name, "000001.png").write_bytes(encode_png(pixels))
                command += ["-fdir", str(Path(folder, name))]
            environment = {
                **os.environ,
                "OMP_NUM_THREADS": str(threads()),
                "OPENBLAS_NUM_THREADS": "1",
            }
            try:
                done = subprocess.run(
                    command,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=self._options["timeout_s"],
                    env=environment,
                    cwd=folder,
                )
            except subprocess.TimeoutExpired:
                raise RuntimeError(
                    f"{_PROGRAM} did not end within {self._options['timeout_s']} s on "
                    f"{len(crops)} crops (option timeout_s)"
                ) from None
            outputs = [Path(folder, "out", f"{name}.csv") for name in names]
            if done.returncode or not any(path.is_file() for path in outputs):
                said = " ".join((done.stderr or done.stdout).split())[-300:]
                raise RuntimeError(
                    f"{_PROGRAM} ended with {done.returncode} and "
                    f"{sum(path.is_file() for path in outputs)} of {len(crops)} files: {said}"
                )
            return [openface_csv.read_csv(path) if path.is_file() else None for path in outputs]
