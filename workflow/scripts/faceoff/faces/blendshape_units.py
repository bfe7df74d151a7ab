"""Derive action units from the 52 blendshapes of MediaPipe's FaceLandmarker."""

from collections.abc import Mapping, Sequence

import numpy as np

# Blendshapes of each unit: what a FACS coder sees when ARKit's shape of that name is at 1 (Apple,
# ARFaceAnchor.BlendShapeLocation; M. Ozel, "ARKit to FACS cheat sheet"). Of one entry the mean of
# both sides counts, of several the strongest. MediaPipe never raises cheekSquint and noseSneer (at
# most 1.1e-4 on 96 drawn and 742 real faces), so AU06 is also read from eyeSquint, of the same
# muscle, and AU09 is left out.
READ_FROM: dict[str, tuple[tuple[str, ...], ...]] = {
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
ONE_SIDED: dict[str, tuple[str, str]] = {
    "AU12L": ("mouthSmileRight", "mouthSmileLeft"),
    "AU12R": ("mouthSmileLeft", "mouthSmileRight"),
    "AU14L": ("mouthDimpleRight", "mouthDimpleLeft"),
    "AU14R": ("mouthDimpleLeft", "mouthDimpleRight"),
}
UNITS = (*READ_FROM, *ONE_SIDED)
SHAPES = tuple(
    sorted(
        {name for signs in READ_FROM.values() for sign in signs for name in sign}
        | {name for pair in ONE_SIDED.values() for name in pair}
    )
)


def stacked(faces: Sequence[Mapping[str, float] | None]) -> dict[str, np.ndarray]:
    """Return the shapes that units are read from, each (n,), of n faces; 0 without a face."""
    return {
        name: np.array([shown[name] if shown else 0.0 for shown in faces], np.float64)
        for name in SHAPES
    }


def action_units(shapes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return intensities (n,), 0–5, from blendshape scores (n,), 0–1.

    The scale is linear, since MediaPipe has no calibration to FACS's A to E.
    """
    units = {
        unit: 5
        * np.max([np.mean([shapes[name] for name in names], axis=0) for names in signs], axis=0)
        for unit, signs in READ_FROM.items()
    }
    units |= {
        unit: 5 * np.maximum(shapes[more] - shapes[less], 0)
        for unit, (more, less) in ONE_SIDED.items()
    }
    return {unit: np.clip(values, 0, 5) for unit, values in units.items()}
