"""Derive action units from MediaPipe FaceLandmarker's blendshapes, and emotions by EMFACS rules.

There are 52 blendshapes. Nothing is trained here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces import emfacs
from faceoff.plugins.protocols import CropSpec, Prediction

MODELS = {
    "blendshapes": {
        "class": "Blendshapes",
        "framework": "mediapipe",
        "requires": {"modules": ["mediapipe"]},
        "assets": {
            "landmarker": {
                "file": "face_landmarker.task",
                "sha256": "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
                "urls": [
                    "https://storage.googleapis.com/mediapipe-models/face_landmarker/"
                    "face_landmarker/float16/1/face_landmarker.task"
                ],
                "size": 3758596,
                "licence": "Apache-2.0",
                "source": "https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker",
            }
        },
        "recipe": "emfacs",
        "training_data": {},  # Google's own, not stated
        "options": {"neutral": 0.2, "temperature": 1.0, "variants": ["anger_24"], "detection": 0.5},
        "selected_on": {
            "posed": ["train"],
            "ferplus": ["valid"],
        },  # the option `neutral`, of 0.1, 0.15 … 0.35
        "lineage": "mediapipe-blendshapes-emfacs",
        "licence": "Apache-2.0",
        "source": "https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker",
    }
}

# Blendshapes of each unit: what a FACS coder sees when ARKit's shape of that name is at 1 (Apple,
# ARFaceAnchor.BlendShapeLocation; M. Ozel, "ARKit to FACS cheat sheet"). Of one entry the mean of
# both sides counts, of several the strongest. MediaPipe never raises cheekSquint and noseSneer (at
# most 1.1e-4 on 96 drawn and 742 real faces), so AU06 is also read from eyeSquint, of the same
# muscle, and AU09 is left out.
_READ_FROM: dict[str, tuple[tuple[str, ...], ...]] = {
    "AU01": (("browInnerUp",),),
    "AU02": (("browOuterUpLeft", "browOuterUpRight"),),
    "AU04": (("browDownLeft", "browDownRight"),),
    "AU05": (("eyeWideLeft", "eyeWideRight"),),
    "AU06": (("cheekSquintLeft", "cheekSquintRight"), ("eyeSquintLeft", "eyeSquintRight")),
    "AU07": (("eyeSquintLeft", "eyeSquintRight"),),
    "AU10": (("mouthUpperUpLeft", "mouthUpperUpRight"),),
    "AU12": (("mouthSmileLeft", "mouthSmileRight"),),
    "AU14": (("mouthDimpleLeft", "mouthDimpleRight"),),
    "AU15": (("mouthFrownLeft", "mouthFrownRight"),),
    "AU16": (("mouthLowerDownLeft", "mouthLowerDownRight"),),
    "AU17": (("mouthShrugLower",),),
    "AU18": (("mouthPucker",),),
    "AU20": (("mouthStretchLeft", "mouthStretchRight"),),
    "AU22": (("mouthFunnel",),),
    "AU24": (("mouthPressLeft", "mouthPressRight"),),
    "AU26": (("jawOpen",),),
    "AU28": (("mouthRollLower", "mouthRollUpper"),),
    "AU45": (("eyeBlinkLeft", "eyeBlinkRight"),),
}
# One-sided units, named by the viewer's side as everywhere in this package: (more of this shape,
# than of that one). ARKit names the subject's.
_ONE_SIDED: dict[str, tuple[str, str]] = {
    "AU12L": ("mouthSmileRight", "mouthSmileLeft"),
    "AU12R": ("mouthSmileLeft", "mouthSmileRight"),
    "AU14L": ("mouthDimpleRight", "mouthDimpleLeft"),
    "AU14R": ("mouthDimpleLeft", "mouthDimpleRight"),
}


def action_units(shapes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return intensities (n,), 0–5, from blendshape scores (n,), 0–1.

    The scale is linear, since MediaPipe has no calibration to FACS's A to E.
    """
    units = {
        unit: 5
        * np.max([np.mean([shapes[name] for name in names], axis=0) for names in signs], axis=0)
        for unit, signs in _READ_FROM.items()
    }
    units |= {
        unit: 5 * np.maximum(shapes[more] - shapes[less], 0)
        for unit, (more, less) in _ONE_SIDED.items()
    }
    return {unit: np.clip(values, 0, 5) for unit, values in units.items()}


class Blendshapes:
    """A model with the emotions whose rules these units allow, and the units.

    A crop in which MediaPipe detects no face is not evaluable.
    """

    # it looks for the face itself, and needs some room around it
    crop = CropSpec(size=(256, 256), channels=3, margin=0.4)
    aus = (*_READ_FROM, *_ONE_SIDED)

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        from mediapipe.tasks.python import BaseOptions, vision

        options = card["options"]
        self._neutral, self._temperature = options["neutral"], options["temperature"]
        self._rules = emfacs.rules(options["variants"])
        self.emotions = emfacs.evaluable(self.aus, self._rules)
        self._landmarker = vision.FaceLandmarker.create_from_options(
            vision.FaceLandmarkerOptions(
                base_options=BaseOptions(model_asset_buffer=assets["landmarker"].read_bytes()),
                running_mode=vision.RunningMode.IMAGE,  # no tracking from one crop to the next
                num_faces=1,
                min_face_detection_confidence=options["detection"],
                output_face_blendshapes=True,
            )
        )

    def predict(self, crops: np.ndarray) -> Prediction:
        faces = [self._shapes(crop) for crop in crops]
        names = {name for names in _READ_FROM.values() for sign in names for name in sign} | {
            name for pair in _ONE_SIDED.values() for name in pair
        }
        shapes = {
            name: np.array([shown[name] if shown else 0.0 for shown in faces], np.float64)
            for name in sorted(names)
        }
        units = action_units(shapes)
        posterior = emfacs.posterior(
            emfacs.scores(units, self._rules), self.emotions, self._neutral, self._temperature
        )
        return Prediction(
            posterior=posterior,
            aus=units,
            evaluable=np.array([shown is not None for shown in faces], bool),
        )

    def _shapes(self, crop: np.ndarray) -> dict[str, float] | None:
        """Return blendshape scores by name, or None without a face."""
        import mediapipe

        image = mediapipe.Image(
            image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(crop)
        )
        faces = self._landmarker.detect(image).face_blendshapes
        return {shape.category_name: shape.score for shape in faces[0]} if faces else None
